package ntfy_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts/alerttest"
)

func TestA2xxWithoutAMessageIsNoDelivery(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"nothing", "", `it answered 200, and yet published nothing: no message id in ""; is this the root of an ntfy server?`},
		{"a web page", "<html>ntfy</html>", `it answered 200, and yet published nothing: no message id in "<html>ntfy</html>"; is this the root of an ntfy server?`},
		{"a message without id", `{"event":"message","title":"t"}`, `it answered 200, and yet published nothing: no message id in "{\"event\":\"message\",\"title\":\"t\"}"; is this the root of an ntfy server?`},
		{"a strange id", `{"id":"a b","event":"message","title":"t"}`, `it answered 200, and yet published nothing: no message id in "{\"id\":\"a b\",\"event\":\"message\",\"title\":\"t\"}"; is this the root of an ntfy server?`},
		{"another event", `{"id":"hwQ2YpKdmg7R","event":"keepalive"}`, `it answered 200, and yet published nothing: no message id in "{\"id\":\"hwQ2YpKdmg7R\",\"event\":\"keepalive\"}"; is this the root of an ntfy server?`},
		{"the request published as a text", `{"id":"hwQ2YpKdmg7R","event":"message","message":"{\"topic\":\"x\"}"}`, `it answered 200, and yet published nothing: it took the request itself for a message's text: give the root of the server as url`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := alerttest.NewRecorder(t, alerttest.Says(http.StatusOK, test.body))
			_, err := channel(t, server).Deliver(t.Context(), alerttest.Message())
			alerttest.AssertFailure(t, err, test.want, false, http.StatusOK)
		})
	}
}

func TestARefusalSaysWhatToDo(t *testing.T) {
	const (
		login = "; make a new token (ntfy token add USER, or the account's page in the web app) and put it where token refers to, or correct username and password"
		quota = "; the day's quota of this account or address is used up: raise it on the server, or give a token of an account with a higher one"
	)
	tests := []struct {
		name      string
		status    int
		body      string
		retryable bool
		after     time.Duration
		want      string
	}{
		{"a wrong token", 401, `{"code":40101,"http":401,"error":"unauthorized"}`, false, 0, "it answered 401 Unauthorized: BODY" + login},
		{"a topic of somebody else", 403, `{"code":40301,"http":403,"error":"forbidden"}`, false, 0,
			"it answered 403 Forbidden: BODY; allow the account to write to the topic (ntfy access USER TOPIC write-only), or give a token or an account that may"},
		{"no ntfy server", 404, `{"code":40401,"http":404,"error":"page not found"}`, false, 0,
			"it answered 404 Not Found: BODY; give the root of an ntfy server as url, such as https://ntfy.sh"},
		{"a topic that the server keeps", 400, `{"code":40010,"http":400,"error":"invalid request: topic name is not allowed"}`, false, 0, "it answered 400 Bad Request: BODY"},
		{"too many requests", 429, `{"code":42901,"http":429,"error":"limit reached: too many requests"}`, true, 0, "it answered 429 Too Many Requests: BODY"},
		{"the day's messages", 429, `{"code":42908,"http":429,"error":"limit reached: daily message quota reached"}`, true, time.Hour, "it answered 429 Too Many Requests: BODY" + quota},
		{"the day's traffic", 429, `{"code":42905,"http":429,"error":"limit reached: daily bandwidth reached"}`, true, time.Hour, "it answered 429 Too Many Requests: BODY" + quota},
		{"too many wrong log-ins", 429, `{"code":42909,"http":429,"error":"limit reached: too many auth failures"}`, true, time.Hour, "it answered 429 Too Many Requests: BODY" + login},
		{"a broken server", 500, `{"code":50001,"http":500,"error":"internal server error"}`, true, 0, "it answered 500 Internal Server Error: BODY"},
		{"a code that does not fit its status", 400, `{"code":"42908"}`, false, 0, "it answered 400 Bad Request: BODY"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := alerttest.NewRecorder(t, alerttest.Says(test.status, test.body))
			failure := alerttest.Failure(t, channel(t, server), alerttest.Message())
			want := strings.Replace(test.want, "BODY", `"`+strings.ReplaceAll(test.body, `"`, `\"`)+`"`, 1)
			alerttest.AssertFailure(t, failure, "post to "+server.URL+": "+want, test.retryable, test.status)
			if failure.RetryAfter != test.after {
				t.Errorf("retry after %s, want %s", failure.RetryAfter, test.after)
			}
		})
	}
}

func TestAServerThatSaysHowLongToWaitIsHeard(t *testing.T) {
	server := alerttest.NewRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "90")
		alerttest.Says(http.StatusTooManyRequests, `{"code":42908}`)(w, nil)
	})
	if failure := alerttest.Failure(t, channel(t, server), alerttest.Message()); failure.RetryAfter != 90*time.Second {
		t.Errorf("failure %+v", failure)
	}
}
