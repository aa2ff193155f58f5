package servicenow_test

import (
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/servicenow"
	"lapsewatch/watch"
)

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	const reference = "a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"
	tests := []struct {
		name string
		edit func(*servicenow.Options)
		want string
	}{
		{"no URL", func(o *servicenow.Options) { o.URL = "" }, "url: want exactly one of url and url_from"},
		{"no account", func(o *servicenow.Options) { o.Username = "" }, "username: want either username and password, or token"},
		{"an account and a token", func(o *servicenow.Options) { o.Token.Env = "T" }, "username: want either username and password, or token\npassword: leave it out beside token"},
		{"a token of two places", func(o *servicenow.Options) {
			o.Username, o.Password, o.Token = "", watch.SecretRef{}, watch.SecretRef{Env: "A", File: "b"}
		}, "token: " + reference},
		{"no password", func(o *servicenow.Options) { o.Password = watch.SecretRef{} }, "password: " + reference},
		{"a name that breaks basic authentication", func(o *servicenow.Options) { o.Username = "a:b" }, "username: want no colon in it"},
		{"a table that leads elsewhere", func(o *servicenow.Options) { o.Table = "../user" }, "table: want the name of a table, such as incident"},
		{"a state by name", func(o *servicenow.Options) { o.ResolvedState = "Resolved" }, "resolved_state: want the number that the table's state has, such as 6"},
		{"one state for both", func(o *servicenow.Options) { o.ReopenedState = "6" }, "reopened_state: want the number that the table's state has, such as 2, and another than resolved_state"},
		{"an impact of 0", func(o *servicenow.Options) { o.Impact.Critical = "0" }, `impact: want 1, 2 or 3 for each severity, not "0"`},
		{"an urgency by name", func(o *servicenow.Options) { o.Urgency.Notice = "low" }, `urgency: want 1, 2 or 3 for each severity, not "low"`},
		{"A6 a group of two lines", func(o *servicenow.Options) { o.AssignmentGroup = "a\nb" }, "assignment_group: want one line of at most 255 characters"},
		{"a field that is none", func(o *servicenow.Options) { o.Fields = map[string]string{"Category^": "x"} }, "fields.Category^: want the name of a field"},
		{"a field of the channel's own", func(o *servicenow.Options) { o.Fields = map[string]string{"correlation_id": "x"} }, "fields.correlation_id: the channel sets it itself"},
		{"a source of two lines", func(o *servicenow.Options) { o.Source = "a\nb" }, "source: want one line of at most 100 visible characters"},
		{"no time to reopen", func(o *servicenow.Options) { o.ReopenWithin = 0 }, "reopen_within: want more than 0, such as 7d"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := servicenow.Kind.Build(options(func(o *servicenow.Options) {
				o.URL = "https://example.service-now.com"
				test.edit(o)
			}), alerts.Env{})
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}
