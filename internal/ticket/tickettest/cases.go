package tickettest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

func (s Suite) closedByHand(t *testing.T) {
	for name, forget := range map[string]bool{"with a memory": false, "without a memory": true} {
		t.Run(name, func(t *testing.T) {
			o := s.open(t)
			o.Tell(t, o.Message(1, watch.Opened, shop, watch.Warning, 21))
			o.Clock.Advance(day)
			o.Close(o.Records()[0].Name)
			if forget {
				o.Forget()
			}
			o.Clock.Advance(6 * day)
			o.Writes()
			o.Tell(t, o.Message(2, watch.Reminder, shop, watch.Warning, 14))
			o.wantWrites(t, Reopens, Comments)
			record := o.want(t, "open 1")[0]
			if !strings.Contains(record.Comments[0], "Still open: this ticket was closed, but the finding is not resolved.") {
				t.Errorf("the comment does not say why it is open again: %s", record.Comments[0])
			}
		})
	}
}

func (s Suite) closedLongAgo(t *testing.T) {
	o := s.open(t)
	o.Tell(t, o.Message(1, watch.Opened, shop, watch.Warning, 21))
	old := o.Records()[0].Name
	o.Close(old)
	o.Clock.Advance(8 * day)
	// Work on a closed ticket closes it no later.
	o.Edit(old)
	o.Tell(t, o.Message(2, watch.Reminder, shop, watch.Warning, 13))
	records := o.want(t, "closed 0", "open 0")
	if !strings.Contains(records[1].Text, old) {
		t.Errorf("the new ticket does not name %s: %s", old, records[1].Text)
	}
	o.Clock.Advance(day)
	o.Tell(t, o.Message(3, watch.Resolved, shop, watch.OK, 12))
	o.want(t, "closed 0", "closed 1")
}

func (s Suite) sealed(t *testing.T) {
	o := s.open(t)
	o.Tell(t, o.Message(1, watch.Opened, shop, watch.Warning, 21))
	old := o.Records()[0].Name
	o.Clock.Advance(day)
	seal, ok := o.Desk.(Seal)
	if !ok {
		// At this service everything can be opened again: the ticket is older instead.
		o.Close(old)
		o.Clock.Advance(7 * day)
	} else {
		seal.Seal(old)
	}
	o.Tell(t, o.Message(2, watch.Reminder, shop, watch.Warning, 20))
	records := o.want(t, "closed 0", "open 0")
	if !strings.Contains(records[1].Text, old) {
		t.Errorf("the new ticket does not name %s: %s", old, records[1].Text)
	}
}

func (s Suite) deleted(t *testing.T) {
	o := s.open(t)
	o.Tell(t, o.Message(1, watch.Opened, shop, watch.Warning, 21))
	o.Clock.Advance(day)
	o.Delete(o.Records()[0].Name)
	o.Tell(t, o.Message(2, watch.Reminder, shop, watch.Warning, 20))
	o.want(t, "open 0")
}

func (s Suite) nothingToClose(t *testing.T) {
	o := s.open(t)
	if proof := o.Tell(t, o.Message(1, watch.Resolved, shop, watch.OK, 21)); proof != "nothing open: there is no ticket to close" {
		t.Errorf("proof %q", proof)
	}
	o.want(t)
	o.Clock.Advance(day)
	o.Tell(t, o.Message(2, watch.Opened, shop, watch.Warning, 21))
	o.Close(o.Records()[0].Name)
	o.Clock.Advance(day)
	o.Writes()
	o.Tell(t, o.Message(3, watch.Resolved, shop, watch.OK, 20))
	o.wantWrites(t)
	o.want(t, "closed 0")
}

func (s Suite) foreign(t *testing.T) {
	o := s.open(t)
	o.AddForeign("Lapsewatch: shop.example.com:443 expires 2026-12-13")
	o.Tell(t, o.Message(1, watch.Opened, shop, watch.Warning, 21))
	o.Clock.Advance(day)
	o.Forget()
	o.Tell(t, o.Message(2, watch.Resolved, shop, watch.OK, 20))
	o.want(t, "open 0", "closed 1")
}

func (s Suite) edited(t *testing.T) {
	o := s.open(t)
	o.Tell(t, o.Message(1, watch.Opened, shop, watch.Warning, 21))
	o.Edit(o.Records()[0].Name)
	before := o.Records()[0]
	o.Clock.Advance(day)
	o.Tell(t, o.Message(2, watch.Worsened, shop, watch.Critical, 20))
	o.Clock.Advance(day)
	o.Tell(t, o.Message(3, watch.Resolved, shop, watch.OK, 19))
	after := o.want(t, "closed 2")[0]
	if after.Title != before.Title || after.Marks != before.Marks || after.Text != before.Text {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}

func (s Suite) manyTickets(t *testing.T) {
	o := s.open(t)
	for i := range 120 {
		o.AddForeign(fmt.Sprint("an older ticket, number ", i))
	}
	o.Tell(t, o.Message(1, watch.Opened, shop, watch.Warning, 21))
	for i := range 120 {
		o.AddForeign(fmt.Sprint("a newer ticket, number ", i))
	}
	o.Forget()
	o.Clock.Advance(day)
	o.Writes()
	o.Tell(t, o.Message(2, watch.Worsened, shop, watch.Critical, 20))
	o.wantWrites(t, Comments)
	if got := len(o.Records()); got != 241 {
		t.Errorf("%d tickets", got)
	}
}

func (s Suite) late(t *testing.T) {
	o := s.open(t)
	opened := o.Message(1, watch.Opened, shop, watch.Warning, 21)
	o.Clock.Advance(day)
	o.Tell(t, o.Message(2, watch.Resolved, shop, watch.OK, 20))
	o.Clock.Advance(time.Minute)
	if proof := o.Tell(t, opened); proof != "left out: the ticket tells of something later already" {
		t.Errorf("proof %q", proof)
	}
	o.want(t)
	// A clock that ran a year ahead must not silence the finding for a year.
	o.Clock.Advance(365 * day)
	o.Tell(t, o.Message(3, watch.Opened, shop, watch.Warning, 21))
	o.Clock.Advance(-365 * day)
	o.Writes()
	o.Tell(t, o.Message(4, watch.Worsened, shop, watch.Critical, 20))
	o.wantWrites(t, Comments)
}

// redirected is what the channel is told of in place of another, which failed: the message
// is younger than what it tells.
func (s Suite) redirected(t *testing.T) {
	instead := func(o *Office, number int, of alerts.Message) alerts.Message {
		made := o.Message(number, watch.Opened, shop, watch.Warning, 21)
		made.Events, made.Note = of.Events, "This was meant for the channel mail, which failed: no answer"
		return made
	}
	t.Run("opens no ticket again", func(t *testing.T) {
		o := s.open(t)
		opened := o.Message(1, watch.Opened, shop, watch.Warning, 21)
		o.Tell(t, opened)
		o.Clock.Advance(day)
		o.Tell(t, o.Message(2, watch.Resolved, shop, watch.OK, 20))
		o.Clock.Advance(time.Minute)
		o.Writes()
		if proof := o.Tell(t, instead(o, 3, opened)); proof != "left out: the ticket tells of something later already" {
			t.Errorf("proof %q", proof)
		}
		o.wantWrites(t)
		o.want(t, "closed 1")
	})
	t.Run("leaves out nothing that is newer", func(t *testing.T) {
		o := s.open(t)
		opened := o.Message(1, watch.Opened, shop, watch.Warning, 21)
		o.Clock.Advance(day)
		worse := o.Message(2, watch.Worsened, shop, watch.Critical, 20)
		o.Clock.Advance(time.Minute)
		o.Tell(t, instead(o, 3, opened))
		o.Writes()
		o.Tell(t, worse)
		o.wantWrites(t, Comments)
	})
}

// posing are subjects whose texts pretend to be the ticket of another finding, or to tell
// what has not been told yet.
func (s Suite) posing(t *testing.T) {
	o := s.open(t)
	victim := o.Message(100, watch.Opened, shop, watch.Warning, 21)
	key, next := digest.Key(victim.Events[0].Finding.ID), o.Message(101, watch.Worsened, shop, watch.Critical, 20).ID
	for i, text := range []string{
		"<!-- lapsewatch:" + key + " -->", "x <!-- lapsewatch:" + key + " --> y", "x\n<!-- lapsewatch:" + key + " -->\n", "-->\r\n<!-- lapsewatch:" + key + " -->",
		key, "lapsewatch " + key, "correlation_id=" + key, "<!-- lapsewatch-message:" + next + " -->", "\n<!-- lapsewatch-message:" + next + " -->\n",
		"Message " + next, "x\nMessage " + next + "\n", "x\u2028Message " + next, next,
	} {
		name := fmt.Sprintf("evil-%d.example.com", i)
		attack := o.Message(i, watch.Opened, name, watch.Warning, 21)
		attack.Note = text
		finding := &attack.Events[0].Finding
		finding.Name, finding.Message, finding.Check, finding.Owners, finding.Remedy = text, text, text, []string{text}, "`x` "+text
		finding.Also = []watch.Judgement{{Message: text}}
		o.Tell(t, attack)
		o.Clock.Advance(time.Minute)
		o.Forget()
		o.Writes()
		worse := o.Message(101, watch.Worsened, name, watch.Critical, 20)
		o.Tell(t, worse)
		o.wantWrites(t, Comments)
		o.Forget()
	}
	o.Tell(t, victim)
	o.wantWrites(t, Creates)
}

func (s Suite) elsewhere(t *testing.T) {
	o := s.open(t)
	o.Tell(t, o.Message(1, watch.Opened, shop, watch.Warning, 21))
	other := s.open(t)
	other.Memory = o.Memory
	other.AddForeign("the same id, and nothing else")
	other.Clock.Advance(day)
	other.Tell(t, other.Message(2, watch.Worsened, shop, watch.Critical, 20))
	other.wantWrites(t, Creates)
	other.want(t, "open 0", "open 0")
}

func (s Suite) noMemory(t *testing.T) {
	for name, memory := range map[string]watch.Memory{"locked": broken{}, "absent": nil} {
		t.Run(name, func(t *testing.T) {
			o := s.open(t)
			o.Memory = memory
			for _, life := range o.lives() {
				o.Tell(t, life.message)
				o.Clock.Advance(time.Minute)
				o.Tell(t, life.message)
			}
			o.want(t, "open 3")
		})
	}
}

func (s Suite) test(t *testing.T) {
	o := s.open(t)
	message := o.Message(1, watch.Opened, "test.example:443", watch.Warning, 21)
	message.Test = true
	if proof := o.Tell(t, message); !strings.HasPrefix(proof, "created ") || !strings.HasSuffix(proof, "; and closed it again") {
		t.Errorf("proof %q", proof)
	}
	o.wantWrites(t, Creates, Closes)
	record := o.want(t, "closed 0")[0]
	if !strings.HasPrefix(record.Title, "Lapsewatch test: ") || !strings.Contains(record.Text, "This is a test of the channel. Nothing has happened.") {
		t.Errorf("the ticket does not say that it is a test: %s", Dump([]Record{record}))
	}
	o.Clock.Advance(time.Hour)
	again := o.Message(2, watch.Opened, "test.example:443", watch.Warning, 21)
	again.Test = true
	o.Lose(Closes, CutBefore)
	if _, err := o.Try(t, again); err == nil {
		t.Fatal("a test that closed nothing counts as passed")
	}
	o.want(t, "closed 0", "open 0")
	o.Clock.Advance(time.Hour)
	third := o.Message(3, watch.Opened, "test.example:443", watch.Warning, 21)
	third.Test = true
	if proof := o.Tell(t, third); !strings.HasSuffix(proof, "which an earlier test had left open") {
		t.Errorf("proof %q", proof)
	}
	o.want(t, "closed 0", "closed 0")
}

func (s Suite) several(t *testing.T) {
	o := s.open(t)
	_, err := o.Try(t, alerttest.Message())
	if want := "deliver by operations: the message holds 5 events: want one"; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	o.wantWrites(t)
}
