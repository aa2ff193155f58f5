package manners_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/ntp"
	"lapsewatch/internal/ntp/manners"
	"lapsewatch/watch"
)

const key = "ntp://time.example"

// clock is what the keeper takes for now.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func keeper() (manners.Keeper, *clock, watch.Memory) {
	c := &clock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	memory := checks.Forgetful()
	return manners.New(memory, c.now), c, memory
}

func kiss(code string) ntp.Reply { return ntp.Reply{Leap: ntp.NotSynchronised, Kiss: code} }

func good() ntp.Reply { return ntp.Reply{Stratum: 1, ServerTime: time.Unix(1, 0)} }

func note(t *testing.T, k manners.Keeper, reply ntp.Reply) {
	t.Helper()
	if err := k.Note(t.Context(), key, reply); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, k manners.Keeper, want string) {
	t.Helper()
	why, held := k.Held(t.Context(), key)
	if why != want || held != (want != "") {
		t.Errorf("held %t: %q, want %q", held, why, want)
	}
}

func TestNobodyIsHeldWhoAskedForNothing(t *testing.T) {
	k, _, _ := keeper()
	expect(t, k, "")
	for _, reply := range []ntp.Reply{good(), kiss("INIT"), kiss("XYZ1"), kiss("NTSN"), {}} {
		note(t, k, reply)
		expect(t, k, "")
	}
}

func TestWhoDeniesIsNeverAskedAgain(t *testing.T) {
	for _, code := range []string{"DENY", "RSTR"} {
		k, c, _ := keeper()
		note(t, k, kiss(code))
		for range 3 {
			expect(t, k, "asked to be left alone ("+code+") on 2026-11-22")
			c.at = c.at.AddDate(10, 0, 0)
		}
		c.at = c.at.AddDate(-100, 0, 0)
		expect(t, k, "asked to be left alone ("+code+") on 2026-11-22")
	}
}

func TestWhoAsksForFewerQuestionsIsAskedLaterAndLater(t *testing.T) {
	k, c, _ := keeper()
	want := 64 * time.Second
	for range 14 {
		note(t, k, kiss("RATE"))
		until := c.at.Add(want)
		c.at = until.Add(-time.Second)
		expect(t, k, "asked for fewer questions (RATE), and is not asked before "+until.Format(time.DateTime)+" UTC")
		c.at = until
		expect(t, k, "")
		want = min(2*want, 36*time.Hour)
	}
	if want != 36*time.Hour {
		t.Errorf("the wait has grown to %v", want)
	}
	note(t, k, good())
	note(t, k, kiss("RATE"))
	expect(t, k, "asked for fewer questions (RATE), and is not asked before "+c.at.Add(64*time.Second).Format(time.DateTime)+" UTC")
}

func TestAWaitFromTheFutureIsOver(t *testing.T) {
	k, c, _ := keeper()
	c.at = c.at.AddDate(1, 0, 0)
	note(t, k, kiss("RATE"))
	c.at = c.at.AddDate(-1, 0, 0)
	expect(t, k, "")
}

func TestWhatCannotBeUnderstoodIsForgotten(t *testing.T) {
	for _, value := range []string{"{", "null", `{"code":"RATE","since":"2026-11-22T12:00:00Z","wait":9000000000000000000}`, `{"code":"WHATEVER"}`, `{"code":"RATE","wait":-1}`} {
		k, _, memory := keeper()
		if err := memory.Remember(t.Context(), "kiss-o'-death "+key, []byte(value)); err != nil {
			t.Fatal(err)
		}
		expect(t, k, "")
	}
}

// broken is a ledger that is out of reach.
type broken struct{}

var errBroken = errors.New("disk I/O error")

func (broken) Recall(context.Context, string) ([]byte, error) { return nil, errBroken }
func (broken) Remember(context.Context, string, []byte) error { return errBroken }

func TestAMemoryOutOfReachAsksNobody(t *testing.T) {
	k := manners.New(broken{}, time.Now)
	expect(t, k, "is not asked, because what it asked for before cannot be read: disk I/O error")
	err := k.Note(t.Context(), key, kiss("DENY"))
	if err == nil || err.Error() != "note what ntp://time.example asked for: disk I/O error" {
		t.Errorf("got %v", err)
	}
}

func TestAClauseShowsNothingThatCannotBeSeen(t *testing.T) {
	for code, want := range map[string]string{
		"DENY": "asked to be left alone (DENY)", "RATE": "asked for fewer questions (RATE)", "X\x1b[0": "gave no time but the code X\uFFFD[0",
	} {
		if got := manners.Clause(code); got != want {
			t.Errorf("%q: got %q, want %q", code, got, want)
		}
	}
}
