package pagerduty_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/pagerduty"
	"lapsewatch/watch"
)

const whichKey = ": in routing_key give the Integration Key (32 characters) of an integration of the type Events API V2, which PagerDuty shows under Services, the service, Integrations; a REST API key is another one"

func TestWhatPagerDutyAnswersDecidesWhetherItIsDelivered(t *testing.T) {
	tests := []struct {
		name      string
		status    int
		body      string
		want      string
		retryable bool
	}{
		{"a success that names a failure", 202, `{"status":"invalid event","message":"Event object is invalid","errors":["'payload.source' is missing"]}`, "PagerDuty answered 202 Accepted and did not take the event: invalid event: Event object is invalid: 'payload.source' is missing", false},
		{"a success without words", 202, ``, `PagerDuty answered 202 Accepted without saying whether it took the event: ""`, true},
		{"the page of a proxy", 200, `<html>Welcome</html>`, `PagerDuty answered 200 OK without saying whether it took the event: "<html>Welcome</html>": this is a web page: a login page, a proxy, or something else stands at this address`, false},
		{"somebody else's JSON", 200, `{"ok":true}`, `PagerDuty answered 200 OK without saying whether it took the event: "{\"ok\":true}"`, true},
		{"an answer that breaks off", 202, `{"status":"succ`, `PagerDuty answered 202 Accepted without saying whether it took the event: "{\"status\":\"succ"`, true},
		{"a success with another status", 200, `{"status":"success","dedup_key":"KEY"}`, "PagerDuty answers 202 to an event that it took, and this was 200 OK: look at what stands between it and this machine", true},
		{"a success for another event", 202, `{"status":"success","dedup_key":"other"}`, `PagerDuty answered 202 Accepted for another event: dedup_key "other" instead of "KEY"`, true},
		{"a wrong key", 400, `{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}`, "PagerDuty answered 400 Bad Request: invalid event: Event object is invalid: Length of 'routing_key' is incorrect (should be 32 characters)" + whichKey, false},
		{"a key that does not exist any more", 400, `{"status":"invalid key","message":"Invalid routing key","errors":["Invalid routing key"]}`, "PagerDuty answered 400 Bad Request: invalid key: Invalid routing key: Invalid routing key" + whichKey, false},
		{"another fault of the event", 400, `{"status":"Unrecognized object","message":"Event object format is unrecognized","errors":["JSON parse error"]}`, "PagerDuty answered 400 Bad Request: Unrecognized object: Event object format is unrecognized: JSON parse error", false},
		{"a fault told in plain text", 400, `Bad thing`, `post to URL: it answered 400 Bad Request: "Bad thing"`, false},
		{"too many events", 429, `{"status":"throttle exceeded","message":"Requests for this service are arriving too quickly."}`, `post to URL: it answered 429 Too Many Requests: "{\"status\":\"throttle exceeded\",\"message\":\"Requests for this service are arriving too quickly.\"}"`, true},
		{"a failure of PagerDuty's", 500, ``, "post to URL: it answered 500 Internal Server Error", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			service := newPagerDuty(t)
			key := dedupKey(t)
			service.fail["/v2/enqueue"] = func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, strings.ReplaceAll(test.body, "KEY", key))
			}
			_, err := service.channel(t, plain).Deliver(t.Context(), alerttest.Only(1))
			want := strings.NewReplacer("URL", service.URL, "KEY", key).Replace(test.want)
			alerttest.AssertFailure(t, err, want, test.retryable, test.status)
		})
	}
}

// dedupKey is that of the second event of the ordinary message.
func dedupKey(t *testing.T) string {
	t.Helper()
	service := newPagerDuty(t)
	alerttest.Deliver(t, service.channel(t, plain), alerttest.Only(1))
	for key := range service.open {
		return key
	}
	return ""
}

func TestTheReceiptHoldsPagerDutysWordAndKey(t *testing.T) {
	service := newPagerDuty(t)
	want := "HTTP 202 Accepted: success: Event processed, dedup_key " + dedupKey(t)
	if got := alerttest.Deliver(t, service.channel(t, plain), alerttest.Only(1)).Proof; got != want {
		t.Errorf("proof %q\nwant  %q", got, want)
	}
}

func TestAWrongKeyIsRefusedAsPagerDutyDoes(t *testing.T) {
	for name, key := range map[string]string{"a REST API key": "u+canaryCanaryCanary", "the key of another API": strings.Repeat("canary", 10)} {
		t.Run(name, func(t *testing.T) {
			service := newPagerDuty(t)
			channel := service.channelWith(t, map[string]string{"ROUTING_KEY": key + "\n"}, plain)
			_, err := channel.Deliver(t.Context(), alerttest.Only(0))
			if err == nil || !strings.HasSuffix(err.Error(), whichKey) || strings.Contains(err.Error(), key) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestTheKeyIsReadAtEachUse(t *testing.T) {
	service := newPagerDuty(t)
	values := map[string]string{}
	channel := service.channelWith(t, values, plain)
	_, err := channel.Deliver(t.Context(), alerttest.Only(0))
	alerttest.AssertFailure(t, err, "read the integration key: read secret from environment variable ROUTING_KEY: it is not set", false, 0)
	values["ROUTING_KEY"] = " " + routingKey + "\n"
	alerttest.Deliver(t, channel, alerttest.Only(0))
}

func TestAMessageOfSeveralEventsIsRefused(t *testing.T) {
	service := newPagerDuty(t)
	_, err := service.channel(t, plain).Deliver(t.Context(), alerttest.Message())
	alerttest.AssertFailure(t, err, "the message holds 5 events, want one", false, 0)
	if len(service.Requests()) != 0 {
		t.Errorf("%d calls were made", len(service.Requests()))
	}
}

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	tests := []struct {
		name string
		edit func(*pagerduty.Options)
		want string
	}{
		{"no key", func(o *pagerduty.Options) { o.RoutingKey = watch.SecretRef{} }, "routing_key: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"plain http", func(o *pagerduty.Options) { o.URL = "http://events.pagerduty.com" }, "url: want https; allow_insecure_http accepts http"},
		{"the address of a call", func(o *pagerduty.Options) { o.URL = "https://events.eu.pagerduty.com/v2/enqueue" }, "url: want the service's address without /v2/enqueue, such as https://events.eu.pagerduty.com"},
		{"the address of another call", func(o *pagerduty.Options) { o.URL = "https://events.pagerduty.com/v2/change/enqueue/" }, "url: want the service's address without /v2/enqueue, such as https://events.eu.pagerduty.com"},
		{"a source of two lines", func(o *pagerduty.Options) { o.Source = "a\nb" }, "source: want one line of at most 100 visible characters"},
		{"a source with space around", func(o *pagerduty.Options) { o.Source = " a" }, "source: want one line of at most 100 visible characters"},
		{"a long source", func(o *pagerduty.Options) { o.Source = strings.Repeat("a", 101) }, "source: want one line of at most 100 visible characters"},
		{"no time", func(o *pagerduty.Options) { o.Timeout = 0 }, "timeout: want more than 0 and at most 5m"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			alerttest.AssertRefused(t, pagerduty.Kind, configured(test.edit), test.want)
		})
	}
}

func TestWithoutAURLTheServiceRegionUSIsAsked(t *testing.T) {
	var asked string
	env := alerttest.Env(nil, secrets)
	env.HTTP = &http.Client{Transport: alerttest.RoundTrip(func(r *http.Request) (*http.Response, error) {
		asked = r.URL.String()
		return nil, errors.New("not in a test")
	})}
	_, err := alerttest.Build(t, pagerduty.Kind, env, configured(plain)).Deliver(t.Context(), alerttest.Only(0))
	if err == nil || asked != "https://events.pagerduty.com/v2/enqueue" {
		t.Errorf("asked %s: %v", asked, err)
	}
}

func TestAnAnswerThatBreaksOffIsTriedAgain(t *testing.T) {
	service := newPagerDuty(t)
	service.fail["/v2/enqueue"] = alerttest.BreaksOff(`{"status":"succ`)
	_, err := service.channel(t, plain).Deliver(t.Context(), alerttest.Only(1))
	alerttest.AssertFailure(t, err, "it answered 200, and the answer broke off: unexpected EOF", true, 200)
}
