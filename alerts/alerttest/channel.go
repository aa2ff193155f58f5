package alerttest

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/watch"
)

// Env is what a channel under test is given, with the values as its secrets, by the names
// of their environment variables.
func Env(client *http.Client, values map[string]string) alerts.Env {
	return alerts.Env{
		Name: ChannelName, Now: time.Now, Log: slog.New(slog.DiscardHandler), Dial: (&net.Dialer{}).DialContext,
		HTTP: client, Secrets: Secrets(values), Memory: NewMemory(), Version: "1.2.3", ReportURL: ReportURL,
	}
}

// Secrets reads the values by the names of their environment variables.
func Secrets(values map[string]string) watch.SecretReader {
	return func(reference watch.SecretRef) (watch.Secret, error) {
		value, ok := values[reference.Env]
		if !ok {
			return watch.Secret{}, fmt.Errorf("read secret from %s: it is not set", reference)
		}
		return watch.NewSecret(value), nil
	}
}

// Options decodes as configuration does, on top of the defaults.
func Options[O any](edit func(*O)) watch.Decoder {
	return func(into any) error {
		edit(into.(*O))
		return nil
	}
}

// Build makes a channel of the kind with options that are valid.
func Build[O any](t *testing.T, kind alerts.Kind, env alerts.Env, edit func(*O)) alerts.Channel {
	t.Helper()
	channel, err := kind.Build(Options(edit), env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

// Deliver requires that the message is taken.
func Deliver(t *testing.T, channel alerts.Channel, message alerts.Message) alerts.Receipt {
	t.Helper()
	receipt, err := channel.Deliver(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// Failure requires that the message is not taken.
func Failure(t *testing.T, channel alerts.Channel, message alerts.Message) *alerts.DeliveryError {
	t.Helper()
	receipt, err := channel.Deliver(t.Context(), message)
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok {
		t.Fatalf("want a failure, got receipt %q and error %v", receipt.Proof, err)
	}
	return failure
}

// AssertFailure requires the words that a failure has behind the channel's name, its kind
// and its status.
func AssertFailure(t *testing.T, err error, words string, retryable bool, status int) {
	t.Helper()
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if want := "deliver by " + ChannelName + ": " + words; !ok || err.Error() != want {
		t.Fatalf("error %v\nwant  %s", err, want)
	}
	if failure.Retryable != retryable || failure.Status != status {
		t.Errorf("retryable %t, status %d; want %t, %d", failure.Retryable, failure.Status, retryable, status)
	}
}

// AssertRefused requires the words in which options are refused, and that these repeat
// nothing secret of them.
func AssertRefused[O any](t *testing.T, kind alerts.Kind, edit func(*O), want string) {
	t.Helper()
	_, err := kind.Build(Options(edit), alerts.Env{})
	if err == nil || err.Error() != want {
		t.Fatalf("error %v\nwant  %s", err, want)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the error repeats what is secret: %v", err)
	}
}
