package holdoff

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"lapsewatch/watch"
)

var today = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

type notebook map[string][]byte

func (n notebook) Recall(_ context.Context, key string) ([]byte, error) { return n[key], nil }

func (n notebook) Remember(_ context.Context, key string, value []byte) error {
	if len(value) == 0 {
		delete(n, key)
		return nil
	}
	n[key] = append([]byte(nil), value...)
	return nil
}

// book is the one that a run makes.
func book(memory watch.Memory) *Book {
	return &Book{Memory: memory, Log: slog.New(slog.DiscardHandler), Key: "k", Options: "o", Subject: "s"}
}

func TestARefusalIsHonouredByTheNextRun(t *testing.T) {
	kept, key := notebook{}, []byte("a long and random secret")
	refusal := Refusal{Reason: watch.AuthSecretExpired, Text: "the secret has expired", Lasting: true}
	first := book(kept).Refused(t.Context(), nil, refusal, 0, key, today)
	if first.Count != 1 || !first.RetryAt.Equal(today.Add(time.Hour)) {
		t.Errorf("first %+v", first)
	}
	later := today.Add(2 * time.Hour)
	next := book(kept)
	known := next.Recall(t.Context(), later, key)
	if known == nil || known.Refusal != refusal {
		t.Fatalf("recalled %+v", known)
	}
	if again := next.Refused(t.Context(), known, refusal, 0, key, later); again.Count != 2 || !again.RetryAt.Equal(later.Add(2*time.Hour)) {
		t.Errorf("second %+v", again)
	}
	other := book(kept)
	other.Options = "others"
	if book(kept).Recall(t.Context(), later, []byte("a new secret")) != nil || other.Recall(t.Context(), later, key) != nil {
		t.Error("a new secret, or other options, do not end the hold")
	}
	if strings.Contains(string(kept["k"]), string(key)) {
		t.Errorf("the secret is remembered: %s", kept["k"])
	}
	book(kept).Succeeded(t.Context())
	if len(kept) != 0 {
		t.Errorf("after a success is remembered: %s", kept["k"])
	}
}

func TestAnOutageIsNoRefusal(t *testing.T) {
	for want, hold := range map[string]Hold{
		"not asked again before 2026-11-22 06:00 UTC, after 1 refusal":  {Refusal: Refusal{Lasting: true}, Count: 1, RetryAt: today},
		"not asked again before 2026-11-22 06:00 UTC, after 2 refusals": {Refusal: Refusal{Lasting: true}, Count: 2, RetryAt: today.Add(59 * time.Second)},
		"not asked again before 2026-11-22 06:01 UTC, after 1 attempt":  {Count: 1, RetryAt: today.Add(time.Minute)},
		"not asked again before 2026-11-22 07:00 UTC, after 3 attempts": {Count: 3, RetryAt: today.Add(time.Hour).In(time.FixedZone("", 3600))},
	} {
		if got := hold.Clause(); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}

func TestWhichCredentialWasAcceptedIsKnownToTheNextRun(t *testing.T) {
	kept := notebook{}
	mark := func() Mark { return Mark{Memory: kept, Log: slog.New(slog.DiscardHandler), Key: "accepted"} }
	if mark().Has(t.Context(), []byte("first")) {
		t.Error("one was accepted that was never tried")
	}
	mark().Set(t.Context(), []byte("first"))
	if !mark().Has(t.Context(), []byte("first")) || mark().Has(t.Context(), []byte("second")) || mark().Has(t.Context(), nil) {
		t.Error("it is not known which")
	}
	if strings.Contains(string(kept["accepted"]), "first") {
		t.Errorf("it is remembered itself: %s", kept["accepted"])
	}
	for _, damaged := range []string{`{"salt":`, `{}`, `null`} {
		kept["accepted"] = []byte(damaged)
		if mark().Has(t.Context(), []byte("first")) || mark().Has(t.Context(), nil) {
			t.Errorf("it is known out of %s", damaged)
		}
	}
	failing := Mark{Memory: broken{}, Log: slog.New(slog.DiscardHandler)}
	failing.Set(t.Context(), []byte("first"))
	if failing.Has(t.Context(), []byte("first")) || (Mark{}).Has(t.Context(), nil) {
		t.Error("it is known without a memory")
	}
}

func TestTheServicesOwnWaitIsHonouredForAnHourAtMost(t *testing.T) {
	for _, row := range []struct {
		name    string
		lasting bool
		asked   time.Duration
		want    time.Duration
	}{
		{"an outage that asks for nothing", false, 0, 2 * time.Second},
		{"an outage that asks for five minutes", false, 5 * time.Minute, 5 * time.Minute},
		{"an outage that asks for a year", false, 365 * 24 * time.Hour, time.Hour},
		{"a refusal that asks for less than its step", true, time.Minute, time.Hour},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := book(nil).Refused(t.Context(), nil, Refusal{Reason: watch.Throttled, Lasting: row.lasting}, row.asked, nil, today)
			if wait := got.RetryAt.Sub(today); wait != row.want {
				t.Errorf("waits %s, want %s", wait, row.want)
			}
		})
	}
}

type broken struct{}

func (broken) Recall(context.Context, string) ([]byte, error) { return nil, errors.New("disk full") }
func (broken) Remember(context.Context, string, []byte) error { return errors.New("disk full") }

func TestAMemoryThatFailsKeepsTheHoldForThisRun(t *testing.T) {
	b := book(broken{})
	b.Refused(t.Context(), nil, Refusal{Reason: watch.AuthFailed, Lasting: true}, 0, []byte("k"), today)
	if b.Recall(t.Context(), today, []byte("k")) == nil {
		t.Error("nothing is held")
	}
}

func TestAStepNeverShrinks(t *testing.T) {
	for _, lasting := range []bool{true, false} {
		last := time.Duration(0)
		for _, count := range []int{1, 2, 3, 4, 5, 6, 60, 1 << 40} {
			if wait := Wait(lasting, count); wait < last || wait > LongestLasting {
				t.Errorf("after %d: %s after %s", count, wait, last)
			} else {
				last = wait
			}
		}
	}
}

func TestAFingerprintTellsCredentialsApartAndGivesLittleAway(t *testing.T) {
	taken := fingerprintOf([]byte("a secret"))
	if !taken.of([]byte("a secret")) || taken.of([]byte("another")) || taken.of(nil) || len(taken.Sum) != 3 {
		t.Errorf("%+v", taken)
	}
	if again := fingerprintOf([]byte("a secret")); string(again.Sum) == string(taken.Sum) && string(again.Salt) == string(taken.Salt) {
		t.Errorf("the same twice: %+v", again)
	}
}
