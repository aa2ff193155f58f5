// Package alerttest holds the conformance suites of channels: Run for every channel, and
// RunHTTP, which includes it, for those that speak HTTP. They prove the contract of
// package alerts against a service that really listens and misbehaves on demand. They do
// not look at how a channel's message reads; its own golden files do.
package alerttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/watch"
)

// Service is a real server on 127.0.0.1 that a suite controls.
type Service interface {
	Behave(Behaviour)
	// Attempts lists what has reached the service so far, oldest first.
	Attempts() []Attempt
}

// Attempt is what one attempt brought to the service.
type Attempt struct {
	// ID is what receivers tell duplicates by.
	ID      string
	Content []byte
}

// Suite is a channel under test.
type Suite struct {
	// Start runs the service and builds a channel for it that logs to log. Whatever
	// it starts ends with the test.
	Start func(t *testing.T, log *slog.Logger) (alerts.Channel, Service)
	// Secrets are the canaries that configuration and credentials hold.
	Secrets []string
	// Texts yields what a receiver reads of an accepted attempt: decoded headers,
	// fields and bodies.
	Texts func(t *testing.T, attempt Attempt) []string
	// Forbidden is the markup that must reach no text: what the service would take
	// for a command, a mention or a link.
	Forbidden []string
	// Impossible says of each behaviour that the service's protocol cannot show why it
	// cannot, such as a refusal where a receiver says nothing. Every other must be shown.
	Impossible map[Behaviour]string
}

// patience bounds what should take milliseconds; it decides no verdict by itself.
const patience = 30 * time.Second

// Run holds a channel to the contract.
func Run(t *testing.T, suite Suite) {
	t.Run("an accepted message yields a proof without secrets", suite.proof)
	t.Run("a message keeps its id over attempts and shares it with no other", suite.identity)
	t.Run("what may succeed later is retryable", suite.retryable)
	t.Run("what a repetition cannot mend is permanent", suite.permanent)
	t.Run("F4 a service that never answers is left when the context ends", func(t *testing.T) { suite.endsWithContext(t, Hangs) })
	t.Run("F4 a service that never stops answering is left", func(t *testing.T) { suite.endsWithContext(t, Babbles) })
	t.Run("a cancelled attempt says so and sends nothing", suite.cancelled)
	t.Run("a message without events is refused and sends nothing", suite.empty)
	t.Run("F15 hostile names reach the receiver harmless and bounded", suite.hostile)
}

type trial struct {
	suite   Suite
	channel alerts.Channel
	service Service
	log     fmt.Stringer
}

func (s Suite) start(t *testing.T) trial {
	t.Helper()
	log := &bytes.Buffer{}
	channel, service := s.Start(t, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	return trial{suite: s, channel: channel, service: service, log: log}
}

// deliver makes one attempt and holds what every attempt must hold.
func (tr trial) deliver(t *testing.T, ctx context.Context, message alerts.Message) (alerts.Receipt, *alerts.DeliveryError) {
	t.Helper()
	message.Recipient = tr.channel.Recipients()[0]
	message = asToldTo(tr.channel, message)[0]
	receipt, err := tr.channel.Deliver(ctx, message)
	tr.suite.assertNoSecret(t, "the receipt", receipt.Proof)
	tr.suite.assertNoSecret(t, "the log", tr.log.String())
	if err == nil {
		return receipt, nil
	}
	tr.suite.assertNoSecret(t, "the error", err.Error())
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		tr.suite.assertNoSecret(t, "a cause of the error", cause.Error())
	}
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok {
		t.Fatalf("the error is a %T and no *alerts.DeliveryError: %v", err, err)
	}
	if failure.Channel != message.Channel {
		t.Errorf("the error names channel %q, want %q", failure.Channel, message.Channel)
	}
	return receipt, failure
}

// asToldTo splits a message for a channel that takes events singly.
func asToldTo(channel alerts.Channel, message alerts.Message) []alerts.Message {
	if !alerts.MannerOf(channel).Singly || len(message.Events) == 0 {
		return []alerts.Message{message}
	}
	var single []alerts.Message
	for i, event := range message.Events {
		one := message
		one.Events = []watch.Event{event}
		if i > 0 {
			one.ID = fmt.Sprintf("%s%02d", message.ID[:len(message.ID)-2], i)
		}
		single = append(single, one)
	}
	return single
}

func (s Suite) assertNoSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range s.Secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds the secret %q: %s", where, secret, text)
		}
	}
}

func (s Suite) proof(t *testing.T) {
	trial := s.start(t)
	trial.service.Behave(Accepts)
	receipt, failure := trial.deliver(t, t.Context(), Message())
	if failure != nil {
		t.Fatal(failure)
	}
	if strings.TrimSpace(receipt.Proof) == "" {
		t.Error("the receipt holds no proof of the service")
	}
	if got := len(trial.service.Attempts()); got != 1 {
		t.Errorf("one message made %d attempts", got)
	}
}

func (s Suite) identity(t *testing.T) {
	trial := s.start(t)
	other := Message()
	other.ID = "0f0e0d0c0b0a09080706050403020100"
	trial.service.Behave(Accepts)
	for _, message := range []alerts.Message{Message(), Message(), other} {
		if _, failure := trial.deliver(t, t.Context(), message); failure != nil {
			t.Fatal(failure)
		}
	}
	attempts := trial.service.Attempts()
	if len(attempts) != 3 {
		t.Fatalf("three deliveries made %d attempts", len(attempts))
	}
	if attempts[0].ID == "" || attempts[0].ID != attempts[1].ID {
		t.Errorf("two attempts of one message carry the ids %q and %q", attempts[0].ID, attempts[1].ID)
	}
	if attempts[0].ID == attempts[2].ID {
		t.Errorf("two messages share the id %q", attempts[0].ID)
	}
}

func (s Suite) retryable(t *testing.T) {
	for _, behaviour := range s.shown(t, Throttles, Fails, HangsUp) {
		t.Run("the service "+string(behaviour), func(t *testing.T) {
			trial := s.start(t)
			trial.service.Behave(behaviour)
			_, failure := trial.deliver(t, t.Context(), Message())
			switch {
			case failure == nil:
				t.Fatal("the attempt counts as delivered")
			case !failure.Retryable:
				t.Errorf("the failure is permanent: %v", failure)
			case behaviour != HangsUp && failure.Status == 0:
				t.Errorf("the service's own code is missing: %v", failure)
			}
			trial.service.Behave(Accepts)
			if _, failure := trial.deliver(t, t.Context(), Message()); failure != nil {
				t.Errorf("the next attempt fails too: %v", failure)
			}
		})
	}
}

func (s Suite) permanent(t *testing.T) {
	for _, behaviour := range s.shown(t, Refuses, RefusesCredentials) {
		t.Run("the service "+string(behaviour), func(t *testing.T) {
			trial := s.start(t)
			trial.service.Behave(behaviour)
			_, failure := trial.deliver(t, t.Context(), Message())
			switch {
			case failure == nil:
				t.Fatal("the attempt counts as delivered")
			case failure.Retryable:
				t.Errorf("the failure is retryable: %v", failure)
			case failure.Status == 0:
				t.Errorf("the service's own code is missing: %v", failure)
			}
		})
	}
}

func (s Suite) endsWithContext(t *testing.T, behaviour Behaviour) {
	if len(s.shown(t, behaviour)) == 0 {
		return
	}
	trial := s.start(t)
	trial.service.Behave(behaviour)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	ended := make(chan *alerts.DeliveryError, 1)
	go func() {
		_, failure := trial.deliver(t, ctx, Message())
		ended <- failure
	}()
	select {
	case failure := <-ended:
		if failure == nil {
			t.Error("the attempt counts as delivered")
		} else if !failure.Retryable {
			t.Errorf("the failure is permanent: %v", failure)
		}
	case <-time.After(patience):
		t.Fatalf("the attempt still runs %s after its context ended", patience)
	}
	assertGoroutinesReturn(t, before)
}

func assertGoroutinesReturn(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%d goroutines before the attempt, %d after it", before, runtime.NumGoroutine())
			return
		}
	}
}

func (s Suite) cancelled(t *testing.T) {
	trial := s.start(t)
	trial.service.Behave(Accepts)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, failure := trial.deliver(t, ctx, Message())
	if failure == nil {
		t.Fatal("the attempt counts as delivered")
	}
	if !errors.Is(failure, context.Canceled) || !failure.Retryable {
		t.Errorf("want a retryable error that wraps context.Canceled, got %v (retryable %t)", failure, failure.Retryable)
	}
	if got := len(trial.service.Attempts()); got != 0 {
		t.Errorf("%d attempts reached the service", got)
	}
}

func (s Suite) empty(t *testing.T) {
	trial := s.start(t)
	trial.service.Behave(Accepts)
	message := Message()
	message.Events = nil
	_, failure := trial.deliver(t, t.Context(), message)
	if failure == nil || failure.Retryable {
		t.Errorf("want a permanent failure, got %v", failure)
	}
	if got := len(trial.service.Attempts()); got != 0 {
		t.Errorf("%d attempts reached the service", got)
	}
}
