package ticket_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// drawer is the least that a service can be: tickets in memory, without times.
type drawer struct {
	tickets []ticket.Ticket
	// keys are those of the tickets.
	keys     []string
	comments int
	finds    int
	// refuse is what the next Create fails with.
	refuse error
}

func (d *drawer) Read(_ context.Context, id, key string) (ticket.Ticket, bool, error) {
	at, err := strconv.Atoi(id)
	if err != nil || at >= len(d.tickets) {
		return ticket.Ticket{}, false, nil
	}
	read := d.tickets[at]
	read.Ours = d.keys[at] == key
	return read, true, nil
}

func (d *drawer) Find(_ context.Context, key, _ string) (match ticket.Ticket, found bool, err error) {
	d.finds++
	for at, candidate := range d.tickets {
		if d.keys[at] == key && (!found || candidate.Open) {
			match, found = candidate, true
		}
	}
	return match, found, nil
}

func (d *drawer) Told(context.Context, ticket.Ticket, ticket.Story) (bool, error) { return false, nil }

func (d *drawer) Create(_ context.Context, story ticket.Story) (ticket.Ticket, string, error) {
	if err := d.refuse; err != nil {
		d.refuse = nil
		return ticket.Ticket{}, "", err
	}
	id := strconv.Itoa(len(d.tickets))
	made := ticket.Ticket{ID: id, Name: "T" + id, Ours: true, Open: true}
	d.tickets, d.keys = append(d.tickets, made), append(d.keys, story.Key)
	return made, "made", nil
}

func (d *drawer) Comment(context.Context, ticket.Ticket, ticket.Story) (string, error) {
	d.comments++
	return "noted", nil
}

func (d *drawer) set(id string, open bool) {
	at, _ := strconv.Atoi(id)
	d.tickets[at].Open = open
}

func (d *drawer) Close(_ context.Context, current ticket.Ticket, _ ticket.Story) (string, error) {
	d.set(current.ID, false)
	return "done", nil
}

func (d *drawer) Reopen(_ context.Context, current ticket.Ticket) error {
	d.set(current.ID, true)
	return nil
}

func (d *drawer) life(memory watch.Memory, place string) ticket.Life {
	return ticket.Life{
		Env:     alerts.Env{Name: alerttest.ChannelName, Now: alerttest.Now, Log: slog.New(slog.DiscardHandler), Memory: memory},
		Service: d, Place: place, ReopenWithin: time.Hour,
	}
}

func deliver(t *testing.T, life ticket.Life, id string, kind watch.EventType) string {
	t.Helper()
	receipt, err := life.Deliver(t.Context(), event(id, kind))
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Proof
}

func event(id string, kind watch.EventType) alerts.Message {
	made := message(func(e *watch.Event) { e.Type = kind })
	made.ID = id
	return made
}

func TestEachStepSaysWhatItDid(t *testing.T) {
	d := &drawer{}
	life := d.life(alerttest.NewMemory(), "here")
	for i, step := range []struct {
		kind watch.EventType
		want string
	}{
		{watch.Resolved, "nothing open: there is no ticket to close"},
		{watch.Opened, "created T0: made"},
		{watch.Worsened, "commented on T0: noted"},
		{watch.Resolved, "closed T0: done"},
		{watch.Opened, "reopened and commented on T0: noted"},
	} {
		if got := deliver(t, life, strconv.Itoa(i), step.kind); got != step.want {
			t.Errorf("proof %q, want %q", got, step.want)
		}
	}
	if got := deliver(t, life, "4", watch.Opened); got != "T0 tells of it already" {
		t.Errorf("proof %q", got)
	}
}

func TestATicketWithoutATimeOfClosingWasClosedLately(t *testing.T) {
	d := &drawer{}
	life := d.life(alerttest.NewMemory(), "here")
	deliver(t, life, "1", watch.Opened)
	d.set("0", false)
	if got := deliver(t, life, "2", watch.Reminder); got != "reopened and commented on T0: noted" {
		t.Errorf("proof %q", got)
	}
}

func TestTwoInstallationsWithNamesHaveTicketsOfTheirOwn(t *testing.T) {
	d := &drawer{}
	for _, source := range []string{"", "berlin", "oslo"} {
		life := d.life(alerttest.NewMemory(), "here")
		life.Source = source
		deliver(t, life, "1", watch.Opened)
	}
	if len(d.tickets) != 3 || d.comments != 0 {
		t.Errorf("tickets %+v", d.tickets)
	}
}

// Tickets can be read by their id from one project in another.
func TestWhatIsRememberedOfOnePlaceIsNotUsedAtAnother(t *testing.T) {
	here, there := &drawer{}, &drawer{}
	memory := alerttest.NewMemory()
	deliver(t, here.life(memory, "here"), "1", watch.Opened)
	life := there.life(memory, "there")
	life.Service = neighbour{there, here}
	deliver(t, life, "2", watch.Worsened)
	if len(there.tickets) != 1 || here.comments != 0 {
		t.Fatalf("tickets there: %+v", there.tickets)
	}
	value, err := memory.Recall(t.Context(), "ticket/"+there.keys[0])
	if err != nil || len(value) == 0 || len(value) > 4<<10 {
		t.Errorf("%d bytes are remembered: %v", len(value), err)
	}
}

// neighbour reads the tickets of the next project too.
type neighbour struct {
	*drawer
	next *drawer
}

func (n neighbour) Read(ctx context.Context, id, key string) (ticket.Ticket, bool, error) {
	return n.next.Read(ctx, id, key)
}

func TestWhatWasLookedUpIsRemembered(t *testing.T) {
	d := &drawer{}
	deliver(t, d.life(nil, "here"), "1", watch.Opened)
	memory := alerttest.NewMemory()
	deliver(t, d.life(memory, "here"), "2", watch.Worsened)
	before := d.finds
	deliver(t, d.life(memory, "here"), "3", watch.Reminder)
	if d.finds != before || d.comments != 2 {
		t.Errorf("%d more look-ups, %d comments", d.finds-before, d.comments)
	}
}

func TestAfterARefusalTheNextAttemptNeedNotWait(t *testing.T) {
	for status, waits := range map[int]bool{422: false, 403: false, 301: false, 429: false, 408: true, 502: true, 0: true} {
		d := &drawer{refuse: &alerts.DeliveryError{Status: status}}
		life := d.life(alerttest.NewMemory(), "here")
		if _, err := life.Deliver(t.Context(), event("1", watch.Opened)); err == nil {
			t.Fatal("the attempt counts as delivered")
		}
		_, err := life.Deliver(t.Context(), event("1", watch.Opened))
		if waited := err != nil; waited != waits {
			t.Errorf("after status %d: %v", status, err)
		}
		if err != nil && err.Error() != "deliver by operations: whether the ticket was made is not known, because the attempt before was not answered: Lapsewatch looks again shortly" {
			t.Errorf("error %v", err)
		}
	}
}
