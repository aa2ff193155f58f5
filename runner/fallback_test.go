package runner

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// singly makes a channel one that is told of each finding by itself.
type singly struct{ alerts.Channel }

func (singly) Manner() alerts.Manner { return alerts.Manner{Singly: true} }

// noted keeps the notes of the messages that pass through.
type noted struct {
	alerts.Channel
	notes []string
}

func (n *noted) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	n.notes = append(n.notes, message.Note)
	return n.Channel.Deliver(ctx, message)
}

func TestF11_WhatAChannelRefusesForGoodGoesToItsFallbackInTheSameRun(t *testing.T) {
	dead, alive := newReceiver(t, answer(http.StatusForbidden)), newReceiver(t, answer(http.StatusNoContent))
	fallback := &noted{Channel: channel(t, "fallback", alive.Server)}
	j := job(t, map[string]alerts.Channel{"dead": channel(t, "dead", dead.Server), "fallback": fallback})
	j.Destinations = j.Destinations[:0]
	j.Destinations = append(j.Destinations, policy.Destination{Channel: "dead", Recipients: []string{""}}, policy.Destination{Channel: "fallback", Recipients: []string{""}})
	j.Routing = policy.Routing{Routes: []policy.Route{{To: []string{"dead"}}}}
	j.Fallbacks = map[string][]policy.Destination{"dead": {j.Destinations[1]}}
	first := run(t, j)
	if first.Undelivered != 1 || len(alive.received()) != 1 {
		t.Fatalf("undelivered %d, the fallback got %d messages", first.Undelivered, len(alive.received()))
	}
	if note := fallback.notes[0]; !strings.HasPrefix(note, "This was meant for the channel dead, which failed: post to https://127.0.0.1:") || !strings.Contains(note, "it answered 403 Forbidden") {
		t.Errorf("the fallback's message says %q", note)
	}
	j.at(now.Add(time.Hour))
	run(t, j)
	if got := len(alive.received()); got != 1 {
		t.Errorf("after the second run the fallback has %d messages: it is told once", got)
	}
}

func TestWhatWaitsForADayGoesToTheFallbackToo(t *testing.T) {
	down, alive := newReceiver(t, answer(http.StatusBadGateway)), newReceiver(t, answer(http.StatusNoContent))
	j := job(t, map[string]alerts.Channel{"down": channel(t, "down", down.Server), "fallback": channel(t, "fallback", alive.Server)})
	j.Routing = policy.Routing{Routes: []policy.Route{{To: []string{"down"}}}}
	j.Fallbacks = map[string][]policy.Destination{"down": {{Channel: "fallback", Recipients: []string{""}}}}
	run(t, j)
	if got := len(alive.received()); got != 0 {
		t.Fatalf("the fallback was told at once, %d times, though the channel may recover", got)
	}
	j.at(now.Add(20 * time.Hour))
	run(t, j)
	if got := len(alive.received()); got != 1 {
		t.Errorf("after 20 hours the fallback has %d messages", got)
	}
}

func TestFallbacksFollowOneAnotherInOneRun(t *testing.T) {
	refusing, alive := newReceiver(t, answer(http.StatusGone)), newReceiver(t, answer(http.StatusNoContent))
	j := job(t, map[string]alerts.Channel{"first": channel(t, "first", refusing.Server), "second": channel(t, "second", refusing.Server), "third": channel(t, "third", alive.Server)})
	j.Routing = policy.Routing{Routes: []policy.Route{{To: []string{"first"}}}}
	j.Fallbacks = map[string][]policy.Destination{
		"first": {{Channel: "second", Recipients: []string{""}}}, "second": {{Channel: "third", Recipients: []string{""}}},
	}
	if outcome := run(t, j); outcome.Undelivered != 2 || len(alive.received()) != 1 {
		t.Errorf("undelivered %d, the third has %d messages", outcome.Undelivered, len(alive.received()))
	}
}

func TestAnEndNeverOvertakesItsBeginning(t *testing.T) {
	refusing := atomic.Bool{}
	refusing.Store(true)
	var tried atomic.Int64
	pager := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		tried.Add(1)
		if refusing.Load() {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	j := job(t, map[string]alerts.Channel{"pager": singly{channel(t, "pager", pager.Server)}})
	j.Destinations[0].Singly = true
	run(t, j)
	j.Checks[0].Check = checkFunc(func(_ context.Context, sink watch.Sink) error {
		renewed := certificate("example.com:443", 300)
		renewed.Identity = "another"
		sink(renewed)
		return nil
	})
	j.at(now.Add(time.Hour))
	tried.Store(0)
	outcome := run(t, j)
	if got := tried.Load(); got != 1 || outcome.Undelivered != 2 {
		t.Errorf("%d attempts, %d undelivered: the end was tried although its beginning was refused", got, outcome.Undelivered)
	}
	if last := outcome.Told[len(outcome.Told)-1]; last.Err == nil || !strings.HasPrefix(last.Err.Error(), "not tried, because what came before it on the same subject was not delivered: deliver by pager: ") {
		t.Errorf("the end: %v", last.Err)
	}
	refusing.Store(false)
	j.at(now.Add(2 * time.Hour))
	outcome = run(t, j)
	if len(outcome.Told) != 2 || outcome.Told[0].Events[0].Type != watch.Opened || outcome.Told[1].Events[0].Type != watch.Resolved || outcome.Undelivered != 0 {
		t.Errorf("told %+v", outcome.Told)
	}
}

// twice is a check whose second look sees something else.
type twice struct {
	first, second func(watch.Sink)
	err           error
	asked         []string
}

func (c *twice) Collect(_ context.Context, sink watch.Sink) error {
	c.first(sink)
	return nil
}

func (c *twice) Recheck(_ context.Context, ids []string, sink watch.Sink) error {
	c.asked = append(c.asked, ids...)
	c.second(sink)
	return c.err
}

func unreachable(id string) watch.Problem {
	return watch.Problem{Subject: watch.Subject{ID: id, Name: id}, Reason: watch.TimedOut, Err: errors.New("no answer"), Confined: true}
}

func TestBadNewsGetsASecondLookBeforeItIsTold(t *testing.T) {
	well := func(sink watch.Sink) { sink(certificate("a:443", 300)) }
	silent := func(sink watch.Sink) { sink(unreachable("a:443")) }
	near := func(sink watch.Sink) { sink(certificate("a:443", 2)) }
	for _, row := range []struct {
		name          string
		first, second func(watch.Sink)
		err           error
		asked         int
		events        int
		summary       string
	}{
		{"what was a moment's failure is not told", silent, well, nil, 1, 0, "1 ok, 0 unknown, 0 problems"},
		{"what fails twice is told", silent, silent, nil, 1, 1, "0 ok, 1 unknown, 1 problems"},
		{"what the second look says nothing of stands", silent, func(watch.Sink) {}, errors.New("cut short"), 1, 1, "0 ok, 1 unknown, 1 problems"},
		{"what it says of others is passed over", silent, func(sink watch.Sink) { sink(certificate("b:443", 1)) }, nil, 1, 1, "0 ok, 1 unknown, 1 problems"},
		{"a second look that cannot look changes nothing", near, silent, nil, 1, 1, "0 ok, 0 unknown, 0 problems"},
		{"what is in order is not looked at again", well, silent, nil, 0, 0, "1 ok, 0 unknown, 0 problems"},
	} {
		t.Run(row.name, func(t *testing.T) {
			hook := newReceiver(t, answer(http.StatusNoContent))
			j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
			check := &twice{first: row.first, second: row.second, err: row.err}
			j.Checks[0].Check = check
			outcome := run(t, j)
			if len(check.asked) != row.asked || len(outcome.Events) != row.events {
				t.Errorf("asked again for %q, %d events", check.asked, len(outcome.Events))
			}
			summary := outcome.Pass.Summary
			if got := strings.Join([]string{plural(summary.OK, "ok"), plural(summary.Unknown, "unknown"), plural(outcome.Pass.Checks[0].Problems, "problems")}, ", "); got != row.summary {
				t.Errorf("summary %s, want %s", got, row.summary)
			}
			run(t, j)
			if row.events > 0 && len(check.asked) != row.asked {
				t.Errorf("what was told already was looked at again: %q", check.asked)
			}
		})
	}
}

func plural(n int, word string) string {
	return strings.TrimSpace(strings.Join([]string{strconv.Itoa(n), word}, " "))
}

func TestTheRunReportsOnItself(t *testing.T) {
	refusing := newReceiver(t, answer(http.StatusForbidden))
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", refusing.Server)})
	web := j.Checks[0]
	messages := func(at time.Time) map[string]string {
		t.Helper()
		j.at(at)
		j.Checks = []Check{web, Itself(j.Ledger, []string{"hook"}, nil, nil, func() time.Time { return at })}
		outcome := run(t, j)
		said := map[string]string{}
		for finding, err := range outcome.Pass.Findings {
			if err != nil {
				t.Fatal(err)
			}
			if finding.Check == watch.Itself {
				said[finding.Name] = string(finding.Severity) + ": " + finding.Message
			}
		}
		return said
	}
	first := messages(now)
	for name, want := range map[string]string{"channel hook": "ok: owes nothing", "scheduled runs": "ok: this is the first run", "ledger": "ok: is sound"} {
		if first[name] != want {
			t.Errorf("at first %s is %q, want %q", name, first[name], want)
		}
	}
	second := messages(now.Add(24 * time.Hour))
	if got := second["channel hook"]; !strings.HasPrefix(got, "critical: has failed to deliver: 1 message waits since 2026-11-22 06:00 UTC; the last error: deliver by hook: post to https://127.0.0.1:") {
		t.Errorf("a day later the channel is %q", got)
	}
}
