package runner

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

func TestFallbacksRunInNoCircles(t *testing.T) {
	var mended atomic.Bool
	var told [3]atomic.Int64
	channels := map[string]alerts.Channel{}
	var all []policy.Destination
	for i, name := range []string{"a", "b", "d"} {
		receiver := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			if mended.Load() {
				told[i].Add(1)
			} else {
				w.WriteHeader(http.StatusForbidden)
			}
		})
		channels[name] = channel(t, name, receiver.Server)
		all = append(all, policy.Destination{Channel: name, Recipients: []string{""}})
	}
	j := job(t, channels)
	j.Destinations, j.Routing.Default = all, []string{"a", "b", "d"}
	j.Fallbacks = map[string][]policy.Destination{"a": all, "b": all, "d": all}
	for day := range 4 {
		j.at(now.AddDate(0, 0, day))
		run(t, j)
		if owed, dead, err := j.Ledger.Outbox(t.Context()); err != nil || owed != 3 || dead != 0 {
			t.Fatalf("after run %d, %d messages are owed and %d lost: %v", day+1, owed, dead, err)
		}
	}
	mended.Store(true)
	j.at(now.AddDate(0, 0, 4))
	run(t, j)
	for i := range told {
		if got := told[i].Load(); got != 1 {
			t.Errorf("channel %d is told %d times of one finding", i, got)
		}
	}
}

// mailboxes takes mail for everybody but those whom it refuses.
type mailboxes struct {
	own, refuses []string
	told         map[string][]string
}

func (m *mailboxes) Recipients() []string { return m.own }

func (m *mailboxes) Deliver(_ context.Context, message alerts.Message) (alerts.Receipt, error) {
	if slices.Contains(m.refuses, message.Recipient) {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: message.Channel, Status: 550, Err: errors.New("550 no such user")}
	}
	for _, event := range message.Events {
		m.told[message.Recipient] = append(m.told[message.Recipient], string(event.Type))
	}
	return alerts.Receipt{Proof: "250 ok"}, nil
}

func TestWhereAnOwnersMailboxRefusesTheChannelsOwnRecipientsAreTold(t *testing.T) {
	mail := &mailboxes{own: []string{"ops"}, refuses: []string{"ada"}, told: map[string][]string{}}
	j := job(t, map[string]alerts.Channel{"mail": mail})
	destination := policy.Destination{Channel: "mail", Recipients: mail.own, Reach: func(owner string) (string, bool) { return owner, true }}
	j.Destinations = []policy.Destination{destination}
	j.Routing = policy.Routing{Routes: []policy.Route{{To: []string{policy.Owner}}}, Default: []string{"mail"}}
	j.Fallbacks = map[string][]policy.Destination{"mail": {destination}}
	subject := certificate("example.com:443", 5)
	subject.Subject.Owners = []string{"ada"}
	j.Checks[0].Check = checkFunc(func(_ context.Context, sink watch.Sink) error { sink(subject); return nil })
	run(t, j)
	if got := strings.Join(mail.told["ops"], " "); got != "opened" {
		t.Errorf("the channel's own recipients are told %q", got)
	}
}

func TestWhoStoodInHearsTheEndThoughTheChannelIsMended(t *testing.T) {
	mail := &mailboxes{own: []string{"ops"}, refuses: []string{"ops"}, told: map[string][]string{}}
	pager := &mailboxes{own: []string{""}, told: map[string][]string{}}
	j := job(t, map[string]alerts.Channel{"mail": mail, "pager": singly{pager}})
	j.Destinations = []policy.Destination{{Channel: "mail", Recipients: mail.own}, {Channel: "pager", Recipients: pager.own, Singly: true}}
	j.Routing = policy.Routing{Routes: []policy.Route{{To: []string{"mail"}}}}
	j.Fallbacks = map[string][]policy.Destination{"mail": {j.Destinations[1]}}
	run(t, j)
	mail.refuses = nil
	j.Checks[0].Check = checkFunc(func(_ context.Context, sink watch.Sink) error {
		renewed := certificate("example.com:443", 300)
		renewed.Identity = "another"
		sink(renewed)
		return nil
	})
	j.at(now.AddDate(0, 0, 1))
	run(t, j)
	if got := strings.Join(pager.told[""], " "); got != "opened resolved" {
		t.Errorf("the pager is told %q", got)
	}
	if got := strings.Join(mail.told["ops"], " "); got != "opened resolved" {
		t.Errorf("the mended channel is told %q", got)
	}
}

func TestWhatHasEndedIsNotRedirected(t *testing.T) {
	mail := &mailboxes{own: []string{"ops"}, refuses: []string{"ops"}, told: map[string][]string{}}
	pager := &mailboxes{own: []string{""}, told: map[string][]string{}}
	j := job(t, map[string]alerts.Channel{"mail": mail, "pager": pager})
	j.Destinations = []policy.Destination{{Channel: "mail", Recipients: mail.own}, {Channel: "pager", Recipients: pager.own}}
	j.Routing = policy.Routing{Routes: []policy.Route{{To: []string{"mail"}}}}
	run(t, j) // nobody stands in yet
	j.Checks[0].Check = checkFunc(func(_ context.Context, sink watch.Sink) error {
		renewed := certificate("example.com:443", 300)
		renewed.Identity = "another"
		sink(renewed)
		return nil
	})
	j.Fallbacks = map[string][]policy.Destination{"mail": {j.Destinations[1]}}
	for day := 1; day < 3; day++ {
		j.at(now.AddDate(0, 0, day))
		run(t, j)
	}
	if len(pager.told[""]) != 0 {
		t.Errorf("the pager is told %q of what is over", pager.told[""])
	}
}

func TestWhatStandsBehindASilentServiceReachesTheFallback(t *testing.T) {
	silent, alive := newReceiver(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), newReceiver(t, answer(http.StatusNoContent))
	j := job(t, map[string]alerts.Channel{"silent": singly{channel(t, "silent", silent.Server)}, "fallback": channel(t, "fallback", alive.Server)})
	j.AttemptTimeout = time.Minute
	j.Destinations = []policy.Destination{{Channel: "silent", Recipients: []string{""}, Singly: true}, {Channel: "fallback", Recipients: []string{""}}}
	j.Routing = policy.Routing{Routes: []policy.Route{{To: []string{"silent"}}}}
	j.Fallbacks = map[string][]policy.Destination{"silent": {j.Destinations[1]}}
	j.Checks[0].Check = checkFunc(func(_ context.Context, sink watch.Sink) error {
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			sink(certificate(name, 5))
		}
		return nil
	})
	run(t, j)
	j.at(now.AddDate(0, 0, 1))
	run(t, j)
	// Six beginnings, and their first reminders where these wait behind them.
	if got := len(alive.received()); got < 6 {
		t.Errorf("the fallback has %d messages of six findings", got)
	}
}

func TestARunThatIsStoppedBlamesNoChannel(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	hook := newReceiver(t, func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
	})
	fallback := newReceiver(t, answer(http.StatusNoContent))
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server), "fallback": channel(t, "fallback", fallback.Server)})
	j.AttemptTimeout = time.Minute
	j.Destinations = []policy.Destination{{Channel: "hook", Recipients: []string{""}}}
	j.Fallbacks = map[string][]policy.Destination{"hook": {{Channel: "fallback", Recipients: []string{""}}}}
	// The message is a day old by the time that it is sent.
	j.Delivery.Now = func() time.Time { return now.AddDate(0, 0, 1) }
	outcome, _ := j.Run(stopped)
	t.Cleanup(func() { _ = outcome.Close() })
	if got := len(fallback.received()); got != 0 {
		t.Errorf("the fallback is told %d times of a channel that may be well", got)
	}
	owed, err := j.Ledger.Due(t.Context(), now.AddDate(0, 0, 1))
	if err != nil || len(owed) != 1 || owed[0].Attempts != 0 || owed[0].Redirected {
		t.Errorf("owed %+v: %v", owed, err)
	}
}
