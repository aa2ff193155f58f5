package alertmanager_test

import (
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alertmanager"
	"lapsewatch/watch"
)

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	const good = "https://am.example.com"
	tests := []struct {
		name string
		edit func(*alertmanager.Options)
		want string
	}{
		{"no URL", func(o *alertmanager.Options) { o.URLs = nil }, "urls: want 1 to 10, one for each replica"},
		{"an empty URL", func(o *alertmanager.Options) { o.URLs = []string{good, ""} }, "urls[1]: it cannot be parsed"},
		{"a URL twice", func(o *alertmanager.Options) { o.URLs = []string{good, good} }, "urls[1]: it is listed twice"},
		{"plain http", func(o *alertmanager.Options) { o.URLs = []string{"http://am:9093"} }, "urls[0]: want https; allow_insecure_http accepts http"},
		{"the API's own path", func(o *alertmanager.Options) { o.URLs = []string{good + "/api/v2/alerts/"} }, "urls[0]: want the base URL, without /api/v2/alerts"},
		{"a password in the URL", func(o *alertmanager.Options) { o.URLs = []string{"https://u:p@am.example.com"} }, "urls[0]: it holds a user name or password; send an Authorization header instead"},
		{"a timeout beyond the limit", func(o *alertmanager.Options) { o.Timeout = watch.Duration(time.Hour) }, "timeout: want more than 0 and at most 5m"},
		{"alerts that end at once", func(o *alertmanager.Options) { o.EndsAfter = watch.Duration(time.Second) }, "ends_after: want 1m to 30d, and longer than the interval of runs"},
		{"alerts that never end", func(o *alertmanager.Options) { o.EndsAfter = watch.Duration(31 * 24 * time.Hour) }, "ends_after: want 1m to 30d, and longer than the interval of runs"},
		{"a token and a password", func(o *alertmanager.Options) { o.BearerToken.Env, o.Username, o.Password.Env = "T", "u", "P" }, "username: want one of bearer_token and username, not both"},
		{"a token reference to two places", func(o *alertmanager.Options) { o.BearerToken = watch.SecretRef{Env: "T", File: "f"} }, "bearer_token: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"a password without account", func(o *alertmanager.Options) { o.Password.Env = "P" }, "username: a password needs the account that it belongs to"},
		{"an account without password", func(o *alertmanager.Options) { o.Username = "u" }, "password: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"an account with a colon", func(o *alertmanager.Options) { o.Username, o.Password.Env = "u:v", "P" }, "username: basic authentication allows no colon in it"},
		{"a label with a dash", func(o *alertmanager.Options) { o.Labels = map[string]string{"cost-centre": "1"} }, "labels.cost-centre: want a name of letters, digits and _, which does not begin with a digit"},
		{"a label of the channel's own", func(o *alertmanager.Options) { o.Labels = map[string]string{"severity": "page"} }, "labels.severity: the channel sets this label itself"},
		{"a label without value", func(o *alertmanager.Options) { o.Labels = map[string]string{"team": ""} }, "labels.team: want a value: Alertmanager drops an empty label"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := alertmanager.Kind.Build(options(func(o *alertmanager.Options) {
				o.URLs = []string{good}
				test.edit(o)
			}), alerts.Env{})
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}
