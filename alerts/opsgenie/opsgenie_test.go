package opsgenie_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/opsgenie"
	"lapsewatch/watch"
)

const apiKey = "canary00-7f1c-4f0e-9c26-f4f71023e120"

var secrets = map[string]string{"API_KEY": apiKey}

// configured adds to the options what every channel here has.
func configured(edit func(*opsgenie.Options)) func(*opsgenie.Options) {
	return func(o *opsgenie.Options) {
		o.APIKey = watch.SecretRef{Env: "API_KEY"}
		edit(o)
	}
}

func (s *service) channel(t *testing.T, edit func(*opsgenie.Options)) alerts.Channel {
	t.Helper()
	return s.channelWith(t, secrets, edit)
}

func (s *service) channelWith(t *testing.T, secrets map[string]string, edit func(*opsgenie.Options)) alerts.Channel {
	t.Helper()
	return alerttest.Build(t, opsgenie.Kind, alerttest.Env(s.Client(), secrets), configured(func(o *opsgenie.Options) {
		o.URL = s.URL + "/v2"
		edit(o)
	}))
}

func plain(*opsgenie.Options) {}

var markup = []string{"<script", "<img", "<iframe", "</", "<!channel", "<@U1", "<https:", "](", "javascript:"}

func TestTheOpsgenieChannelKeepsTheContract(t *testing.T) {
	service := newService(t)
	alerttest.RunHTTP(t, alerttest.HTTPSuite{
		New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
			return alerttest.Build(t, opsgenie.Kind, env, configured(func(o *opsgenie.Options) { o.URL = url }))
		},
		Values: secrets,
		Accept: func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			service.mu.Lock()
			defer service.mu.Unlock()
			status, said := service.take(r, body)
			if status >= 400 {
				t.Errorf("Opsgenie would refuse it: %v", said)
			}
			answer(w, status, said)
		},
		ID: func(_ *http.Request, body []byte) string {
			var made createRequest
			if err := json.Unmarshal(body, &made); err != nil {
				t.Error(err)
			}
			return made.Alias + " " + made.Details["message_id"]
		},
		// What follows the creation: the questions what became of it, and the end of
		// the alert that it replaces.
		Ignore:    func(r *http.Request) bool { return !strings.HasSuffix(r.URL.Path, "/alerts") },
		Texts:     func(t *testing.T, attempt alerttest.Attempt) []string { return alerttest.JSONTexts(t, attempt.Content) },
		Forbidden: markup,
	})
}

func TestEachEventReadsAsItsGoldenFileSays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file    string
		message alerts.Message
	}{
		{"worsened.txt", alerttest.Only(0)},
		{"opened.txt", alerttest.Only(1)},
		{"reminder.txt", alerttest.Only(2)},
		{"unreadable.txt", alerttest.Only(3)},
		{"resolved.txt", alerttest.Only(4)},
		{"worse-at-the-same-priority.txt", alerttest.Only(1, func(event *watch.Event) {
			event.Type, event.Previous = watch.Worsened, watch.Warning
			event.Finding.Also = []watch.Judgement{{Reason: watch.NameMismatch, Severity: watch.Warning, Message: "the certificate does not cover mail.example.com"}}
		})},
		{"command.txt", alerttest.Only(1, func(event *watch.Event) {
			event.Finding.Remedy = "Make a new key, then give it to the service: `vault write pki/issue/shop ttl=90d`. Restart the service after it."
		})},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			t.Parallel()
			service := newService(t)
			alerttest.Deliver(t, service.channel(t, func(o *opsgenie.Options) {
				o.Teams, o.Tags = []string{"Platform", "4513b7ea-3b91-438f-b7e4-e3e54af9147c"}, []string{"team:platform"}
			}), test.message)
			golden(t, test.file, service.transcript(t))
		})
	}
}

func TestF15_AHostileNameReachesTheServiceHarmless(t *testing.T) {
	t.Parallel()
	service := newService(t)
	channel := service.channel(t, plain)
	hostile := alerttest.HostileMessage()
	for _, event := range hostile.Events {
		message := hostile
		message.Events, message.Note = []watch.Event{event}, "channel mail failed: "+event.Finding.Name
		alerttest.Deliver(t, channel, message)
	}
	golden(t, "hostile.txt", service.transcript(t))
	service.assertHarmless(t)
}

func TestF15_AHostileNameReachesItsNotesHarmless(t *testing.T) {
	t.Parallel()
	for i, event := range alerttest.HostileMessage().Events {
		t.Run(fmt.Sprint("hostile event ", i), func(t *testing.T) {
			t.Parallel()
			service := newService(t)
			message := alerttest.HostileMessage()
			for _, kind := range []watch.EventType{watch.Worsened, watch.Resolved} {
				event.Type, event.Previous = kind, watch.Warning
				message.Events = []watch.Event{event}
				alerttest.Deliver(t, service.channel(t, plain), message)
			}
			service.assertHarmless(t)
		})
	}
}

func (s *service) assertHarmless(t *testing.T) {
	t.Helper()
	for _, made := range s.Requests() {
		for _, text := range alerttest.JSONTexts(t, made.Content) {
			alerttest.AssertHarmless(t, text, markup...)
		}
	}
}

func TestA9_TheLargestEventStaysWithinTheLimits(t *testing.T) {
	t.Parallel()
	for name, wide := range map[string]string{"four bytes a character": "\U0001F525", "what grows when it is made harmless": "]("} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wide := strings.Repeat(wide, 100_000)
			service := newService(t)
			message := alerttest.Only(1, func(event *watch.Event) {
				event.Type, event.Previous = watch.Worsened, watch.Warning
				alerttest.Swell(&event.Finding, wide, 500, 1930)
				event.Finding.Kind, event.Finding.Reason = wide, watch.Reason(wide)
			})
			message.ID, message.Note = wide, wide
			channel := service.channel(t, func(o *opsgenie.Options) {
				o.Source = strings.Repeat("ß", 100)
				for i := range 50 {
					o.Teams = append(o.Teams, strings.Repeat("t", 90)+fmt.Sprint(i))
				}
				for range 17 {
					o.Tags = append(o.Tags, strings.Repeat("g", 50))
				}
			})
			alerttest.Deliver(t, channel, message)
			message.Events[0].Type = watch.Resolved
			alerttest.Deliver(t, channel, message)
			if got := len(service.open); got != 0 {
				t.Errorf("%d alerts are open after the end", got)
			}
		})
	}
}
