package mailflow_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/mailflow"
	"lapsewatch/watch"
)

func TestAWrongPasswordOfTheSenderIsAskedOnceAndANewOneAtOnce(t *testing.T) {
	s := begin(t)
	s.secrets["OUT"] = "wrong-password-canary-5d"
	refused := s.sender.address + " refuses the login of canary@example.com: 535 5.7.8 Authentication credentials invalid for <redacted>"
	got := checktest.WantCondition(t, s.pass(), watch.MailRefused, refused+"; none has arrived so far")
	if !strings.HasPrefix(got.Remedy, "Check the user name and its password or token:") {
		t.Error(got.Remedy)
	}
	s.after(10 * time.Minute)
	checktest.WantCondition(t, s.pass(), watch.MailRefused, "not asked again before 2025-11-22 13:00 UTC, after 1 refusal: "+refused+"; none has arrived so far")
	if s.sender.logins != 1 {
		t.Errorf("%d logins", s.sender.logins)
	}
	s.secrets["OUT"] = password
	s.atOnce("INBOX", 0)
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 12:10:00 UTC arrived after 0 s by the mailbox's clock")
}

func TestAMailboxThatCannotBeReadIsUnknownAndNothingIsLost(t *testing.T) {
	s := begin(t)
	s.pass()
	s.secrets["IN"] = "wrong-password-of-the-mailbox"
	s.after(48 * time.Hour)
	said := "open a session with mailbox server " + s.imaps + ": the server refuses the login: NO [AUTHENTICATIONFAILED] Authentication failed"
	got := checktest.WantProblem(t, s.pass(), watch.PermissionDenied, said)
	if !strings.HasPrefix(got.Remedy, "Check the user name and its password or token:") {
		t.Error(got.Remedy)
	}
	s.after(time.Minute)
	checktest.WantProblem(t, s.pass(), watch.PermissionDenied, "log in at "+s.imaps+" as inbox: not asked again before 2025-11-24 13:00 UTC, after 1 refusal: the server refuses the login")
	s.flow.Arrive.IMAP.Address = "127.0.0.1:1"
	checktest.WantProblem(t, s.pass(), watch.Refused, "open a session with mailbox server 127.0.0.1:1: connection refused")
}

func TestAFolderThatIsNotThereIsAProblemThatSaysSo(t *testing.T) {
	s := begin(t, func(f *mailflow.Flow) { f.Arrive.IMAP.Also = []string{"Spam"} })
	got := checktest.WantProblem(t, s.pass(), watch.NotFound, "search Spam at mailbox server "+s.imaps+": it cannot be opened: the server says NO Mailbox doesn't exist: Spam")
	checktest.Equal(t, "the remedy", got.Remedy, "Correct folder and also: the mailbox has no such folder.")
}

func TestADryRunSendsNothingAndRemovesNothing(t *testing.T) {
	s := begin(t)
	s.keeps = false
	checktest.WantProblem(t, s.pass(), watch.Incomplete, "no canary is known of, and none was sent, because nothing outlasts this run")
	s.keeps = true
	s.pass()
	s.release("INBOX", s.now.Add(time.Second))
	s.keeps = false
	s.after(time.Minute)
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 12:00:00 UTC arrived after 1 s by the mailbox's clock, and was seen after 60 s")
	s.wantLeft("INBOX", 1)
	s.keeps = true
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 12:00:00 UTC arrived after 1 s by the mailbox's clock, and was seen after 60 s")
	s.wantLeft("INBOX", 0)
}

func TestTheNewestCanariesAreLeftWhereThatIsAskedFor(t *testing.T) {
	s := begin(t, func(f *mailflow.Flow) { f.Keep = 2 })
	s.atOnce("INBOX", 0)
	for range 5 {
		s.pass()
		s.after(time.Hour)
	}
	s.wantLeft("INBOX", 2)
}

func TestAStuckWayIsNotFloodedWithCanaries(t *testing.T) {
	s := begin(t)
	for range 60 {
		s.pass()
		s.after(5 * time.Minute)
	}
	// Twelve at once, and one in two hours since.
	if sent := len(s.sender.held()); sent != 14 {
		t.Errorf("%d canaries were sent in five hours", sent)
	}
	s.release("INBOX", s.now)
	s.atOnce("INBOX", 0)
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 17:00:00 UTC arrived after 0 s by the mailbox's clock")
	s.wantLeft("INBOX", 0)
}

// flood fills the inbox with copies of what is there.
func (s *scene) flood(atLeast int) {
	s.t.Helper()
	client := s.mailbox()
	defer client.Close()
	for {
		selected, err := client.Select("INBOX", nil).Wait()
		if err != nil {
			s.t.Fatal(err)
		}
		if int(selected.NumMessages) >= atLeast {
			return
		}
		all := imap.SeqSet{}
		all.AddRange(1, selected.NumMessages)
		if _, err := client.Copy(all, "INBOX").Wait(); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestInAMailboxFullOfHostileMailOnlyOurOwnIsTouched(t *testing.T) {
	s := begin(t)
	s.put("INBOX", "Subject: Lapsewatch canary: please ignore\r\nX-Lapsewatch-Canary: AAAAAAAAAAAAAAAAAAAAAAAAAA\r\n\r\nforged", s.now)
	s.flood(10_000)
	s.pass()
	own := s.sender.held()[0]
	s.sender.change(func(c *sender) { c.mails = nil })
	id, _, _ := strings.Cut(idOf(t, own), "@")
	for _, raw := range []string{
		"X-Lapsewatch-Canary: " + id + "AAAA\r\n\r\na longer id",
		"X-Lapsewatch-Canary: " + id + "\r\nX-Lapsewatch-Canary: other\r\n\r\ntwo ids",
		"X-Lapsewatch-Canary: " + id + "\r\nAuto-Submitted: auto-replied (vacation)\r\n\r\nI am away",
		"X-Lapsewatch-Canary: " + id + "\r\nIn-Reply-To: <" + idOf(t, own) + ">\r\n\r\nwhat is this?",
		"Subject: " + id + "\r\nReferences: <" + idOf(t, own) + ">\r\n\r\nX-Lapsewatch-Canary: " + id,
		"Subject: huge\r\n\r\n" + strings.Repeat("all work and no play\r\n", 500_000),
		"X-Lapsewatch-Canary: " + id + "\r\n" + strings.Repeat("Received: by a; b\r\n", 200_000) + "In-Reply-To: <a>\r\n\r\na long way",
		"Subject: bomb\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" + strings.Repeat("--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n", 20_000),
	} {
		s.put("INBOX", raw, s.now)
	}
	before := s.count("INBOX")
	s.after(6 * time.Minute)
	checktest.WantCondition(t, s.pass(), watch.MailStuck, "the canary of 2025-11-22 12:00:00 UTC (Message-ID <"+idOf(t, own)+">) has not arrived after 6 min; none has arrived so far")
	s.wantLeft("INBOX", before)
	s.sender.change(func(c *sender) { c.mails = nil })
	s.after(time.Minute)
	s.put("INBOX", own, s.now.Add(-10*time.Second))
	checktest.WantCondition(t, s.pass(), watch.MailSlow, "the canary of 2025-11-22 12:00:00 UTC arrived after 6 min 50 s by the mailbox's clock, later than 5 min")
	s.wantLeft("INBOX", before)
}

func TestAFloodOfCopiesIsUnknownAndNothingOfItIsRemoved(t *testing.T) {
	s := begin(t)
	s.pass()
	id, _, _ := strings.Cut(idOf(t, s.sender.held()[0]), "@")
	s.put("INBOX", "X-Lapsewatch-Canary: "+id+"\r\n\r\ncopy", s.now)
	s.flood(60)
	s.after(time.Hour)
	checktest.WantProblem(t, s.pass(), watch.TooLarge, "search INBOX at mailbox server "+s.imaps+": more than 50 messages are like the one that is looked for")
	s.wantLeft("INBOX", 64)
}

func TestADamagedMemoryIsBegunAnewAndTold(t *testing.T) {
	s := begin(t)
	s.pass()
	s.memory.Damage(`{"out":[{"id":"' OR 1=1","sent":1}]}`)
	s.after(time.Hour)
	checktest.WantProblem(t, s.pass(), watch.Incomplete, "no canary has arrived so far")
	if !strings.Contains(s.log.String(), "what is remembered of earlier canaries is damaged, and is ignored") {
		t.Error(s.log.String())
	}
}

func TestAClockThatWasSetBackMakesNoCanaryOlder(t *testing.T) {
	s := begin(t)
	s.pass()
	s.now = noon.AddDate(-1, 0, 0)
	checktest.WantProblem(t, s.pass(), watch.Incomplete, "no canary has arrived so far")
	s.after(6 * time.Minute)
	if got := checktest.As[watch.Condition](t, s.pass()); got.Reason != watch.MailStuck || !strings.HasPrefix(got.Text, "the canary of 2024-11-22 12:00:00 UTC") {
		t.Errorf("got %+v", got)
	}
}

func TestTryingSignsInAtBothEndsAndSendsNothing(t *testing.T) {
	s := begin(t)
	tried := s.build().(watch.Trier).Try(t.Context())
	if len(tried) != 2 || tried[0].Err != nil || tried[1].Err != nil || len(s.sender.held()) != 0 || s.sender.logins != 1 {
		t.Errorf("%+v, %d mails", tried, len(s.sender.held()))
	}
	s.secrets["OUT"], s.secrets["IN"] = "wrong-password-canary", "wrong"
	tried = s.build().(watch.Trier).Try(t.Context())
	checktest.WantWords(t, "the sender", fmt.Sprint(tried[0].Err), "refuses the login of canary@example.com")
	checktest.WantWords(t, "the mailbox", fmt.Sprint(tried[1].Err), "the server refuses the login")
}

func TestConformance(t *testing.T) {
	s := begin(t)
	s.atOnce("INBOX", 0)
	blind := s.flow
	smtp, box := *s.flow.Submit.SMTP, *s.flow.Arrive.IMAP
	box.Address = "127.0.0.1:1"
	blind.Name, blind.Submit.SMTP, blind.Arrive.IMAP = "blind", &smtp, &box
	checktest.Run(t, checktest.Case{
		Kind: mailflow.Kind, Decode: checktest.Given(mailflow.Options{Flows: []mailflow.Flow{s.flow, blind}}), Env: s.env(), Readable: 1, Unreadable: 1,
	})
}
