package policy

import (
	"fmt"
	"time"

	"lapsewatch/watch"
)

// ownClockName is what the clock of the machine that Lapsewatch runs on is called.
const ownClockName = "own clock"

// OwnClock judges what the references say of the own clock, and of each other. stepped is by
// how much the own clock was set during the pass, beyond what time went by; the references
// were asked after that. The facts are those of the check on Lapsewatch itself.
func OwnClock(reference watch.Reference, stepped time.Duration) (watch.OwnClock, []watch.Fact) {
	subject := watch.Subject{ID: "clock", Name: ownClockName}
	if reference.Asked == 0 && stepped.Abs() < DistrustFrom {
		return watch.OwnClock{Trusted: true}, nil
	}
	condition := func(reason watch.Reason, text string) watch.Fact {
		return watch.Condition{Subject: subject, Reason: reason, Text: text}
	}
	facts := aboutReferences(reference)
	against := disagreeing(reference)
	switch {
	case reference.Majority:
		own := watch.OwnClock{
			Trusted: reference.Offset.Abs()-reference.Uncertainty < DistrustFrom, Verified: true,
			OffsetSeconds: reference.Offset.Seconds(), UncertaintySeconds: reference.Uncertainty.Seconds(), Reference: reference.Text(),
		}
		return own, append(facts, watch.Clock{
			Subject: subject, Own: true, Offset: reference.Offset, Uncertainty: reference.Uncertainty, Reference: reference.Text(),
			At: reference.At.Add(-reference.Offset), Remedy: ownClockRemedy,
		})
	case stepped.Abs() >= DistrustFrom:
		text := fmt.Sprintf("was set by %s during this pass, and no reference says whether it is right now: nothing is judged by it", watch.Span(stepped))
		return watch.OwnClock{Unverified: text}, append(facts, condition(watch.ClockJump, text))
	case 2*against > reference.Answered && against >= min(2, reference.Asked):
		text := fmt.Sprintf("is contradicted by %d of %d references by more than %s, though they do not agree with each other: nothing is judged by it", against, reference.Asked, watch.Span(DistrustFrom))
		return watch.OwnClock{Unverified: text}, append(facts, condition(watch.ClockJump, text))
	default:
		return watch.OwnClock{Trusted: true, Unverified: reference.Why}, append(facts, condition(watch.NoMajority, "own clock unverified: "+reference.Why))
	}
}

const ownClockRemedy = "Set this machine's clock right (chronyc tracking, timedatectl). Until it is, no news of a date is told, and nothing is resolved."

// TrueTime is an instant of the own clock by the time of the references, where a majority
// of them agrees.
func TrueTime(own time.Time, reference watch.Reference) time.Time {
	if !reference.Majority {
		return own
	}
	return own.Add(-reference.Offset)
}

// disagreeing counts the references that contradict the own clock so far that it is not
// to be believed.
func disagreeing(reference watch.Reference) int {
	n := 0
	for _, each := range reference.Each {
		if each.Err == nil && each.Offset.Abs()-each.Uncertainty >= DistrustFrom {
			n++
		}
	}
	return n
}

// aboutReferences tells of each reference whether it can be relied on: one that nobody
// mends is one less that could lie unnoticed.
func aboutReferences(reference watch.Reference) []watch.Fact {
	var facts []watch.Fact
	for _, each := range reference.Each {
		condition := watch.Condition{
			Subject: watch.Subject{ID: "reference/" + each.Name, Name: "reference " + each.Name},
			Text:    fmt.Sprintf("agrees with %s", reference.Text()), Details: each.Details,
		}
		switch {
		case each.Err != nil:
			condition.Reason, condition.Text = watch.ReferenceUnusable, "gave no time that can be used: "+each.Err.Error()
		case !reference.Majority:
			condition.Text = fmt.Sprintf("puts the own clock %s", apart(each.Offset, each.Uncertainty))
		case !each.Agreeing:
			condition.Reason = watch.Falseticker
			condition.Text = fmt.Sprintf("is %s of %s", apart(reference.Offset-each.Offset, each.Uncertainty+reference.Uncertainty), reference.Text())
		case reference.Asked == 1:
			condition.Text = "is the only reference, so that nothing tells whether it is right"
		}
		for _, observation := range each.Observations {
			condition.Text += "; " + observation.Text
		}
		facts = append(facts, condition)
	}
	return facts
}

func apart(offset, uncertainty time.Duration) string {
	direction := "ahead"
	if offset < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("%s %s (± %s)", watch.Span(offset), direction, watch.Span(uncertainty))
}
