package ticket_test

import (
	"errors"
	"net/http"
	"testing"

	"lapsewatch/internal/redact"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

func TestAKeyIsSentWithoutTheSpaceAroundItAndHiddenSo(t *testing.T) {
	secrets := func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(" canary-key-7f1c\n\n"), nil }
	for scheme, want := range map[string]string{"Bearer": "Bearer canary-key-7f1c", "": "canary-key-7f1c"} {
		header := http.Header{}
		hidden, err := ticket.Key{Secrets: secrets, Called: "API key", Scheme: scheme}.Authorize(header)
		if err != nil || header.Get("Authorization") != want {
			t.Errorf("sent %q, %v; want %q", header.Get("Authorization"), err, want)
		}
		if said := redact.Text("no such key: canary-key-7f1c", hidden...); said != "no such key: <redacted>" {
			t.Errorf("an echo of it reads %q", said)
		}
	}
	header := http.Header{}
	if _, err := (ticket.Key{Secrets: secrets, Header: "X-Cachet-Token"}).Authorize(header); err != nil || header.Get("X-Cachet-Token") != "canary-key-7f1c" || header.Get("Authorization") != "" {
		t.Errorf("sent %v, %v", header, err)
	}
}

func TestAKeyThatCannotBeReadIsSaidAndNotSent(t *testing.T) {
	secrets := func(watch.SecretRef) (watch.Secret, error) { return watch.Secret{}, errors.New("no such file") }
	header := http.Header{}
	if _, err := (ticket.Key{Secrets: secrets, Called: "API key", Scheme: "Bearer"}).Authorize(header); err == nil || err.Error() != "read the API key: no such file" || len(header) > 0 {
		t.Errorf("%v, sent %v", err, header)
	}
}
