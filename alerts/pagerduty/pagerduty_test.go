package pagerduty_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/pagerduty"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

const routingKey = "canary0123456789canary0123456789"

var secrets = map[string]string{"ROUTING_KEY": routingKey}

// configured adds to the options what every channel here has.
func configured(edit func(*pagerduty.Options)) func(*pagerduty.Options) {
	return func(o *pagerduty.Options) {
		o.RoutingKey = watch.SecretRef{Env: "ROUTING_KEY"}
		edit(o)
	}
}

func (p *pagerDuty) channel(t *testing.T, edit func(*pagerduty.Options)) alerts.Channel {
	t.Helper()
	return p.channelWith(t, secrets, edit)
}

func (p *pagerDuty) channelWith(t *testing.T, secrets map[string]string, edit func(*pagerduty.Options)) alerts.Channel {
	t.Helper()
	return alerttest.Build(t, pagerduty.Kind, alerttest.Env(p.Client(), secrets), configured(func(o *pagerduty.Options) {
		o.URL = p.URL
		edit(o)
	}))
}

func plain(*pagerduty.Options) {}

func withChanges(o *pagerduty.Options) { o.ChangeEvents = true }

func TestThePagerDutyChannelKeepsTheContract(t *testing.T) {
	service := newPagerDuty(t)
	alerttest.RunHTTP(t, alerttest.HTTPSuite{
		New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
			return alerttest.Build(t, pagerduty.Kind, env, configured(func(o *pagerduty.Options) { o.URL = url }))
		},
		Values: secrets,
		Accept: func(w http.ResponseWriter, r *http.Request) {
			// The suite's URL has a secret path in front.
			r.URL.Path = r.URL.Path[strings.Index(r.URL.Path, "/v2/"):]
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			service.mu.Lock()
			defer service.mu.Unlock()
			status, said := service.take(r, body)
			if status != http.StatusAccepted {
				t.Errorf("PagerDuty would refuse it: %v", said)
			}
			answer(w, status, said)
		},
		ID: func(_ *http.Request, body []byte) string {
			var event enqueue
			if err := json.Unmarshal(body, &event); err != nil {
				t.Error(err)
			}
			return fmt.Sprintf("%s %v", event.DedupKey, event.Payload.Details["message_id"])
		},
		// What becomes critical is resolved under its other key as well.
		Ignore: func(r *http.Request) bool {
			var event enqueue
			return json.NewDecoder(r.Body).Decode(&event) == nil && event.Action == "resolve"
		},
		Texts:     func(t *testing.T, attempt alerttest.Attempt) []string { return alerttest.JSONTexts(t, attempt.Content) },
		Forbidden: []string{"javascript:"},
	})
}

func TestEachEventReadsAsItsGoldenFilesSay(t *testing.T) {
	tests := []struct {
		files   []string
		message alerts.Message
	}{
		{[]string{"worsened.json", "worsened-resolves-the-warning.json"}, alerttest.Only(0)},
		{[]string{"improved-resolves-the-critical.json", "improved.json"}, alerttest.Only(1, func(event *watch.Event) {
			event.Type, event.Previous, event.Why = watch.Improved, watch.Critical, watch.Renewed
		})},
		{[]string{"opened.json"}, alerttest.Only(1)},
		{[]string{"unreadable.json"}, alerttest.Only(3)},
		{[]string{"resolved.json"}, alerttest.Only(4)},
		{[]string{"command.json"}, alerttest.Only(1, func(event *watch.Event) {
			event.Finding.Remedy = "Make a new key, then give it to the service: `vault write pki/issue/shop ttl=90d`. Restart the service after it."
		})},
	}
	for _, test := range tests {
		t.Run(test.files[0], func(t *testing.T) {
			service := newPagerDuty(t)
			alerttest.Deliver(t, service.channel(t, plain), test.message)
			made := service.Requests()
			if len(made) != len(test.files) {
				t.Fatalf("%d events, want %d", len(made), len(test.files))
			}
			for i, file := range test.files {
				golden(t, file, made[i].Content)
			}
		})
	}
}

func TestF15_AHostileNameReachesPagerDutyHarmless(t *testing.T) {
	service := newPagerDuty(t)
	channel := service.channel(t, withChanges)
	hostile := alerttest.HostileMessage()
	var all []json.RawMessage
	for _, event := range hostile.Events {
		message := hostile
		message.Events = []watch.Event{event}
		message.Note = "channel mail failed: " + event.Finding.Name
		alerttest.Deliver(t, channel, message)
		all = append(all, service.Last(t).Content)
		event.Type, event.Previous, event.Finding.Severity = watch.Worsened, watch.Warning, watch.Critical
		message.Events = []watch.Event{event}
		alerttest.Deliver(t, channel, message)
		event.Type, event.Previous, event.Why = watch.Resolved, watch.Critical, watch.Renewed
		message.Events = []watch.Event{event}
		alerttest.Deliver(t, channel, message)
	}
	for _, made := range service.Requests() {
		for _, text := range alerttest.JSONTexts(t, made.Content) {
			alerttest.AssertHarmless(t, text, "javascript:")
		}
	}
	encoded, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "hostile.json", encoded)
}

func TestA9_TheLargestEventStaysWithinPagerDutysLimits(t *testing.T) {
	service := newPagerDuty(t)
	message := alerttest.Only(0, func(event *watch.Event) {
		wide := strings.Repeat("\U0001F525<&", 100_000)
		alerttest.Swell(&event.Finding, wide, 500, 1930)
		event.Finding.Kind, event.Finding.Reason = wide, watch.Reason(wide)
	})
	message.ID, message.Note = strings.Repeat("i", 5000), strings.Repeat("n", 5000)
	alerttest.Deliver(t, service.channel(t, func(o *pagerduty.Options) { o.Source = strings.Repeat("ß", 100) }), message)
	var sent enqueue
	if err := json.Unmarshal(service.Requests()[0].Content, &sent); err != nil {
		t.Fatal(err)
	}
	// The service has judged the limits of each field; what matters most is still there.
	if size := len(service.Requests()[0].Content); size > 128_000 || len([]rune(sent.Payload.Summary)) != 1024 || !strings.HasPrefix(sent.Payload.Summary, "Critical: ") || len(sent.Links) != 2 {
		t.Errorf("%d bytes, %d links, summary %s", size, len(sent.Links), sent.Payload.Summary)
	}
}

// golden keeps an event without its key.
func golden(t *testing.T, name string, document []byte) {
	t.Helper()
	alerttest.GoldenJSON(t, name, bytes.ReplaceAll(document, []byte(routingKey), []byte("<routing key>")), *update)
}
