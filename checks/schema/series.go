package schema

import (
	"context"
	"fmt"
	"math/big"

	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// series is where the numbers of a column stand, and how far they reach.
type series struct {
	start, increment *big.Int
	// lowest and highest are what both the type and the sequence allow; nil if there is no
	// limit, or none is known.
	lowest, highest *big.Int
	// ofType: the type is what limits it, and not the sequence.
	ofType bool
	cycle  bool
	// next is the number that is handed out next; nil if it may not be read.
	next *big.Int
	// taken is the nearest number, next itself or beyond, that a row has already; nil if
	// there is none. looked: somebody could look.
	taken  *big.Int
	looked bool
}

// up is true where numbers grow.
func (s series) up() bool { return s.increment.Sign() > 0 }

// end is the last number that is allowed; nil if there is no limit.
func (s series) end() *big.Int {
	if s.up() {
		return s.highest
	}
	return s.lowest
}

// beyond reports whether a comes after b.
func (s series) beyond(a, b *big.Int) bool { return a.Cmp(b)*s.increment.Sign() > 0 }

// answer is what the server says of a series, as text.
type answer struct {
	start, increment, lowest, highest string
	cycle, readable                   int
	at                                string
	handedOut                         int
}

func (a *answer) into() []any {
	return []any{&a.start, &a.increment, &a.lowest, &a.highest, &a.cycle, &a.readable, &a.at, &a.handedOut}
}

// readSeries asks where the numbers of a column stand. It is false for a column whose
// numbers come from where nobody can look.
func (l language) readSeries(ctx context.Context, tx *sqlread.Tx, c column, s state) (found series, known bool, err error) {
	doing := fmt.Sprintf("read the numbering of %s.%s", c.tableName(), sqlread.Written(c.name))
	var said answer
	sequence, drawn := c.drawsFrom(s)
	switch {
	case drawn:
		statement, args := l.sequence(sequence)
		err = l.ask(ctx, tx, doing, &said, statement, args...)
	case s.Kind == byExpression || l.counter == "":
		return series{}, false, nil
	default:
		err = l.ask(ctx, tx, doing, &said, l.counter, c.schema, c.table, c.name)
	}
	if err != nil {
		return series{}, false, err
	}
	if found, err = l.read(doing, c, said); err != nil {
		return series{}, false, err
	}
	if said.readable == 0 {
		// What it is like is known, and where it stands is not.
		return found, true, nil
	}
	if l.position != nil && drawn {
		err = tx.Query(ctx, doing, func(scan func(...any) error) error { return scan(&said.at, &said.handedOut) }, l.position(sequence))
	}
	if err == nil {
		err = found.stand(doing, said)
	}
	return found, true, err
}

func (l language) ask(ctx context.Context, tx *sqlread.Tx, doing string, said *answer, statement string, args ...any) error {
	rows := 0
	err := tx.Query(ctx, doing, func(scan func(...any) error) error {
		rows++
		return scan(said.into()...)
	}, statement, args...)
	if err == nil && rows == 0 {
		return notFound("Grant the user a right on what numbers the column, such as SELECT, or restore it.", "%s: what numbers it is not there, or the user may not see it", doing)
	}
	return err
}

// read makes numbers of an answer, and narrows them to the column's type.
func (l language) read(doing string, c column, said answer) (found series, err error) {
	found.cycle = said.cycle != 0
	for _, part := range []struct {
		into  **big.Int
		text  string
		empty bool
	}{{&found.start, said.start, false}, {&found.increment, said.increment, false}, {&found.lowest, said.lowest, true}, {&found.highest, said.highest, true}} {
		if part.text == "" && part.empty {
			continue
		}
		value, ok := number(part.text)
		if !ok {
			return series{}, unparsable(doing, part.text)
		}
		*part.into = value
	}
	if found.increment.Sign() == 0 {
		// MariaDB: the step is that of the server (auto_increment_increment).
		found.increment = big.NewInt(1)
	}
	held, known := spanOf(l.dialect, c.typeName)
	if !known {
		return found, nil
	}
	end := found.end()
	if found.lowest == nil || found.lowest.Cmp(held.lowest) < 0 {
		found.lowest = held.lowest
	}
	if found.highest == nil || found.highest.Cmp(held.highest) > 0 {
		found.highest = held.highest
	}
	found.ofType = end == nil || found.end().Cmp(end) != 0 || found.end().Cmp(held.end(found.up())) == 0
	return found, nil
}

func (s span) end(up bool) *big.Int {
	if up {
		return s.highest
	}
	return s.lowest
}

// stand notes which number comes next.
func (s *series) stand(doing string, said answer) error {
	at, ok := number(said.at)
	if !ok {
		return unparsable(doing, said.at)
	}
	s.next = at
	if said.handedOut != 0 {
		s.next = new(big.Int).Add(at, s.increment)
	}
	if end := s.end(); s.cycle && end != nil && s.beyond(s.next, end) {
		s.next = s.lowest
		if !s.up() {
			s.next = s.highest
		}
	}
	return nil
}

func unparsable(doing, text string) *sqlread.Failure {
	return &sqlread.Failure{Reason: watch.Unparsable, Err: fmt.Errorf("%s: %q is no whole number", doing, shown(text))}
}

// retries is how often the numbers are read again because rows were stored meanwhile.
const retries = 3

// readTaken looks for the nearest number that a row has already. What was stored between
// the two questions is told from it by asking again for the next number.
func (l language) readTaken(ctx context.Context, tx *sqlread.Tx, c column, s state, found *series) error {
	if !c.leads || !c.readable || found.next == nil {
		return nil
	}
	if end := found.end(); end != nil && found.beyond(found.next, end) {
		return nil
	}
	for range retries {
		taken, err := l.nearest(ctx, tx, c, *found)
		if err != nil {
			return err
		}
		found.looked = true
		if taken == nil {
			return nil
		}
		again, known, err := l.readSeries(ctx, tx, c, s)
		if err != nil || !known || again.next == nil {
			return err
		}
		moved := found.beyond(again.next, taken)
		found.next = again.next
		if !moved {
			found.taken = taken
			return nil
		}
	}
	return nil
}

// nearest is the first number that a row has, from the next one on. Where numbers are left
// out, only the next one itself counts.
func (l language) nearest(ctx context.Context, tx *sqlread.Tx, c column, s series) (*big.Int, error) {
	pattern := l.smallest
	if !s.up() {
		pattern = l.largest
	}
	taken, err := l.extreme(ctx, tx, c, pattern, s.next)
	if err != nil || taken == nil {
		return nil, err
	}
	if s.increment.CmpAbs(big.NewInt(1)) != 0 && taken.Cmp(s.next) != 0 {
		return nil, nil //nolint:nilnil // there is no such number, and that is no error
	}
	return taken, nil
}

// extreme is what one of the patterns yields; nil if no row has such a number.
func (l language) extreme(ctx context.Context, tx *sqlread.Tx, c column, pattern string, limit *big.Int) (*big.Int, error) {
	doing := fmt.Sprintf("read %s.%s", c.tableName(), sqlread.Written(c.name))
	var text *string
	statement := fmt.Sprintf(pattern, l.dialect.Quote(c.name), l.dialect.QuoteAll(c.schema, c.table), limit)
	if err := tx.Query(ctx, doing, func(scan func(...any) error) error { return scan(&text) }, statement); err != nil || text == nil {
		return nil, err
	}
	taken, ok := number(*text)
	if !ok {
		return nil, unparsable(doing, *text)
	}
	return taken, nil
}
