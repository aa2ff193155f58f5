package redact_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

func TestText(t *testing.T) {
	const secret = "p@ss/word+1"
	tests := map[string]string{
		"the secret as it is":            "login with p@ss/word+1 refused",
		"the secret escaped for a query": "login with " + url.QueryEscape(secret) + " refused",
		"the secret escaped for a path":  "login with " + url.PathEscape(secret) + " refused",
		"the secret in Base64":           "login with " + base64.StdEncoding.EncodeToString([]byte(secret)) + " refused",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if got := redact.Text(text, watch.NewSecret(secret)); got != "login with <redacted> refused" {
				t.Errorf("Text = %q", got)
			}
		})
	}
}

func TestTextReplacesALongerSecretBeforeOneThatItHolds(t *testing.T) {
	got := redact.Text("token abcdefgh.", watch.NewSecret("abcd"), watch.NewSecret("abcdefgh"))
	if got != "token <redacted>." {
		t.Errorf("Text = %q", got)
	}
}

func TestWordsHideATokenWithoutItsScheme(t *testing.T) {
	got := redact.Text("the Bearer token canary-1 is unknown", redact.Words(watch.NewSecret("Bearer canary-1\n"))...)
	if got != "the Bearer token <redacted> is unknown" {
		t.Errorf("Text = %q", got)
	}
}

func TestAnEmptySecretRedactsNothing(t *testing.T) {
	if got := redact.Text("as it was", watch.NewSecret("")); got != "as it was" {
		t.Errorf("Text = %q", got)
	}
}

func TestErrorKeepsACauseThatHoldsNoSecret(t *testing.T) {
	cause := errors.New("connection refused")
	if got := redact.Error(cause, watch.NewSecret("canary")); got != cause {
		t.Errorf("Error = %v, want the cause itself", got)
	}
	leaking := errors.New("token canary refused")
	got := redact.Error(leaking, watch.NewSecret("canary"))
	if got.Error() != "token <redacted> refused" || errors.Is(got, leaking) {
		t.Errorf("Error = %v, still wrapping its cause: %t", got, errors.Is(got, leaking))
	}
}

func TestURLPartsHidePathQueryAndPassword(t *testing.T) {
	address, err := url.Parse("https://user:hunter22@hooks.example.com/services/T0ABC/s3cr3tpath?key=querysecret")
	if err != nil {
		t.Fatal(err)
	}
	echo := "no route services/s3cr3tpath (key querysecret, password hunter22) at " + address.String()
	got := redact.Text(echo, redact.URLParts(address)...)
	for _, secret := range []string{"s3cr3tpath", "querysecret", "hunter22", "T0ABC"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q survives in %q", secret, got)
		}
	}
}
