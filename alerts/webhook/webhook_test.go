package webhook_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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

func readSecret(reference watch.SecretRef) (watch.Secret, error) {
	value, ok := secrets[reference.Env]
	if !ok {
		return watch.Secret{}, fmt.Errorf("read secret from %s: it is not set", reference)
	}
	return watch.NewSecret(value), nil
}

// options decodes as configuration does, on top of the defaults.
func options(edit func(*webhook.Options)) watch.Decoder {
	return func(into any) error {
		o := into.(*webhook.Options)
		o.SigningSecrets = []watch.SecretRef{{Env: "SIGNING"}, {Env: "SIGNING_BEFORE"}}
		o.Headers = []webhook.Header{{Name: "Authorization", Value: watch.SecretRef{Env: "AUTHORIZATION"}}}
		edit(o)
		return nil
	}
}

func build(t *testing.T, env alerts.Env, edit func(*webhook.Options)) alerts.Channel {
	t.Helper()
	channel, err := webhook.Kind.Build(options(edit), env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

// receiver is an HTTPS server that keeps what it was sent.
type receiver struct {
	*httptest.Server
	header http.Header
	body   []byte
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.header = request.Header
		var err error
		if r.body, err = io.ReadAll(request.Body); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) env() alerts.Env {
	return alerts.Env{
		Name: alerttest.ChannelName, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		HTTP: r.Client(), Secrets: readSecret, Version: "1.2.3", ReportURL: alerttest.ReportURL,
	}
}

func (r *receiver) deliver(t *testing.T, message alerts.Message) alerts.Receipt {
	t.Helper()
	channel := build(t, r.env(), func(o *webhook.Options) { o.URL = r.URL + "/hook" })
	receipt, err := channel.Deliver(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func TestTheWebhookChannelKeepsTheContract(t *testing.T) {
	alerttest.RunHTTP(t, alerttest.HTTPSuite{
		New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
			return build(t, env, func(o *webhook.Options) { o.URL = url })
		},
		Values: secrets,
		Accept: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		ID:     func(r *http.Request, _ []byte) string { return r.Header.Get("Webhook-Id") },
		Texts: func(t *testing.T, attempt alerttest.Attempt) []string {
			return jsonTexts(t, attempt.Content)
		},
		Forbidden: []string{"javascript:"},
	})
}

// jsonTexts lists every string of a document, names included.
func jsonTexts(t *testing.T, document []byte) []string {
	t.Helper()
	var texts []string
	decoder := json.NewDecoder(bytes.NewReader(document))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(string); ok {
			texts = append(texts, text)
		}
	}
}

func TestTheReceiptIsTheServersStatus(t *testing.T) {
	if got := newReceiver(t).deliver(t, alerttest.Message()).Proof; got != "HTTP 202 Accepted" {
		t.Errorf("proof %q", got)
	}
}

func TestF15_AHostileMessageReadsAsTheGoldenFileSays(t *testing.T) {
	r := newReceiver(t)
	message := alerttest.HostileMessage()
	for i := range message.Events {
		// The limits on lists have tests of their own.
		message.Events[i].Finding.Details = map[string]any{"subject": message.Events[i].Finding.Name}
	}
	r.deliver(t, message)
	golden(t, "hostile.json", r.body)
}

func TestTheBodyIsTheDocumentedCloudEvent(t *testing.T) {
	r := newReceiver(t)
	r.deliver(t, alerttest.Message())
	golden(t, "digest.json", r.body)
	if got := r.header.Get("User-Agent"); got != "lapsewatch/1.2.3" {
		t.Errorf("User-Agent %q", got)
	}
	if got := r.header.Get("Authorization"); got != headerValue {
		t.Errorf("Authorization %q", got)
	}
}

func TestTheCloudEventsLibraryReadsTheEvent(t *testing.T) {
	for name, message := range map[string]alerts.Message{"an ordinary message": alerttest.Message(), "a hostile message": alerttest.HostileMessage()} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			r.deliver(t, message)
			request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(r.body))
			request.Header = r.header
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
	r := newReceiver(t)
	r.deliver(t, alerttest.Message())
	for _, secret := range []string{newSecret, oldSecret} {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(r.body, r.header); err != nil {
			t.Errorf("with secret %s: %v", secret, err)
		}
		if err := verifier.Verify(bytes.Replace(r.body, []byte("critical"), []byte("ok      "), 1), r.header); err == nil {
			t.Errorf("with secret %s: a changed body is accepted", secret)
		}
		forged := r.header.Clone()
		forged.Set("Webhook-Id", "another")
		if err := verifier.Verify(r.body, forged); err == nil {
			t.Errorf("with secret %s: a changed id is accepted", secret)
		}
	}
	foreign := make([]byte, 32)
	_, _ = rand.Read(foreign)
	stranger, err := standardwebhooks.NewWebhook(base64.StdEncoding.EncodeToString(foreign))
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Verify(r.body, r.header); err == nil {
		t.Error("a foreign secret is accepted")
	}
}

func TestARetryKeepsTheIDAndRenewsTheTimestamp(t *testing.T) {
	r := newReceiver(t)
	env := r.env()
	at := alerttest.Now()
	env.Now = func() time.Time { return at }
	channel := build(t, env, func(o *webhook.Options) { o.URL = r.URL })
	var headers []http.Header
	for range 2 {
		if _, err := channel.Deliver(t.Context(), alerttest.Message()); err != nil {
			t.Fatal(err)
		}
		headers = append(headers, r.header)
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
	r := newReceiver(t)
	message := alerttest.Message()
	message.Test = true
	r.deliver(t, message)
	if !bytes.Contains(r.body, []byte(`"test":true`)) {
		t.Errorf("body %s", r.body)
	}
}

func TestA9_TheBodyStaysBelowItsLimitAndCountsWhatIsLeftOut(t *testing.T) {
	r := newReceiver(t)
	message := alerttest.Message()
	ordinary := message.Events[0]
	for i := range 5000 {
		ordinary.ID = fmt.Sprint("event ", i)
		message.Events = append(message.Events, ordinary)
	}
	r.deliver(t, message)
	if len(r.body) > 256<<10 || len(r.body) < 250<<10 {
		t.Errorf("the body has %d bytes", len(r.body))
	}
	var sent struct {
		Data struct {
			Events  []watch.Event `json:"events"`
			LeftOut int           `json:"events_left_out"`
		} `json:"data"`
	}
	if err := json.Unmarshal(r.body, &sent); err != nil {
		t.Fatal(err)
	}
	if len(sent.Data.Events)+sent.Data.LeftOut != len(message.Events) || sent.Data.Events[0].ID != message.Events[0].ID {
		t.Errorf("%d events sent, %d left out, of %d", len(sent.Data.Events), sent.Data.LeftOut, len(message.Events))
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
			r := newReceiver(t)
			message := alerttest.Message()
			message.Events = message.Events[:1]
			message.Events[0].Finding.Details = details
			r.deliver(t, message)
			for _, want := range []string{`"details":{"left_out":"they do not fit into a message"}`, `"message":"certificate expires 2026-11-26 10:00 UTC, in 4 days"`} {
				if !bytes.Contains(r.body, []byte(want)) {
					t.Errorf("%s is missing in %s", want, r.body)
				}
			}
		})
	}
}

func TestAnUnusableSecretIsAnErrorThatNamesItsPlace(t *testing.T) {
	r := newReceiver(t)
	tests := []struct {
		name, reference, value, want string
	}{
		{"no whsec_ prefix", "SIGNING", "bmV3LWNhbmFyeS1rZXktb2YtMzItYnl0ZXMtMDAwMDA=", "deliver by operations: sign with the secret in environment variable SIGNING: want whsec_ and then 24 to 64 bytes in Base64"},
		{"no Base64", "SIGNING", "whsec_canary!canary!canary!canary", "deliver by operations: sign with the secret in environment variable SIGNING: want whsec_ and then 24 to 64 bytes in Base64"},
		{"a short key", "SIGNING", "whsec_Y2FuYXJ5", "deliver by operations: sign with the secret in environment variable SIGNING: want whsec_ and then 24 to 64 bytes in Base64"},
		{"a line break in a header", "AUTHORIZATION", "Bearer canary\r\nX-Injected: yes", "deliver by operations: post to " + r.URL + `: net/http: invalid header field value for "Authorization"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env := r.env()
			env.Secrets = func(reference watch.SecretRef) (watch.Secret, error) {
				if reference.Env == test.reference {
					return watch.NewSecret(test.value), nil
				}
				return readSecret(reference)
			}
			channel := build(t, env, func(o *webhook.Options) { o.URL = r.URL })
			_, err := channel.Deliver(t.Context(), alerttest.Message())
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}

func TestASecretIsReadAtEachUse(t *testing.T) {
	r := newReceiver(t)
	env := r.env()
	missing := true
	env.Secrets = func(reference watch.SecretRef) (watch.Secret, error) {
		if missing {
			return watch.Secret{}, fmt.Errorf("read secret from %s: it is not set", reference)
		}
		return readSecret(reference)
	}
	channel := build(t, env, func(o *webhook.Options) { o.URL = r.URL })
	_, err := channel.Deliver(t.Context(), alerttest.Message())
	if want := "deliver by operations: read header Authorization: read secret from environment variable AUTHORIZATION: it is not set"; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	missing = false
	if _, err := channel.Deliver(t.Context(), alerttest.Message()); err != nil {
		t.Errorf("after the secret was set: %v", err)
	}
}

func golden(t *testing.T, name string, document []byte) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, document, "", "  "); err != nil {
		t.Fatal(err)
	}
	got := append(indented.Bytes(), '\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at it and run the test with -update\n%s", path, got)
	}
}
