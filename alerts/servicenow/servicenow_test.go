package servicenow_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/servicenow"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

func TestTheLifeOfAnIncident(t *testing.T) {
	tickettest.Run(t, tickettest.Suite{Desk: func(t *testing.T, clock *tickettest.Clock) tickettest.Desk { return newFake(t, clock) }})
}

// forgetful takes every record, and has lost it by the next request, so that each
// delivery of the suite makes one. What becomes of records that stay has tests of its own.
func forgetful(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost:
		var sent map[string]string
		_ = json.NewDecoder(r.Body).Decode(&sent)
		answer(w, http.StatusCreated, map[string]string{"sys_id": "c537bae64f411200adf9f8e18110c76e", "number": "INC0010001", "state": "1", "active": "true", "correlation_id": sent["correlation_id"]})
	case bytes.HasSuffix([]byte(r.URL.Path), []byte("/incident")):
		refuse(w, http.StatusOK, `{"result":[]}`)
	default:
		refuse(w, http.StatusNotFound, `{"error":{"message":"No Record found","detail":"Record doesn't exist or ACL restricts the record retrieval"},"status":"failure"}`)
	}
}

var messageMark = regexp.MustCompile(`Message ([0-9a-z-]+)`)

func TestTheServiceNowChannelKeepsTheContract(t *testing.T) {
	for name, edit := range map[string]func(*servicenow.Options){
		"with a password": func(*servicenow.Options) {},
		"with a token": func(o *servicenow.Options) {
			o.Username, o.Password, o.Token = "", watch.SecretRef{}, watch.SecretRef{Env: "ACCESS_TOKEN"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			alerttest.RunHTTP(t, alerttest.HTTPSuite{
				New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
					return build(t, env, func(o *servicenow.Options) {
						o.URL = url
						edit(o)
					})
				},
				Values: map[string]string{"PASSWORD": "canary-password-c01d", "ACCESS_TOKEN": "canary-token-88f2"},
				Accept: forgetful,
				Ignore: func(r *http.Request) bool { return r.Method == http.MethodGet },
				ID: func(_ *http.Request, body []byte) string {
					if found := messageMark.FindSubmatch(body); found != nil {
						return string(found[1])
					}
					return ""
				},
				Texts: func(t *testing.T, attempt alerttest.Attempt) []string {
					var sent map[string]string
					if err := json.Unmarshal(attempt.Content, &sent); err != nil {
						t.Fatal(err)
					}
					var texts []string
					for _, text := range sent {
						texts = append(texts, text)
					}
					return texts
				},
				Forbidden: []string{"javascript:", "[code]", "[/code]"},
			})
		})
	}
}

// attempt delivers one message to a service that answers so.
func attempt(t *testing.T, handler http.HandlerFunc) (url string, failure *alerts.DeliveryError) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	env := alerts.Env{
		Name: alerttest.ChannelName, Now: alerttest.Now, Log: slog.New(slog.DiscardHandler), HTTP: server.Client(), Version: "1.2.3",
		Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("secret-of-PASSWORD"), nil },
	}
	channel := build(t, env, func(o *servicenow.Options) { o.URL = server.URL })
	message := alerttest.Message()
	message.Events = message.Events[:1]
	_, err := channel.Deliver(t.Context(), message)
	failure, _ = errors.AsType[*alerts.DeliveryError](err)
	return server.URL, failure
}

func TestWhatLooksLikeASuccessAndIsNone(t *testing.T) {
	const posted = "deliver by operations: POST /api/now/table/incident: "
	tests := []struct {
		name   string
		status int
		answer string
		retry  bool
		want   string
	}{
		{"a login page", 200, "<html><title>Log in | ServiceNow</title>", false, posted + "it answered 200, but with a web page instead of JSON: a login page, a proxy, or something else stands at this URL"},
		{"a sleeping instance", 200, "\n<!DOCTYPE html><title>Instance Hibernating page</title>", false, posted + "it answered 200, but with a web page instead of JSON: a login page, a proxy, or something else stands at this URL"},
		{"a result without sys_id", 201, `{"result":{"number":"INC0010001"}}`, true, posted + "it answered 200, but without the sys_id of a record"},
		{"an empty result", 201, `{"result":{}}`, true, posted + "it answered 200, but without the sys_id of a record"},
		{"an error with a success's status", 200, `{"error":{"message":"Operation Failed","detail":"x"},"status":"failure"}`, true, posted + "it answered 200, but without the sys_id of a record"},
		{"a record without the key", 201, `{"result":{"sys_id":"c537bae64f411200adf9f8e18110c76e","number":"INC0010001","state":"1","active":"true"}}`, false, "deliver by operations: make a record in table incident: INC0010001 was made without its correlation_id lapsewatch-82a9fc84ef4a12791151e2c834eea353: give the account the right to write and read that field"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, failure := attempt(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					refuse(w, test.status, test.answer)
					return
				}
				forgetful(w, r)
			})
			if failure == nil || failure.Error() != test.want || failure.Retryable != test.retry {
				t.Errorf("error %v\nwant  %s (retryable %t)", failure, test.want, test.retry)
			}
		})
	}
}

func TestARefusalIsToldInServiceNowsWordsWithWhatToDo(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"a wrong password", 401, `{"error":{"message":"User is not authenticated","detail":"Required to provide Auth information"},"status":"failure"}`, "it answered 401 Unauthorized: User is not authenticated: Required to provide Auth information: the password is wrong, the account is locked, or the token has expired: an OAuth access token lasts 30 minutes unless it was set otherwise"},
		{"an account that may not", 403, `{"error":{"message":"User Not Authorized","detail":null},"status":"failure"}`, "it answered 403 Forbidden: User Not Authorized: the account may not do this, or a rule of the table asks for fields that are not given: look at its roles, at fields and at close_code"},
		{"a table that is not there", 400, `{"error":{"message":"Invalid table x_none","detail":null},"status":"failure"}`, "it answered 400 Bad Request: Invalid table x_none: look at table and at fields"},
		{"no instance", 404, "", "it answered 404 Not Found: look at url: it is that of the instance, such as https://example.service-now.com"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			url, failure := attempt(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, test.status, test.body) })
			if want := fmt.Sprintf("deliver by operations: ask %s: %s", url, test.want); failure == nil || failure.Error() != want {
				t.Errorf("error %v\nwant  %s", failure, want)
			}
		})
	}
}
