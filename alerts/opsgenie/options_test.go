package opsgenie_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/opsgenie"
	"lapsewatch/watch"
)

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	tests := []struct {
		name string
		edit func(*opsgenie.Options)
		want string
	}{
		{"neither service nor URL", func(o *opsgenie.Options) { o.Service = "" }, "service: want jsm, opsgenie or opsgenie-eu; or give url instead"},
		{"an unknown service", func(o *opsgenie.Options) { o.Service = "opsgenie-us" }, "service: want jsm, opsgenie or opsgenie-eu"},
		{"both service and URL", func(o *opsgenie.Options) { o.URL = "https://alerts.example.com/v2" }, "service: want either service or url"},
		{"both service and secret URL", func(o *opsgenie.Options) { o.URLFrom.Env = "URL" }, "service: want either service or url"},
		{"plain http", func(o *opsgenie.Options) { o.Service, o.URL = "", "http://alerts.example.com/v2" }, "url: want https; allow_insecure_http accepts http"},
		{"the address of a call", func(o *opsgenie.Options) { o.Service, o.URL = "", "https://api.eu.opsgenie.com/v2/alerts/" }, "url: want the address without /alerts, such as https://api.atlassian.com/jsm/ops/integration/v2"},
		{"no key", func(o *opsgenie.Options) { o.APIKey = watch.SecretRef{} }, "api_key: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"an empty team", func(o *opsgenie.Options) { o.Teams = []string{"a", ""} }, "teams[1]: want one line of 1 to 100 visible characters"},
		{"too many teams", func(o *opsgenie.Options) { o.Teams = strings.Split(strings.Repeat("a", 51), "") }, "teams: want at most 50"},
		{"a long tag", func(o *opsgenie.Options) { o.Tags = []string{strings.Repeat("a", 51)} }, "tags[0]: want one line of 1 to 50 visible characters"},
		{"too many tags", func(o *opsgenie.Options) { o.Tags = strings.Split(strings.Repeat("a", 18), "") }, "tags: want at most 17"},
		{"a source of two lines", func(o *opsgenie.Options) { o.Source = "a\nb" }, "source: want one line of 1 to 100 visible characters"},
		{"no time to process", func(o *opsgenie.Options) { o.ConfirmWithin = 0 }, "confirm_within: want more than 0 and at most 1m"},
		{"too much time to process", func(o *opsgenie.Options) { o.ConfirmWithin = watch.Duration(61e9) }, "confirm_within: want more than 0 and at most 1m"},
		{"no time", func(o *opsgenie.Options) { o.Timeout = 0 }, "timeout: want more than 0 and at most 5m"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			alerttest.AssertRefused(t, opsgenie.Kind, configured(func(o *opsgenie.Options) {
				o.Service = "jsm"
				test.edit(o)
			}), test.want)
		})
	}
}

func TestEachServiceHasItsAddress(t *testing.T) {
	for service, want := range map[string]string{
		"jsm":         "https://api.atlassian.com/jsm/ops/integration/v2/alerts",
		"opsgenie":    "https://api.opsgenie.com/v2/alerts",
		"opsgenie-eu": "https://api.eu.opsgenie.com/v2/alerts",
	} {
		t.Run(service, func(t *testing.T) {
			var asked, key string
			env := alerttest.Env(nil, secrets)
			env.HTTP = &http.Client{Transport: alerttest.RoundTrip(func(r *http.Request) (*http.Response, error) {
				asked, key = r.URL.String(), r.Header.Get("Authorization")
				return nil, errors.New("not in a test")
			})}
			channel := alerttest.Build(t, opsgenie.Kind, env, configured(func(o *opsgenie.Options) { o.Service = service }))
			if _, err := channel.Deliver(t.Context(), alerttest.Only(0)); err == nil || asked != want || key != "GenieKey "+apiKey {
				t.Errorf("asked %s with %q: %v", asked, key, err)
			}
		})
	}
}
