package mailflow_test

import (
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/mailflow"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/parts"
	"lapsewatch/watch"
)

// realMail is a way of mail through a real Postfix into a real Dovecot.
func realMail(t *testing.T) (*scene, parts.Mailboxes) {
	t.Helper()
	pair, caFile := authority(t)
	servers := parts.MailboxesOf(t, pair, "crm@example.com", "canary@example.com")
	s := &scene{
		t: t, sender: &sender{}, imaps: servers.IMAPS, caFile: caFile, memory: &checktest.Memory{}, log: &checktest.Log{},
		secrets: checktest.Secrets{"OUT": servers.Password, "IN": servers.Password}, now: time.Now().UTC(), keeps: true,
	}
	login := func(address, user, secret string) mailflow.Server {
		return mailflow.Server{Address: address, CAFile: caFile, Username: user, Password: watch.SecretRef{Env: secret}}
	}
	s.flow = mailflow.Flow{
		Entry:  entry.Entry{Name: "CRM mail"},
		Submit: mailflow.Submit{SMTP: &mailflow.SMTP{HELO: "lapsewatch.example.com", Server: login(servers.Submission, "crm@example.com", "OUT")}},
		Arrive: mailflow.Arrive{IMAP: &mailflow.IMAP{Server: login(servers.IMAPS, "canary@example.com", "IN")}},
		From:   "CRM <crm@example.com>", To: "canary@example.com", Wait: watch.Duration(time.Minute),
	}
	return s, servers
}

func TestF12_ACanaryIsMeasuredFromARealSubmissionToARealMailbox(t *testing.T) {
	s, _ := realMail(t)
	for range 2 {
		s.now = time.Now().UTC()
		got := checktest.As[watch.Condition](t, s.pass())
		if got.Reason != "" || !strings.HasPrefix(got.Text, "the canary of "+shown(s.now)+" arrived after ") {
			t.Fatalf("got %+v", got)
		}
		proof, _ := got.Details["submission"].(string)
		hops, _ := got.Details["received"].([]string)
		if !strings.HasPrefix(proof, "250 2.0.0 Ok: queued as ") || len(hops) != 1 || !strings.HasSuffix(hops[0], " by localhost") {
			t.Errorf("details %+v", got.Details)
		}
	}
	s.wantLeft("INBOX", 0)
	// A server that knows no such recipient, and one that refuses the login.
	s.flow.To = "nobody@example.com"
	if got := checktest.As[watch.Condition](t, s.pass()); got.Reason != watch.MailRefused || !strings.Contains(got.Text, "refuses the mail: 550 5.1.1 <nobody@example.com>: Recipient address rejected") {
		t.Errorf("got %+v", got)
	}
	s.secrets["OUT"] = "wrong-password-canary-71"
	if got := checktest.As[watch.Condition](t, s.pass()); got.Reason != watch.MailRefused || !strings.Contains(got.Text, "refuses the login of crm@example.com: 535 5.7.8") {
		t.Errorf("got %+v", got)
	}
}
