package clock_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/clock"
	"lapsewatch/internal/ntp/ntptest"
	"lapsewatch/internal/parts"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

const day = 24 * time.Hour

func TestHostsAreReadByNTPWhateverTheirClockShows(t *testing.T) {
	for name, offset := range map[string]time.Duration{
		"as true as the own clock": 0, "90 s ahead": 90 * time.Second, "80 ms behind": -80 * time.Millisecond,
		"a year ahead": 365 * day, "two years behind": -730 * day, "nearly nine hours ahead": 9*time.Hour - time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := parts.TrueTime(t)
			if offset != 0 {
				server = parts.ShiftedTime(t, offset)
			}
			got := read(t, options("ntp://"+server.NTP), believing(0))
			near(t, got, offset)
			if got.Uncertainty > 100*time.Millisecond || got.Reference != "4 references" || got.Unverified != "" {
				t.Errorf("read as %+v", got)
			}
		})
	}
}

func TestAHostIsComparedWithTheReferencesAndNotWithTheOwnClock(t *testing.T) {
	server := parts.TrueTime(t)
	near(t, read(t, options("ntp://"+server.NTP), believing(time.Hour)), time.Hour)
	near(t, read(t, options("ntp://"+server.NTP), believing(-365*day)), -365*day)
}

func TestAnUnsynchronisedHostIsReadAllTheSame(t *testing.T) {
	server := parts.UnsynchronisedTime(t)
	found := findings(t, built(t, options("ntp://"+server.NTP), believing(0)))[0]
	if found.Severity != watch.Warning || found.Reason != watch.ClockUnsynchronised {
		t.Errorf("judged %s, %s", found.Severity, found.Reason)
	}
	if want := "says that it follows no source (leap indicator 3, stratum 0); its clock is "; !strings.HasPrefix(found.Message, want) {
		t.Errorf("%q does not begin with %q", found.Message, want)
	}
}

func TestWithoutReferencesNoClockIsOK(t *testing.T) {
	server := parts.TrueTime(t)
	found := findings(t, built(t, options("ntp://"+server.NTP), checks.DefaultEnv(nil)))[0]
	if found.Severity != watch.Unknown || found.Reason != watch.NoReference || !strings.HasSuffix(found.Message, "this machine's clock (± "+between(found.Message, "(± ", ")")+"), which proves nothing: no references are given") {
		t.Errorf("judged %s, %s: %q", found.Severity, found.Reason, found.Message)
	}
	if want := "--reference ntp://HOST"; !strings.Contains(found.Remedy, want) {
		t.Errorf("the remedy %q does not say %q", found.Remedy, want)
	}
}

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	inside, _, _ := strings.Cut(rest, after)
	return inside
}

func TestWhatAHostSaysOfItselfIsAFactAndNoError(t *testing.T) {
	tests := map[string]struct {
		header ntptest.Header
		reason watch.Reason
		starts string
	}{
		"leap indicator 3 at stratum 1":  {ntptest.Header{Leap: 3, Stratum: 1, ID: "GPS"}, watch.ClockUnsynchronised, "says that it follows no source (leap indicator 3);"},
		"stratum 16":                     {ntptest.Header{Stratum: 16}, watch.ClockUnsynchronised, "says that it follows no source (stratum 16);"},
		"a leap second is announced":     {ntptest.Header{Leap: 1, Stratum: 2}, watch.LeapSecond, "announces a leap second for the end of the month;"},
		"leap seconds are smeared":       {ntptest.Header{Stratum: 2, ID: "\x7f\x7f\x01\xff"}, watch.LeapSmear, "spreads leap seconds over hours, so that it differs by up to a second from hosts that step;"},
		"set in the future by its words": {ntptest.Header{Stratum: 2, Set: -400 * day}, "", "clock is "},
		"set 40 hours ago by its words":  {ntptest.Header{Stratum: 2, Set: 40 * time.Hour}, "", "clock is "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := ntptest.Serve(t, test.header)
			found := findings(t, built(t, options("ntp://"+server.Addr.String()), believing(0)))[0]
			if found.Reason != test.reason || !strings.HasPrefix(found.Message, test.starts) {
				t.Errorf("%s %q, want %s %q…", found.Reason, found.Message, test.reason, test.starts)
			}
		})
	}
}

func TestF8_AHostThatDeniesIsNeverAskedAgain(t *testing.T) {
	for code, sentences := range map[string][2]string{
		"DENY": {"it asked to be left alone (DENY)", "asked to be left alone (DENY) on 20"},
		"RATE": {"it asked for fewer questions (RATE)", "asked for fewer questions (RATE), and is not asked before 20"},
	} {
		t.Run(code, func(t *testing.T) {
			server := ntptest.Serve(t, ntptest.Kiss(code))
			env := believing(0)
			check := built(t, options("ntp://"+server.Addr.String()), env)
			for pass, want := range []string{sentences[0], sentences[1], sentences[1]} {
				found := findings(t, check)[0]
				if found.Severity != watch.Unknown || found.Reason != watch.KissOfDeath || !strings.Contains(found.Message, want) {
					t.Errorf("pass %d: %s, %s %q, want %q", pass, found.Severity, found.Reason, found.Message, want)
				}
			}
			if server.Asked() != 1 {
				t.Errorf("it was asked %d times", server.Asked())
			}
			renamed := options("ntp://" + server.Addr.String())
			renamed.Targets[0].Name = "let in"
			findings(t, built(t, renamed, env))
			if server.Asked() != 2 {
				t.Errorf("under another name it was asked %d times in all, want 2", server.Asked())
			}
		})
	}
}

func TestF8_AForgedKissSilencesNobody(t *testing.T) {
	server := ntptest.Start(t, func(request []byte) [][]byte {
		forged := ntptest.Kiss("DENY").Answer(request)
		copy(forged[24:32], "guessing")
		return [][]byte{forged, ntptest.True().Answer(request)}
	})
	check := built(t, options("ntp://"+server.Addr.String()), believing(0))
	for pass := range 2 {
		if found := findings(t, check)[0]; found.Severity != watch.OK {
			t.Errorf("pass %d: %s %q", pass, found.Severity, found.Message)
		}
	}
}

func TestASilentHostIsAskedTwiceAndIsNeverOK(t *testing.T) {
	server := ntptest.Start(t, func([]byte) [][]byte { return nil })
	o := options("ntp://" + server.Addr.String())
	o.Timeout = watch.Duration(200 * time.Millisecond)
	found := findings(t, built(t, o, believing(0)))[0]
	want := fmt.Sprintf("could not be read: ask %s by NTP: no answer to two packets within 200ms", server.Addr)
	if found.Severity != watch.Unknown || found.Reason != watch.TimedOut || found.Message != want {
		t.Errorf("%s, %s %q, want %q", found.Severity, found.Reason, found.Message, want)
	}
	if server.Asked() != 2 {
		t.Errorf("it was asked %d times", server.Asked())
	}
}

func TestFurtherPacketsAreSentOnlyWhereOneIsNotExactEnough(t *testing.T) {
	for name, test := range map[string]struct {
		limit string
		asked int
	}{"a second is the limit": {"", 1}, "100 microseconds are": {"mifid2-hft", 4}} {
		t.Run(name, func(t *testing.T) {
			server := ntptest.Start(t, func(request []byte) [][]byte {
				time.Sleep(2 * time.Millisecond) // a way that is too long for microseconds
				return [][]byte{ntptest.True().Answer(request)}
			})
			o := options("ntp://" + server.Addr.String())
			o.Samples, o.Interval, o.Limit = 4, watch.Duration(10*time.Millisecond), test.limit
			findings(t, built(t, o, believing(0)))
			if server.Asked() != test.asked {
				t.Errorf("%d packets were sent, want %d", server.Asked(), test.asked)
			}
		})
	}
}

// shifting is a host whose clock is set while the test goes on.
func shifting(t *testing.T, shift *atomic.Int64) *ntptest.Server {
	t.Helper()
	return ntptest.Start(t, func(request []byte) [][]byte {
		header := ntptest.True()
		header.Shift = time.Duration(shift.Load())
		return [][]byte{header.Answer(request)}
	})
}

func TestAJumpBetweenTwoPassesIsSeen(t *testing.T) {
	var shift atomic.Int64
	server := shifting(t, &shift)
	check := built(t, options("ntp://"+server.Addr.String()), believing(0))
	if found := findings(t, check)[0]; found.Severity != watch.OK {
		t.Fatalf("at first it is %s: %s", found.Severity, found.Message)
	}
	shift.Store(int64(365 * day))
	found := findings(t, check)[0]
	if found.Reason != watch.ClockDrift || len(found.Also) != 1 || found.Also[0].Reason != watch.ClockJump || !strings.HasPrefix(found.Also[0].Message, "was set forwards by 365 d since 20") {
		t.Errorf("after the jump: %s, also %+v", found.Reason, found.Also)
	}
	first := found.Also[0].Message
	if found = findings(t, check)[0]; len(found.Also) != 1 || found.Also[0].Message != first {
		t.Errorf("a pass later: also %+v; it is wrong since the same jump", found.Also)
	}
	shift.Store(int64(-time.Hour))
	if found = findings(t, check)[0]; len(found.Also) != 1 || !strings.HasPrefix(found.Also[0].Message, "was set backwards by 365 d 1 h since 20") {
		t.Errorf("after a second jump: also %+v", found.Also)
	}
	shift.Store(0)
	if found = findings(t, check)[0]; found.Severity != watch.OK || !strings.Contains(found.Message, "; it was set forwards by 1 h since 20") {
		t.Errorf("set right: %s %q", found.Severity, found.Message)
	}
	if found = findings(t, check)[0]; strings.Contains(found.Message, "was set") {
		t.Errorf("a pass later: %q", found.Message)
	}
}

func TestF8_AHostThatDeniesTheSecondPacketIsNotAskedForAThird(t *testing.T) {
	var packets atomic.Int64
	server := ntptest.Start(t, func(request []byte) [][]byte {
		if packets.Add(1) > 1 {
			return [][]byte{ntptest.Kiss("DENY").Answer(request)}
		}
		time.Sleep(2 * time.Millisecond) // a way that is too long for microseconds
		return [][]byte{ntptest.True().Answer(request)}
	})
	o := options("ntp://" + server.Addr.String())
	o.Samples, o.Interval, o.Limit = 4, watch.Duration(10*time.Millisecond), "mifid2-hft"
	check := built(t, o, believing(0))
	if found := findings(t, check)[0]; found.Reason == watch.KissOfDeath {
		t.Errorf("what it said before does not count: %q", found.Message)
	}
	asked := server.Asked()
	found := findings(t, check)[0]
	if found.Reason != watch.KissOfDeath || server.Asked() != asked {
		t.Errorf("the next pass says %s %q, and asked %d times more", found.Reason, found.Message, server.Asked()-asked)
	}
}

func TestWhereTheReferencesGiveNoAnswerEveryHostAwaitsThem(t *testing.T) {
	targets := []string{}
	for range 4 {
		targets = append(targets, "ntp://"+ntptest.Serve(t, ntptest.True()).Addr.String())
	}
	env := believing(0)
	env.Reference = func(context.Context) watch.Reference {
		return watch.Reference{Asked: 4, Why: "none of 4 references answered"}
	}
	found := findings(t, built(t, options(targets...), env))
	for _, each := range found {
		if each.Severity != watch.Unknown || each.Reason != watch.NoMajority || !policy.AwaitsReferences(each) {
			t.Errorf("%s is %s, %s", each.Name, each.Severity, each.Reason)
		}
	}
	if len(found) != len(targets)+1 {
		t.Errorf("%d findings, want one a host and one on all of them: or that one would count as gone", len(found))
	}
}

func TestByDefaultAHostIsSparedMoreThanFourPacketsTwoSecondsApart(t *testing.T) {
	seen := false
	_, err := clock.Kind.Build(func(into any) error {
		defaults := into.(*clock.Options)
		if seen = true; defaults.Samples != 4 || defaults.Interval != watch.Duration(2*time.Second) {
			t.Errorf("by default %d packets, %v apart", defaults.Samples, time.Duration(defaults.Interval))
		}
		defaults.Targets = []clock.Target{{URL: "ntp://a"}}
		return nil
	}, checks.DefaultEnv(nil))
	if err != nil || !seen {
		t.Errorf("%v; the defaults were seen: %t", err, seen)
	}
}
