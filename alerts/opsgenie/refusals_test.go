package opsgenie_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/opsgenie"
	"lapsewatch/watch"
)

const (
	whichKey = ": in api_key give the key of an API integration that may read, create and update alerts (a user's token and the account's API keys are other ones), and give the service that it belongs to: accounts in the EU are opsgenie-eu, those that have moved are jsm"
	firstID  = "43a29c5c-3dbf-4fa4-9c26-000000000001"
)

func hastily(o *opsgenie.Options) { o.ConfirmWithin = watch.Duration(300 * time.Millisecond) }

func TestTheReceiptIsTheServicesWordWithTheAlertsID(t *testing.T) {
	t.Parallel()
	service := newService(t)
	channel := service.channel(t, plain)
	alias := "lapsewatch-7a2ac40a59a442cc10280fe99a5ec348-p3"
	for _, step := range []struct {
		message alerts.Message
		want    string
	}{
		{alerttest.Only(1), "HTTP 202, request " + firstID + ": Created alert, alert 8743a1b2-" + alias},
		{alerttest.Becomes(watch.Resolved, watch.Warning, watch.OK), "HTTP 202, request 43a29c5c-3dbf-4fa4-9c26-000000000002: Alert does not exist; HTTP 202, request 43a29c5c-3dbf-4fa4-9c26-000000000003: Closed alert, alert 8743a1b2-" + alias},
	} {
		if got := alerttest.Deliver(t, channel, step.message).Proof; got != step.want {
			t.Errorf("proof %q\nwant  %q", got, step.want)
		}
	}
}

func TestWhatTheServiceAnswersDecidesWhetherItIsDelivered(t *testing.T) {
	t.Parallel()
	const page = ": this is a web page: a login page, a proxy, or something else stands at this address"
	const created, asked = "POST /v2/alerts", "GET /v2/alerts/requests/" + firstID
	tests := []struct {
		name, call string
		status     int
		body       string
		want       string
		retryable  bool
		wantStatus int
	}{
		{"the page of a proxy", created, 200, `<html>Welcome</html>`, `create the alert: want a requestId, got 200 OK: "<html>Welcome</html>"` + page, false, 200},
		{"an acceptance without a request", created, 202, `{"result":"Request will be processed"}`, `create the alert: want a requestId, got 202 Accepted: "{\"result\":\"Request will be processed\"}"`, true, 202},
		{"a request that leads elsewhere", created, 202, `{"requestId":"../../users"}`, `create the alert: want a requestId, got 202 Accepted: "{\"requestId\":\"../../users\"}"`, true, 202},
		{"an acceptance that breaks off", created, 202, `{"requestId":"43a2`, `create the alert: want a requestId, got 202 Accepted: "{\"requestId\":\"43a2"`, true, 202},
		{"accepted and then refused", asked, 200, `{"data":{"isSuccess":false,"status":"Integration is disabled","alertId":""}}`, `create the alert: the service accepted request ` + firstID + ` and then refused it: "Integration is disabled"`, false, 202},
		{"creating what does not exist is a failure", asked, 200, `{"data":{"isSuccess":false,"status":"Alert does not exist"}}`, `create the alert: the service accepted request ` + firstID + ` and then refused it: "Alert does not exist"`, false, 202},
		{"accepted and never processed", asked, 404, `{"message":"Request not found. It might not be processed, yet."}`, "create the alert: the service accepted request " + firstID + " and had not processed it after 300ms", true, 202},
		{"processed without an outcome", asked, 200, `{"data":{"status":"Created alert"}}`, "create the alert: the service accepted request " + firstID + " and had not processed it after 300ms", true, 202},
		{"an outcome that cannot be read", asked, 200, `<html>`, `create the alert: ask what became of request ` + firstID + `: the answer is not what it should be: "<html>"` + page, false, 200},
		{"a key that may not read", asked, 403, `{"message":"You are not authorized to access.","took":0.0}`, "create the alert: the service answered 403 Forbidden: You are not authorized to access." + whichKey, false, 403},
		{"a key of the account", created, 403, `{"code":40301,"message":"To perform this action, use an API key from an API integration.","took":0.001}`, "create the alert: the service answered 403 Forbidden: To perform this action, use an API key from an API integration." + whichKey, false, 403},
		{"a key that is unknown", created, 401, `{"message":"Could not authenticate","took":0.002}`, "create the alert: the service answered 401 Unauthorized: Could not authenticate" + whichKey, false, 401},
		{"a key that is none", created, 422, `{"message":"Key format is not valid!","took":0.0}`, "create the alert: the service answered 422 Unprocessable Entity: Key format is not valid!" + whichKey, false, 422},
		{"a refusal without words", created, 401, ``, "create the alert: post to URL: it answered 401 Unauthorized" + whichKey, false, 401},
		{"a body that it does not take", created, 422, `{"message":"Request body is not processable. Please check the errors.","errors":{"message":"Message can not be empty.","alias":"Length can be 512 at most."}}`, "create the alert: the service answered 422 Unprocessable Entity: Request body is not processable. Please check the errors. alias: Length can be 512 at most. message: Message can not be empty.", false, 422},
		{"too many requests", created, 429, `{"message":"You are making too many requests!"}`, `create the alert: post to URL: it answered 429 Too Many Requests: "{\"message\":\"You are making too many requests!\"}"`, true, 429},
		{"too many questions", asked, 429, ``, `create the alert: ask URL: it answered 429 Too Many Requests`, true, 429},
		{"a failure of the service's", created, 500, ``, "create the alert: post to URL: it answered 500 Internal Server Error", true, 500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			service := newService(t)
			service.fail[test.call] = alerttest.Says(test.status, test.body)
			_, err := service.channel(t, hastily).Deliver(t.Context(), alerttest.Only(1))
			want := strings.ReplaceAll(test.want, "URL", service.URL)
			alerttest.AssertFailure(t, err, want, test.retryable, test.wantStatus)
		})
	}
}

func TestAPersonWhoClosedItFirstIsNoFailure(t *testing.T) {
	t.Parallel()
	service := newService(t)
	service.fail["GET /v2/alerts/requests/"+firstID] = alerttest.Says(200, `{"data":{"isSuccess":false,"status":"Alert is already closed"}}`)
	alerttest.Deliver(t, service.channel(t, plain), alerttest.Becomes(watch.Resolved, watch.Warning, watch.OK))
}

func TestAnAlertThatCannotBeClosedIsAFailure(t *testing.T) {
	t.Parallel()
	service := newService(t)
	service.fail["GET /v2/alerts/requests/"+firstID] = alerttest.Says(200, `{"data":{"isSuccess":false,"status":"Integration is disabled"}}`)
	_, err := service.channel(t, plain).Deliver(t.Context(), alerttest.Becomes(watch.Resolved, watch.Warning, watch.OK))
	alerttest.AssertFailure(t, err, `close the alert with priority P1: the service accepted request `+firstID+` and then refused it: "Integration is disabled"`, false, 202)
}

func TestTheServiceIsAskedUntilItHasProcessedTheRequest(t *testing.T) {
	t.Parallel()
	for name, flat := range map[string]bool{"Opsgenie": false, "an answer without data around it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := newService(t)
			service.unprocessed, service.flat = 2, flat
			alerttest.Deliver(t, service.channel(t, plain), alerttest.Only(1))
			if got := service.asked[firstID]; got != 3 {
				t.Errorf("it was asked %d times, want 3", got)
			}
		})
	}
}

func TestAnAttemptThatWasBrokenOffIsRepeatedWithoutASecondAlert(t *testing.T) {
	t.Parallel()
	service := newService(t)
	channel := service.channel(t, hastily)
	alerttest.Deliver(t, channel, alerttest.Only(1))
	worse := alerttest.Becomes(watch.Worsened, watch.Warning, watch.Critical)
	closed := "/close"
	service.fail[closed] = alerttest.Says(502, "")
	_, err := channel.Deliver(t.Context(), worse)
	alerttest.AssertFailure(t, err, "close the alert with priority P3: post to "+service.URL+": it answered 502 Bad Gateway", true, 502)
	if got := service.priorities(); got != "P1×1+0 P3×1+0" {
		t.Errorf("open in between: %s", got)
	}
	delete(service.fail, closed)
	alerttest.Deliver(t, channel, worse)
	if got := service.priorities(); got != "P1×2+0" {
		t.Errorf("open after the repetition: %s", got)
	}
}

func TestTheRatesOwnHeaderSaysHowLongToWait(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, header, retryAfter string
		want                     time.Duration
	}{
		{"its own header", "30", "", 30 * time.Second},
		{"the standard one comes first", "30", "7", 7 * time.Second},
		{"too long", "2000000000", "", time.Hour},
		{"no number", "soon", "", 0},
		{"negative", "-5", "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			service := newService(t)
			service.fail["POST /v2/alerts"] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-RateLimit-Period-In-Sec", test.header)
				if test.retryAfter != "" {
					w.Header().Set("Retry-After", test.retryAfter)
				}
				w.WriteHeader(http.StatusTooManyRequests)
			}
			_, err := service.channel(t, plain).Deliver(t.Context(), alerttest.Only(1))
			failure, ok := errors.AsType[*alerts.DeliveryError](err)
			if !ok || !failure.Retryable || failure.RetryAfter != test.want {
				t.Errorf("want a retry after %s, got %+v", test.want, failure)
			}
		})
	}
}

func TestAnAttemptThatEndsWhileItWaitsSaysSo(t *testing.T) {
	t.Parallel()
	service := newService(t)
	service.unprocessed = 1000
	ctx, cancel := context.WithCancel(t.Context())
	service.fail["GET /v2/alerts/requests/"+firstID] = func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusNotFound)
	}
	_, err := service.channel(t, plain).Deliver(ctx, alerttest.Only(1))
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || !failure.Retryable || !errors.Is(err, context.Canceled) {
		t.Errorf("want a retryable failure that wraps context.Canceled, got %v", err)
	}
}

func TestTheKeyIsReadAtEachUse(t *testing.T) {
	t.Parallel()
	service := newService(t)
	values := map[string]string{}
	channel := service.channelWith(t, values, plain)
	_, err := channel.Deliver(t.Context(), alerttest.Only(1))
	alerttest.AssertFailure(t, err, "read the API key: read secret from environment variable API_KEY: it is not set", false, 0)
	values["API_KEY"] = " " + apiKey + "\n"
	alerttest.Deliver(t, channel, alerttest.Only(1))
}

func TestAMessageOfSeveralEventsIsRefused(t *testing.T) {
	t.Parallel()
	service := newService(t)
	_, err := service.channel(t, plain).Deliver(t.Context(), alerttest.Message())
	alerttest.AssertFailure(t, err, "the message holds 5 events, want one", false, 0)
	if len(service.Requests()) != 0 {
		t.Errorf("%d calls were made", len(service.Requests()))
	}
}

func TestAnAnswerThatBreaksOffIsTriedAgain(t *testing.T) {
	t.Parallel()
	service := newService(t)
	service.fail["POST /v2/alerts"] = alerttest.BreaksOff(`{"requestId":"43a2`)
	_, err := service.channel(t, hastily).Deliver(t.Context(), alerttest.Only(1))
	alerttest.AssertFailure(t, err, "create the alert: it answered 200, and the answer broke off: unexpected EOF", true, 200)
}
