package teams_test

import (
	"net/http"
	"testing"

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
			service := alerttest.NewRecorder(t, alerttest.Says(http.StatusOK, test.body))
			_, err := channel(t, service).Deliver(t.Context(), alerttest.Message())
			alerttest.AssertFailure(t, err, test.want, test.retryable, test.status)
		})
	}
}

func TestA2xxWithAnOrdinaryBodyIsAccepted(t *testing.T) {
	for _, body := range []string{"", "1", "ok", "{}", `{"error":null}`, `{"statusCode":200,"body":{}}`, `["error"]`, `{"body":"posted"}`} {
		service := alerttest.NewRecorder(t, alerttest.Says(http.StatusOK, body))
		if _, err := channel(t, service).Deliver(t.Context(), alerttest.Message()); err != nil {
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
			service := alerttest.NewRecorder(t, alerttest.Says(test.status, test.body))
			_, err := channel(t, service).Deliver(t.Context(), alerttest.Message())
			alerttest.AssertFailure(t, err, "post to "+service.URL+": "+test.want, false, test.status)
		})
	}
}
