package webhook_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/webhook"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	newSecret   = "whsec_bmV3LWNhbmFyeS1rZXktb2YtMzItYnl0ZXMtMDAwMDA="
	oldSecret   = "whsec_b2xkLWNhbmFyeS1rZXktb2YtMzItYnl0ZXMtMDAwMDA="
	headerValue = "Bearer canary-header-7c1e"
)

var secrets = map[string]string{"SIGNING": newSecret, "SIGNING_BEFORE": oldSecret, "AUTHORIZATION": headerValue}

// configured adds to the options what every webhook here has.
func configured(edit func(*webhook.Options)) func(*webhook.Options) {
	return func(o *webhook.Options) {
		o.SigningSecrets = []watch.SecretRef{{Env: "SIGNING"}, {Env: "SIGNING_BEFORE"}}
		o.Headers = []webhook.Header{{Name: "Authorization", Value: watch.SecretRef{Env: "AUTHORIZATION"}}}
		edit(o)
	}
}

func build(t *testing.T, env alerts.Env, url string) alerts.Channel {
	t.Helper()
	return alerttest.Build(t, webhook.Kind, env, configured(func(o *webhook.Options) { o.URL = url }))
}

func newReceiver(t *testing.T) *alerttest.Recorder {
	return alerttest.NewRecorder(t, alerttest.Says(http.StatusAccepted, ""))
}

// sent is the request by which a receiver is sent the message.
func sent(t *testing.T, message alerts.Message) alerttest.Recorded {
	t.Helper()
	receiver := newReceiver(t)
	alerttest.Deliver(t, build(t, alerttest.Env(receiver.Client(), secrets), receiver.URL+"/hook"), message)
	return receiver.Last(t)
}

func TestTheWebhookChannelKeepsTheContract(t *testing.T) {
	alerttest.RunHTTP(t, alerttest.HTTPSuite{
		New:    build,
		Values: secrets,
		Accept: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		ID:     func(r *http.Request, _ []byte) string { return r.Header.Get("Webhook-Id") },
		Texts: func(t *testing.T, attempt alerttest.Attempt) []string {
			return alerttest.JSONTexts(t, attempt.Content)
		},
		Forbidden: []string{"javascript:"},
	})
}

func TestTheReceiptIsTheServersStatus(t *testing.T) {
	receiver := newReceiver(t)
	channel := build(t, alerttest.Env(receiver.Client(), secrets), receiver.URL)
	if got := alerttest.Deliver(t, channel, alerttest.Message()).Proof; got != "HTTP 202 Accepted" {
		t.Errorf("proof %q", got)
	}
}

func TestF15_AHostileMessageReadsAsTheGoldenFileSays(t *testing.T) {
	message := alerttest.HostileMessage()
	for i := range message.Events {
		// The limits on lists have tests of their own.
		message.Events[i].Finding.Details = map[string]any{"subject": message.Events[i].Finding.Name}
	}
	alerttest.GoldenJSON(t, "hostile.json", sent(t, message).Content, *update)
}

func TestTheBodyIsTheDocumentedCloudEvent(t *testing.T) {
	r := sent(t, alerttest.Message())
	alerttest.GoldenJSON(t, "digest.json", r.Content, *update)
	if got := r.Header.Get("User-Agent"); got != "lapsewatch/1.2.3" {
		t.Errorf("User-Agent %q", got)
	}
	if got := r.Header.Get("Authorization"); got != headerValue {
		t.Errorf("Authorization %q", got)
	}
}

func TestTheCloudEventsLibraryReadsTheEvent(t *testing.T) {
	for name, message := range map[string]alerts.Message{"an ordinary message": alerttest.Message(), "a hostile message": alerttest.HostileMessage()} {
		t.Run(name, func(t *testing.T) {
			r := sent(t, message)
			request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(r.Content))
			request.Header = r.Header
			event, err := cehttp.NewEventFromHTTPRequest(request)
			if err != nil {
				t.Fatal(err)
			}
			if err := event.Validate(); err != nil {
				t.Error(err)
			}
			if event.SpecVersion() != cloudevents.CloudEventsVersionV1 || event.ID() != message.ID || event.Source() != "/lapsewatch" || event.Type() != "lapsewatch.digest.v1" || !event.Time().Equal(message.CreatedAt) {
				t.Errorf("event %s", event)
			}
		})
	}
}

func TestTheStandardWebhooksLibraryVerifiesBothSecrets(t *testing.T) {
	r := sent(t, alerttest.Message())
	for _, secret := range []string{newSecret, oldSecret} {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(r.Content, r.Header); err != nil {
			t.Errorf("with secret %s: %v", secret, err)
		}
		if err := verifier.Verify(bytes.Replace(r.Content, []byte("critical"), []byte("ok      "), 1), r.Header); err == nil {
			t.Errorf("with secret %s: a changed body is accepted", secret)
		}
		forged := r.Header.Clone()
		forged.Set("Webhook-Id", "another")
		if err := verifier.Verify(r.Content, forged); err == nil {
			t.Errorf("with secret %s: a changed id is accepted", secret)
		}
	}
	foreign := make([]byte, 32)
	_, _ = rand.Read(foreign)
	stranger, err := standardwebhooks.NewWebhook(base64.StdEncoding.EncodeToString(foreign))
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Verify(r.Content, r.Header); err == nil {
		t.Error("a foreign secret is accepted")
	}
}

func TestARetryKeepsTheIDAndRenewsTheTimestamp(t *testing.T) {
	receiver := newReceiver(t)
	env := alerttest.Env(receiver.Client(), secrets)
	at := alerttest.Now()
	env.Now = func() time.Time { return at }
	channel := build(t, env, receiver.URL)
	var headers []http.Header
	for range 2 {
		alerttest.Deliver(t, channel, alerttest.Message())
		headers = append(headers, receiver.Last(t).Header)
		at = at.Add(10 * time.Minute)
	}
	if headers[0].Get("Webhook-Id") != headers[1].Get("Webhook-Id") {
		t.Errorf("ids %q and %q", headers[0].Get("Webhook-Id"), headers[1].Get("Webhook-Id"))
	}
	if first, second := headers[0].Get("Webhook-Timestamp"), headers[1].Get("Webhook-Timestamp"); first != "1795327200" || second != "1795327800" {
		t.Errorf("timestamps %s and %s", first, second)
	}
}

func TestATestMessageSaysSo(t *testing.T) {
	message := alerttest.Message()
	message.Test = true
	if r := sent(t, message); !bytes.Contains(r.Content, []byte(`"test":true`)) {
		t.Errorf("body %s", r.Content)
	}
}

func TestA9_TheBodyStaysBelowItsLimitAndCountsWhatIsLeftOut(t *testing.T) {
	message := alerttest.Message()
	ordinary := message.Events[0]
	for i := range 5000 {
		ordinary.ID = fmt.Sprint("event ", i)
		message.Events = append(message.Events, ordinary)
	}
	r := sent(t, message)
	if size := len(r.Content); size > 256<<10 || size < 250<<10 {
		t.Errorf("the body has %d bytes", size)
	}
	var made struct {
		Data struct {
			Events  []watch.Event `json:"events"`
			LeftOut int           `json:"events_left_out"`
		} `json:"data"`
	}
	if err := json.Unmarshal(r.Content, &made); err != nil {
		t.Fatal(err)
	}
	if len(made.Data.Events)+made.Data.LeftOut != len(message.Events) || made.Data.Events[0].ID != message.Events[0].ID {
		t.Errorf("%d events sent, %d left out, of %d", len(made.Data.Events), made.Data.LeftOut, len(message.Events))
	}
}

func TestA9_DetailsThatDoNotFitAreDroppedAndTheMessageStays(t *testing.T) {
	large := map[string]any{}
	for i := range 100 {
		large[fmt.Sprint("detail ", i)] = strings.Repeat("x", 10_000)
	}
	for name, details := range map[string]map[string]any{
		"too large":            large,
		"not possible in JSON": {"offset_seconds": math.NaN()},
	} {
		t.Run(name, func(t *testing.T) {
			r := sent(t, alerttest.Only(0, func(event *watch.Event) { event.Finding.Details = details }))
			for _, want := range []string{`"details":{"left_out":"they do not fit into a message"}`, `"message":"certificate expires 2026-11-26 10:00 UTC, in 4 days"`} {
				if !bytes.Contains(r.Content, []byte(want)) {
					t.Errorf("%s is missing in %s", want, r.Content)
				}
			}
		})
	}
}

func TestAnUnusableSecretIsAnErrorThatNamesItsPlace(t *testing.T) {
	receiver := newReceiver(t)
	tests := []struct {
		name, reference, value, want string
	}{
		{"no whsec_ prefix", "SIGNING", "bmV3LWNhbmFyeS1rZXktb2YtMzItYnl0ZXMtMDAwMDA=", "sign with the secret in environment variable SIGNING: want whsec_ and then 24 to 64 bytes in Base64"},
		{"no Base64", "SIGNING", "whsec_canary!canary!canary!canary", "sign with the secret in environment variable SIGNING: want whsec_ and then 24 to 64 bytes in Base64"},
		{"a short key", "SIGNING", "whsec_Y2FuYXJ5", "sign with the secret in environment variable SIGNING: want whsec_ and then 24 to 64 bytes in Base64"},
		{"a line break in a header", "AUTHORIZATION", "Bearer canary\r\nX-Injected: yes", "the header Authorization would hold a line break or another character that no header may have: look at the secret that stands in it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			values := maps.Clone(secrets)
			values[test.reference] = test.value
			_, err := build(t, alerttest.Env(receiver.Client(), values), receiver.URL).Deliver(t.Context(), alerttest.Message())
			alerttest.AssertFailure(t, err, test.want, false, 0)
		})
	}
}

func TestASecretIsReadAtEachUse(t *testing.T) {
	receiver := newReceiver(t)
	values := maps.Clone(secrets)
	delete(values, "AUTHORIZATION")
	channel := build(t, alerttest.Env(receiver.Client(), values), receiver.URL)
	_, err := channel.Deliver(t.Context(), alerttest.Message())
	alerttest.AssertFailure(t, err, "read header Authorization: read secret from environment variable AUTHORIZATION: it is not set", false, 0)
	values["AUTHORIZATION"] = headerValue
	alerttest.Deliver(t, channel, alerttest.Message())
}
