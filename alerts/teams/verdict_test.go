package teams_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
)

func TestA2xxThatIsNoDeliveryIsAFailureOfItsOwnClass(t *testing.T) {
	tests := []struct {
		name, body string
		retryable  bool
		status     int
		want       string
	}{
		{"too large, in words", "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ContextId tcid=0", false, 413,
			`it answered 200, and yet refused: "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ContextId tcid=0"`},
		{"too many, in words", "Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0", true, 429,
			`it answered 200, and yet refused: "Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0"`},
		{"broken, in words", "Microsoft Teams endpoint returned HTTP error 502 with ContextId tcid=0", true, 502,
			`it answered 200, and yet refused: "Microsoft Teams endpoint returned HTTP error 502 with ContextId tcid=0"`},
		{"an error object without a class", `{"error":{"code":"InvalidTemplate","message":"cannot evaluate"}}`, false, 200,
			`it answered 200, and yet refused: "{\"error\":{\"code\":\"InvalidTemplate\",\"message\":\"cannot evaluate\"}}"`},
		{"an error object named after a status", `{"error":{"code":"TooManyRequests","message":"slow down"}}`, true, 429,
			`it answered 200, and yet refused: "{\"error\":{\"code\":\"TooManyRequests\",\"message\":\"slow down\"}}"`},
		{"an error object within the answer of an action", `{"statusCode":400,"body":{"error":{"code":"BadRequest","message":"MessageSizeExceeded"}}}`, false, 400,
			`it answered 200, and yet refused: "{\"statusCode\":400,\"body\":{\"error\":{\"code\":\"BadRequest\",\"message\":\"MessageSizeExceeded\"}}}"`},
		{"an empty error object", `{"error":{}}`, false, 200, `it answered 200, and yet refused: "{\"error\":{}}"`},
		{"an error that is only a text", `{"error":"no such channel"}`, false, 200, `it answered 200, and yet refused: "{\"error\":\"no such channel\"}"`},
		{"a web page of a proxy", "\n<!DOCTYPE html><html>Sign in</html>", false, 200, `it answered 200, and yet refused: "<!DOCTYPE html><html>Sign in</html>"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorkflow(t, says(http.StatusOK, test.body))
			_, err := w.attempt(t, alerttest.Message())
			failure, ok := errors.AsType[*alerts.DeliveryError](err)
			if !ok {
				t.Fatalf("the attempt counts as delivered (%v)", err)
			}
			if failure.Retryable != test.retryable || failure.Status != test.status || failure.Channel != alerttest.ChannelName {
				t.Errorf("retryable %t, status %d, want %t, %d", failure.Retryable, failure.Status, test.retryable, test.status)
			}
			if failure.Err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", failure.Err, test.want)
			}
		})
	}
}

func TestA2xxWithAnOrdinaryBodyIsAccepted(t *testing.T) {
	for _, body := range []string{"", "1", "ok", "{}", `{"error":null}`, `{"statusCode":200,"body":{}}`, `["error"]`, `{"body":"posted"}`} {
		if _, err := newWorkflow(t, says(http.StatusOK, body)).attempt(t, alerttest.Message()); err != nil {
			t.Errorf("body %s: %v", body, err)
		}
	}
}

func TestAWorkflowThatIsGoneIsAPermanentFailureThatSaysWhatToDo(t *testing.T) {
	const remedy = "; the workflow was deleted or turned off, its owner has left, or the URL is not whole: " +
		"turn it on or make a new one in Teams (Workflows), let anyone trigger it, and give its whole URL in url_from"
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"no signature", 401, `{"error":{"code":"DirectApiAuthorizationRequired"}}`, `it answered 401 Unauthorized: "{\"error\":{\"code\":\"DirectApiAuthorizationRequired\"}}"` + remedy},
		{"a suspended flow", 403, "", "it answered 403 Forbidden" + remedy},
		{"a deleted flow", 404, `{"error":{"code":"WorkflowNotFound"}}`, `it answered 404 Not Found: "{\"error\":{\"code\":\"WorkflowNotFound\"}}"` + remedy},
		{"a flow that is turned off", 400, `{"error":{"code":"WorkflowTriggerIsNotEnabled"}}`, `it answered 400 Bad Request: "{\"error\":{\"code\":\"WorkflowTriggerIsNotEnabled\"}}"` + remedy},
		{"a request that the trigger does not take", 400, `{"error":{"code":"TriggerInputSchemaMismatch"}}`, `it answered 400 Bad Request: "{\"error\":{\"code\":\"TriggerInputSchemaMismatch\"}}"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorkflow(t, says(test.status, test.body))
			_, err := w.attempt(t, alerttest.Message())
			failure, ok := errors.AsType[*alerts.DeliveryError](err)
			if !ok || failure.Retryable || failure.Status != test.status {
				t.Fatalf("want a permanent failure, got %v", err)
			}
			if got := strings.TrimPrefix(failure.Err.Error(), "post to "+w.URL+": "); got != test.want {
				t.Errorf("error %s\nwant  %s", got, test.want)
			}
		})
	}
}
