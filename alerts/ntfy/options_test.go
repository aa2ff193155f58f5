package ntfy_test

import (
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/ntfy"
	"lapsewatch/watch"
)

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	const (
		path      = "url: want the root of the server, such as https://ntfy.sh: the topic has an option of its own"
		name      = "topic: want 1 to 64 letters, digits, - and _"
		reference = "a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"
	)
	tests := []struct {
		name string
		edit func(*ntfy.Options)
		want string
	}{
		{"no topic", func(o *ntfy.Options) { o.Topic = "" }, "topic: want exactly one of topic and topic_from"},
		{"two topics", func(o *ntfy.Options) { o.TopicFrom.Env = "TOPIC" }, "topic: want exactly one of topic and topic_from"},
		{"a topic with a path", func(o *ntfy.Options) { o.Topic = "canary/json" }, name},
		{"a topic that is too long", func(o *ntfy.Options) { o.Topic = strings.Repeat("t", 65) }, name},
		{"a topic reference to two places", func(o *ntfy.Options) { o.Topic, o.TopicFrom = "", watch.SecretRef{File: "a", Env: "b"} }, "topic_from: " + reference},
		{"the topic in the URL", func(o *ntfy.Options) { o.URL = "https://ntfy.example.com/canary" }, path},
		{"plain http", func(o *ntfy.Options) { o.URL = "http://ntfy.example.com" }, "url: want https; allow_insecure_http accepts http"},
		{"two URLs", func(o *ntfy.Options) { o.URL, o.URLFrom.Env = "https://ntfy.example.com", "SERVER" }, "url: want exactly one of url and url_from"},
		{"no timeout", func(o *ntfy.Options) { o.Timeout = 0 }, "timeout: want more than 0 and at most 5m"},
		{"a token and a password", func(o *ntfy.Options) { o.Token.Env, o.Username, o.Password.Env = "TOKEN", "me", "PASSWORD" }, "token: want either token, or username and password"},
		{"a token reference to two places", func(o *ntfy.Options) { o.Token = watch.SecretRef{File: "a", Env: "b"} }, "token: " + reference},
		{"a user without password", func(o *ntfy.Options) { o.Username = "me" }, "password: want username and password together"},
		{"a password without user", func(o *ntfy.Options) { o.Password.Env = "PASSWORD" }, "password: want username and password together"},
		{"a password reference to two places", func(o *ntfy.Options) { o.Username, o.Password = "me", watch.SecretRef{File: "a", Env: "b"} }, "password: " + reference},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			alerttest.AssertRefused(t, ntfy.Kind, func(o *ntfy.Options) {
				o.Topic = "lapsewatch"
				test.edit(o)
			}, test.want)
		})
	}
}

func TestATopicIsAllThatIsNeeded(t *testing.T) {
	for _, url := range []string{"", "https://ntfy.example.com", "https://ntfy.example.com:8443/"} {
		if _, err := ntfy.Kind.Build(alerttest.Options(func(o *ntfy.Options) { o.Topic, o.URL = "lapsewatch", url }), alerts.Env{}); err != nil {
			t.Errorf("url %q: %v", url, err)
		}
	}
}
