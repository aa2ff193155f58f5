package teams_test

import (
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/teams"
)

const retired = "this is the URL of an Office 365 connector, which Microsoft has retired: in Teams choose … beside the channel, " +
	`then Workflows, then "Send webhook alerts to a channel", and give the URL that it shows in url_from`

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	const signed = "url: the URL of a workflow is itself a secret: keep it in a file or an environment variable and give that in url_from"
	tests := []struct {
		name string
		edit func(*teams.Options)
		want string
	}{
		{"no URL", func(*teams.Options) {}, "url: want exactly one of url and url_from"},
		{"two URLs", func(o *teams.Options) { o.URL, o.URLFrom.Env = "https://flow.example.com/canary", "HOOK" }, "url: want exactly one of url and url_from"},
		{"plain http", func(o *teams.Options) { o.URL = "http://flow.example.com/canary" }, "url: want https; allow_insecure_http accepts http"},
		{"no timeout", func(o *teams.Options) { o.URL, o.Timeout = "https://flow.example.com/canary", 0 }, "timeout: want more than 0 and at most 5m"},
		{"a signed URL", func(o *teams.Options) { o.URL = "https://prod-1.westeurope.logic.azure.com/workflows/1?sig=canary" }, signed},
		{"a connector", func(o *teams.Options) { o.URL = "https://example.webhook.office.com/webhookb2/canary" }, "url: " + retired},
		{"a connector in capitals", func(o *teams.Options) { o.URL = "https://EXAMPLE.Webhook.Office.COM./webhookb2/canary" }, "url: " + retired},
		{"an old connector", func(o *teams.Options) { o.URL = "https://outlook.office.com/webhook/canary" }, "url: " + retired},
		{"another old connector", func(o *teams.Options) { o.URL = "https://outlook.office365.com/Webhook/canary" }, "url: " + retired},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			alerttest.AssertRefused(t, teams.Kind, test.edit, test.want)
		})
	}
}

func TestAURLThatIsNoConnectorsIsAccepted(t *testing.T) {
	for _, url := range []string{
		"https://relay.example.com/teams", "https://webhook.office.com.example.org/x", "https://notwebhook.office.com/x", "https://outlook.office.com/other",
	} {
		if _, err := teams.Kind.Build(alerttest.Options(func(o *teams.Options) { o.URL = url }), alerts.Env{}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestARetiredConnectorInASecretIsRefusedAndNothingIsSent(t *testing.T) {
	service := alerttest.NewRecorder(t, accept)
	channel := build(t, alerttest.Env(service.Client(), nil), "https://example.webhook.office.com/webhookb2/canary")
	_, err := channel.Deliver(t.Context(), alerttest.Message())
	alerttest.AssertFailure(t, err, "the URL in environment variable WORKFLOW: "+retired, false, 0)
	if len(service.Requests()) != 0 {
		t.Error("something was sent")
	}
}

func TestASecretThatCannotBeReadIsPermanent(t *testing.T) {
	env := alerttest.Env(alerttest.NewRecorder(t, accept).Client(), nil)
	channel := alerttest.Build(t, teams.Kind, env, func(o *teams.Options) { o.URLFrom.Env = "MISSING" })
	_, err := channel.Deliver(t.Context(), alerttest.Message())
	alerttest.AssertFailure(t, err, "read the URL: read secret from environment variable MISSING: it is not set", false, 0)
}
