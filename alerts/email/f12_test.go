package email_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/email"
)

func TestF12_AGreylistedMailIsResentAsTheSameMail(t *testing.T) {
	server := startMailServer(t, startTLS)
	channel := server.channel(t, server.env(quiet), nil)
	server.Behave(alerttest.Throttles)
	_, failure := server.deliver(t.Context(), channel, alerttest.Message())
	if failure == nil || failure.Status != 451 || !failure.Retryable {
		t.Fatalf("want a retryable 451, got %v", failure)
	}
	if want := `RCPT TO command: 451 "4.7.1 greylisted, come back later"`; !strings.Contains(failure.Error(), want) {
		t.Errorf("the error does not say %s: %v", want, failure)
	}
	server.Behave(alerttest.Accepts)
	for range 2 {
		if _, failure := server.deliver(t.Context(), channel, alerttest.Message()); failure != nil {
			t.Fatal(failure)
		}
	}
	mails := server.taken()
	for _, name := range []string{"Message-ID", "Date", "Subject"} {
		if first, again := headerOf(mails[0].raw, name), headerOf(mails[1].raw, name); first != again || first == "" {
			t.Errorf("%s: %q and then %q", name, first, again)
		}
	}
}

func TestF12_OneRefusedRecipientHoldsNobodyElse(t *testing.T) {
	server := startMailServer(t, startTLS)
	server.refuse["user7@example.com"] = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	channel := server.channel(t, server.env(quiet), func(o *email.Options) {
		o.To = nil
		for i := range 20 {
			o.To = append(o.To, fmt.Sprintf("user%d@example.com", i))
		}
	})
	for i, recipient := range channel.Recipients() {
		message := alerttest.Message()
		message.Recipient, message.ID = recipient, fmt.Sprint("message", i)
		_, failure := server.deliver(t.Context(), channel, message)
		if recipient != "user7@example.com" {
			if failure != nil {
				t.Error(failure)
			}
			continue
		}
		if failure == nil || failure.Status != 550 || failure.Retryable || !strings.Contains(failure.Error(), `550 "5.1.1 no such user", affected recipient(s): <user7@example.com>`) {
			t.Errorf("want a permanent 550 that names the recipient, got %v", failure)
		}
	}
	served := map[string]int{}
	for _, mail := range server.taken() {
		served[mail.to]++
		if got := headerOf(mail.raw, "To"); got != "<"+mail.to+">" {
			t.Errorf("the mail for %s shows To: %s", mail.to, got)
		}
	}
	if len(served) != 19 || served["user7@example.com"] != 0 {
		t.Errorf("served: %v", served)
	}
}

func TestF12_AServerWithoutSTARTTLSHearsNoPassword(t *testing.T) {
	server := startMailServer(t, stripped)
	channel := server.channel(t, server.env(quiet), nil)
	_, failure := server.deliver(t.Context(), channel, alerttest.Message())
	want := fmt.Sprintf("deliver by operations: open a session with mail server 127.0.0.1:%d: the server offers no STARTTLS; set tls: implicit (port 465), or none for a relay without TLS", server.port)
	if failure == nil || !failure.Retryable || failure.Error() != want {
		t.Errorf("want a retryable refusal, got %v", failure)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	if !bytes.HasPrefix(server.heard, []byte("EHLO ")) || bytes.Contains(server.heard, []byte("AUTH")) || bytes.Contains(server.heard, []byte("MAIL")) {
		t.Errorf("the server heard %q", server.heard)
	}
	if len(server.mails) != 0 {
		t.Errorf("the server took %d mails", len(server.mails))
	}
}

func TestF12_AShutdownInTheMiddleOfAMailIsRetryable(t *testing.T) {
	server := startMailServer(t, startTLS)
	server.Behave(alerttest.Fails)
	_, failure := server.deliver(t.Context(), server.channel(t, server.env(quiet), nil), alerttest.Message())
	if failure == nil || !failure.Retryable || failure.Status != 421 || !strings.Contains(failure.Error(), `421 "4.3.2 shutting down"`) {
		t.Errorf("want a retryable 421, got %v", failure)
	}
}

func TestF12_TenMegabytesOfFindingsMakeAMailThatReadersTake(t *testing.T) {
	message := alerttest.Message()
	for i := range 100 {
		event := message.Events[1]
		event.Finding.ID = fmt.Sprint("public-sites/", i)
		event.Finding.Message = strings.Repeat("a long story, ", 7500)
		message.Events = append(message.Events, event)
	}
	taken, _ := send(t, message, nil)
	if len(taken.raw) > 400<<10 {
		t.Errorf("the mail has %d bytes", len(taken.raw))
	}
	if mail := parseMail(t, taken.raw); len(mail.html) > 102<<10 || !strings.Contains(mail.text, "not listed here") {
		t.Errorf("the HTML has %d bytes", len(mail.html))
	}
}

func TestF12_AServerThatFindsTheMailTooLargeIsToldOnce(t *testing.T) {
	server := startMailServer(t, startTLS)
	server.refuse["ops@example.com"] = &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "message size exceeds the limit"}
	_, failure := server.deliver(t.Context(), server.channel(t, server.env(quiet), nil), alerttest.Message())
	if failure == nil || failure.Status != 552 || failure.Retryable {
		t.Errorf("got %v", failure)
	}
}

func TestF12_OfTwentyRecipientsNineteenAreServedOnceThoughTheServerPutsThemOffAtFirst(t *testing.T) {
	server := startMailServer(t, startTLS)
	server.refuse["user7@example.com"] = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	channel := server.channel(t, server.env(quiet), func(o *email.Options) {
		o.To = nil
		for i := range 20 {
			o.To = append(o.To, fmt.Sprintf("user%d@example.com", i))
		}
	})
	// Greylisted, cut off in the middle, and then as well as can be.
	pending := channel.Recipients()
	for _, behaviour := range []alerttest.Behaviour{alerttest.Throttles, alerttest.Fails, alerttest.Accepts} {
		server.Behave(behaviour)
		var again []string
		for _, recipient := range pending {
			message := alerttest.Message()
			message.Recipient, message.ID = recipient, "message-for-"+strings.Split(recipient, "@")[0]
			if _, failure := server.deliver(t.Context(), channel, message); failure != nil && failure.Retryable {
				again = append(again, recipient)
			}
		}
		pending = again
	}
	served := map[string]string{}
	for _, mail := range server.taken() {
		if served[mail.to] != "" {
			t.Errorf("%s is served twice", mail.to)
		}
		served[mail.to] = headerOf(mail.raw, "Message-ID")
		if want := "<message-for-" + strings.Split(mail.to, "@")[0] + "@example.com>"; served[mail.to] != want {
			t.Errorf("Message-ID %s, want %s", served[mail.to], want)
		}
	}
	if len(pending) != 0 || len(served) != 19 || served["user7@example.com"] != "" {
		t.Errorf("%d served, %q pending", len(served), pending)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	if strings.Contains(string(server.heard), "AUTH") {
		t.Error("a login went over the wire in the clear")
	}
}

func TestF12_AServerWithoutSTARTTLSHearsNoToken(t *testing.T) {
	issuer := tenant(t, time.Now().AddDate(1, 0, 0))
	server := tokenServer(t, stripped, issuer)
	env := tenantEnv(alerttest.NewMemory())
	env.Dial = server.env(quiet).Dial
	_, failure := tell(t, server.channel(t, env, func(o *email.Options) { byToken(o); o.Entra = signIn(t, issuer) }))
	if failure == nil || !failure.Retryable || !strings.Contains(failure.Error(), "the server offers no STARTTLS") {
		t.Errorf("got %v", failure)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	if bytes.Contains(server.heard, []byte("AUTH")) {
		t.Errorf("the server heard %q", server.heard)
	}
}
