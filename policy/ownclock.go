package policy

import (
	"fmt"
	"time"

	"lapsewatch/watch"
)

// OwnClock judges what the references say of the own clock, and of each other. stepped is by
// how much the own clock was set during the pass, beyond what time went by; the references
// were asked after that. misjudged is how far the instant that the pass judged by is from
// what they said then. The facts are those of the check on Lapsewatch itself.
func OwnClock(reference watch.Reference, stepped, misjudged time.Duration) (watch.OwnClock, []watch.Fact) {
	if reference.Asked == 0 && stepped.Abs() < watch.DistrustFrom {
		return watch.OwnClock{Trusted: true}, nil
	}
	own := watch.OwnClock{Trusted: true, Verified: reference.Majority}
	clock := ownClockFact(reference)
	if reference.Majority {
		own.OffsetSeconds, own.UncertaintySeconds, own.Reference = reference.Offset.Seconds(), reference.Uncertainty.Seconds(), reference.Text()
		own.Trusted = !reference.Contradicts() && misjudged.Abs() < watch.DistrustFrom
		own.Corrected = reference.Overrules() && misjudged.Abs() < watch.DistrustFrom
	} else {
		own.Unverified = reference.Why
	}
	if text := misleading(reference, stepped, misjudged); text != "" {
		own.Trusted, own.Unverified = false, text
		clock = watch.Condition{Subject: ownClockSubject(), Reason: watch.ClockJump, Text: text, Remedy: ownClockRemedy}
	}
	return own, append(aboutReferences(reference), clock)
}

const ownClockID = "clock"

func ownClockSubject() watch.Subject { return watch.Subject{ID: ownClockID, Name: "own clock"} }

func ownClockFact(reference watch.Reference) watch.Fact {
	if !reference.Majority {
		return watch.Condition{Subject: ownClockSubject(), Reason: watch.NoMajority, Text: "own clock unverified: " + reference.Why}
	}
	return watch.Clock{
		Subject: ownClockSubject(), Own: true, Offset: reference.Offset, Uncertainty: reference.Uncertainty, Slack: reference.Slack,
		Reference: reference.Text(), At: reference.At.Add(-reference.Offset), OwnOffset: reference.Offset, Remedy: ownClockRemedy,
	}
}

// misleading says why nothing can be judged by the own clock, though no majority says how
// far it is off; empty where that is not so.
func misleading(reference watch.Reference, stepped, misjudged time.Duration) string {
	switch {
	case reference.Majority && !reference.Contradicts() && misjudged.Abs() >= watch.DistrustFrom:
		return fmt.Sprintf("was set right by %s during this pass, which had begun by the wrong time: nothing is judged by it", watch.Span(misjudged))
	case !reference.Majority && stepped.Abs() >= watch.DistrustFrom:
		return fmt.Sprintf("was set by %s during this pass, and no reference says whether it is right now: nothing is judged by it", watch.Span(stepped))
	}
	return Undecidable(reference)
}

// Undecidable says in a clause why no date can be judged: the own clock and the references
// contradict each other, and nothing tells which of them is right. It is empty where dates
// can be judged.
func Undecidable(reference watch.Reference) string {
	if reference.Contradicts() && !reference.Overrules() {
		return reference.Doubt() + ": nothing is judged by either"
	}
	if against := disagreeing(reference); !reference.Majority && 2*against > reference.Answered {
		return fmt.Sprintf("is contradicted by %d of %d references by more than %s, and no majority says which is right: nothing is judged by it", against, reference.Asked, watch.Span(watch.DistrustFrom))
	}
	return ""
}

// Undecided is a finding on a date of which nothing can be said, because the clock that it
// was judged by may be wrong. why is that of Undecidable.
func Undecided(finding watch.Finding, why string) watch.Finding {
	finding.Severity, finding.Reason, finding.Also = watch.Unknown, watch.NoMajority, nil
	finding.Message = "cannot be judged, because " + why
	finding.Remedy = verdicts[watch.NoMajority].remedy
	finding.DaysLeft = nil
	return finding
}

const ownClockRemedy = "Set this machine's clock right (chronyc tracking, timedatectl). Until it is, nothing is resolved."

// disagreeing counts the references that contradict the own clock so far that it is not
// to be believed.
func disagreeing(reference watch.Reference) int {
	n := 0
	for _, each := range reference.Each {
		if each.Err == nil && each.Offset.Abs()-each.Uncertainty >= watch.DistrustFrom {
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
			condition.Reason = watch.ReferenceUnusable
			condition.Text = fmt.Sprintf("puts the own clock %s, and nothing tells whether it is right", apart(each.Offset, each.Uncertainty))
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
