package incidenttest

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// canary is in every secret that the suite gives.
const canary = "canary-of-"

// Office is a desk that is open, with the system that works at it.
type Office struct {
	Desk
	Clock *tickettest.Clock
	// URL is where the service answers; empty where it does not speak HTTP.
	URL string

	suite    Suite
	recorder *alerttest.Recorder
	client   *http.Client
	log      *lockedBuffer

	mu     sync.Mutex
	writes int
	loseAt int
	loss   tickettest.Loss
	// instead answers in place of the service, where it is not nil.
	instead http.HandlerFunc
}

// Open lets the system work at the desk, for tests of its own.
func Open(t *testing.T, suite Suite, desk Desk, clock *tickettest.Clock) *Office {
	t.Helper()
	o := &Office{Desk: desk, Clock: clock, suite: suite, client: &http.Client{}, log: &lockedBuffer{}}
	if _, speaks := desk.(Web); speaks {
		o.recorder = alerttest.NewRecorder(t, o.answer)
		o.URL, o.client = o.recorder.URL, o.recorder.Client()
	}
	return o
}

// answer answers one request as the service does, unless its reply is to be lost.
func (o *Office) answer(w http.ResponseWriter, r *http.Request) {
	web := o.Desk.(Web)
	o.mu.Lock()
	instead := o.instead
	var loss tickettest.Loss
	if web.Writes(r) {
		o.writes++
		if o.writes == o.loseAt {
			loss = o.loss
		}
	}
	o.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	switch loss {
	case tickettest.CutBefore:
		panic(http.ErrAbortHandler)
	case tickettest.CutAfter:
		web.Handler().ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case tickettest.FailedAfter:
		web.Handler().ServeHTTP(httptest.NewRecorder(), r)
		http.Error(w, "<html>Bad Gateway</html>", http.StatusBadGateway)
	case refusedAfter:
		web.Handler().ServeHTTP(httptest.NewRecorder(), r)
		w.WriteHeader(http.StatusBadRequest)
	default:
		web.Handler().ServeHTTP(w, r)
	}
}

// Lose loses the reply to the n-th write from now, counted from one.
func (o *Office) Lose(n int, loss tickettest.Loss) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writes, o.loseAt, o.loss = 0, n, loss
}

// Written counts the writes since Lose.
func (o *Office) Written() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.writes
}

// answerWith answers every request alike from now on; nil lets the service answer.
func (o *Office) answerWith(instead http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.instead = instead
}

// Env is the environment of the system, for an installation of that name.
func (o *Office) Env(source string) incidents.Env {
	return incidents.Env{
		Env: alerts.Env{
			Name: SystemName, Now: o.Clock.Now, HTTP: o.client, Dial: (&net.Dialer{}).DialContext,
			Log: slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Secrets: func(reference watch.SecretRef) (watch.Secret, error) {
				return watch.NewSecret(canary + reference.Env + reference.File), nil
			},
			Version: "1.2.3", ReportURL: alerttest.ReportURL,
		},
		Source: source,
	}
}

// System is the system, built anew.
func (o *Office) System(t *testing.T) incidents.System {
	t.Helper()
	return o.New(t, o.Env(Source), o.URL)
}

// Create makes a stub, which must succeed, and requires that what is given back is right.
func (o *Office) Create(t *testing.T, stub incidents.Stub) incidents.Remote {
	t.Helper()
	remote, err := o.System(t).Create(t.Context(), stub)
	if err != nil {
		t.Fatal(err)
	}
	o.requireRemote(t, remote, stub)
	return remote
}

// Update brings what stands there to the stub.
func (o *Office) Update(t *testing.T, current incidents.Remote, stub incidents.Stub) incidents.Remote {
	t.Helper()
	remote, err := o.System(t).Update(t.Context(), current, stub)
	if err != nil {
		t.Fatal(err)
	}
	o.requireRemote(t, remote, stub)
	return remote
}

// List is what the system lists.
func (o *Office) List(t *testing.T) []incidents.Remote {
	t.Helper()
	all, err := o.System(t).List(t.Context(), longAgo())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// One requires that exactly one stub of that key is listed.
func (o *Office) One(t *testing.T, key string) incidents.Remote {
	t.Helper()
	var found []incidents.Remote
	for _, remote := range o.List(t) {
		if remote.Key == key {
			found = append(found, remote)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d stubs with the key %s are listed, want one\n%s", len(found), key, Dump(o.Records()))
	}
	return found[0]
}

// Read requires that something stands under the id.
func (o *Office) Read(t *testing.T, id string) incidents.Remote {
	t.Helper()
	remote, found, err := o.System(t).Read(t.Context(), id)
	if err != nil || !found {
		t.Fatalf("read %s: found %t, error %v", id, found, err)
	}
	return remote
}

// record is what stands at the desk under the id.
func (o *Office) record(t *testing.T, id string) Record {
	t.Helper()
	for _, record := range o.Records() {
		if record.ID == id {
			return record
		}
	}
	t.Fatalf("the service has no record %q\n%s", id, Dump(o.Records()))
	return Record{}
}

// same requires that two looks at one stub show the same.
func same(t *testing.T, what string, got, want incidents.Remote) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

// settled requires that a stub is listed and read as it was returned by the last write.
func (o *Office) settled(t *testing.T, written incidents.Remote) {
	t.Helper()
	if written.Open || !o.suite.ForgetsResolved {
		same(t, "what is listed", o.One(t, written.Key), written)
	}
	same(t, "what is read", o.Read(t, written.ID), written)
}

// requireRemote holds what a write gave back to what it was asked for.
func (o *Office) requireRemote(t *testing.T, remote incidents.Remote, stub incidents.Stub) {
	t.Helper()
	over := stub.Phase == watch.Over
	switch {
	case remote.ID == "" || remote.Key != stub.Key:
		t.Errorf("id %q, key %q; want an id and the key %s", remote.ID, remote.Key, stub.Key)
	case remote.Title != stub.Title:
		t.Errorf("title %q, want %q", remote.Title, stub.Title)
	case remote.Phase != o.suite.readsBack(stub.Phase):
		t.Errorf("phase %q, want %q", remote.Phase, o.suite.readsBack(stub.Phase))
	case remote.Open == over:
		t.Errorf("open %t in phase %q", remote.Open, stub.Phase)
	case remote.Hidden != stub.Hidden:
		t.Errorf("hidden %t, want %t", remote.Hidden, stub.Hidden)
	case len(remote.Texts) == 0 || !containsText(remote.Texts, stub.Text):
		t.Errorf("texts %q, want among them %q", remote.Texts, stub.Text)
	case !remote.Open && remote.ResolvedAt.IsZero():
		t.Log("the service does not say when it was resolved")
	}
}

// containsText finds a text whatever a service has made of its line ends.
func containsText(all []string, text string) bool {
	want := strings.Join(strings.Fields(text), " ")
	for _, one := range all {
		if strings.Contains(strings.Join(strings.Fields(one), " "), want) {
			return true
		}
	}
	return false
}

// failure requires an error of the contract that holds no secret.
func (o *Office) failure(t *testing.T, err error) *alerts.DeliveryError {
	t.Helper()
	if err == nil {
		t.Fatal("the call succeeds")
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		if strings.Contains(cause.Error(), canary) {
			t.Errorf("the error holds a secret: %v", cause)
		}
	}
	if strings.Contains(o.log.String(), canary) {
		t.Errorf("the log holds a secret: %s", o.log)
	}
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok {
		t.Fatalf("the error is a %T and no *alerts.DeliveryError: %v", err, err)
	}
	if failure.Channel != SystemName {
		t.Errorf("the error names %q, want %q", failure.Channel, SystemName)
	}
	return failure
}

// lockedBuffer is a log.
type lockedBuffer struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (b *lockedBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(line)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}

// patience bounds what should take milliseconds; it decides no verdict by itself.
const patience = 30 * time.Second
