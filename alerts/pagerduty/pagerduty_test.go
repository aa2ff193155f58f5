package pagerduty_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/pagerduty"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

const routingKey = "canary0123456789canary0123456789"

var secrets = map[string]string{"ROUTING_KEY": routingKey}

func readSecret(reference watch.SecretRef) (watch.Secret, error) {
	value, ok := secrets[reference.Env]
	if !ok {
		return watch.Secret{}, fmt.Errorf("read secret from %s: it is not set", reference)
	}
	return watch.NewSecret(value), nil
}

// options decodes as configuration does, on top of the defaults.
func options(edit func(*pagerduty.Options)) watch.Decoder {
	return func(into any) error {
		o := into.(*pagerduty.Options)
		o.RoutingKey = watch.SecretRef{Env: "ROUTING_KEY"}
		edit(o)
		return nil
	}
}

func build(t *testing.T, env alerts.Env, edit func(*pagerduty.Options)) alerts.Channel {
	t.Helper()
	channel, err := pagerduty.Kind.Build(options(edit), env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

func (p *pagerDuty) env() alerts.Env {
	return alerts.Env{
		Name: alerttest.ChannelName, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		HTTP: p.Client(), Secrets: readSecret, Version: "1.2.3", ReportURL: alerttest.ReportURL,
	}
}

func (p *pagerDuty) channel(t *testing.T, edit func(*pagerduty.Options)) alerts.Channel {
	t.Helper()
	return build(t, p.env(), func(o *pagerduty.Options) {
		o.URL = p.URL
		edit(o)
	})
}

func plain(*pagerduty.Options) {}

func withChanges(o *pagerduty.Options) { o.ChangeEvents = true }

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

func TestThePagerDutyChannelKeepsTheContract(t *testing.T) {
	service := newPagerDuty(t)
	alerttest.RunHTTP(t, alerttest.HTTPSuite{
		New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
			return build(t, env, func(o *pagerduty.Options) { o.URL = url })
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
		Texts:     func(t *testing.T, attempt alerttest.Attempt) []string { return jsonTexts(t, attempt.Content) },
		Forbidden: []string{"javascript:"},
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
	tests := []struct {
		file string
		at   int
		edit func(*watch.Event)
	}{
		{"worsened.json", 0, asItIs},
		{"opened.json", 1, asItIs},
		{"unreadable.json", 3, asItIs},
		{"resolved.json", 4, asItIs},
		{"command.json", 1, func(event *watch.Event) {
			event.Finding.Remedy = "Make a new key, then give it to the service: `vault write pki/issue/shop ttl=90d`. Restart the service after it."
		}},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			service := newPagerDuty(t)
			deliver(t, service.channel(t, plain), only(test.at, test.edit))
			golden(t, test.file, service.calls[0].body)
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
		deliver(t, channel, message)
		event.Type, event.Why = watch.Resolved, watch.Renewed
		message.Events = []watch.Event{event}
		deliver(t, channel, message)
	}
	for i, made := range service.calls {
		for _, text := range jsonTexts(t, made.body) {
			alerttest.AssertHarmless(t, text, "javascript:")
		}
		if i%3 == 0 {
			all = append(all, made.body)
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
	message := only(0, func(event *watch.Event) {
		wide := strings.Repeat("\U0001F525<&", 100_000)
		f := &event.Finding
		f.Name, f.Check, f.Kind, f.Message, f.Remedy, f.Reason = wide, wide, wide, wide, wide, watch.Reason(wide)
		f.Link = "https://inventory.example.com/" + strings.Repeat("x", 1900)
		for range 500 {
			f.Owners = append(f.Owners, wide)
			f.Also = append(f.Also, watch.Judgement{Severity: watch.Warning, Message: wide})
		}
	})
	message.ID, message.Note = strings.Repeat("i", 5000), strings.Repeat("n", 5000)
	deliver(t, service.channel(t, func(o *pagerduty.Options) { o.Source = strings.Repeat("ß", 100) }), message)
	var sent enqueue
	if err := json.Unmarshal(service.calls[0].body, &sent); err != nil {
		t.Fatal(err)
	}
	// The service has judged the limits of each field; what matters most is still there.
	if size := len(service.calls[0].body); size > 128_000 || len([]rune(sent.Payload.Summary)) != 1024 || !strings.HasPrefix(sent.Payload.Summary, "Critical: ") || len(sent.Links) != 2 {
		t.Errorf("%d bytes, %d links, summary %s", size, len(sent.Links), sent.Payload.Summary)
	}
}

func golden(t *testing.T, name string, document []byte) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, document, "", "  "); err != nil {
		t.Fatal(err)
	}
	got := append(bytes.ReplaceAll(indented.Bytes(), []byte(routingKey), []byte("<routing key>")), '\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at it and run the test with -update\n%s", path, got)
	}
}
