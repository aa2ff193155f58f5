package tickettest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/watch"
)

const (
	shop = "shop.example.com:443"
	day  = 24 * time.Hour
)

// Suite is a channel with tickets under test.
type Suite struct {
	// Desk makes an empty service of that clock.
	Desk func(t *testing.T, clock *Clock) Desk
}

func (s Suite) open(t *testing.T) *Office {
	clock := NewClock(alerttest.Now())
	return Open(t, s.Desk(t, clock), clock)
}

// Run holds the channel to the life of a ticket.
func Run(t *testing.T, s Suite) {
	t.Run("a finding has one ticket from opened to resolved", s.life)
	t.Run("two findings have a ticket each", s.twoFindings)
	t.Run("a repeated message changes nothing", s.repetition)
	t.Run("F3 a lost answer makes nothing twice", s.lostAnswers)
	t.Run("a ticket that was not made is made at the next attempt", s.lostRequest)
	t.Run("what is closed by hand and not done is opened again", s.closedByHand)
	t.Run("what was closed long ago is replaced, and the old one named", s.closedLongAgo)
	t.Run("what cannot be opened again is replaced, and the old one named", s.sealed)
	t.Run("what was deleted is made anew", s.deleted)
	t.Run("nothing to close is delivered", s.nothingToClose)
	t.Run("a ticket without the key is left alone", s.foreign)
	t.Run("what people changed stays as they left it", s.edited)
	t.Run("a ticket on the last page is found", s.manyTickets)
	t.Run("an older message that comes late changes nothing", s.late)
	t.Run("what comes in place of another channel is as old as what it tells", s.redirected)
	t.Run("A5 no text from outside poses as a mark", s.posing)
	t.Run("a memory of another place is not used", s.elsewhere)
	t.Run("a memory that fails costs no ticket", s.noMemory)
	t.Run("a test leaves nothing open", s.test)
	t.Run("several events in one message are refused", s.several)
}

// want compares the tickets' states: "#1 open 2" is a ticket with two comments.
func (o *Office) want(t *testing.T, want ...string) []Record {
	t.Helper()
	records := o.Records()
	var got []string
	for _, record := range records {
		state := "closed"
		if record.Open {
			state = "open"
		}
		got = append(got, fmt.Sprintf("%s %d", state, len(record.Comments)))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("tickets %q, want %q\n%s", got, want, Dump(records))
	}
	return records
}

func (o *Office) wantWrites(t *testing.T, want ...Step) {
	t.Helper()
	if got := o.Writes(); !slices.Equal(got, want) {
		t.Fatalf("the channel %q, want %q", got, want)
	}
}

func (s Suite) life(t *testing.T) {
	o := s.open(t)
	o.Tell(t, o.Message(1, watch.Opened, shop, watch.Warning, 21))
	o.wantWrites(t, Creates)
	for i, kind := range []watch.EventType{watch.Worsened, watch.Reminder, watch.Improved} {
		o.Clock.Advance(day)
		o.Tell(t, o.Message(2+i, kind, shop, watch.Critical, 20-i))
		o.wantWrites(t, Comments)
	}
	o.Clock.Advance(day)
	if proof := o.Tell(t, o.Message(5, watch.Resolved, shop, watch.OK, 17)); !strings.HasPrefix(proof, "closed ") {
		t.Errorf("proof %q", proof)
	}
	o.wantWrites(t, Comments, Closes)
	record := o.want(t, "closed 4")[0]
	if !strings.Contains(record.Comments[3], "renewed") {
		t.Errorf("the last comment does not say why: %s", record.Comments[3])
	}
	o.Clock.Advance(day)
	o.Tell(t, o.Message(6, watch.Opened, shop, watch.Warning, 16))
	o.wantWrites(t, Reopens, Comments)
	record = o.want(t, "open 5")[0]
	if !strings.Contains(record.Comments[4], "Open again: this ticket was closed, and the finding is back.") {
		t.Errorf("the comment does not say why it is open again: %s", record.Comments[4])
	}
}

func (s Suite) twoFindings(t *testing.T) {
	o := s.open(t)
	o.Tell(t, o.Message(1, watch.Opened, shop, watch.Warning, 21))
	o.Tell(t, o.Message(2, watch.Opened, "mail.example.com:587", watch.Warning, 21))
	o.Clock.Advance(day)
	o.Tell(t, o.Message(3, watch.Resolved, shop, watch.OK, 21))
	o.want(t, "closed 1", "open 0")
}

// lives are the messages of one finding with the writes that each makes.
func (o *Office) lives() []struct {
	message alerts.Message
	writes  []Step
} {
	return []struct {
		message alerts.Message
		writes  []Step
	}{
		{o.Message(1, watch.Opened, shop, watch.Warning, 21), []Step{Creates}},
		{o.Message(2, watch.Worsened, shop, watch.Critical, 20), []Step{Comments}},
		{o.Message(3, watch.Resolved, shop, watch.OK, 19), []Step{Comments, Closes}},
		{o.Message(4, watch.Opened, shop, watch.Warning, 18), []Step{Reopens, Comments}},
	}
}

func (s Suite) repetition(t *testing.T) {
	for name, between := range map[string]func(*Office){
		"with a memory":    func(*Office) {},
		"without a memory": func(o *Office) { o.Forget() },
	} {
		t.Run(name, func(t *testing.T) {
			o := s.open(t)
			for _, life := range o.lives() {
				o.Tell(t, life.message)
				o.wantWrites(t, life.writes...)
				o.Clock.Advance(time.Minute)
				between(o)
				o.Tell(t, life.message)
				o.wantWrites(t)
			}
			o.want(t, "open 3")
		})
	}
}

func (s Suite) lostAnswers(t *testing.T) {
	for _, loss := range []Loss{CutAfter, FailedAfter} {
		for _, step := range []Step{Creates, Comments, Closes, Reopens} {
			t.Run(fmt.Sprintf("one that %s: %s", step, loss), func(t *testing.T) { s.lostOnce(t, step, loss) })
		}
	}
	for _, step := range []Step{Comments, Closes, Reopens} {
		t.Run(fmt.Sprintf("one that %s: %s", step, CutBefore), func(t *testing.T) { s.lostOnce(t, step, CutBefore) })
	}
	t.Run("one that creates, and the next message resolves", func(t *testing.T) {
		o := s.open(t)
		o.Lose(Creates, CutAfter)
		if _, err := o.Try(t, o.Message(1, watch.Opened, shop, watch.Warning, 21)); err == nil {
			t.Fatal("the attempt counts as delivered")
		}
		o.Clock.Advance(time.Second)
		o.TellAtLast(t, o.Message(2, watch.Resolved, shop, watch.OK, 21))
		o.want(t, "closed 1")
	})
}

// lostOnce goes through a life in which one step fails once.
func (s Suite) lostOnce(t *testing.T, step Step, loss Loss) {
	o := s.open(t)
	lost := false
	for _, life := range o.lives() {
		if !lost && slices.Contains(life.writes, step) {
			o.Lose(step, loss)
			lost = true
			if _, err := o.Try(t, life.message); err == nil {
				t.Fatal("the attempt counts as delivered")
			}
		}
		o.TellAtLast(t, life.message)
		o.Clock.Advance(time.Minute)
	}
	o.want(t, "open 3")
}

func (s Suite) lostRequest(t *testing.T) {
	for name, passed := range map[string]time.Duration{"at once": 0, "after the clock was set back by a year": -365 * day} {
		t.Run(name, func(t *testing.T) {
			o := s.open(t)
			o.Lose(Creates, CutBefore)
			message := o.Message(1, watch.Opened, shop, watch.Warning, 21)
			if _, err := o.Try(t, message); err == nil {
				t.Fatal("the attempt counts as delivered")
			}
			o.Clock.Advance(passed)
			o.TellAtLast(t, message)
			o.want(t, "open 0")
		})
	}
}
