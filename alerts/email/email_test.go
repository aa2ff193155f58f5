package email_test

import (
	"bytes"
	"flag"
	"html"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/email"
	"lapsewatch/internal/digest"
)

var update = flag.Bool("update", false, "write the golden files anew")

var quiet = slog.New(slog.DiscardHandler)

func TestTheMailChannelKeepsTheContract(t *testing.T) {
	alerttest.Run(t, alerttest.Suite{
		Start: func(t *testing.T, log *slog.Logger) (alerts.Channel, alerttest.Service) {
			server := startMailServer(t, startTLS)
			return server.channel(t, server.env(log), nil), server
		},
		Secrets:   []string{password},
		Texts:     mailTexts,
		Forbidden: []string{"<script", "<img", "<iframe", "javascript:", "</style"},
	})
}

// mailTexts lists what a reader of the mail can come to see or act on. Markup that the
// plain text shows as it stands is harmless there, so only the HTML is searched for it.
func mailTexts(t *testing.T, attempt alerttest.Attempt) []string {
	t.Helper()
	mail := parseMail(t, attempt.Content)
	alerttest.AssertHarmless(t, mail.text)
	// The mail's own style sheet ends once.
	texts := []string{mail.subject, strings.Replace(mail.html, "</style>", "", 1)}
	// A calendar folds long lines, between any two bytes.
	alerttest.AssertHarmless(t, strings.ReplaceAll(mail.calendar, "\n ", ""))
	for name, values := range mail.header {
		if !slices.Contains(knownHeaders, name) {
			t.Errorf("header %s: %q was injected", name, values)
		}
		texts = append(texts, values...)
	}
	return texts
}

var knownHeaders = []string{
	"Auto-Submitted", "Content-Type", "Date", "From", "In-Reply-To", "List-Id", "Message-Id", "Mime-Version",
	"References", "Subject", "Thread-Topic", "To", "User-Agent", "X-Auto-Response-Suppress", "X-Mailer",
}

// send delivers by a fresh server and gives the mail that it took.
func send(t *testing.T, message alerts.Message, edit func(*email.Options)) (received, alerts.Receipt) {
	t.Helper()
	server := startMailServer(t, startTLS)
	receipt, failure := server.deliver(t.Context(), server.channel(t, server.env(quiet), edit), message)
	if failure != nil {
		t.Fatal(failure)
	}
	return server.taken()[0], receipt
}

func TestTheMailReadsAsDocumented(t *testing.T) {
	taken, receipt := send(t, alerttest.Message(), func(o *email.Options) {
		o.ReplyTo, o.SubjectPrefix = "security@example.com", "[staging]"
	})
	if receipt.Proof != "250 2.0.0 Ok: queued as 4bX7" {
		t.Errorf("proof %q", receipt.Proof)
	}
	if taken.from != "lapsewatch@example.com" || taken.to != "ops@example.com" || taken.login != username || !taken.tls {
		t.Errorf("envelope from %s to %s, logged in as %q, over TLS %t", taken.from, taken.to, taken.login, taken.tls)
	}
	mail := parseMail(t, taken.raw)
	for name, want := range map[string]string{
		"From":                     `"Lapsewatch" <lapsewatch@example.com>`,
		"To":                       "<ops@example.com>",
		"Reply-To":                 "<security@example.com>",
		"Date":                     "Sun, 22 Nov 2026 06:00:00 +0000",
		"Message-ID":               "<8a5be0f2c1d34e6f9a0b1c2d3e4f5061@example.com>",
		"Auto-Submitted":           "auto-generated",
		"X-Auto-Response-Suppress": "All",
		"List-Id":                  "<operations.lapsewatch.example.com>",
		"User-Agent":               "Lapsewatch/1.2.3",
		"In-Reply-To":              "<" + digest.Key("public-sites/shop.example.com:443") + "@example.com>",
		"Thread-Topic":             "Lapsewatch: shop.example.com:443",
	} {
		if got := mail.header.Get(name); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
	if want := "[staging] Lapsewatch: 1 critical, 2 warnings, 1 unreadable, 1 resolved - first expires 2026-11-26 (4 days)"; mail.subject != want {
		t.Errorf("subject %s\nwant    %s", mail.subject, want)
	}
	if raw := headerOf(taken.raw, "Subject"); strings.Contains(raw, "=?") {
		t.Errorf("a subject in plain ASCII is encoded: %s", raw)
	}
	golden(t, "digest.txt", mail.text)
	golden(t, "digest.html", mail.html)
	golden(t, "digest.ics", mail.calendar)
}

func TestF15_AHostileMailReadsAsTheGoldenFilesSay(t *testing.T) {
	taken, _ := send(t, alerttest.HostileMessage(), nil)
	mail := parseMail(t, taken.raw)
	golden(t, "hostile.txt", mail.text)
	golden(t, "hostile.html", mail.html)
	golden(t, "hostile.ics", mail.calendar)
}

func TestA3_ALineBreakInANameAddsNoHeaderAndNoRecipient(t *testing.T) {
	message := alerttest.Message()
	message.Channel = "ops\r\nBcc: victim@example.org"
	for i := range message.Events {
		message.Events[i].Finding.Name = "evil\r\nBcc: victim@example.org\r\n.\r\nMAIL FROM:<x>"
	}
	server := startMailServer(t, startTLS)
	if _, failure := server.deliver(t.Context(), server.channel(t, server.env(quiet), nil), message); failure != nil {
		t.Fatal(failure)
	}
	mails := server.taken()
	if len(mails) != 1 || mails[0].to != "ops@example.com" {
		t.Fatalf("the server took %d mails, the first to %s", len(mails), mails[0].to)
	}
	mail := parseMail(t, mails[0].raw)
	if got := mail.header.Get("Bcc"); got != "" {
		t.Errorf("Bcc: %s", got)
	}
	if got := mail.header.Get("List-Id"); got != "<ops-bcc-victim-example-org.lapsewatch.example.com>" {
		t.Errorf("List-Id: %s", got)
	}
}

func TestATestMessageSaysThatNothingHasHappened(t *testing.T) {
	message := alerttest.Message()
	message.Test = true
	taken, _ := send(t, message, nil)
	mail := parseMail(t, taken.raw)
	if !strings.HasPrefix(mail.subject, "Lapsewatch test: 1 critical") {
		t.Errorf("subject %q", mail.subject)
	}
	for _, body := range []string{mail.text, mail.html} {
		if !strings.Contains(body, "This is a test of the channel. Nothing has happened.") {
			t.Errorf("the body does not say so: %s", body)
		}
	}
}

func TestA9_ALongDigestListsAHundredAndCountsTheRest(t *testing.T) {
	message := alerttest.Message()
	for range 345 {
		message.Events = append(message.Events, message.Events[2])
	}
	taken, _ := send(t, message, nil)
	mail := parseMail(t, taken.raw)
	if !strings.Contains(mail.subject, "347 warnings") {
		t.Errorf("subject %q", mail.subject)
	}
	const want = "250 more, the least urgent, are not listed here: see the run's own report (lapsewatch run --output html --out FILE)."
	if !strings.Contains(strings.Join(strings.Fields(mail.text), " "), want) || !strings.Contains(html.UnescapeString(mail.html), want) {
		t.Error("the mail does not say how many it leaves out")
	}
	if got := strings.Count(mail.text, "\n* "); got != 100 {
		t.Errorf("%d listed in the text", got)
	}
	// Gmail cuts a message off above 102 KB of HTML.
	if len(mail.html) > 102<<10 {
		t.Errorf("the HTML has %d bytes", len(mail.html))
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal([]byte(got), want) {
		t.Errorf("%s differs; look at it and run the test with -update\n%s", path, got)
	}
}
