package email_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"testing"
)

// parsedMail is a mail as a mail reader sees it.
type parsedMail struct {
	header netmail.Header
	// subject is decoded.
	subject string
	text    string
	html    string
	// calendar is empty where none is attached.
	calendar string
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
	kind, body := mail.Header.Get("Content-Type"), mail.Body
	if whole := readParts(t, kind, "multipart/mixed", body); whole != nil {
		if len(whole) != 2 {
			t.Fatalf("%d parts, want the bodies and the calendar", len(whole))
		}
		kind, body = whole[0].header.Get("Content-Type"), bytes.NewReader(whole[0].content)
		parsed.calendar = readCalendar(t, whole[1])
	}
	bodies := readParts(t, kind, "multipart/alternative", body)
	if len(bodies) != 2 {
		t.Fatalf("%d bodies of %s", len(bodies), kind)
	}
	for i, want := range []struct {
		kind string
		into *string
	}{{"text/plain; charset=UTF-8", &parsed.text}, {"text/html; charset=UTF-8", &parsed.html}} {
		part := bodies[i]
		if got := part.header.Get("Content-Type"); got != want.kind {
			t.Errorf("part %q, want %q", got, want.kind)
		}
		if got := part.header.Get("Content-Transfer-Encoding"); got != "quoted-printable" {
			t.Errorf("part %s is encoded as %q", want.kind, got)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(part.content)))
		if err != nil {
			t.Fatal(err)
		}
		*want.into = string(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))
	}
	return parsed
}

type part struct {
	header  textproto.MIMEHeader
	content []byte
}

// readParts gives the parts as they were sent, or nil where the content is of another kind.
func readParts(t *testing.T, contentType, want string, body io.Reader) []part {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatalf("Content-Type %q: %v", contentType, err)
	}
	if kind != want {
		return nil
	}
	var parts []part
	for reader := multipart.NewReader(body, parameters["boundary"]); ; {
		next, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(next)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{next.Header, content})
	}
}

func readCalendar(t *testing.T, attached part) string {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(attached.header.Get("Content-Type"))
	if err != nil || kind != "text/calendar" || parameters["method"] != "PUBLISH" || parameters["charset"] != "UTF-8" || parameters["name"] != "lapsewatch.ics" {
		t.Errorf("the calendar has Content-Type %q", attached.header.Get("Content-Type"))
	}
	if got := attached.header.Get("Content-Disposition"); got != `attachment; filename="lapsewatch.ics"` {
		t.Errorf("the calendar has Content-Disposition %q", got)
	}
	content, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(attached.content)))
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))
}

func headerOf(raw []byte, name string) string {
	mail, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	return mail.Header.Get(name)
}
