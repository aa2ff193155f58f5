package teams_test

import (
	"errors"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/teams"
	"lapsewatch/watch"
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
			_, err := teams.Kind.Build(decoder(test.edit), alerts.Env{})
			if err == nil || err.Error() != test.want {
				t.Fatalf("error %v\nwant  %s", err, test.want)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error repeats the URL: %v", err)
			}
		})
	}
}

func decoder(edit func(*teams.Options)) watch.Decoder {
	return func(into any) error {
		edit(into.(*teams.Options))
		return nil
	}
}

func TestAURLThatIsNoConnectorsIsAccepted(t *testing.T) {
	for _, url := range []string{
		"https://relay.example.com/teams", "https://webhook.office.com.example.org/x", "https://notwebhook.office.com/x", "https://outlook.office.com/other",
	} {
		if _, err := teams.Kind.Build(decoder(func(o *teams.Options) { o.URL = url }), alerts.Env{}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestARetiredConnectorInASecretIsRefusedAndNothingIsSent(t *testing.T) {
	w := newWorkflow(t, accept)
	_, err := build(t, w.env(), "https://example.webhook.office.com/webhookb2/canary").Deliver(t.Context(), alerttest.Message())
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || failure.Retryable {
		t.Fatalf("want a permanent failure, got %v", err)
	}
	if want := "deliver by operations: the URL in environment variable WORKFLOW: " + retired; err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestASecretThatCannotBeReadIsTriedAgain(t *testing.T) {
	w := newWorkflow(t, accept)
	channel, err := teams.Kind.Build(decoder(func(o *teams.Options) { o.URLFrom.Env = "MISSING" }), w.env())
	if err != nil {
		t.Fatal(err)
	}
	_, err = channel.Deliver(t.Context(), alerttest.Message())
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || !failure.Retryable || err.Error() != "deliver by operations: read the URL: read secret from environment variable MISSING: it is not set" {
		t.Errorf("error %v", err)
	}
}
