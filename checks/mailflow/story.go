package mailflow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// span is a time that mail took, for people: to the second.
func span(took time.Duration) string {
	took = took.Round(time.Second)
	if took < 2*time.Minute {
		return fmt.Sprintf("%d s", took/time.Second)
	}
	return watch.Span(took)
}

func stamp(at time.Time) string { return at.UTC().Format(stampLayout) }

// fact is what the pass tells of the flow: what is certain and grave before what is not.
func (s *story) fact() watch.Fact {
	failed, _ := errors.AsType[*fault](s.submission)
	lost, stuck, late := s.waiting()
	switch {
	case failed != nil && failed.sort == refused:
		return s.condition(watch.MailRefused, failed.text+s.lastClause(), failed.remedy)
	case s.mailbox != nil:
		return s.unread(s.mailbox)
	case len(lost) > 0:
		return s.condition(watch.MailLost, s.overdue(lost)+s.othersClause(stuck)+s.lastClause(), "")
	case late != nil:
		return s.condition(watch.MailStuck, s.putOff(late, failed)+s.lastClause(), "Look at why the server puts mail off: services that send mail this way wait too.")
	case len(stuck) > 0:
		return s.condition(watch.MailStuck, s.overdue(stuck)+s.lastClause(), "")
	case s.submission != nil && (failed == nil || failed.sort != putOff):
		return s.unread(s.submission)
	}
	if why := s.unmeasured(); why != nil {
		return s.unknown(why)
	}
	return s.judged(*s.record.Last)
}

// unmeasured is why nobody can say how long mail takes now; nil if the latest canary that
// arrived tells it. One of long ago does not, nor does one behind which all are uncertain.
func (s *story) unmeasured() error {
	last := s.record.Last
	since, sure, unsure := int64(0), 0, 0
	if last != nil {
		since = last.Sent
	}
	for _, one := range s.record.Out {
		switch {
		case one.Sent <= since:
		case one.sure():
			sure++
		case one.unsure():
			unsure++
		}
	}
	switch {
	case unsure > 0 && sure == 0:
		return fmt.Errorf("of %s nobody knows whether they were taken, as the answers were lost, and none of them has arrived%s", canaries(unsure), s.lastClause())
	case last == nil && s.unsent:
		return errNoneSent
	case last == nil:
		return fmt.Errorf("no canary has arrived so far; one is on its way, and was not there after %s", span(s.flow.wait()))
	case s.news:
		return nil
	case s.crowded && sure == 0:
		return fmt.Errorf("none was sent, because %s are on their way%s", canaries(len(s.record.Out)), s.lastClause())
	case s.now.Sub(at(last.Sent)) > s.flow.lost():
		return fmt.Errorf("no canary was seen to arrive for longer than %s%s", span(s.flow.lost()), s.lastClause())
	}
	return nil
}

var errNoneSent = errors.New("no canary is known of, and none was sent, because nothing outlasts this run")

func canaries(count int) string {
	if count == 1 {
		return "1 canary"
	}
	return fmt.Sprintf("%d canaries", count)
}

// putOff says of a canary that it was offered in vain for too long.
func (s *story) putOff(late *canary, failed *fault) string {
	text := fmt.Sprintf("the canary that was first offered %s has not been taken for %s", stamp(late.sentAt()), span(s.now.Sub(late.sentAt())))
	if failed != nil {
		text += ": " + failed.text
	}
	return text
}

// waiting sorts the canaries that are on their way: lost ones and stuck ones, the oldest
// first, and the one that is being put off for too long, if there is one. What was perhaps
// never taken is none of them.
func (s *story) waiting() (lost, stuck []canary, late *canary) {
	for i, one := range s.record.Out {
		age := s.now.Sub(one.sentAt())
		switch {
		case age <= s.flow.warn() || one.unsure():
		case one.Untaken:
			late = &s.record.Out[i]
		case s.now.Sub(one.takenAt()) > s.flow.lost():
			lost = append(lost, one)
		default:
			stuck = append(stuck, one)
		}
	}
	return lost, stuck, late
}

// overdue says of canaries that they are not there.
func (s *story) overdue(waiting []canary) string {
	oldest := waiting[0]
	text := fmt.Sprintf("the canary of %s (Message-ID <%s>) has not arrived after %s", stamp(oldest.sentAt()), messageID(oldest.ID, s.flow), span(s.now.Sub(oldest.sentAt())))
	if more := len(waiting) - 1; more > 0 {
		text += fmt.Sprintf(", nor have %d that were sent later", more)
	}
	return text + s.doubtClause()
}

func (s *story) othersClause(stuck []canary) string {
	if len(stuck) == 0 {
		return ""
	}
	return fmt.Sprintf("; %d younger than %s are on their way", len(stuck), span(s.flow.lost()))
}

// lastClause says what the latest canary did that arrived.
func (s *story) lastClause() string {
	last := s.record.Last
	if last == nil {
		return "; none has arrived so far"
	}
	return fmt.Sprintf("; the latest that arrived was sent %s and took %s", stamp(at(last.Sent)), span(time.Duration(last.Took)*time.Millisecond))
}

func (s *story) doubtClause() string {
	if s.doubt == "" {
		return ""
	}
	return ", by this machine's clock, which nothing verifies: " + s.doubt
}

// clock says by which one the estimate is.
func (l seen) clock() string {
	if l.Own {
		return "this machine's clock"
	}
	return "the mailbox's clock"
}

// judged tells of the latest canary that arrived.
func (s *story) judged(last seen) watch.Fact {
	took := time.Duration(last.Took) * time.Millisecond
	atMost := time.Duration(last.AtMost) * time.Millisecond
	text := fmt.Sprintf("the canary of %s arrived after %s by %s", stamp(at(last.Sent)), span(took), last.clock())
	if last.Folder != "" {
		folder := clean.Prose(clean.Text(last.Folder, maxName))
		return s.condition(watch.MailStuck, strings.Replace(text, "arrived", "arrived in "+folder+" and not in "+clean.Prose(s.flow.folders()[0]), 1),
			"Find out why mail from "+bare(s.flow.From)+" is sorted out (SPF, DKIM, DMARC, a filter's verdict in its headers): recipients do not see it either.")
	}
	if last.Own && time.Duration(last.AtLeast)*time.Millisecond <= s.flow.warn() && atMost > s.flow.warn() {
		return s.uncertain(last, atMost)
	}
	if took <= s.flow.warn() {
		if atMost > took+time.Second {
			text += fmt.Sprintf(", and was seen after %s", span(atMost))
		}
		return s.condition("", text, "")
	}
	text += ", later than " + span(s.flow.warn())
	if stop := longestStop(s.hops); stop != "" {
		text += "; " + stop
	}
	return s.condition(watch.MailSlow, text+s.doubtClause(), "")
}

// uncertain is a canary that may have been in time, or late: the mailbox's clock does not
// say it, and nobody looked at the right moment.
func (s *story) uncertain(last seen, atMost time.Duration) watch.Problem {
	return watch.Problem{
		Subject: s.flow.subject(), Reason: watch.Incomplete, Confined: true, Details: s.details(),
		Err: fmt.Errorf("the canary of %s arrived after at most %s, by this machine's clock; whether that was later than %s is not known, because the mailbox's clock is wrong or not shown",
			stamp(at(last.Sent)), span(atMost), span(s.flow.warn())),
		Remedy: "Set the clock of the mailbox's server. A longer wait, or passes that follow each other faster, let Lapsewatch see it itself.",
	}
}

// unknown is told while no canary tells how long mail takes, and none is late.
func (s *story) unknown(why error) watch.Problem {
	problem := watch.Problem{Subject: s.flow.subject(), Reason: watch.Incomplete, Confined: true, Details: s.details(),
		Remedy: "Nothing has to be done: the next run looks whether it has arrived. A longer wait lets a run see slower mail itself."}
	failed, _ := errors.AsType[*fault](s.submission)
	problem.Err = why
	switch {
	case failed != nil && s.record.Last == nil:
		problem.Reason, problem.Err = failed.reason, errors.New("no canary has arrived so far: "+failed.text)
	case failed != nil:
		problem.Reason, problem.Err = failed.reason, fmt.Errorf("%w: %s", why, failed.text)
	case s.unsent:
		problem.Remedy = "Let `lapsewatch run` send canaries: a scan and a dry run send none."
	case s.crowded:
		problem.Remedy = "Look at why the server breaks off: another canary is sent as soon as one of them has arrived, or was given up."
	}
	return problem
}

func (s *story) unread(err error) watch.Problem {
	problem := unread(s.flow.subject(), err)
	problem.Details = s.details()
	return problem
}

func (s *story) condition(reason watch.Reason, text, remedy string) watch.Condition {
	return watch.Condition{Subject: s.flow.subject(), Reason: reason, Text: text, Remedy: remedy, Details: s.details()}
}

func (s *story) details() map[string]any {
	details := map[string]any{"on_their_way": len(s.record.Out), "warn_seconds": s.flow.warn().Seconds()}
	if last := s.record.Last; last != nil {
		details["last_sent"] = at(last.Sent).Format(time.RFC3339)
		details["last_took_seconds"] = float64(last.Took) / 1000
		details["last_seen_after_seconds"] = float64(last.AtMost) / 1000
		details["last_by"] = last.clock()
		details["last_message_id"] = messageID(last.ID, s.flow)
	}
	if len(s.record.Out) > 0 {
		details["oldest_on_its_way"] = s.record.Out[0].sentAt().Format(time.RFC3339)
	}
	if s.proof != "" {
		details["submission"] = s.proof
	}
	if texts := described(s.hops); len(texts) > 0 {
		details["received"] = slices.Clone(texts)
	}
	return details
}
