package alertmanager_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alertmanager"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

const token = "canary-token-41c7"

var secrets = map[string]string{"TOKEN": token}

// keep lets a secret have the value for the rest of the test.
func keep(t *testing.T, name, value string) {
	t.Helper()
	secrets[name] = value
	t.Cleanup(func() { delete(secrets, name) })
}

func readSecret(reference watch.SecretRef) (watch.Secret, error) {
	value, ok := secrets[reference.Env]
	if !ok {
		return watch.Secret{}, fmt.Errorf("read secret from %s: it is not set", reference)
	}
	return watch.NewSecret(value), nil
}

// posted is an alert as Alertmanager reads it.
type posted struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
}

var validName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// invalid says what Alertmanager 0.25 would refuse; empty if nothing.
func invalid(body []byte) string {
	var all []posted
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&all); err != nil || len(all) == 0 {
		return fmt.Sprint("parsing alerts body failed: ", err)
	}
	for _, alert := range all {
		if alert.StartsAt.IsZero() {
			alert.StartsAt = alert.EndsAt
		}
		if alert.EndsAt.Before(alert.StartsAt) {
			return "start time must be before end time"
		}
		for _, set := range []map[string]string{alert.Labels, alert.Annotations} {
			for name, value := range set {
				if !validName.MatchString(name) || value == "" {
					return fmt.Sprintf("invalid pair %q=%q", name, value)
				}
			}
		}
		if _, err := url.ParseRequestURI(alert.GeneratorURL); alert.GeneratorURL != "" && err != nil {
			return "generatorURL must be of type uri"
		}
	}
	return ""
}

// take answers as Alertmanager does: 200 and nothing else, or 400 with the reason.
func take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Date", alerttest.Now().Format(http.TimeFormat))
	if reason := invalid(body); reason != "" || !strings.HasSuffix(r.URL.Path, "/api/v2/alerts") || r.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(reason)
	}
}

// options decodes as configuration does, on top of the defaults.
func options(edit func(*alertmanager.Options)) watch.Decoder {
	return func(into any) error {
		edit(into.(*alertmanager.Options))
		return nil
	}
}

func build(t *testing.T, env alerts.Env, edit func(*alertmanager.Options)) alerts.Channel {
	t.Helper()
	channel, err := alertmanager.Kind.Build(options(edit), env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

func env(client *http.Client) alerts.Env {
	return alerts.Env{
		Name: alerttest.ChannelName, Now: alerttest.Now, Log: slog.New(slog.DiscardHandler),
		HTTP: client, Secrets: readSecret, Version: "1.2.3", ReportURL: alerttest.ReportURL, Memory: alerttest.NewMemory(),
	}
}

func TestTheAlertmanagerChannelKeepsTheContract(t *testing.T) {
	alerttest.RunHTTP(t, alerttest.HTTPSuite{
		New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
			env.Now = alerttest.Now
			return build(t, env, func(o *alertmanager.Options) { o.URLs, o.BearerToken.Env = []string{url}, "TOKEN" })
		},
		Values: map[string]string{"TOKEN": token},
		Accept: take,
		ID:     func(r *http.Request, _ []byte) string { return r.Header.Get("Idempotency-Key") },
		Texts: func(t *testing.T, attempt alerttest.Attempt) []string {
			var texts []string
			for _, alert := range parse(t, attempt.Content) {
				texts = append(texts, alert.GeneratorURL)
				for _, set := range []map[string]string{alert.Labels, alert.Annotations} {
					for name, value := range set {
						texts = append(texts, name, value)
					}
				}
			}
			return texts
		},
		Forbidden: []string{"javascript:", "<!channel>", "<@U1>", "<https://", "<script", "<img", "<iframe", "</style"},
	})
}

func parse(t *testing.T, body []byte) []posted {
	t.Helper()
	var all []posted
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// server keeps what it is sent, and answers as it is told.
type server struct {
	*httptest.Server
	answer http.HandlerFunc
	header http.Header
	path   string
	bodies [][]byte
}

func newServer(t *testing.T, answer http.HandlerFunc) *server {
	s := &server{answer: answer}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.header, s.path, s.bodies = r.Header, r.URL.Path, append(s.bodies, body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) host() string { return strings.TrimPrefix(s.URL, "https://") }

// deliver sends the message to a fresh server and gives the alerts that it took.
func deliver(t *testing.T, message alerts.Message, edit func(*alertmanager.Options)) (*server, []posted) {
	t.Helper()
	s := newServer(t, take)
	channel := build(t, env(s.Client()), func(o *alertmanager.Options) {
		o.URLs = []string{s.URL}
		if edit != nil {
			edit(o)
		}
	})
	if _, err := channel.Deliver(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	var all []posted
	for _, body := range s.bodies {
		all = append(all, parse(t, body)...)
	}
	return s, all
}

func TestTheAlertsAreAsDocumented(t *testing.T) {
	s, _ := deliver(t, alerttest.Message(), func(o *alertmanager.Options) {
		o.URLs[0] += "/prefix/"
		o.Labels = map[string]string{"cluster": "production"}
	})
	golden(t, "alerts.json", s.bodies[0])
	if s.path != "/prefix/api/v2/alerts" {
		t.Errorf("path %s", s.path)
	}
}

func TestF15_HostileAlertsReadAsTheGoldenFileSays(t *testing.T) {
	s, _ := deliver(t, alerttest.HostileMessage(), nil)
	golden(t, "hostile.json", s.bodies[0])
}

func TestATestIsAnAlertOfItsOwnThatEndsWithinMinutes(t *testing.T) {
	message := alerttest.Message()
	message.Test, message.Events = true, message.Events[:1]
	s, all := deliver(t, message, nil)
	golden(t, "test.json", s.bodies[0])
	for _, alert := range all {
		if alert.Labels["alertname"] != "LapsewatchTest" || alert.EndsAt.After(alerttest.Now().Add(5*time.Minute)) {
			t.Errorf("alert %v", alert)
		}
	}
}

func TestA9_ThousandsOfAlertsGoOutInPostsThatProxiesTake(t *testing.T) {
	message := alerttest.Message()
	worsened := message.Events[0]
	message.Events = nil
	for i := range 1200 {
		worsened.Finding.ID, worsened.Finding.Name = fmt.Sprint("id ", i), fmt.Sprint("name ", i)
		message.Events = append(message.Events, worsened)
	}
	s, all := deliver(t, message, nil)
	if len(all) != 2400 {
		t.Errorf("%d alerts, want two for each event", len(all))
	}
	for i, body := range s.bodies {
		if count := len(parse(t, body)); count > 500 || len(body) > 1<<20 {
			t.Errorf("post %d has %d alerts and %d bytes", i, count, len(body))
		}
	}
}

func TestA9_PostsOfLongTextsStayBelowAMebibyte(t *testing.T) {
	message := alerttest.Message()
	long := message.Events[0]
	long.Finding.Message, long.Finding.Remedy = strings.Repeat("語", 5000), strings.Repeat("語", 5000)
	message.Events = slices.Repeat([]watch.Event{long}, 300)
	s, all := deliver(t, message, nil)
	if len(all) != 600 {
		t.Errorf("%d alerts", len(all))
	}
	for _, body := range s.bodies {
		if len(body) > 1<<20 {
			t.Errorf("a post has %d bytes", len(body))
		}
	}
}

func TestWhatSays2xxAndIsNoDelivery(t *testing.T) {
	tests := []struct {
		name      string
		answer    http.HandlerFunc
		retryable bool
		want      string
	}{
		{"a login page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<html>log in</html>")
		}, false, "deliver by operations: post to HOST: it answered with a web page: the URL leads to something else than Alertmanager's API, such as a login page; give the base URL that `amtool --alertmanager.url` takes"},
		{"a clock by which what is resolved has not ended yet", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", alerttest.Now().Add(-90*time.Second).Format(http.TimeFormat))
		}, true, "deliver by operations: post to HOST: its clock is 1m30s behind this machine's, so that it does not take what is resolved for ended: look at the clocks of both"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, test.answer)
			channel := build(t, env(s.Client()), func(o *alertmanager.Options) { o.URLs = []string{s.URL} })
			_, err := channel.Deliver(t.Context(), alerttest.Message())
			failure, ok := errors.AsType[*alerts.DeliveryError](err)
			if !ok || strings.ReplaceAll(failure.Error(), s.host(), "HOST") != test.want || failure.Retryable != test.retryable || failure.Status != http.StatusOK {
				t.Errorf("error %v (%+v)\nwant  %s", err, failure, test.want)
			}
		})
	}
}

func TestABehindClockMattersOnlyWhereSomethingEnds(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", alerttest.Now().Add(-90*time.Second).Format(http.TimeFormat))
	})
	channel := build(t, env(s.Client()), func(o *alertmanager.Options) { o.URLs = []string{s.URL} })
	message := alerttest.Message()
	message.Events = message.Events[1:2]
	if _, err := channel.Deliver(t.Context(), message); err != nil {
		t.Error(err)
	}
}

func golden(t *testing.T, name string, document []byte) {
	t.Helper()
	alerttest.GoldenJSON(t, name, document, *update)
}
