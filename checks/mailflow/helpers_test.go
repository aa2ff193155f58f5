package mailflow_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/mailflow"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/parts"
	"lapsewatch/watch"
)

// noon is the beginning of every story.
var noon = time.Date(2025, time.November, 22, 12, 0, 0, 0, time.UTC)

// scene is a way of mail: a submission server whose mail a test delivers by hand, and a real
// Dovecot.
type scene struct {
	t       *testing.T
	sender  *sender
	imaps   string
	caFile  string
	memory  *checktest.Memory
	log     *checktest.Log
	secrets checktest.Secrets
	now     time.Time
	keeps   bool
	flow    mailflow.Flow
}

func begin(t *testing.T, edit ...func(*mailflow.Flow)) *scene {
	t.Helper()
	pair, caFile := authority(t)
	s := &scene{
		t: t, sender: startSender(t, pair), imaps: parts.Dovecot(t, pair).IMAPS, caFile: caFile,
		memory: &checktest.Memory{}, log: &checktest.Log{}, secrets: checktest.Secrets{"OUT": password, "IN": "x"}, now: noon, keeps: true,
	}
	s.flow = mailflow.Flow{
		Entry: entry.Entry{Name: "CRM mail", Owners: []string{"crm-team@example.com"}},
		Submit: mailflow.Submit{SMTP: &mailflow.SMTP{HELO: "lapsewatch.example.com", Server: mailflow.Server{
			Address: s.sender.address, CAFile: caFile, Username: username, Password: watch.SecretRef{Env: "OUT"},
		}}},
		Arrive: mailflow.Arrive{IMAP: &mailflow.IMAP{Server: mailflow.Server{
			Address: s.imaps, CAFile: caFile, Username: "inbox", Password: watch.SecretRef{Env: "IN"},
		}}},
		From: "crm@example.com", To: "canary@example.net", Wait: watch.Duration(time.Millisecond),
	}
	for _, one := range edit {
		one(&s.flow)
	}
	return s
}

func (s *scene) env() checks.Env {
	env := checktest.Env(s.now)
	env.Now = func() time.Time { return s.now }
	env.Log, env.Secrets, env.Memory, env.Keeps = s.log.Logger(), s.secrets.Read, s.memory, s.keeps
	env.Dial = (&net.Dialer{}).DialContext
	return env
}

func (s *scene) build() watch.Check {
	s.t.Helper()
	return checktest.Build(s.t, mailflow.Kind, mailflow.Options{Flows: []mailflow.Flow{s.flow}}, s.env())
}

// pass is one of a new process, as a CronJob makes it.
func (s *scene) pass() watch.Fact {
	s.t.Helper()
	facts, _ := checktest.ByID(s.t, checktest.Pass(s.t, s.build()))
	fact := facts["flow/CRM mail"]
	if fact == nil || len(facts) != 1 {
		s.t.Fatalf("told %+v", facts)
	}
	shown := checktest.Shown(s.t, fact) + s.log.String() + s.memory.Ever()
	checktest.WantNone(s.t, []string{password, s.secrets["OUT"]}, map[string]string{"what is shown and kept": shown})
	return fact
}

// after lets time pass.
func (s *scene) after(span time.Duration) { s.now = s.now.Add(span) }

// mailbox opens the real mailbox, as its owner does.
func (s *scene) mailbox() *imapclient.Client {
	s.t.Helper()
	trusted := x509.NewCertPool()
	content, err := os.ReadFile(s.caFile)
	if err != nil {
		s.t.Fatal(err)
	}
	trusted.AppendCertsFromPEM(content)
	client, err := imapclient.DialTLS(s.imaps, &imapclient.Options{TLSConfig: &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"}})
	if err == nil {
		err = client.Login(s.flow.Arrive.IMAP.Username, s.secrets["IN"]).Wait()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return client
}

// put lays a mail into a folder, which got it at that time.
func (s *scene) put(folder, raw string, at time.Time) {
	s.t.Helper()
	client := s.mailbox()
	defer client.Close()
	if folder != "INBOX" {
		_ = client.Create(folder, nil).Wait() // it may be there
	}
	appended := client.Append(folder, int64(len(raw)), &imap.AppendOptions{Time: at})
	_, err := appended.Write([]byte(raw))
	if err == nil {
		err = appended.Close()
	}
	if err == nil {
		_, err = appended.Wait()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// release delivers what the submission server holds, as if it had arrived at that time.
func (s *scene) release(folder string, at time.Time) {
	s.t.Helper()
	held := s.sender.held()
	s.sender.change(func(c *sender) { c.mails = nil })
	for _, raw := range held {
		s.put(folder, raw, at)
	}
}

// atOnce lets mail arrive as soon as it is sent, so much later by the mailbox's clock.
func (s *scene) atOnce(folder string, took time.Duration) {
	s.sender.change(func(c *sender) { c.deliver = func(raw string) { s.put(folder, raw, s.now.Add(took)) } })
	s.flow.Wait = watch.Duration(time.Minute)
}

// count is how many messages a folder holds.
func (s *scene) count(folder string) int {
	s.t.Helper()
	client := s.mailbox()
	defer client.Close()
	selected, err := client.Select(folder, nil).Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	return int(selected.NumMessages)
}

func (s *scene) wantLeft(folder string, want int) {
	s.t.Helper()
	if got := s.count(folder); got != want {
		s.t.Errorf("%s holds %d messages, want %d", folder, got, want)
	}
}

// idOf is the Message-ID of a mail.
func idOf(t testing.TB, raw string) string {
	t.Helper()
	_, rest, found := strings.Cut(raw, "Message-ID: <")
	id, _, ended := strings.Cut(rest, ">")
	if !found || !ended {
		t.Fatalf("no Message-ID in %s", raw)
	}
	return id
}
