package teams_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/teams"
)

const runID = "08584587734530374917313447428CU05"

// accept answers as Power Automate does once it has started the workflow.
func accept(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Ms-Workflow-Run-Id", runID)
	w.WriteHeader(http.StatusAccepted)
}

// build gives the channel its URL by a secret.
func build(t *testing.T, env alerts.Env, url string) alerts.Channel {
	t.Helper()
	env.Secrets = alerttest.Secrets(map[string]string{"WORKFLOW": url})
	return alerttest.Build(t, teams.Kind, env, func(o *teams.Options) { o.URLFrom.Env = "WORKFLOW" })
}

// channel starts a workflow of the service.
func channel(t *testing.T, service *alerttest.Recorder) alerts.Channel {
	t.Helper()
	url := service.URL + "/workflows/0123456789abcdef/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sig=canary-signature-77"
	return build(t, alerttest.Env(service.Client(), nil), url)
}

// deliver gives the card that the workflow was sent, which Teams would take.
func deliver(t *testing.T, message alerts.Message) rendered {
	t.Helper()
	service := alerttest.NewRecorder(t, accept)
	alerttest.Deliver(t, channel(t, service), message)
	return render(t, service.Last(t).Content)
}

func TestTheTeamsChannelKeepsTheContract(t *testing.T) {
	alerttest.RunHTTP(t, alerttest.HTTPSuite{
		New:    build,
		Accept: accept,
		ID:     func(r *http.Request, _ []byte) string { return r.Header.Get("X-Ms-Client-Tracking-Id") },
		Texts: func(t *testing.T, attempt alerttest.Attempt) []string {
			return render(t, attempt.Content).texts
		},
		Forbidden: []string{"{{", "<at>", "</at>", "javascript:"},
	})
}

func TestTheReceiptPromisesNoMoreThanTeamsDoes(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"a workflow that was started", accept, "HTTP 202 Accepted, run " + runID + ": accepted by the workflow; Teams gives no proof that it was posted"},
		{"a workflow with an answer of its own", alerttest.Says(http.StatusOK, `{"status":"posted"}`), "HTTP 200 OK: accepted by the workflow; Teams gives no proof that it was posted"},
		{"a run of a strange name", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Ms-Workflow-Run-Id", "canary-signature-77")
		}, "HTTP 200 OK: accepted by the workflow; Teams gives no proof that it was posted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			receipt := alerttest.Deliver(t, channel(t, alerttest.NewRecorder(t, test.answer)), alerttest.Message())
			if receipt.Proof != test.want {
				t.Errorf("proof %s\nwant  %s", receipt.Proof, test.want)
			}
		})
	}
}

func TestTheRequestIsJSONAndNamesTheMessage(t *testing.T) {
	service := alerttest.NewRecorder(t, accept)
	alerttest.Deliver(t, channel(t, service), alerttest.Message())
	made := service.Last(t)
	if got := made.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if got := made.Header.Get("X-Ms-Client-Tracking-Id"); got != alerttest.Message().ID {
		t.Errorf("tracking id %q", got)
	}
	var sent struct {
		Attachments []map[string]json.RawMessage `json:"attachments"`
	}
	if err := json.Unmarshal(made.Content, &sent); err != nil {
		t.Fatal(err)
	}
	if got := string(sent.Attachments[0]["contentUrl"]); got != "null" {
		t.Errorf("contentUrl %s", got)
	}
}

func TestA14_ARefusalThatRepeatsTheURLGivesNothingAway(t *testing.T) {
	service := alerttest.NewRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_, _ = fmt.Fprintf(w, "Microsoft Teams endpoint returned HTTP error 413 for %s", r.URL)
	})
	_, err := channel(t, service).Deliver(t.Context(), alerttest.Message())
	if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "0123456789abcdef") {
		t.Errorf("error %v", err)
	}
}
