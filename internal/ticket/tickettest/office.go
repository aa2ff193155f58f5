package tickettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/watch"
)

// Loss is how an answer gets lost.
type Loss string

// The ways to lose an answer.
const (
	// CutAfter and FailedAfter have done what was asked.
	CutAfter    Loss = "the connection is cut after it was done"
	FailedAfter Loss = "a gateway answers 502 after it was done"
	// CutBefore has not.
	CutBefore Loss = "the connection is cut before it was done"
)

// Office is a desk that is open, with a channel to it.
type Office struct {
	Desk
	Clock  *Clock
	Memory watch.Memory
	URL    string
	client *http.Client

	mu     sync.Mutex
	writes []Step
	lose   map[Step]Loss
}

// Open serves the desk over TLS.
func Open(t *testing.T, desk Desk, clock *Clock) *Office {
	o := &Office{Desk: desk, Clock: clock, Memory: alerttest.NewMemory(), lose: map[Step]Loss{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(o.handle))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	o.URL, o.client = server.URL, server.Client()
	return o
}

func (o *Office) handle(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	step := o.StepOf(r, body)
	o.mu.Lock()
	loss := o.lose[step]
	delete(o.lose, step)
	if step != "" && loss != CutBefore {
		o.writes = append(o.writes, step)
	}
	o.mu.Unlock()
	switch loss {
	case CutBefore:
		panic(http.ErrAbortHandler)
	case CutAfter:
		o.Handler().ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case FailedAfter:
		o.Handler().ServeHTTP(httptest.NewRecorder(), r)
		http.Error(w, "<html>Bad Gateway</html>", http.StatusBadGateway)
	default:
		o.Handler().ServeHTTP(w, r)
	}
}

// Lose loses the answer to the next such step.
func (o *Office) Lose(step Step, loss Loss) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lose[step] = loss
}

// Writes gives the steps since it was asked last.
func (o *Office) Writes() []Step {
	o.mu.Lock()
	defer o.mu.Unlock()
	writes := o.writes
	o.writes = nil
	return writes
}

// Env is the environment of a channel to the office.
func (o *Office) Env() alerts.Env {
	return alerts.Env{
		Name: alerttest.ChannelName, Now: o.Clock.Now, Log: slog.New(slog.DiscardHandler), HTTP: o.client,
		Secrets: func(reference watch.SecretRef) (watch.Secret, error) {
			return watch.NewSecret("secret-of-" + reference.Env), nil
		},
		Memory: o.Memory, Version: "1.2.3", ReportURL: alerttest.ReportURL,
	}
}

// Try makes one attempt with a channel that is built anew, as each run does.
func (o *Office) Try(t *testing.T, message alerts.Message) (alerts.Receipt, error) {
	t.Helper()
	return o.New(t, o.Env(), o.URL).Deliver(t.Context(), message)
}

// Tell delivers a message at once.
func (o *Office) Tell(t *testing.T, message alerts.Message) string {
	t.Helper()
	receipt, err := o.Try(t, message)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Proof == "" {
		t.Fatal("the receipt holds no proof")
	}
	return receipt.Proof
}

// TellAtLast delivers a message as the runner does: it tries again after the wait that
// a failed attempt asks for.
func (o *Office) TellAtLast(t *testing.T, message alerts.Message) {
	t.Helper()
	const attempts, pause, longestInRun = 3, 2 * time.Second, 20 * time.Second
	for range attempts {
		_, err := o.Try(t, message)
		if err == nil {
			return
		}
		failure, ok := errors.AsType[*alerts.DeliveryError](err)
		if !ok || !failure.Retryable {
			t.Fatalf("the failure is permanent: %v", err)
		}
		if failure.RetryAfter > longestInRun {
			t.Fatalf("it is left to another run, after %s: %v", failure.RetryAfter, err)
		}
		o.Clock.Advance(max(failure.RetryAfter, pause))
	}
	t.Fatalf("not delivered in %d attempts", attempts)
}

// Forget loses what was remembered.
func (o *Office) Forget() { o.Memory = alerttest.NewMemory() }

// broken is a memory that fails.
type broken struct{}

func (broken) Recall(context.Context, string) ([]byte, error) {
	return nil, errors.New("the store is locked")
}

func (broken) Remember(context.Context, string, []byte) error {
	return errors.New("the store is locked")
}

// Message is one event of a finding, as a pass at the clock's time tells it. The number
// tells messages apart.
func (o *Office) Message(number int, kind watch.EventType, name string, severity watch.Severity, days int) alerts.Message {
	now := o.Clock.Now()
	notAfter := time.Date(2026, time.December, 13, 10, 0, 0, 0, time.UTC)
	left := int64(days)
	event := watch.Event{
		ID: fmt.Sprint("event ", number), Type: kind, At: now, Previous: watch.Warning,
		Finding: watch.Finding{
			ID: "public-sites/" + name, Check: "public-sites", Kind: "tls", Name: name, Severity: severity,
			Reason: watch.ExpiresSoon, Message: fmt.Sprintf("certificate expires 2026-12-13 10:00 UTC, in %d days", days),
			NotAfter: notAfter, DaysLeft: &left, Owners: []string{"Platform team <platform@example.com>"},
			Remedy: "Renew it: `certbot renew --cert-name shop`.", Link: "https://inventory.example.com/certificates/42",
		},
	}
	switch kind {
	case watch.Opened:
		event.Previous = ""
	case watch.Resolved:
		event.Why = watch.Renewed
		event.Finding.Reason, event.Finding.Severity, event.Finding.Remedy = "", watch.OK, ""
		event.Finding.Message = "certificate expires 2027-12-13 10:00 UTC, in 386 days"
	default:
	}
	return alerts.Message{ID: fmt.Sprintf("8a5be0f2c1d34e6f9a0b1c2d3e4f%04d", number), Channel: alerttest.ChannelName, CreatedAt: now, Events: []watch.Event{event}}
}

// TellALife tells a finding's whole life, with a person who closes the ticket too early,
// for golden files.
func (o *Office) TellALife(t *testing.T) {
	t.Helper()
	const day = 24 * time.Hour
	o.Tell(t, o.Message(1, watch.Opened, "shop.example.com:443", watch.Warning, 21))
	o.Clock.Advance(14 * day)
	o.Tell(t, o.Message(2, watch.Worsened, "shop.example.com:443", watch.Critical, 7))
	o.Clock.Advance(day)
	o.Close(o.Records()[0].Name)
	o.Clock.Advance(2 * day)
	o.Tell(t, o.Message(3, watch.Reminder, "shop.example.com:443", watch.Critical, 4))
	o.Clock.Advance(day)
	o.Tell(t, o.Message(4, watch.Resolved, "shop.example.com:443", watch.OK, 386))
}
