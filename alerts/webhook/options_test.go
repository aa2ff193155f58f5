package webhook_test

import (
	"testing"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/webhook"
	"lapsewatch/watch"
)

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	const good = "https://hooks.example.com/canary-path"
	tests := []struct {
		name string
		edit func(*webhook.Options)
		want string
	}{
		{"no URL", func(*webhook.Options) {}, "url: want exactly one of url and url_from"},
		{"two URLs", func(o *webhook.Options) { o.URL, o.URLFrom.Env = good, "HOOK" }, "url: want exactly one of url and url_from"},
		{"plain http", func(o *webhook.Options) { o.URL = "http://hooks.example.com/canary-path" }, "url: want https; allow_insecure_http accepts http"},
		{"another scheme", func(o *webhook.Options) { o.URL = "ftp://hooks.example.com/canary-path" }, "url: want https://…"},
		{"no host", func(o *webhook.Options) { o.URL = "https:///canary-path" }, "url: it names no host"},
		{"a URL that cannot be parsed", func(o *webhook.Options) { o.URL = "https://hooks.example.com:canary-path/" }, "url: it cannot be parsed"},
		{"a password in the URL", func(o *webhook.Options) { o.URL = "https://user:canary-path@hooks.example.com/" }, "url: it holds a user name or password; send an Authorization header instead"},
		{"a URL reference to nothing", func(o *webhook.Options) { o.URLFrom = watch.SecretRef{File: "a", Env: "b"} }, "url_from: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"a timeout beyond the limit", func(o *webhook.Options) { o.URL, o.Timeout = good, watch.Duration(1e12) }, "timeout: want more than 0 and at most 5m"},
		{"no signing secret", func(o *webhook.Options) { o.URL, o.SigningSecrets = good, nil }, "signing_secrets: want one secret, or two while rotating"},
		{"an empty signing secret", func(o *webhook.Options) { o.URL, o.SigningSecrets = good, []watch.SecretRef{{}} }, "signing_secrets[0]: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"a header name with a line break", func(o *webhook.Options) { o.URL, o.Headers[0].Name = good, "X\r\nBcc" }, "headers[0].name: want the name of an HTTP header"},
		{"a header of the channel's own", func(o *webhook.Options) { o.URL, o.Headers[0].Name = good, "webhook-signature" }, "headers[0].name: webhook-signature is set by the channel itself"},
		{"no source", func(o *webhook.Options) { o.URL, o.Source = good, "" }, "source: want a URI reference, such as /lapsewatch"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			alerttest.AssertRefused(t, webhook.Kind, configured(test.edit), test.want)
		})
	}
}
