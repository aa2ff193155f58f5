package opsgenie_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/opsgenie"
	"lapsewatch/watch"
)

const apiKey = "canary00-7f1c-4f0e-9c26-f4f71023e120"

var secrets = map[string]string{"API_KEY": apiKey}

func readSecret(reference watch.SecretRef) (watch.Secret, error) {
	value, ok := secrets[reference.Env]
	if !ok {
		return watch.Secret{}, fmt.Errorf("read secret from %s: it is not set", reference)
	}
	return watch.NewSecret(value), nil
}

// options decodes as configuration does, on top of the defaults.
func options(edit func(*opsgenie.Options)) watch.Decoder {
	return func(into any) error {
		o := into.(*opsgenie.Options)
		o.APIKey = watch.SecretRef{Env: "API_KEY"}
		edit(o)
		return nil
	}
}

func build(t *testing.T, env alerts.Env, edit func(*opsgenie.Options)) alerts.Channel {
	t.Helper()
	channel, err := opsgenie.Kind.Build(options(edit), env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

func (s *service) env() alerts.Env {
	return alerts.Env{
		Name: alerttest.ChannelName, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		HTTP: s.Client(), Secrets: readSecret, Version: "1.2.3", ReportURL: alerttest.ReportURL,
	}
}

func (s *service) channel(t *testing.T, edit func(*opsgenie.Options)) alerts.Channel {
	t.Helper()
	return build(t, s.env(), func(o *opsgenie.Options) {
		o.URL = s.URL + "/v2"
		edit(o)
	})
}

func plain(*opsgenie.Options) {}

func deliver(t *testing.T, channel alerts.Channel, message alerts.Message) alerts.Receipt {
	t.Helper()
	receipt, err := channel.Deliver(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// only is the ordinary message with one of its events.
func only(at int, edit func(*watch.Event)) alerts.Message {
	message := alerttest.Message()
	message.Events = message.Events[at : at+1]
	edit(&message.Events[0])
	return message
}

func asItIs(*watch.Event) {}

var markup = []string{"<script", "<img", "<iframe", "</", "<!channel", "<@U1", "<https:", "](", "javascript:"}

func TestTheOpsgenieChannelKeepsTheContract(t *testing.T) {
	service := newService(t)
	alerttest.RunHTTP(t, alerttest.HTTPSuite{
		New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
			return build(t, env, func(o *opsgenie.Options) { o.URL = url })
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
		Texts:     func(t *testing.T, attempt alerttest.Attempt) []string { return jsonTexts(t, attempt.Content) },
		Forbidden: markup,
	})
}

// jsonTexts lists every string of a document, names included.
func jsonTexts(t *testing.T, document []byte) []string {
	t.Helper()
	var texts []string
	decoder := json.NewDecoder(bytes.NewReader(document))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(string); ok {
			texts = append(texts, text)
		}
	}
}

func TestEachEventReadsAsItsGoldenFileSays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file    string
		message alerts.Message
	}{
		{"worsened.txt", only(0, asItIs)},
		{"opened.txt", only(1, asItIs)},
		{"reminder.txt", only(2, asItIs)},
		{"unreadable.txt", only(3, asItIs)},
		{"resolved.txt", only(4, asItIs)},
		{"worse-at-the-same-priority.txt", only(1, func(event *watch.Event) {
			event.Type, event.Previous = watch.Worsened, watch.Warning
			event.Finding.Also = []watch.Judgement{{Reason: watch.NameMismatch, Severity: watch.Warning, Message: "the certificate does not cover mail.example.com"}}
		})},
		{"command.txt", only(1, func(event *watch.Event) {
			event.Finding.Remedy = "Make a new key, then give it to the service: `vault write pki/issue/shop ttl=90d`. Restart the service after it."
		})},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			t.Parallel()
			service := newService(t)
			deliver(t, service.channel(t, func(o *opsgenie.Options) {
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
		deliver(t, channel, message)
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
				deliver(t, service.channel(t, plain), message)
			}
			service.assertHarmless(t)
		})
	}
}

func (s *service) assertHarmless(t *testing.T) {
	t.Helper()
	for _, made := range s.calls {
		for _, text := range jsonTexts(t, made.body) {
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
			message := only(1, func(event *watch.Event) {
				f := &event.Finding
				event.Type, event.Previous = watch.Worsened, watch.Warning
				f.Name, f.Check, f.Kind, f.Message, f.Remedy, f.Reason = wide, wide, wide, wide, wide, watch.Reason(wide)
				f.Link = "https://inventory.example.com/" + strings.Repeat("x", 1900)
				for range 500 {
					f.Owners = append(f.Owners, wide)
					f.Also = append(f.Also, watch.Judgement{Severity: watch.Warning, Message: wide})
				}
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
			deliver(t, channel, message)
			message.Events[0].Type = watch.Resolved
			deliver(t, channel, message)
			if got := len(service.open); got != 0 {
				t.Errorf("%d alerts are open after the end", got)
			}
		})
	}
}
