package alertmanager_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alertmanager"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/watch"
)

// board is what Alertmanager shows as open, by what is told apart in the tests.
type board struct {
	*server
	at      time.Time
	channel alerts.Channel
	memory  watch.Memory
}

func newBoard(t *testing.T) *board {
	b := &board{at: alerttest.Now(), memory: alerttest.NewMemory()}
	b.server = newServer(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", b.at.Format(http.TimeFormat)) })
	clocked := env(b.Client())
	clocked.Now, clocked.Memory = func() time.Time { return b.at }, b
	b.channel = build(t, clocked, func(o *alertmanager.Options) { o.URLs = []string{b.URL} })
	return b
}

func (b *board) Recall(ctx context.Context, key string) ([]byte, error) {
	return b.memory.Recall(ctx, key)
}

func (b *board) Remember(ctx context.Context, key string, value []byte) error {
	if len(value) > 4<<10 {
		return errors.New("more than 4 KiB")
	}
	return b.memory.Remember(ctx, key, value)
}

// tell delivers one event, judged now, and assertOpen says what stands after all.
func (b *board) tell(t *testing.T, kind watch.EventType, previous, severity watch.Severity, edits ...func(*alerts.Message, *watch.Event)) {
	t.Helper()
	message := alerttest.Becomes(kind, previous, severity)
	message.CreatedAt, message.Events[0].At = b.at, b.at
	for _, edit := range edits {
		edit(&message, &message.Events[0])
	}
	alerttest.Deliver(t, b.channel, message)
}

func (b *board) assertOpen(t *testing.T, want ...string) {
	t.Helper()
	ends := map[string]time.Time{}
	var order []string
	for _, body := range b.bodies {
		for _, alert := range parse(t, body) {
			key := alert.Labels["severity"] + " " + alert.Labels["team"]
			if _, seen := ends[key]; !seen {
				order = append(order, key)
			}
			ends[key] = alert.EndsAt
		}
	}
	var open []string
	for _, key := range order {
		if ends[key].After(b.at) {
			open = append(open, key)
		}
	}
	if fmt.Sprint(open) != fmt.Sprint(want) {
		t.Errorf("open are %q, want %q", open, want)
	}
}

func team(name string) func(*alerts.Message, *watch.Event) {
	return func(_ *alerts.Message, event *watch.Event) { event.Finding.Labels = map[string]string{"team": name} }
}

func TestAnAlertWhoseLabelsChangeGoesOnUnderTheNewOnes(t *testing.T) {
	b := newBoard(t)
	b.tell(t, watch.Opened, "", watch.Warning)
	b.at = b.at.Add(24 * time.Hour)
	b.tell(t, watch.Standing, watch.Warning, watch.Warning, team("web"))
	b.assertOpen(t, "warning web")
	b.at = b.at.Add(24 * time.Hour)
	b.tell(t, watch.Worsened, watch.Warning, watch.Critical, team("shop"))
	b.assertOpen(t, "critical shop")
	b.at = b.at.Add(24 * time.Hour)
	b.tell(t, watch.Resolved, watch.Critical, watch.OK, team("nobody"))
	b.assertOpen(t)
	if value, _ := b.memory.Recall(t.Context(), "alert/lapsewatch-7a2ac40a59a442cc10280fe99a5ec348"); len(value) > 0 {
		t.Errorf("of what has ended is remembered: %s", value)
	}
}

func TestTheLargestLabelsAreRemembered(t *testing.T) {
	large := func(last string) func(*alerts.Message, *watch.Event) {
		return func(_ *alerts.Message, event *watch.Event) {
			event.Finding.Labels = map[string]string{"team": last}
			for i := range 40 {
				event.Finding.Labels[fmt.Sprint("z", i)] = strings.Repeat(`"`, 1000)
			}
		}
	}
	b := newBoard(t)
	b.tell(t, watch.Opened, "", watch.Warning, large("a"))
	b.at = b.at.Add(24 * time.Hour)
	b.tell(t, watch.Standing, watch.Warning, watch.Warning, large("b"))
	b.assertOpen(t, "warning b")
}

func TestWithoutAMemoryTheEventSaysWhatEnds(t *testing.T) {
	b := newBoard(t)
	b.tell(t, watch.Opened, "", watch.Warning)
	b.memory = alerttest.NewMemory()
	b.at = b.at.Add(24 * time.Hour)
	b.tell(t, watch.Worsened, watch.Warning, watch.Critical)
	b.assertOpen(t, "critical platform")
	b.memory = alerttest.NewMemory()
	b.at = b.at.Add(24 * time.Hour)
	b.tell(t, watch.Resolved, watch.Critical, watch.OK)
	b.assertOpen(t)
}

// What comes in place of another channel's message is younger than what it tells.
func TestWhatAnotherChannelDidNotDeliverIsAsOldAsItIs(t *testing.T) {
	instead := func(judged time.Time) func(*alerts.Message, *watch.Event) {
		return func(message *alerts.Message, event *watch.Event) {
			message.Note, event.At = "This was meant for the channel mail, which failed: no answer", judged
		}
	}
	last := func(b *board) time.Duration {
		alerts := parse(t, b.bodies[len(b.bodies)-1])
		return alerts[len(alerts)-1].EndsAt.Sub(b.at)
	}
	for _, test := range []struct {
		name       string
		old, lasts time.Duration
	}{
		{"minutes old, it stands like any other", time.Minute, 26*time.Hour - time.Minute},
		{"a day old, it stands for what is left", 24 * time.Hour, 2 * time.Hour},
		{"older, it stands until people are told", 7 * 24 * time.Hour, time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBoard(t)
			judged := b.at
			b.at = b.at.Add(test.old)
			b.tell(t, watch.Opened, "", watch.Warning, instead(judged))
			if got := last(b); got != test.lasts {
				t.Errorf("it stands for %s, want %s", got, test.lasts)
			}
		})
	}
	t.Run("it ends nothing that was told since", func(t *testing.T) {
		b := newBoard(t)
		judged := b.at
		b.at = b.at.Add(24 * time.Hour)
		b.tell(t, watch.Worsened, watch.Warning, watch.Critical)
		b.at = b.at.Add(time.Minute)
		b.tell(t, watch.Opened, "", watch.Warning, instead(judged))
		b.assertOpen(t, "critical platform")
	})
}
