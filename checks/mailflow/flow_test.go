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

func TestACanaryThatArrivesAtOnceIsSeenInTheSamePassAndRemoved(t *testing.T) {
	s := begin(t)
	s.atOnce("INBOX", 0)
	got := checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 12:00:00 UTC arrived after 0 s by the mailbox's clock")
	if got.Details["on_their_way"] != 0 || got.Details["submission"] != "250 2.0.0 Ok: queued as 4bX7" {
		t.Errorf("details %+v", got.Details)
	}
	s.wantLeft("INBOX", 0)
}

func TestACanaryThatIsOnItsWayIsUnknownAtFirstAndJudgedInTheNextPass(t *testing.T) {
	s := begin(t)
	checktest.WantProblem(t, s.pass(), watch.Incomplete, "no canary has arrived so far; one is on its way, and was not there after 0 s")
	s.release("INBOX", s.now.Add(7*time.Second))
	s.after(24 * time.Hour)
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 12:00:00 UTC arrived after 7 s by the mailbox's clock, and was seen after 1 d")
	s.wantLeft("INBOX", 0)
}

func TestTheMailSaysWhatItIsAndWhomToAskAndIsAnsweredByNobody(t *testing.T) {
	s := begin(t)
	s.pass()
	held := s.sender.held()
	if len(held) != 1 {
		t.Fatalf("%d mails", len(held))
	}
	for _, want := range []string{
		"Auto-Submitted: auto-generated\r\n", "X-Auto-Response-Suppress: All\r\n", "Subject: Lapsewatch canary: please ignore\r\n", "Date: Sat, 22 Nov 2025 12:00:00 +0000\r\n",
		"From: <crm@example.com>\r\n", "To: <canary@example.net>\r\n", "@example.com>\r\n", "crm-team@example.com.", "Flow: CRM mail",
	} {
		if !strings.Contains(held[0], want) {
			t.Errorf("%q is not in\n%s", want, held[0])
		}
	}
	id, _, _ := strings.Cut(idOf(t, held[0]), "@")
	if len(id) != 26 || !strings.Contains(held[0], "X-Lapsewatch-Canary: "+id+"\r\n") {
		t.Errorf("no id that cannot be guessed in\n%s", held[0])
	}
}

// received puts lines of servers above a mail, the first of which is the last server.
func received(raw string, at time.Time, hops ...string) string {
	for i, host := range hops {
		raw = fmt.Sprintf("Received: from x (x [192.0.2.1])\r\n\tby %s with ESMTPS id 1;\r\n\t%s\r\n", host, at.Add(time.Duration(i)*11*time.Minute).Format(time.RFC1123Z)) + raw
	}
	return raw
}

func TestMailThatArrivesLateIsSlowAndTheReportNamesTheServerWhereItWaited(t *testing.T) {
	s := begin(t)
	s.pass()
	raw := s.sender.held()[0]
	s.sender.change(func(c *sender) { c.mails = nil })
	s.put("INBOX", received(raw, s.now.Add(time.Second), "out.example.com", "mx.example.net"), s.now.Add(12*time.Minute))
	s.after(time.Hour)
	got := checktest.WantCondition(t, s.pass(), watch.MailSlow, "the canary of 2025-11-22 12:00:00 UTC arrived after 12 min by the mailbox's clock, later than 5 min; "+
		"it was longest between out.example.com and mx.example.net, 11 min by their clocks")
	want := []string{"2025-11-22 12:00:01 UTC by out.example.com", "2025-11-22 12:11:01 UTC by mx.example.net"}
	if fmt.Sprint(got.Details["received"]) != fmt.Sprint(want) {
		t.Errorf("received %v", got.Details["received"])
	}
}

func TestMailIsStuckThenArrivesAndThenAllIsInOrderAgain(t *testing.T) {
	s := begin(t)
	s.pass()
	id := idOf(t, s.sender.held()[0])
	s.after(6 * time.Minute)
	checktest.WantCondition(t, s.pass(), watch.MailStuck, "the canary of 2025-11-22 12:00:00 UTC (Message-ID <"+id+">) has not arrived after 6 min; none has arrived so far")
	s.after(time.Hour)
	checktest.WantCondition(t, s.pass(), watch.MailStuck, "the canary of 2025-11-22 12:00:00 UTC (Message-ID <"+id+">) has not arrived after 1 h 6 min, nor have 1 that were sent later; none has arrived so far")
	s.release("INBOX", s.now.Add(time.Minute))
	s.after(2 * time.Minute)
	s.atOnce("INBOX", time.Second)
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 13:08:00 UTC arrived after 1 s by the mailbox's clock")
	s.wantLeft("INBOX", 0)
}

func TestLostIsToldFromStuckAndEndsOnceOthersArrive(t *testing.T) {
	s := begin(t)
	s.pass()
	id := idOf(t, s.sender.held()[0])
	s.sender.change(func(c *sender) { c.mails = nil })
	s.atOnce("INBOX", 2*time.Second)
	s.after(23 * time.Hour)
	words := "the canary of 2025-11-22 12:00:00 UTC (Message-ID <" + id + ">) has not arrived after "
	checktest.WantCondition(t, s.pass(), watch.MailStuck, words+"23 h; the latest that arrived was sent 2025-11-23 11:00:00 UTC and took 0 s")
	s.after(2 * time.Hour)
	checktest.WantCondition(t, s.pass(), watch.MailLost, words+"1 d 1 h; the latest that arrived was sent 2025-11-23 13:00:00 UTC and took 0 s")
	s.after(24 * time.Hour)
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-24 13:00:00 UTC arrived after 0 s by this machine's clock")
}

func TestACanaryInTheJunkFolderHasNotArrivedWherePeopleLook(t *testing.T) {
	s := begin(t, func(f *mailflow.Flow) { f.Arrive.IMAP.Also = []string{"Junk"} })
	s.put("Junk", "Subject: something else\r\n\r\nx", s.now)
	s.atOnce("Junk", 0)
	got := checktest.WantCondition(t, s.pass(), watch.MailStuck, "the canary of 2025-11-22 12:00:00 UTC arrived in Junk and not in INBOX after 0 s by the mailbox's clock")
	if got.Remedy != "Find out why mail from crm@example.com is sorted out (SPF, DKIM, DMARC, a filter's verdict in its headers): recipients do not see it either." {
		t.Error(got.Remedy)
	}
	s.wantLeft("Junk", 1)
	s.after(time.Hour)
	s.atOnce("INBOX", 0)
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 13:00:00 UTC arrived after 0 s by the mailbox's clock")
}

func TestARefusedSenderIsToldWithTheServersOwnWords(t *testing.T) {
	s := begin(t)
	s.sender.change(func(c *sender) {
		c.refuse = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "crm@example.com may not send"}
	})
	want := s.sender.address + " refuses the mail: 550 5.7.1 crm@example.com may not send; none has arrived so far"
	for range 2 {
		checktest.WantCondition(t, s.pass(), watch.MailRefused, want)
		s.after(time.Hour)
	}
	s.sender.change(func(c *sender) { c.refuse = nil })
	s.atOnce("INBOX", 0)
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 14:00:00 UTC arrived after 0 s by the mailbox's clock")
}

func TestF12_AGreylistedCanaryIsOfferedAgainAsTheSameMailAndToldByItsAge(t *testing.T) {
	s := begin(t)
	s.sender.change(func(c *sender) {
		c.refuse = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted, come back later"}
	})
	said := s.sender.address + " puts mail off: 451 4.7.1 greylisted, come back later"
	checktest.WantProblem(t, s.pass(), watch.Throttled, "no canary has arrived so far: "+said)
	first := s.memory.Ever()
	s.after(6 * time.Minute)
	checktest.WantCondition(t, s.pass(), watch.MailStuck, "the canary that was first offered 2025-11-22 12:00:00 UTC has not been taken for 6 min: "+said+"; none has arrived so far")
	s.sender.change(func(c *sender) { c.refuse = nil })
	s.after(time.Minute)
	s.pass()
	id, _, _ := strings.Cut(idOf(t, s.sender.held()[0]), "@")
	if len(s.sender.held()) != 1 || !strings.Contains(first, id) {
		t.Errorf("%d mails, and %s is not the first canary", len(s.sender.held()), id)
	}
	s.release("INBOX", s.now.Add(2*time.Second))
	s.after(time.Minute)
	checktest.WantCondition(t, s.pass(), watch.MailSlow, "the canary of 2025-11-22 12:00:00 UTC arrived after 7 min 2 s by the mailbox's clock, later than 5 min")
}

func TestACanaryWhoseAnswerWasLostIsSentOnceAndCalledNeitherStuckNorLost(t *testing.T) {
	s := begin(t)
	s.sender.change(func(c *sender) { c.hangUp = true })
	got := checktest.WantProblem(t, s.pass(), watch.Unreadable, "hand the canary over to "+s.sender.address, "whether it was taken is not known")
	if len(s.sender.held()) != 1 {
		t.Fatalf("%d mails, %v", len(s.sender.held()), got.Err)
	}
	s.sender.change(func(c *sender) { c.hangUp, c.mails = false, nil })
	s.after(time.Hour)
	s.atOnce("INBOX", 0)
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 13:00:00 UTC arrived after 0 s by the mailbox's clock")
	s.after(48 * time.Hour)
	if got := checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-24 13:00:00 UTC arrived after 0 s by the mailbox's clock"); got.Details["on_their_way"] != 0 {
		t.Errorf("details %+v", got.Details)
	}
}

func TestWhatTheClocksSayIsHeldAgainstWhatThisMachineSaw(t *testing.T) {
	tests := []struct {
		name string
		took time.Duration
		want string
	}{
		{"a mailbox whose clock is behind gives no mail before it was looked for in vain", -time.Hour, "arrived after 10 min by this machine's clock, later than 5 min"},
		{"a mailbox whose clock is ahead gives no mail after it was seen", 9 * time.Hour, "arrived after 20 min by this machine's clock, later than 5 min"},
		{"a mailbox whose clock may be right is believed", 15 * time.Minute, "arrived after 15 min by the mailbox's clock, later than 5 min"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := begin(t)
			s.pass()
			// From now on none is sent, so that the first stays the latest.
			s.sender.change(func(c *sender) { c.refuse = &smtp.SMTPError{Code: 451, Message: "later"} })
			s.after(10 * time.Minute)
			s.pass()
			s.release("INBOX", noon.Add(test.took))
			s.after(10 * time.Minute)
			s.keeps = false // what was put off meanwhile is not what this is about
			fact := checktest.As[watch.Condition](t, s.pass())
			took := fact.Details["last_took_seconds"].(float64) / 60
			clock := "the mailbox's"
			if fact.Details["last_by"] == "this machine's clock" {
				clock = "this machine's"
			}
			checktest.Equal(t, "what is told", fmt.Sprintf("arrived after %.0f min by %s clock, later than 5 min", took, clock), test.want)
		})
	}
}
