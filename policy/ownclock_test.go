package policy

import (
	"errors"
	"slices"
	"testing"
	"time"

	"lapsewatch/watch"
)

func agreeing(offset time.Duration) watch.ReferenceAnswer {
	return watch.ReferenceAnswer{Name: "ntp://good", Offset: offset, Uncertainty: time.Millisecond, Agreeing: true}
}

func lying(offset time.Duration) watch.ReferenceAnswer {
	return watch.ReferenceAnswer{Name: "ntp://liar", Offset: offset, Uncertainty: time.Millisecond}
}

func silent() watch.ReferenceAnswer {
	return watch.ReferenceAnswer{Name: "ntp://dead", Err: errors.New("did not answer within 1 s")}
}

func majority(offset time.Duration, each ...watch.ReferenceAnswer) watch.Reference {
	reference := watch.Reference{Asked: len(each), Majority: true, Offset: offset, Uncertainty: time.Millisecond, At: sunday, Each: each}
	for _, answer := range each {
		if answer.Err == nil {
			reference.Answered++
		}
		if answer.Agreeing {
			reference.Agreeing++
		}
	}
	return reference
}

func none(why string, each ...watch.ReferenceAnswer) watch.Reference {
	reference := majority(0, each...)
	reference.Majority, reference.Why, reference.Agreeing = false, why, 0
	return reference
}

func TestF7_TheOwnClockIsJudgedBeforeAnythingIsJudgedByIt(t *testing.T) {
	year := 365 * day
	tests := map[string]struct {
		reference watch.Reference
		stepped   time.Duration
		// misjudged is how far the pass's instant is from what the references say.
		misjudged time.Duration
		trusted   bool
		verified  bool
		// found is the severity, the reason and the message of the finding on the own clock.
		found [3]string
	}{
		"nobody is asked": {watch.Reference{}, 0, 0, true, false, [3]string{}},
		"four agree with it": {
			majority(2*time.Millisecond, agreeing(2*time.Millisecond), agreeing(0), agreeing(0), agreeing(0)), 0, 0, true, true,
			[3]string{"ok", "", "clock is 2.0 ms ahead of 4 references (± 1.0 ms)"},
		},
		"a drift of seconds is told and hurts no judgement": {
			majority(2*time.Second, agreeing(0), agreeing(0), agreeing(0), lying(0)), 0, 0, true, true,
			[3]string{"warning", "clock_drift", "clock is 2.000 s ahead of 3 of 4 references (± 1.0 ms). Further off, one-time passwords (TOTP) are refused (30 s)"},
		},
		"a year ahead": {
			majority(year, agreeing(year), agreeing(year), agreeing(year), silent()), 0, 0, false, true,
			[3]string{"critical", "clock_jump", "clock is 365 d ahead of 3 of 4 references (± 1.0 ms): it says 2026-11-22 06:00:00 UTC where 2025-11-22 06:00:00 UTC is right, as if the year were typed wrong. At this offset one-time passwords (TOTP) are refused (30 s), Kerberos and Active Directory sign-ins fail (300 s), Microsoft Entra refuses client assertions (300 s), new certificates seem not yet valid, or valid ones expired (1 h)"},
		},
		"no reference answers": {
			none("none of 2 references answered", silent(), silent()), 0, 0, true, false,
			[3]string{"unknown", "no_majority", "own clock unverified: none of 2 references answered"},
		},
		"two lie and two agree with it, which is no majority either way": {
			none("2 of 4 references agree, which is no majority", lying(year), lying(year), agreeing(0), agreeing(0)), 0, 0, true, false,
			[3]string{"unknown", "no_majority", "own clock unverified: 2 of 4 references agree, which is no majority"},
		},
		"all contradict it, each in its own way": {
			none("none of 3 references agree", lying(year), lying(-year), lying(day)), 0, 0, false, false,
			[3]string{"critical", "clock_jump", "is contradicted by 3 of 3 references by more than 5 min, and no majority says which is right: nothing is judged by it"},
		},
		"the only one that answers contradicts it": {
			none("only 1 of 4 references answered", lying(year), silent(), silent(), silent()), 0, 0, false, false,
			[3]string{"critical", "clock_jump", "is contradicted by 1 of 4 references by more than 5 min, and no majority says which is right: nothing is judged by it"},
		},
		"one of two contradicts it": {
			none("2 references do not agree", lying(year), agreeing(0)), 0, 0, true, false,
			[3]string{"unknown", "no_majority", "own clock unverified: 2 references do not agree"},
		},
		"it was set during the pass and nobody knows better": {
			watch.Reference{}, -time.Hour, 0, false, false,
			[3]string{"critical", "clock_jump", "was set by 1 h during this pass, and no reference says whether it is right now: nothing is judged by it"},
		},
		"the machine slept during the pass and the references say that it is right": {
			majority(0, agreeing(0), agreeing(0), agreeing(0)), 8 * time.Hour, 0, true, true,
			[3]string{"ok", "", "clock is 0 s ahead of 3 references (± 1.0 ms)"},
		},
		"two agree and contradict it: nothing tells who is right": {
			majority(year, agreeing(year), agreeing(year)), 0, 0, false, true,
			[3]string{"critical", "clock_jump", "2 references and this machine's clock are 365 d apart, and nothing tells which of them is right: nothing is judged by either"},
		},
		"it was wrong when the pass began and is right now": {
			majority(0, agreeing(0), agreeing(0), agreeing(0)), -year, year, false, true,
			[3]string{"critical", "clock_jump", "was set right by 365 d during this pass, which had begun by the wrong time: nothing is judged by it"},
		},
		"a step of a second during the pass": {watch.Reference{}, time.Second, 0, true, false, [3]string{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			own, facts := OwnClock(test.reference, test.stepped, test.misjudged)
			if own.Trusted != test.trusted || own.Verified != test.verified {
				t.Errorf("trusted %t, verified %t; want %t, %t", own.Trusted, own.Verified, test.trusted, test.verified)
			}
			// Only by three or more, and only where the pass was judged by their time, are dates corrected.
			if corrected := test.reference.Agreeing >= 3 && test.misjudged == 0; own.Corrected != corrected {
				t.Errorf("corrected %t, want %t", own.Corrected, corrected)
			}
			var found [3]string
			for _, fact := range facts {
				if fact.About().ID == "clock" {
					finding := Judge{}.Finding(Origin{Check: watch.Itself, Kind: watch.Itself}, fact, sunday)
					found = [3]string{string(finding.Severity), string(finding.Reason), finding.Message}
				}
			}
			if found != test.found {
				t.Errorf("found\n%q, want\n%q", found, test.found)
			}
		})
	}
}

func TestEachReferenceIsTold(t *testing.T) {
	_, facts := OwnClock(majority(time.Second, agreeing(time.Second), agreeing(time.Second), lying(-4*time.Second), silent()), 0, 0)
	var told []string
	for _, fact := range facts {
		if condition, ok := fact.(watch.Condition); ok {
			told = append(told, condition.Subject.Name+" ("+string(condition.Reason)+") "+condition.Text)
		}
	}
	want := []string{
		"reference ntp://good () agrees with 2 of 4 references", "reference ntp://good () agrees with 2 of 4 references",
		"reference ntp://liar (falseticker) is 5.000 s ahead (± 2.0 ms) of 2 of 4 references",
		"reference ntp://dead (reference_unusable) gave no time that can be used: did not answer within 1 s",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told\n%q, want\n%q", told, want)
	}
}
