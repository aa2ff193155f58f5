package schema

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// denied is why nobody can say where the numbers stand.
func (l *look) denied() *sqlread.Failure {
	sequence, _ := l.column.drawsFrom(l.is)
	what, right := "the table's counter", "Grant the user SELECT on the table."
	if sequence.Table != "" {
		what = "the sequence " + shown(sequence.String())
		if right = "Grant the user SELECT on " + what + "."; l.address.Dialect == sqlread.PostgreSQL {
			right = "Grant the user SELECT on " + what + ", and USAGE on its schema."
		}
	}
	return &sqlread.Failure{
		Reason: watch.PermissionDenied, Remedy: right,
		Err: fmt.Errorf("read the numbering of %s.%s: it is there, but the user may not read where %s stands", l.column.tableName(), sqlread.Written(l.column.name), what),
	}
}

// unnumbered tells of a column that is not numbered.
func (l *look) unnumbered(ctx context.Context) error {
	if l.unsure {
		l.tell(problem(l.subject, &sqlread.Failure{Reason: watch.Unreadable, Err: errors.New("it is not numbered by itself, and whether it was, or whether that was accepted, cannot be remembered")}))
		return nil
	}
	already := l.before.known() && !l.before.Baseline.numbered()
	if !already && !l.accepted() {
		return l.tellLost(ctx, "")
	}
	if !already {
		l.before.Accepted++
	}
	l.before = record{Baseline: l.is, Seen: l.before.Seen, Accepted: l.before.Accepted}
	if l.listed {
		l.keep(ctx)
		l.tell(watch.Condition{Subject: l.subject, Text: "it is not numbered by itself, which was accepted", Details: l.details()})
		return nil
	}
	l.known.remove(entry{l.column.table, l.column.name})
	l.before.Seen = l.now.Unix()
	if err := l.memory.remember(ctx, l.subject.ID, l.before); err != nil {
		l.unremembered(err)
	}
	return nil
}

// tellLost tells that rows are numbered no more. why says it where the column's definition
// is still there.
func (l *look) tellLost(ctx context.Context, why string) error {
	told := watch.Condition{Subject: l.subject, Reason: watch.NumberingLost, Details: l.details()}
	was := l.before.Baseline
	const refused = "a row that is stored without a number of its own is refused"
	switch {
	case why != "":
		told.Text = why + ": " + refused
	case was.numbered():
		told.Text = fmt.Sprintf("it is no longer %s, which it still was at %s: %s", was.described(), l.before.seenAt(), refused)
		told.Details["was"], told.Details["last_seen"] = was.described(), l.before.seenAt()
	case l.listed:
		told.Text = "it is not numbered by itself, and was never seen to be: " + refused
	default:
		told.Text = "it is no longer numbered by itself, as it was before: " + refused
	}
	var how restoring
	if was.numbered() {
		var lost error
		if how, lost = l.restoring(ctx); lost != nil {
			return lost
		}
	}
	told.Remedy = l.lostRemedy(how)
	l.tell(told)
	return nil
}

func (l *look) lostRemedy(how restoring) string {
	accept := fmt.Sprintf("If it was meant, put %s under accept of this check.", l.code())
	restore := "Restore the numbering, and set the next number above the largest that is used. "
	if how.statement != "" && len(how.statement) <= maxStatementText {
		restore = "Restore it with `" + how.statement + "` ; rewriting a large table takes its time. "
		if how.behind {
			restore += "Then set the next number of " + shown(l.before.Baseline.Sequence.String()) + " above the largest that is used, which could not be looked up. "
		}
	}
	return restore + accept
}

// maxStatementText keeps a remedy below the thousand characters that messages show.
const maxStatementText = 700

// details are those that every fact of the column has.
func (l *look) details() map[string]any {
	details := map[string]any{"column_type": shown(l.is.Type), "numbering": "none"}
	if l.is.numbered() {
		details["numbering"] = shown(l.is.Kind)
	}
	if sequence, drawn := l.column.drawsFrom(l.is); drawn {
		details["sequence"] = shown(sequence.String())
	}
	return details
}

// changed is the clause that says what changed; empty if nothing did.
func (l *look) changed() string {
	if len(l.changes) == 0 {
		return ""
	}
	return fmt.Sprintf("it is numbered otherwise than at %s: %s", l.before.seenAt(), strings.Join(l.changes, ", "))
}

func (l *look) changedRemedy() string {
	return fmt.Sprintf("Check that the change was meant. If it was, put %s under accept of this check; if not, set it back.", l.code())
}

// fact is what is told of a column that is numbered.
func (l *look) fact() watch.Fact {
	s := l.series
	if s.next == nil || s.end() == nil {
		text := "it is " + l.is.described() + ", of which no limit is known"
		return l.condition("", text, "", l.details())
	}
	r := l.reach()
	details := l.details()
	details["next_number"], details["last_number"], details["used_percent"] = s.next.String(), r.last.String(), r.percent
	details["taken_looked_for"] = s.looked
	if r.left.Sign() <= 0 {
		return l.condition(watch.NumbersUsedUp, r.usedUp(s), r.remedy(), details)
	}
	rate, known := l.ahead.rate, l.ahead.known
	if known {
		details["numbers_a_day"], details["growth_since"] = rounded(rate.perDay), rate.since.Format("2006-01-02")
	}
	if !l.ahead.on.IsZero() {
		return l.credential(r, rate, details)
	}
	used := fmt.Sprintf("it is %s; %d %% used, the next number is %s of %s", l.is.described(), r.percent, s.next, r.last)
	if r.percent >= nearlyUsed {
		text := fmt.Sprintf("%s, %s, and how fast they go is not known yet", used, r.why)
		if known {
			// Quiet days put nothing off.
			text = fmt.Sprintf("%s, %s; none has gone since %s", used, r.why, rate.since.Format("2006-01-02"))
		}
		return l.condition(watch.ExpiresSoon, text, r.remedy(), details)
	}
	switch {
	case !known:
		used += "; how fast they go is not known yet"
	case rate.perDay <= 0:
		used += "; none has gone since " + rate.since.Format("2006-01-02")
	default:
		used += fmt.Sprintf("; at %s numbers a day since %s they last for more than 100 years", perDay(rate.perDay), rate.since.Format("2006-01-02"))
	}
	return l.condition("", used, "", details)
}

// nearlyUsed is how much of a range, in percent, is too much to wait for a rate.
const nearlyUsed = 90

// identity is that of this column's range, and changes when it gets another one.
func (l *look) identity() string {
	return "range:" + digest(l.address.String(), l.subject.ID, l.is.text())[:16]
}

// condition adds what changed to a condition, and lets the graver one speak.
func (l *look) condition(reason watch.Reason, text, remedy string, details map[string]any) watch.Condition {
	told := watch.Condition{Subject: l.subject, Reason: reason, Identity: l.identity(), Text: text, Details: details, Remedy: remedy}
	change := l.changed()
	switch {
	case change == "":
	case reason == watch.NumbersUsedUp:
		told.Text += "; " + change
	default:
		told.Reason, told.Text, told.Remedy = watch.NumberingChanged, change, l.changedRemedy()
		if reason != "" {
			told.Text += "; " + text
			told.Remedy += " " + remedy
		}
	}
	if told.Reason == watch.NumberingChanged {
		details["accept"] = l.code()
	}
	return told
}

// credential is a range with the date on which it is used up.
func (l *look) credential(r reach, going rate, details map[string]any) watch.Credential {
	slower := ""
	if since := l.before.Pace.Slower; since > 0 {
		slower = fmt.Sprintf("; slower since %s, which counts after %d days", time.Unix(since, 0).UTC().Format("2006-01-02"), heldFor/day)
	}
	told := watch.Credential{
		Subject: l.subject, Form: watch.NumberRange, Identity: l.identity(), NotAfter: l.ahead.on, Details: details, Remedy: r.remedy(),
		Decides: fmt.Sprintf("at %s numbers a day since %s, %d %% used; %s%s", perDay(going.perDay), going.since.Format("2006-01-02"), r.percent, r.why, slower),
	}
	if change := l.changed(); change != "" {
		details["accept"] = l.code()
		told.Observations = []watch.Observation{{Reason: watch.NumberingChanged, Text: change, Remedy: l.changedRemedy()}}
	}
	return told
}
