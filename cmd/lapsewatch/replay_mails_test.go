package main

import (
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
)

// mailLines is how much of a mail a story has.
const mailLines = 12

// newMails are those that came since it was called last. What several people were told alike
// is told once.
func (r *replay) newMails() []string {
	r.t.Helper()
	r.mails.mu.Lock()
	defer r.mails.mu.Unlock()
	people := map[string][]string{}
	for _, whole := range r.mails.whole[r.read:] {
		to, subject, text, err := readMail(whole)
		if err != nil {
			r.t.Fatalf("a mail cannot be read: %v\n%s", err, whole)
		}
		body, _, _ := strings.Cut(unbroken(text), "\n--\n")
		lines := strings.Split(body, "\n")
		if len(lines) > mailLines {
			lines = append(lines[:mailLines], "…")
		}
		said := ": " + subject + "\n" + strings.Join(lines, "\n")
		people[said] = append(people[said], to)
	}
	r.read = len(r.mails.whole)
	var told []string
	for said, to := range people {
		slices.Sort(to)
		subject, text, _ := strings.Cut(said, "\n")
		told = append(told, r.wrapped("  ", "mail to "+strings.Join(to, ", ")+subject)+r.wrapped("    | ", text))
	}
	slices.Sort(told)
	return told
}

// label begins a line of a mail that goes on with no other.
var label = regexp.MustCompile(`^(\S|  (to do|check|link|owner|owners|labels|note): )`)

// unbroken joins the lines of a mail that were broken for their length, which differs with
// what is measured, and leaves empty lines out.
func unbroken(text string) string {
	var lines []string
	first := true
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "" || strings.Trim(trimmed, "=") == "":
		case len(lines) == 0 || first || label.MatchString(line):
			lines = append(lines, line)
			first = strings.HasPrefix(line, "* ")
		default:
			lines[len(lines)-1] += " " + trimmed
		}
	}
	return strings.Join(lines, "\n")
}

// readMail gives the plain text of a mail.
func readMail(whole string) (to, subject, text string, err error) {
	message, err := mail.ReadMessage(strings.NewReader(whole))
	if err != nil {
		return "", "", "", err
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject")); err != nil {
		return "", "", "", err
	}
	text, err = plainText(textproto.MIMEHeader(message.Header), message.Body)
	return strings.Trim(message.Header.Get("To"), "<>"), subject, text, err
}

// plainText is the first part within all that are parts of others: what has no markup comes
// first (RFC 2046, 5.1.4).
func plainText(header textproto.MIMEHeader, body io.Reader) (string, error) {
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(kind, "multipart/") {
		part, err := multipart.NewReader(body, parameters["boundary"]).NextRawPart()
		if err != nil {
			return "", err
		}
		return plainText(part.Header, part)
	}
	if strings.EqualFold(header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	return strings.ReplaceAll(string(content), "\r\n", "\n"), err
}
