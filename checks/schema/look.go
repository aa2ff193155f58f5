package schema

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// look is what is seen of one column in one pass.
type look struct {
	*pass
	subject watch.Subject
	column  column
	known   *register
	// listed: the configuration names its table, so that it must be numbered.
	listed bool

	is     state
	before record
	// unsure: nobody knows what stood there before, and nothing may be remembered.
	unsure bool
	series series
	// ahead is when the range is used up.
	ahead outlook
	// unkept is why nothing of it could be remembered.
	unkept error
	// changes says in clauses how the numbering differs from the baseline.
	changes []string
}

// read tells of the column. Its error is why there is no connection any more.
func (l *look) read(ctx context.Context) error {
	l.is = l.language.state(l.column)
	var err error
	if l.before, err = l.memory.recall(ctx, l.subject.ID); err != nil {
		// What is damaged is replaced; what cannot be reached may still be right.
		l.unsure = !errors.Is(err, errDamaged)
		l.unremembered(err)
	}
	if !l.is.numbered() {
		return l.unnumbered(ctx)
	}
	failed, lost := l.within(ctx, func(ctx context.Context, tx *sqlread.Tx) error { return l.readSeries(ctx, tx) })
	switch {
	case lost != nil:
		return lost
	case failed != nil && l.orphaned(failed):
		return l.tellLost(ctx, "the sequence "+shown(l.is.Sequence.String())+", which its default draws from, is not there")
	}
	l.is = l.is.within(l.series)
	l.compare()
	if failed != nil {
		l.keep(ctx)
		l.tell(problem(l.subject, failed))
		return nil
	}
	if l.series.next != nil {
		l.before.Next = l.series.next.String()
		l.grow()
	}
	l.keep(ctx)
	l.tell(l.memorable(l.fact()))
	return nil
}

// grow notes how far the numbers have come, and works out how long they last.
func (l *look) grow() {
	l.before.counts(digest(l.is.Sequence.String(), l.is.Increment)[:8])
	points, setBack := grown(l.before.Points, l.series, l.now)
	if l.before.Points = points; setBack {
		l.before.Pace = pace{}
	}
	if l.series.end() == nil {
		return
	}
	l.ahead, l.before.Pace = lookAhead(points, l.series, l.reach(), l.before.Pace, l.now)
}

// memorable is what is told of a column: that all is in order can be said of none of which
// nothing is remembered, since no change of it would be seen.
func (l *look) memorable(fact watch.Fact) watch.Fact {
	told, plain := fact.(watch.Condition)
	if l.unkept == nil || !plain || told.Reason != "" {
		return fact
	}
	return problem(l.subject, &sqlread.Failure{
		Reason: watch.Incomplete, Err: fmt.Errorf("remember the numbering of %s.%s: %w", l.column.tableName(), sqlread.Written(l.column.name), l.unkept),
		Remedy: "Look after the ledger, or give each schema a check of its own: a change of this column would not be seen.",
	})
}

func (l *look) readSeries(ctx context.Context, tx *sqlread.Tx) error {
	found, known, err := l.language.readSeries(ctx, tx, l.column, l.is)
	l.series = found
	if err != nil || !known {
		return err
	}
	if err := l.readLeading(ctx, tx); err != nil {
		return err
	}
	if l.column.grouped && l.column.counts != "" {
		// Each group begins at 1, and where it stands is told nowhere.
		l.is.Kind, l.series = l.is.Kind+inGroups, series{}
		return nil
	}
	if found.next == nil {
		return l.denied()
	}
	return l.language.readTaken(ctx, tx, l.column, l.is, &l.series)
}

// readLeading notes whether an index begins with the column, where that is not known yet.
func (l *look) readLeading(ctx context.Context, tx *sqlread.Tx) error {
	if l.column.leads {
		return nil
	}
	columns := []column{l.column}
	err := l.language.readLeading(ctx, tx, "look up table "+l.column.tableName().String(), l.column.tableName(), columns)
	l.column = columns[0]
	return err
}

// orphaned: MariaDB lets a sequence be dropped that a default draws from.
func (l *look) orphaned(err error) bool {
	reason, _ := explained(err)
	return reason == watch.NotFound && l.address.Dialect == sqlread.MySQL && l.is.Kind == bySequence
}

// within is the state with the range that the series has.
func (s state) within(found series) state {
	if found.increment == nil {
		return s
	}
	text := func(value *big.Int) string {
		if value == nil {
			return ""
		}
		return value.String()
	}
	s.Increment, s.Lowest, s.Highest, s.Cycle = found.increment.String(), text(found.lowest), text(found.highest), found.cycle
	return s
}

// filled is a state whose range nobody could read, with that of another one of its kind.
func (s state) filled(from state) state {
	if s.Increment == "" && s.Kind == from.Kind {
		s.Increment, s.Lowest, s.Highest, s.Cycle = from.Increment, from.Lowest, from.Highest, from.Cycle
	}
	return s
}

// compare holds the numbering against the baseline, and makes it the baseline where there
// was none, where it only reaches further, and where it was accepted.
func (l *look) compare() {
	l.is = l.is.filled(l.before.Baseline)
	is, was := l.is, l.before.Baseline.filled(l.is)
	if l.before.known() && was.numbered() && !is.wider(was) {
		if !l.accepted() {
			l.changes = is.differences(was)
			return
		}
		l.before.Accepted++
	}
	l.before.Baseline = is
}

// code is what accepts the change from the baseline to what was seen, and no other, once.
func (l *look) code() string {
	return "state-" + digest(l.subject.ID, l.before.Baseline.text(), l.is.text(), strconv.Itoa(l.before.Accepted))[:8]
}

func (l *look) accepted() bool { return slices.Contains(l.options.Accept, l.code()) }

// keep remembers the column. When it was seen is noted once an hour, and not while it
// differs from the baseline.
func (l *look) keep(ctx context.Context) {
	if l.unsure {
		return
	}
	if len(l.changes) == 0 {
		l.known.add(entry{l.column.table, l.column.name})
	}
	old, err := l.memory.recall(ctx, l.subject.ID)
	if err != nil {
		old = record{}
	}
	if len(l.changes) == 0 && l.now.Sub(time.Unix(l.before.Seen, 0)).Abs() >= time.Hour {
		l.before.Seen = l.now.Unix()
	}
	if old.like(l.before) {
		return
	}
	if l.unkept = l.memory.remember(ctx, l.subject.ID, l.before); l.unkept != nil {
		l.unremembered(l.unkept)
	}
}
