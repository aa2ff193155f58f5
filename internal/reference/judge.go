package reference

import (
	"fmt"
	"time"

	"lapsewatch/internal/certdates"
	"lapsewatch/internal/ntp"
	"lapsewatch/watch"
)

// Where more than half of the majority announce a leap second, clocks may differ by
// leapStep from leapRange before the midnight (UTC) that ends the month to leapRange
// after it: such that step and such that spread it are apart by up to that. Fewer are not
// heeded, because they may be misled or lie.
const (
	leapRange = 24 * time.Hour
	leapStep  = time.Second
)

// drift bounds how fast a clock goes wrong by itself: one part of so many (100 ppm). The
// answers are of different instants, and are compared as of one.
const drift = 10_000

// judge finds the majority. One rule is added to those of intersect: if two or more were
// asked, at least two must agree.
func judge(at time.Time, looks []look) watch.Reference {
	result := watch.Reference{Asked: len(looks), At: at.UTC(), Each: make([]watch.ReferenceAnswer, len(looks))}
	var answers []interval
	var whose []int
	for i, l := range looks {
		result.Each[i] = answerOf(at, l)
		if l.err == nil {
			answers = append(answers, interval{mid: result.Each[i].Offset, half: result.Each[i].Uncertainty})
			whose = append(whose, i)
		}
	}
	result.Answered = len(answers)
	agreed, ok := intersect(answers)
	needed := min(2, result.Asked)
	if !ok || len(agreed.members) < needed {
		result.Why = missing(result, agreed.together, needed)
		return result
	}
	result.Majority, result.Agreeing = true, len(agreed.members)
	both := combine(answers, agreed)
	result.Offset, result.Uncertainty = both.mid, both.half
	announcing := map[ntp.Leap]int{}
	for _, member := range agreed.members {
		i := whose[member]
		result.Each[i].Agreeing = true
		if text := announced(looks[i].reply.Leap); text != "" {
			announcing[looks[i].reply.Leap]++
			result.Each[i].Observations = append(result.Each[i].Observations, watch.Observation{Reason: watch.LeapSecond, Text: text})
		}
	}
	most := max(announcing[ntp.LastMinute61], announcing[ntp.LastMinute59])
	if 2*most > result.Agreeing && nearMonthsEnd(at.Add(-result.Offset)) {
		result.Slack = leapStep
	}
	return result
}

func missing(r watch.Reference, together, needed int) string {
	of := fmt.Sprintf("%d references", r.Asked)
	if r.Answered != r.Asked {
		of = fmt.Sprintf("the %d references that answered", r.Answered)
	}
	switch {
	case r.Asked == 0:
		return "there are no references"
	case r.Asked == 1:
		return "the only reference gave no time"
	case r.Answered == 0:
		return fmt.Sprintf("none of %d references answered", r.Asked)
	case r.Answered < needed:
		return fmt.Sprintf("only %d of %d references answered", r.Answered, r.Asked)
	case together < 2:
		return fmt.Sprintf("no two of %s agree", of)
	}
	return fmt.Sprintf("%d of %s agree, which is no majority", together, of)
}

// answerOf turns the offset round: that of a reply is the server's.
func answerOf(asked time.Time, l look) watch.ReferenceAnswer {
	answer := watch.ReferenceAnswer{Name: l.name, Err: l.err, Authenticated: l.authenticated, Details: map[string]any{}}
	if l.from.IsValid() {
		answer.Details["address"] = l.from.String()
	}
	if l.dates != "" {
		answer.Details[certdates.Detail] = l.dates
	}
	if l.err != nil {
		return answer
	}
	r := l.reply
	answer.Offset = -r.Offset
	answer.Uncertainty = max(r.RootDistance(), 1) + max(r.At.Sub(asked), 0)/drift
	answer.Details["stratum"] = int(r.Stratum)
	answer.Details["delay_seconds"] = r.Delay.Seconds()
	answer.Details["root_dispersion_seconds"] = r.RootDispersion.Seconds()
	if source := r.Source(); source != "" {
		answer.Details["follows"] = source
	}
	if r.Smeared() {
		answer.Observations = append(answer.Observations, watch.Observation{
			Reason: watch.LeapSmear, Text: "spreads leap seconds over hours, so that it differs from those that step by up to a second",
		})
	}
	return answer
}

func announced(leap ntp.Leap) string {
	switch leap {
	case ntp.LastMinute61:
		return "announces a leap second: the last minute of the month (UTC) has 61 seconds"
	case ntp.LastMinute59:
		return "announces a leap second: the last minute of the month (UTC) has 59 seconds"
	case ntp.NoWarning, ntp.NotSynchronised:
	}
	return ""
}

// nearMonthsEnd reports whether a month (UTC) begins or ended within leapRange of t.
func nearMonthsEnd(t time.Time) bool {
	return t.UTC().Add(leapRange).Day() == 1 || t.UTC().Day() == 1
}
