package ntfy_test

import (
	"net/http"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/ntfy"
	"lapsewatch/watch"
)

var secrets = map[string]string{"TOKEN": "tk_canary7token7of7thirty7two7", "PASSWORD": "canary-password-4d", "TOPIC": "canary-topic-9f"}

func channel(t *testing.T, server *alerttest.Recorder) alerts.Channel {
	t.Helper()
	return alerttest.Build(t, ntfy.Kind, alerttest.Env(server.Client(), nil), func(o *ntfy.Options) { o.URL, o.Topic = server.URL, "lapsewatch" })
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
					return alerttest.Build(t, ntfy.Kind, env, func(o *ntfy.Options) {
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
	receipt := alerttest.Deliver(t, channel(t, alerttest.NewRecorder(t, publish)), alerttest.Message())
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
			server := alerttest.NewRecorder(t, publish)
			channel := alerttest.Build(t, ntfy.Kind, alerttest.Env(server.Client(), secrets), func(o *ntfy.Options) {
				o.URL, o.TopicFrom.Env = server.URL+"/", "TOPIC"
				test.edit(o)
			})
			alerttest.Deliver(t, channel, alerttest.Message())
			made := server.Last(t)
			if made.Method != http.MethodPost || made.URL.Path != "/" {
				t.Errorf("%s %s", made.Method, made.URL)
			}
			if got := made.Header.Get("Authorization"); got != test.want {
				t.Errorf("Authorization %q, want %q", got, test.want)
			}
			if got := parse(t, made.Content).Topic; got != "canary-topic-9f" {
				t.Errorf("topic %q", got)
			}
		})
	}
}

func TestASecretThatCannotBeUsedIsPermanentAndNamesItsPlace(t *testing.T) {
	tests := []struct {
		name string
		edit func(*ntfy.Options)
		want string
	}{
		{"no token", func(o *ntfy.Options) { o.Topic, o.Token.Env = "alerts", "MISSING" }, "read the token: read secret from environment variable MISSING: it is not set"},
		{"no password", func(o *ntfy.Options) { o.Topic, o.Username, o.Password.Env = "alerts", "me", "MISSING" }, "read the password: read secret from environment variable MISSING: it is not set"},
		{"no topic", func(o *ntfy.Options) { o.TopicFrom.Env = "MISSING" }, "read the topic: read secret from environment variable MISSING: it is not set"},
		{"a topic that is none", func(o *ntfy.Options) { o.TopicFrom.Env = "STRANGE" }, "the topic in environment variable STRANGE: want 1 to 64 letters, digits, - and _"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := alerttest.NewRecorder(t, publish)
			env := alerttest.Env(server.Client(), map[string]string{"STRANGE": "canary topic/with a path"})
			_, err := alerttest.Build(t, ntfy.Kind, env, func(o *ntfy.Options) {
				o.URL = server.URL
				test.edit(o)
			}).Deliver(t.Context(), alerttest.Message())
			alerttest.AssertFailure(t, err, test.want, false, 0)
			if len(server.Requests()) != 0 {
				t.Error("something was sent")
			}
		})
	}
}

func TestAnAnswerThatBreaksOffIsTriedAgain(t *testing.T) {
	server := alerttest.NewRecorder(t, alerttest.BreaksOff(`{"id":"abc","ev`))
	_, err := channel(t, server).Deliver(t.Context(), alerttest.Message())
	alerttest.AssertFailure(t, err, "it answered 200, and the answer broke off: unexpected EOF", true, 200)
}

func TestWhatNobodyWatchesAnyMoreIsToBeRead(t *testing.T) {
	server := alerttest.NewRecorder(t, publish)
	alerttest.Deliver(t, channel(t, server), alerttest.Unwatched())
	if got := parse(t, server.Last(t).Content); got.Priority != 3 || got.Tags[0] != "information_source" || !strings.Contains(got.Message, "its check is not configured any more, or has another name") || strings.Contains(got.Message, "To do") {
		t.Errorf("sent %+v", got)
	}
}
