package mailflow_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/mailflow"
	"lapsewatch/watch"
)

func TestWhereAllAnswersAreLostAnOldArrivalProvesNothing(t *testing.T) {
	s := begin(t)
	s.atOnce("INBOX", 0)
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 12:00:00 UTC arrived after 0 s by the mailbox's clock")
	s.flow.Wait = watch.Duration(time.Millisecond)
	s.sender.change(func(c *sender) { c.deliver, c.hangUp = func(string) {}, true })
	for range 40 {
		s.after(5 * time.Minute)
		if got := checktest.As[watch.Problem](t, s.pass()); got.Reason == "" {
			t.Errorf("got %+v", got)
		}
	}
	s.after(time.Minute)
	got := checktest.WantProblem(t, s.pass(), watch.Incomplete, "of 13 canaries nobody knows whether they were taken, as the answers were lost, and none of them has arrived; the latest that arrived was sent 2025-11-22 12:00:00 UTC and took 0 s")
	checktest.WantWords(t, "the remedy", got.Remedy, "Look at why the server breaks off")
}

func TestACanaryThatIsPutOffIsStuckHoweverLongThatLasts(t *testing.T) {
	s := begin(t)
	s.atOnce("INBOX", 0)
	s.pass()
	s.flow.Wait = watch.Duration(time.Millisecond)
	s.sender.change(func(c *sender) { c.refuse = &smtp.SMTPError{Code: 451, Message: "later"} })
	s.after(time.Minute)
	s.pass()
	s.after(50 * time.Hour)
	want := "the canary that was first offered 2025-11-22 12:01:00 UTC has not been taken for 2 d 2 h"
	for range 2 {
		got := checktest.As[watch.Condition](t, s.pass())
		if got.Reason != watch.MailStuck || !strings.HasPrefix(got.Text, want) {
			t.Errorf("got %+v", got)
		}
		s.after(time.Minute)
	}
	// A dry run offers nothing, and the last arrival does not outrank what is known.
	s.keeps = false
	if got := checktest.As[watch.Condition](t, s.pass()); got.Reason != watch.MailStuck || !strings.HasPrefix(got.Text, want) {
		t.Errorf("got %+v", got)
	}
	// Once it is taken it is on its way, and not lost at once.
	s.keeps = true
	s.sender.change(func(c *sender) { c.refuse, c.deliver = nil, nil })
	if got := checktest.As[watch.Condition](t, s.pass()); got.Reason != watch.MailStuck || !strings.Contains(got.Text, "has not arrived after 2 d 2 h") {
		t.Errorf("got %+v", got)
	}
	s.release("INBOX", s.now)
	s.atOnce("INBOX", 0)
	s.after(time.Minute)
	checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, s.pass()).Reason, "")
}

func TestAnArrivalOfAClockThatWasAheadHidesNoLaterMail(t *testing.T) {
	s := begin(t)
	s.atOnce("INBOX", 0)
	s.now = noon.AddDate(1, 0, 0)
	s.pass()
	s.now = noon
	s.sender.change(func(c *sender) { c.deliver = nil })
	s.flow.Wait = watch.Duration(time.Millisecond)
	checktest.WantProblem(t, s.pass(), watch.Incomplete, "no canary has arrived so far")
	s.release("INBOX", s.now.Add(50*time.Minute))
	s.after(time.Hour)
	checktest.WantCondition(t, s.pass(), watch.MailSlow, "the canary of 2025-11-22 12:00:00 UTC arrived after 50 min by the mailbox's clock, later than 5 min")
}

func TestALongPastArrivalIsNotThePresent(t *testing.T) {
	s := begin(t)
	s.atOnce("INBOX", 0)
	s.pass()
	s.keeps = false
	s.after(23 * time.Hour)
	checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, s.pass()).Reason, "")
	s.after(60 * 24 * time.Hour)
	checktest.WantProblem(t, s.pass(), watch.Incomplete, "no canary was seen to arrive for longer than 1 d; the latest that arrived was sent 2025-11-22 12:00:00 UTC and took 0 s")
}

func TestAWrongClockOfTheMailboxProvesNoMailInTime(t *testing.T) {
	s := begin(t)
	s.pass()
	s.sender.change(func(c *sender) { c.refuse = &smtp.SMTPError{Code: 451, Message: "later"} })
	// It arrived after nine minutes, and the mailbox's clock is ten behind.
	s.release("INBOX", noon.Add(-time.Minute))
	s.after(10 * time.Minute)
	got := checktest.WantProblem(t, s.pass(), watch.Incomplete, "the canary of 2025-11-22 12:00:00 UTC arrived after at most 10 min, by this machine's clock; whether that was later than 5 min is not known, because the mailbox's clock is wrong or not shown")
	checktest.WantWords(t, "the remedy", got.Remedy, "Set the clock of the mailbox's server.")
}

func TestLateCopiesAreRemovedAndNoCanaryIsGivenUpUnlookedFor(t *testing.T) {
	s := begin(t, func(f *mailflow.Flow) { f.LostAfter = watch.Duration(time.Hour) })
	s.pass()
	raw := s.sender.held()[0]
	s.release("INBOX", s.now.Add(time.Second))
	good := s.flow.Arrive.IMAP.Address
	s.flow.Arrive.IMAP.Address = "127.0.0.1:1"
	for range 5 {
		s.after(30 * time.Minute)
		s.pass()
		s.release("INBOX", s.now.Add(time.Second))
	}
	s.flow.Arrive.IMAP.Address = good
	s.atOnce("INBOX", 0)
	s.after(time.Minute)
	checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, s.pass()).Reason, "")
	s.wantLeft("INBOX", 0)
	s.put("INBOX", raw, s.now)
	s.put("INBOX", raw, s.now)
	s.after(time.Minute)
	checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, s.pass()).Reason, "")
	s.wantLeft("INBOX", 0)
}

func TestALostCanaryThatArrivesAfterItWasGivenUpIsRemoved(t *testing.T) {
	s := begin(t)
	s.pass()
	held := s.sender.held()
	s.sender.change(func(c *sender) { c.mails = nil })
	s.atOnce("INBOX", 0)
	s.after(49 * time.Hour)
	s.pass()
	s.put("INBOX", held[0], s.now)
	s.after(time.Hour)
	checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, s.pass()).Reason, "")
	s.wantLeft("INBOX", 0)
}

func TestATryThatIsLetInEndsTheHold(t *testing.T) {
	s := begin(t)
	s.atOnce("INBOX", 0)
	s.sender.change(func(c *sender) { c.password = "another-password-of-the-sender" })
	for range 2 {
		got := checktest.As[watch.Condition](t, s.pass())
		checktest.Equal(t, "the reason", got.Reason, watch.MailRefused)
		checktest.WantWords(t, "the remedy", got.Remedy, "`lapsewatch config check --online` tries at once too, and ends the wait if the login is taken.")
		s.after(time.Minute)
	}
	s.sender.change(func(c *sender) { c.password = password })
	if tried := s.build().(watch.Trier).Try(t.Context()); tried[0].Err != nil {
		t.Fatalf("tried %+v", tried)
	}
	checktest.Equal(t, "the reason", checktest.As[watch.Condition](t, s.pass()).Reason, "")
}

func TestOfARefusalThatMayHoldAShortSecretOnlyTheCodeIsShown(t *testing.T) {
	s := begin(t)
	s.secrets["OUT"] = "abc12"
	checktest.WantCondition(t, s.pass(), watch.MailRefused, s.sender.address+" refuses the login of canary@example.com: 535; none has arrived so far")
}

func TestNamesThatLeadElsewhereInGraphAreRefused(t *testing.T) {
	s, _ := inCloud(t)
	for _, name := range []string{"Junk Email", "a/b", "inbox?x", "Spam#1", "a%2fb", "..", "../../crm@example.com/mailFolders/inbox"} {
		s.flow.Arrive.Graph.Also = []string{name}
		places := checktest.Places(t, mailflow.Options{Flows: []mailflow.Flow{s.flow}}.Validate())
		checktest.Equal(t, "the place of "+name, fmt.Sprint(places), "[flows[0].arrive.graph.also[0]]")
	}
	s.flow.Arrive.Graph.Also = []string{"JunkEmail", "AAMkAGVmMDEzMTM4LTZmYWUtNDdkNC1hMDZiLTU1OGY5OTZhYmY4OAAuAAAAAAAiQ8W967B7TKBjgx9rVEURAQAiIsqMbYjsT5e-T7KzowPTAAAAAAEMAAA="}
	s.flow.To = "o'brien/x@example.com"
	places := checktest.Places(t, mailflow.Options{Flows: []mailflow.Flow{s.flow}}.Validate())
	checktest.Equal(t, "the place", fmt.Sprint(places), "[flows[0].arrive.graph.mailbox]")
}

func TestAMessageIDOfAnInternationalDomainIsPlain(t *testing.T) {
	s := begin(t)
	s.flow.From = "crm@müller.example"
	s.atOnce("INBOX", 0)
	got := checktest.As[watch.Condition](t, s.pass())
	if id := fmt.Sprint(got.Details["last_message_id"]); !strings.HasSuffix(id, "@xn--mller-kva.example") {
		t.Errorf("got %s", id)
	}
}
