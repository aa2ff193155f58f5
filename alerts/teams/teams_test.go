package teams_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/teams"
	"lapsewatch/watch"
)

const runID = "08584587734530374917313447428CU05"

// workflow is an HTTPS server that takes what Power Automate and Teams take.
type workflow struct {
	*httptest.Server
	header http.Header
	body   []byte
	answer http.HandlerFunc
}

func newWorkflow(t *testing.T, answer http.HandlerFunc) *workflow {
	w := &workflow{answer: answer}
	w.Server = httptest.NewTLSServer(http.HandlerFunc(func(reply http.ResponseWriter, request *http.Request) {
		w.header = request.Header
		var err error
		if w.body, err = io.ReadAll(request.Body); err != nil {
			t.Error(err)
		}
		w.answer(reply, request)
	}))
	t.Cleanup(w.Close)
	return w
}

// accept answers as Power Automate does once it has started the workflow.
func accept(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Ms-Workflow-Run-Id", runID)
	w.WriteHeader(http.StatusAccepted)
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func build(t *testing.T, env alerts.Env, url string) alerts.Channel {
	t.Helper()
	secrets := env.Secrets
	env.Secrets = func(reference watch.SecretRef) (watch.Secret, error) {
		if reference.Env == "WORKFLOW" {
			return watch.NewSecret(url), nil
		}
		return secrets(reference)
	}
	channel, err := teams.Kind.Build(func(into any) error {
		into.(*teams.Options).URLFrom = watch.SecretRef{Env: "WORKFLOW"}
		return nil
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

func (w *workflow) env() alerts.Env {
	return alerts.Env{
		Name: alerttest.ChannelName, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		HTTP: w.Client(), Version: "1.2.3", ReportURL: alerttest.ReportURL,
		Secrets: func(reference watch.SecretRef) (watch.Secret, error) {
			return watch.Secret{}, fmt.Errorf("read secret from %s: it is not set", reference)
		},
	}
}

func (w *workflow) attempt(t *testing.T, message alerts.Message) (alerts.Receipt, error) {
	t.Helper()
	url := w.URL + "/workflows/0123456789abcdef/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sig=canary-signature-77"
	return build(t, w.env(), url).Deliver(t.Context(), message)
}

// deliver gives the card that the workflow was sent, which Teams would take.
func deliver(t *testing.T, message alerts.Message) rendered {
	t.Helper()
	w := newWorkflow(t, accept)
	if _, err := w.attempt(t, message); err != nil {
		t.Fatal(err)
	}
	return render(t, w.body)
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
		{"a workflow with an answer of its own", says(http.StatusOK, `{"status":"posted"}`), "HTTP 200 OK: accepted by the workflow; Teams gives no proof that it was posted"},
		{"a run of a strange name", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Ms-Workflow-Run-Id", "canary-signature-77")
		}, "HTTP 200 OK: accepted by the workflow; Teams gives no proof that it was posted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			receipt, err := newWorkflow(t, test.answer).attempt(t, alerttest.Message())
			if err != nil {
				t.Fatal(err)
			}
			if receipt.Proof != test.want {
				t.Errorf("proof %s\nwant  %s", receipt.Proof, test.want)
			}
		})
	}
}

func TestTheRequestIsJSONAndNamesTheMessage(t *testing.T) {
	w := newWorkflow(t, accept)
	if _, err := w.attempt(t, alerttest.Message()); err != nil {
		t.Fatal(err)
	}
	if got := w.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if got := w.header.Get("X-Ms-Client-Tracking-Id"); got != alerttest.Message().ID {
		t.Errorf("tracking id %q", got)
	}
	var sent struct {
		Attachments []map[string]json.RawMessage `json:"attachments"`
	}
	if err := json.Unmarshal(w.body, &sent); err != nil {
		t.Fatal(err)
	}
	if got := string(sent.Attachments[0]["contentUrl"]); got != "null" {
		t.Errorf("contentUrl %s", got)
	}
}

func TestA14_ARefusalThatRepeatsTheURLGivesNothingAway(t *testing.T) {
	w := newWorkflow(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_, _ = fmt.Fprintf(w, "Microsoft Teams endpoint returned HTTP error 413 for %s", r.URL)
	})
	_, err := w.attempt(t, alerttest.Message())
	if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "0123456789abcdef") {
		t.Errorf("error %v", err)
	}
}
