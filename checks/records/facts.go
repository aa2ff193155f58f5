package records

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

const (
	// maxIDText and maxShownID bound an id in the details and in the sentence; the
	// sentence names no more than maxInSentence.
	maxIDText     = 100
	maxShownID    = 40
	maxInSentence = 10
	// large is a table that nobody wants read as a whole at each pass.
	large = 1_000_000
)

// subject is a column of a table. Its ID survives a move to another server.
func (c *check) subject(t Table, column string) watch.Subject {
	name := sqlread.TableName{Schema: schemaOf(t, c.address), Table: t.Name.Table}.String()
	inDatabase := c.address.Database + "." + name
	if schemaOf(t, c.address) == c.address.Database && languageOf(c.address.Dialect).schema == "" {
		// In MySQL the schema is the database.
		inDatabase = name
	}
	return watch.Subject{
		ID:   inDatabase + "/" + column,
		Name: fmt.Sprintf("%s.%s at %s", inDatabase, sqlread.Written(column), c.address.Where()),
	}
}

func (c *check) problem(t Table, column string, err error) watch.Problem {
	reason, remedy := explained(err)
	return watch.Problem{Subject: c.subject(t, column), Reason: reason, Err: err, Confined: true, Remedy: remedy}
}

// condition says what was found in a column.
func (p *pass) condition(ctx context.Context, t *table, name string, b bound, found ahead) watch.Condition {
	told := watch.Condition{Subject: p.subject(t.Table, name), Details: p.details(t, name, found)}
	if !found.furthest.IsZero() {
		told.Details["furthest"] = b.exactly(found.furthest)
	}
	switch {
	case p.doubt != "":
		told.Reason = watch.NoMajority
		told.Text = doubtfulText(b, found, p.doubt)
	case found.count == 0:
		told.Text = "no row is dated later than " + b.limit()
	default:
		told.Reason = watch.FutureRecords
		told.Text = foundText(t, b, found, p.now)
		told.Remedy = t.remedy(name, b)
		told.Extent = p.extent(ctx, told.Subject, b, found)
	}
	if t.hidden {
		told.Text += "; row-level security may hide more from this user"
	}
	return told
}

func (p *pass) details(t *table, name string, found ahead) map[string]any {
	details := map[string]any{
		"rows": min(found.count, mostCounted), "tolerance_seconds": p.tolerance(t.Table).Seconds(),
		"index": t.indexed[name], "clock_verified": p.verified,
	}
	if found.count > mostCounted {
		details["more_rows"] = true
	}
	if len(found.ids) > 0 {
		details["sample_ids"] = found.ids
	}
	if p.offset != nil {
		details["database_offset_seconds"] = p.offset.Seconds()
	}
	return details
}

// doubtfulText is one sentence for a time that nothing verifies: how many rows are dated
// later, and why that proves nothing.
func doubtfulText(b bound, found ahead, doubt string) string {
	text := "no row is dated later than " + b.limit()
	if found.count > 0 {
		// To the second, and rounded down: every row that was counted is later than this.
		text = counted(found) + " dated later than " + b.shown(b.after)
	}
	return text + " by this machine's clock, which nothing verifies: " + doubt
}

// counted is a number of rows and its verb.
func counted(found ahead) string {
	switch {
	case found.count == 1:
		return "1 row is"
	case found.count > mostCounted:
		return fmt.Sprintf("more than %d rows are", mostCounted)
	default:
		return fmt.Sprintf("%d rows are", found.count)
	}
}

// foundText is one sentence: how many, how far, and which.
func foundText(t *table, b bound, found ahead, now time.Time) string {
	text := counted(found) + " dated in the future"
	if !found.furthest.IsZero() {
		furthest := "the furthest "
		if found.count == 1 {
			furthest = ""
		}
		text += fmt.Sprintf(", %s%s (%s ahead)", furthest, b.shown(found.furthest), b.distance(found.furthest, now))
	}
	if len(found.ids) == 0 {
		return text
	}
	var names []string
	for _, id := range t.ids {
		names = append(names, clean.Prose(id.name))
	}
	shown := found.ids[:min(len(found.ids), maxInSentence)]
	ids := make([]string, len(shown))
	for i, id := range shown {
		ids[i] = clean.Prose(clean.Text(id, maxShownID))
	}
	text += ": " + strings.Join(names, "/") + " " + strings.Join(ids, ", ")
	switch rest := found.count - int64(len(shown)); {
	case found.count > mostCounted:
		text += " and others"
	case rest > 0:
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}

// rowName is what tells a row apart, its parts in the order of the columns.
func rowName(ids []column, texts []*string) string {
	parts := make([]string, len(ids))
	for i, text := range texts {
		parts[i] = "NULL"
		if text != nil {
			parts[i] = clean.Text(*text, maxIDText)
		}
	}
	return clean.Text(strings.Join(parts, "/"), maxIDText)
}

const shownLayout = "2006-01-02 15:04:05 UTC"

// shown is an instant for people.
func (b bound) shown(at time.Time) string {
	if b.form == aDay {
		return at.Format(dayLayout)
	}
	return at.UTC().Format(shownLayout)
}

// exactly is an instant for programs (RFC 3339), a day as a full-date.
func (b bound) exactly(at time.Time) string {
	if b.form == aDay {
		return at.Format(dayLayout)
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// limit is the latest time in order, to the minute, which is rounded up: nothing is
// promised that was not looked at.
func (b bound) limit() string {
	if b.form == aDay {
		return b.after.Format(dayLayout)
	}
	return b.after.UTC().Add(time.Minute - 1).Truncate(time.Minute).Format("2006-01-02 15:04 UTC")
}

// distance is how far ahead an instant lies, in the largest whole unit.
func (b bound) distance(at, now time.Time) string {
	seconds := b.secondsAhead(at, now)
	for _, u := range []struct {
		seconds int64
		name    string
	}{{86400, "day"}, {3600, "hour"}, {60, "minute"}} {
		if n := seconds / u.seconds; n == 1 {
			return "1 " + u.name
		} else if n > 1 {
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return fmt.Sprintf("%d seconds", seconds)
}

// secondsAhead is how far ahead an instant lies; a Duration would end after 292 years.
func (b bound) secondsAhead(at, now time.Time) int64 {
	if b.form == aDay {
		now = now.UTC().Truncate(day)
	}
	return at.Unix() - now.Unix()
}

// remark says which columns of a large table no index serves.
func (p *pass) remark(t *table) {
	if t.rows <= large {
		return
	}
	for _, name := range t.Columns {
		if _, known := t.columns[name]; known && !t.indexed[name] {
			p.sink(watch.Remark{Text: fmt.Sprintf("no index begins with %s of %s (about %d rows), so each pass reads the whole table",
				clean.Prose(sqlread.Written(name)), clean.Prose(t.named()), t.rows)})
		}
	}
}
