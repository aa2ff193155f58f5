package schema

import (
	"context"
	"errors"
	"math/big"
	"slices"
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
		l.before.Points = grown(l.before.Points, l.series, l.now)
		l.before.Next = l.series.next.String()
	}
	l.keep(ctx)
	l.tell(l.fact())
	return nil
}

func (l *look) readSeries(ctx context.Context, tx *sqlread.Tx) error {
	found, known, err := l.language.readSeries(ctx, tx, l.column, l.is)
	l.series = found
	if err != nil || !known {
		return err
	}
	if found.next == nil {
		return l.denied()
	}
	if err := l.readLeading(ctx, tx); err != nil {
		return err
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
	accepted := l.accepted(is)
	if l.before.known() && was.numbered() && !accepted && !is.wider(was) {
		l.changes = is.differences(was)
		return
	}
	if was.numbered() && (is.Sequence != was.Sequence || is.Increment != was.Increment) {
		l.before.Points = nil
	}
	l.before.Baseline = is
}

func (l *look) accepted(is state) bool {
	return slices.Contains(l.options.Accept, is.code(l.subject.ID))
}

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
	if old.Seen == l.before.Seen && old.Baseline == l.before.Baseline && slices.Equal(old.Points, l.before.Points) {
		return
	}
	if err := l.memory.remember(ctx, l.subject.ID, l.before); err != nil {
		l.unremembered(err)
	}
}
