package email_test

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/email"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

func rootOf(finding string) string {
	return "<" + digest.Key("public-sites/"+finding) + "@example.com>"
}

func TestMailsAboutTheSameFindingJoinOneThread(t *testing.T) {
	first, later := alerttest.Message(), alerttest.Message()
	later.ID, later.Events = "0f0e0d0c0b0a09080706050403020100", later.Events[1:2]
	later.Events[0].Type = watch.Reminder
	takenFirst, _ := send(t, first, nil)
	takenLater, _ := send(t, later, nil)
	references := strings.Fields(headerOf(takenFirst.raw, "References"))
	want := []string{rootOf("www.example.com:443"), rootOf("legacy.example.com:8443"), rootOf("/etc/ssl/private/intranet.pem"), rootOf("mail.example.com:587"), rootOf("shop.example.com:443")}
	if !slices.Equal(references, want) {
		t.Errorf("references %q\nwant       %q", references, want)
	}
	if got := headerOf(takenFirst.raw, "In-Reply-To"); got != want[4] {
		t.Errorf("In-Reply-To %s, want the most urgent, %s", got, want[4])
	}
	if got := headerOf(takenLater.raw, "References"); got != want[3] || headerOf(takenLater.raw, "In-Reply-To") != got {
		t.Errorf("the later mail refers to %s", got)
	}
	if got := headerOf(takenLater.raw, "Thread-Topic"); got != "Lapsewatch: mail.example.com:587" {
		t.Errorf("Thread-Topic %s", got)
	}
	for line := range strings.Lines(string(takenFirst.raw)) {
		if len(line) > 200 {
			t.Errorf("a line of %d bytes: %.60s…", len(line), line)
		}
	}
}

func TestALongDigestJoinsNoMoreThanTenThreads(t *testing.T) {
	message := alerttest.Message()
	for i := range 40 {
		event := message.Events[1]
		event.Finding.ID = fmt.Sprint("public-sites/", i)
		message.Events = append(message.Events, event, event)
	}
	taken, _ := send(t, message, nil)
	references := strings.Fields(headerOf(taken.raw, "References"))
	if len(references) != 10 || references[9] != rootOf("shop.example.com:443") || references[0] != rootOf("4") {
		t.Errorf("%d references: %q", len(references), references)
	}
}

func TestUnsubscribing(t *testing.T) {
	for name, row := range map[string]struct {
		given      email.Unsubscribe
		list, post string
	}{
		"not offered":           {email.Unsubscribe{}, "", ""},
		"by mail":               {email.Unsubscribe{Mailto: "leave+x@example.com"}, "<mailto:leave+x@example.com?subject=unsubscribe>", ""},
		"by a page and by mail": {email.Unsubscribe{URL: "https://lists.example.com/leave?who={recipient}", Mailto: "leave@example.com"}, "<https://lists.example.com/leave?who=ops%40example.com>, <mailto:leave@example.com?subject=unsubscribe>", ""},
		"by one click":          {email.Unsubscribe{URL: "https://lists.example.com/leave/{recipient}", OneClick: true}, "<https://lists.example.com/leave/ops%40example.com>", "List-Unsubscribe=One-Click"},
	} {
		t.Run(name, func(t *testing.T) {
			taken, _ := send(t, alerttest.Message(), func(o *email.Options) { o.To, o.Unsubscribe = []string{"Ops <ops@example.com>"}, row.given })
			if got := headerOf(taken.raw, "List-Unsubscribe"); got != row.list {
				t.Errorf("List-Unsubscribe %s\nwant             %s", got, row.list)
			}
			if got := headerOf(taken.raw, "List-Unsubscribe-Post"); got != row.post {
				t.Errorf("List-Unsubscribe-Post %q, want %q", got, row.post)
			}
		})
	}
}

func TestTheCalendarHoldsWhatHasADateAndNoMoreThanFifty(t *testing.T) {
	message := alerttest.Message()
	never := message.Events[1]
	never.Finding.ID, never.Finding.NeverExpires = "never", true
	message.Events = append(message.Events, never)
	taken, _ := send(t, message, nil)
	calendar := parseMail(t, taken.raw).calendar
	if got := strings.Count(calendar, "BEGIN:VEVENT"); got != 4 {
		t.Errorf("%d events, want the 4 of 6 findings that have a date", got)
	}
	for range 100 {
		message.Events = append(message.Events, message.Events[0])
	}
	taken, _ = send(t, message, nil)
	if got := strings.Count(parseMail(t, taken.raw).calendar, "BEGIN:VEVENT"); got != 50 {
		t.Errorf("%d events", got)
	}
	taken, _ = send(t, message, func(o *email.Options) { o.Calendar = false })
	if got := parseMail(t, taken.raw).calendar; got != "" {
		t.Errorf("a calendar that nobody wants: %s", got)
	}
}

func TestTheNextCalendarMovesTheEventAndTheLastOneCancelsIt(t *testing.T) {
	calendarAt := func(days int, kind watch.EventType) map[string]string {
		message := alerttest.Message()
		message.Events, message.CreatedAt = message.Events[:1], message.CreatedAt.AddDate(0, 0, days)
		message.Events[0].Type, message.Events[0].Why = kind, watch.Renewed
		message.Events[0].Finding.NotAfter = message.Events[0].Finding.NotAfter.AddDate(0, 0, days)
		taken, _ := send(t, message, nil)
		found := map[string]string{}
		for line := range strings.Lines(parseMail(t, taken.raw).calendar) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && found[name] == "" {
				found[name] = value
			}
		}
		return found
	}
	first, next, last := calendarAt(0, watch.Opened), calendarAt(7, watch.Reminder), calendarAt(30, watch.Resolved)
	if first["UID"] == "" || first["UID"] != next["UID"] || first["UID"] != last["UID"] {
		t.Errorf("UIDs %s, %s, %s", first["UID"], next["UID"], last["UID"])
	}
	if first["SEQUENCE"] >= next["SEQUENCE"] || next["SEQUENCE"] >= last["SEQUENCE"] {
		t.Errorf("sequences %s, %s, %s", first["SEQUENCE"], next["SEQUENCE"], last["SEQUENCE"])
	}
	if first["DTSTART"] != "20261126T100000Z" || next["DTSTART"] != "20261203T100000Z" {
		t.Errorf("starts %s, %s", first["DTSTART"], next["DTSTART"])
	}
	if first["STATUS"] != "" || last["STATUS"] != "CANCELLED" || last["TRIGGER"] != "" || first["TRIGGER"] != "-P1D" {
		t.Errorf("status %q, %q; alarm %q, %q", first["STATUS"], last["STATUS"], first["TRIGGER"], last["TRIGGER"])
	}
}

func TestTheNoteAndTheReportStandInBothForms(t *testing.T) {
	server := startMailServer(t, startTLS)
	env := server.env(quiet)
	env.ReportURL = alerttest.ReportURL
	message := alerttest.Message()
	message.Note = "Channel pager could not be told: <b>no token</b>\r\nBcc: x@example.org"
	if _, failure := server.deliver(t.Context(), server.channel(t, env, nil), message); failure != nil {
		t.Fatal(failure)
	}
	mail := parseMail(t, server.taken()[0].raw)
	const note = "Channel pager could not be told: <b>no token</b>�Bcc: x@example.org"
	if !strings.Contains(strings.Join(strings.Fields(mail.text), " "), note) || !strings.HasPrefix(mail.text, "Channel pager") {
		t.Errorf("the text does not begin with the note: %s", mail.text)
	}
	if !strings.Contains(mail.html, html.EscapeString(note)) || strings.Contains(mail.html, "<b>") {
		t.Error("the HTML does not hold the note, or holds it as markup")
	}
	if !strings.Contains(mail.text, "\nThe whole report: "+alerttest.ReportURL+"\n") {
		t.Errorf("the text does not lead to the report: %s", mail.text)
	}
	if !strings.Contains(mail.html, `href="`+alerttest.ReportURL+`"`) {
		t.Error("the HTML does not lead to the report")
	}
}

func TestAChannelMayTellOwnersOnly(t *testing.T) {
	server := startMailServer(t, startTLS)
	channel := server.channel(t, server.env(quiet), func(o *email.Options) { o.To, o.OwnerDomains = nil, []string{"example.com"} })
	if got := channel.Recipients(); len(got) != 0 {
		t.Errorf("recipients %q", got)
	}
	recipient, reached := channel.(alerts.OwnerChannel).Reach("Ada <ada@example.com>")
	if !reached {
		t.Fatal("the owner is not reached")
	}
	message := alerttest.Message()
	message.Recipient = recipient
	if _, failure := server.deliver(t.Context(), channel, message); failure != nil || server.taken()[0].to != "ada@example.com" {
		t.Errorf("%v, %v", server.taken(), failure)
	}
}

func TestBouncesGoWhereTheEnvelopeSays(t *testing.T) {
	taken, _ := send(t, alerttest.Message(), func(o *email.Options) { o.EnvelopeFrom = "bounces@example.com" })
	if taken.from != "bounces@example.com" || headerOf(taken.raw, "From") != `"Lapsewatch" <lapsewatch@example.com>` {
		t.Errorf("from %s, shown as %s", taken.from, headerOf(taken.raw, "From"))
	}
}

func TestTheTextFitsATerminal(t *testing.T) {
	message := alerttest.Message()
	message.Events[0].Finding.Message = strings.Repeat("many words ", 60)
	taken, _ := send(t, message, nil)
	for line := range strings.Lines(parseMail(t, taken.raw).text) {
		if length := len([]rune(strings.TrimSuffix(line, "\n"))); length > 80 {
			t.Errorf("%d columns: %s", length, line)
		}
	}
}

func TestTheDateIsThatOfThePassHoweverLateTheMailIsSent(t *testing.T) {
	message := alerttest.Message()
	message.CreatedAt = message.CreatedAt.In(time.FixedZone("elsewhere", 3600))
	taken, _ := send(t, message, nil)
	if got := headerOf(taken.raw, "Date"); got != "Sun, 22 Nov 2026 06:00:00 +0000" {
		t.Errorf("Date: %s", got)
	}
}

func TestARefusalSaysWhatToDoAboutIt(t *testing.T) {
	for name, row := range map[string]struct {
		code     int
		enhanced smtp.EnhancedCode
		login    bool
		words    string
	}{
		"Exchange takes no password":     {550, smtp.EnhancedCode{5, 7, 30}, true, "Exchange Online takes no password over SMTP: use auth: xoauth2 or transport: graph"},
		"the account may not send as it": {550, smtp.EnhancedCode{5, 7, 60}, true, "the account may not send as the address in from: grant it Send As, or give its own address"},
		"the server wants a login":       {530, smtp.EnhancedCode{5, 7, 0}, false, "the server wants a login: set username and password"},
		"an application password":        {534, smtp.EnhancedCode{5, 7, 9}, true, "the server refuses the login of lapsewatch: see the password in environment variable SMTP_PASSWORD"},
		"anything else":                  {550, smtp.EnhancedCode{5, 7, 1}, true, `550 "5.7.1 no", affected recipient(s): <ops@example.com>`},
	} {
		t.Run(name, func(t *testing.T) {
			server := startMailServer(t, startTLS)
			server.refuse["ops@example.com"] = &smtp.SMTPError{Code: row.code, EnhancedCode: row.enhanced, Message: "no"}
			_, failure := server.deliver(t.Context(), server.channel(t, server.env(quiet), func(o *email.Options) {
				if !row.login {
					o.Username, o.Password = "", watch.SecretRef{}
				}
			}), alerttest.Message())
			if failure == nil || failure.Retryable || failure.Status != row.code || !strings.Contains(failure.Error(), row.words) {
				t.Errorf("got %v", failure)
			}
		})
	}
}
