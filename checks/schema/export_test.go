package schema

import (
	"context"
	"fmt"
	"math/big"
	"strings"
	"time"

	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// Statements are those of a dialect for the column "c]`\"d" of a table "s.t", by what they
// are for.
func Statements(dialect sqlread.Dialect) [][2]string {
	l := languageOf(dialect)
	name := sqlread.TableName{Schema: "s", Table: "t"}
	sequence, args := l.sequence(name)
	found := [][2]string{
		{"columns", l.columns}, {"numbered", l.numbered}, {"leading", l.leading}, {"counter", l.counter},
		{"sequence", fmt.Sprintf("%s %v", sequence, args)},
	}
	for _, pattern := range []string{l.smallest, l.largest} {
		found = append(found, [2]string{"nearest", fmt.Sprintf(pattern, dialect.Quote("c]`\"d"), dialect.QuoteAll("s", "t"), "17")})
	}
	column := column{schema: "s", table: "t", name: "c", fallback: "0"}
	for _, there := range []bool{true, false} {
		for _, was := range []state{
			{Kind: "by itself", Type: "int", Increment: "2"}, {Kind: bySequence, Type: "bigint", Increment: "1", Sequence: sequenceName{Schema: "s", Table: "q"}},
		} {
			r := restoration{column: column, was: was, there: there && was.Kind == bySequence, setOn: there && was.Kind == bySequence, from: big.NewInt(18)}
			write := map[sqlread.Dialect]func(restoration) string{sqlread.PostgreSQL: restorePostgres, sqlread.MySQL: restoreMySQL, sqlread.SQLServer: restoreSQLServer}[dialect]
			found = append(found, [2]string{"restore", write(r)})
		}
	}
	return found
}

// SequenceOf reads a default.
func SequenceOf(dialect sqlread.Dialect, text string) (sqlread.TableName, bool) {
	return languageOf(dialect).sequenceOf(text)
}

// SpanOf is what a type holds.
func SpanOf(dialect sqlread.Dialect, typeName string) (lowest, highest string, known bool) {
	found, known := spanOf(dialect, typeName)
	if !known {
		return "", "", false
	}
	return found.lowest.String(), found.highest.String(), true
}

// Number reads a whole number.
func Number(text string) (*big.Int, bool) { return number(text) }

// Reading is what is made of the answers of a server to a question for an identity of 32
// bits: the state, the reach and the date.
func Reading(start, increment, lowest, highest, at string, handedOut, cycle int, taken string, now time.Time) (string, error) {
	l := languageOf(sqlread.PostgreSQL)
	c := column{schema: "s", table: "t", name: "c", typeName: "integer", counts: "identity"}
	said := answer{start: start, increment: increment, lowest: lowest, highest: highest, at: at, handedOut: handedOut, cycle: cycle, readable: 1}
	s, err := l.read("read", c, said)
	if err == nil {
		err = s.stand("read", said)
	}
	if err != nil {
		return "", err
	}
	if value, ok := number(taken); ok && !s.beyond(s.next, value) {
		s.taken, s.looked = value, true
	}
	told := &look{pass: &pass{check: &check{}, now: now}, column: c, is: l.state(c).within(s), series: s}
	for _, days := range []time.Duration{9, 3, 2, 1} {
		told.before.Points = append(told.before.Points, point{At: now.Add(-days * day).Unix(), Next: start})
	}
	told.grow()
	return fmt.Sprintf("%+v", told.fact()), nil
}

// Recalled is what is made of a memory that holds this of a column and of a schema.
func Recalled(kept []byte, now time.Time) (points, columns int) {
	m := &memory{Memory: same(kept)}
	r, err := m.recall(context.Background(), "id")
	if err == nil {
		s := series{increment: big.NewInt(1), next: big.NewInt(1000)}
		r.Points, _ = grown(r.Points, s, now)
		rateOf(r.Points, s, true)
		_ = r.Pace.kept(rate{}, now)
	}
	known, err := m.of(context.Background(), "schema")
	if err != nil {
		return len(r.Points), 0
	}
	return len(r.Points), len(known.entries)
}

type same []byte

func (s same) Recall(_ context.Context, key string) ([]byte, error) {
	if strings.HasPrefix(key, "schema/") && !strings.HasSuffix(key, "/0") {
		return nil, nil
	}
	return s, nil
}

func (same) Remember(context.Context, string, []byte) error { return nil }

var _ watch.Memory = same(nil)
