package ntfy_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/ntfy"
	"lapsewatch/watch"
)

var secrets = map[string]string{"TOKEN": "tk_canary7token7of7thirty7two7", "PASSWORD": "canary-password-4d", "TOPIC": "canary-topic-9f"}

func readSecret(reference watch.SecretRef) (watch.Secret, error) {
	value, ok := secrets[reference.Env]
	if !ok {
		return watch.Secret{}, fmt.Errorf("read secret from %s: it is not set", reference)
	}
	return watch.NewSecret(value), nil
}

func build(t *testing.T, env alerts.Env, edit func(*ntfy.Options)) alerts.Channel {
	t.Helper()
	channel, err := ntfy.Kind.Build(decoder(edit), env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

func decoder(edit func(*ntfy.Options)) watch.Decoder {
	return func(into any) error {
		edit(into.(*ntfy.Options))
		return nil
	}
}

// server keeps what it was sent.
type server struct {
	*httptest.Server
	request *http.Request
	body    []byte
}

func newServer(t *testing.T, answer http.HandlerFunc) *server {
	s := &server{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.request = r
		var err error
		if s.body, err = io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(s.body)))
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) env() alerts.Env {
	return alerts.Env{
		Name: alerttest.ChannelName, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		HTTP: s.Client(), Secrets: readSecret, Version: "1.2.3", ReportURL: alerttest.ReportURL,
	}
}

func (s *server) attempt(t *testing.T, message alerts.Message) (alerts.Receipt, error) {
	t.Helper()
	return build(t, s.env(), func(o *ntfy.Options) { o.URL, o.Topic = s.URL, "lapsewatch" }).Deliver(t.Context(), message)
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestTheNtfyChannelKeepsTheContract(t *testing.T) {
	tests := []struct {
		name, secret string
		edit         func(*ntfy.Options)
	}{
		{"with a token", "TOKEN", func(o *ntfy.Options) { o.Token.Env = "TOKEN" }},
		{"with a password", "PASSWORD", func(o *ntfy.Options) { o.Username, o.Password.Env = "lapsewatch", "PASSWORD" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			alerttest.RunHTTP(t, alerttest.HTTPSuite{
				New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
					read := env.Secrets
					env.Secrets = func(reference watch.SecretRef) (watch.Secret, error) {
						if reference.Env == "SERVER" {
							return watch.NewSecret(url), nil
						}
						return read(reference)
					}
					return build(t, env, func(o *ntfy.Options) {
						o.URLFrom.Env, o.TopicFrom.Env = "SERVER", "TOPIC"
						test.edit(o)
					})
				},
				Values:    map[string]string{"TOPIC": secrets["TOPIC"], test.secret: secrets[test.secret]},
				Accept:    publish,
				ID:        func(_ *http.Request, body []byte) string { return parse(t, body).SequenceID },
				Texts:     texts,
				Forbidden: []string{"javascript:"},
			})
		})
	}
}

// texts are all that a reader sees of a publication.
func texts(t *testing.T, attempt alerttest.Attempt) []string {
	sent := parse(t, attempt.Content)
	all := append([]string{sent.Title, sent.Message, sent.Click}, sent.Tags...)
	for _, action := range sent.Actions {
		all = append(all, action.Label, action.URL)
	}
	return all
}

func TestTheReceiptNamesTheMessageOfTheServer(t *testing.T) {
	receipt, err := newServer(t, publish).attempt(t, alerttest.Message())
	if err != nil {
		t.Fatal(err)
	}
	if want := "HTTP 200 OK, message hwQ2YpKdmg7R"; receipt.Proof != want {
		t.Errorf("proof %s, want %s", receipt.Proof, want)
	}
}

func TestTheMessageGoesToTheRootWithTheCredentials(t *testing.T) {
	tests := []struct {
		name string
		edit func(*ntfy.Options)
		want string
	}{
		{"nobody's", func(*ntfy.Options) {}, ""},
		{"a token", func(o *ntfy.Options) { o.Token.Env = "TOKEN" }, "Bearer tk_canary7token7of7thirty7two7"},
		{"a user and a password", func(o *ntfy.Options) { o.Username, o.Password.Env = "lapsewatch", "PASSWORD" }, "Basic bGFwc2V3YXRjaDpjYW5hcnktcGFzc3dvcmQtNGQ="},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, publish)
			channel := build(t, s.env(), func(o *ntfy.Options) {
				o.URL, o.TopicFrom.Env = s.URL+"/", "TOPIC"
				test.edit(o)
			})
			if _, err := channel.Deliver(t.Context(), alerttest.Message()); err != nil {
				t.Fatal(err)
			}
			if s.request.Method != http.MethodPost || s.request.URL.Path != "/" {
				t.Errorf("%s %s", s.request.Method, s.request.URL)
			}
			if got := s.request.Header.Get("Authorization"); got != test.want {
				t.Errorf("Authorization %q, want %q", got, test.want)
			}
			if got := parse(t, s.body).Topic; got != "canary-topic-9f" {
				t.Errorf("topic %q", got)
			}
		})
	}
}

func TestASecretThatCannotBeUsedIsTriedAgainAndNamesItsPlace(t *testing.T) {
	tests := []struct {
		name string
		edit func(*ntfy.Options)
		want string
	}{
		{"no token", func(o *ntfy.Options) { o.Topic, o.Token.Env = "alerts", "MISSING" }, "deliver by operations: read the token: read secret from environment variable MISSING: it is not set"},
		{"no password", func(o *ntfy.Options) { o.Topic, o.Username, o.Password.Env = "alerts", "me", "MISSING" }, "deliver by operations: read the password: read secret from environment variable MISSING: it is not set"},
		{"no topic", func(o *ntfy.Options) { o.TopicFrom.Env = "MISSING" }, "deliver by operations: read the topic: read secret from environment variable MISSING: it is not set"},
		{"a topic that is none", func(o *ntfy.Options) { o.TopicFrom.Env = "STRANGE" }, "deliver by operations: the topic in environment variable STRANGE: want 1 to 64 letters, digits, - and _"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, publish)
			env := s.env()
			env.Secrets = func(reference watch.SecretRef) (watch.Secret, error) {
				if reference.Env == "STRANGE" {
					return watch.NewSecret("canary topic/with a path"), nil
				}
				return readSecret(reference)
			}
			_, err := build(t, env, func(o *ntfy.Options) {
				o.URL = s.URL
				test.edit(o)
			}).Deliver(t.Context(), alerttest.Message())
			failure, ok := errors.AsType[*alerts.DeliveryError](err)
			if !ok || !failure.Retryable || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
			if s.request != nil {
				t.Error("something was sent")
			}
		})
	}
}
