package email_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"testing"
)

// parsedMail is a mail as a mail reader sees it.
type parsedMail struct {
	header netmail.Header
	// subject is decoded.
	subject string
	text    string
	html    string
}

func parseMail(t *testing.T, raw []byte) parsedMail {
	t.Helper()
	mail, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return readMail(t, mail)
}

func readMail(t *testing.T, mail *netmail.Message) parsedMail {
	t.Helper()
	parsed := parsedMail{header: mail.Header}
	var err error
	if parsed.subject, err = new(mime.WordDecoder).DecodeHeader(mail.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	kind, parameters, err := mime.ParseMediaType(mail.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type %q: %v", mail.Header.Get("Content-Type"), err)
	}
	parts := multipart.NewReader(mail.Body, parameters["boundary"])
	for _, want := range []struct {
		kind string
		into *string
	}{{"text/plain; charset=UTF-8", &parsed.text}, {"text/html; charset=UTF-8", &parsed.html}} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if got := part.Header.Get("Content-Type"); got != want.kind {
			t.Errorf("part %q, want %q", got, want.kind)
		}
		if got := part.Header.Get("Content-Transfer-Encoding"); got != "quoted-printable" {
			t.Errorf("part %s is encoded as %q", want.kind, got)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		*want.into = string(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))
	}
	if _, err := parts.NextRawPart(); err != io.EOF {
		t.Errorf("more than two parts: %v", err)
	}
	return parsed
}

func headerOf(raw []byte, name string) string {
	mail, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	return mail.Header.Get(name)
}
