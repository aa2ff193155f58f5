package schema

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
)

// reach is how far the numbers of a series go.
type reach struct {
	// last is the last number that can be handed out, and left how many there are.
	last, left *big.Int
	percent    int
	// why says what ends them, and how what to do about it.
	why, how string
}

// reach is that of a series with a limit.
func (l *look) reach() reach {
	s := l.series
	r := reach{last: s.end()}
	switch {
	case s.taken != nil:
		r.last = new(big.Int).Sub(s.taken, step(s))
		r.why = fmt.Sprintf("the number %s is taken already", s.taken)
		r.how = "Set the next number beyond those that are taken, or remove the row that has it."
	case s.ofType:
		r.why = fmt.Sprintf("the type %s ends at %s", shown(l.is.Type), s.end())
		r.how = "Give the column a larger type, and its sequence the range of that, while there is time: a large table is rewritten for it."
	default:
		r.why = fmt.Sprintf("the sequence ends at %s", s.end())
		r.how = "Give the sequence a larger range."
	}
	if s.cycle && s.taken == nil {
		r.why += ", and then begins again with numbers that may be taken"
	}
	distance := new(big.Int).Sub(r.last, s.next)
	distance.Mul(distance, big.NewInt(int64(s.increment.Sign())))
	if distance.Sign() < 0 {
		r.left = new(big.Int)
	} else {
		r.left = distance.Quo(distance, new(big.Int).Abs(s.increment))
		r.left.Add(r.left, big.NewInt(1))
	}
	r.percent = s.used(r.last)
	return r
}

// step is one number in the direction of the series.
func step(s series) *big.Int { return big.NewInt(int64(s.increment.Sign())) }

// used is how much of the range from its start to the last number is gone, in percent,
// rounded down.
func (s series) used(last *big.Int) int {
	from := s.start
	if from == nil || s.beyond(from, s.next) {
		from = s.next
	}
	gone := new(big.Int).Sub(s.next, from)
	all := new(big.Int).Sub(last, from)
	all.Add(all, step(s))
	if all.Sign() == 0 || all.Sign() != s.increment.Sign() {
		return 100
	}
	percent := gone.Quo(gone.Mul(gone, big.NewInt(100)), all)
	return int(min(max(percent.Int64(), 0), 100))
}

// usedUp says why no number is left.
func (r reach) usedUp(s series) string {
	end := s.end()
	if s.taken != nil && (s.taken.Cmp(end) != 0 || s.taken.Cmp(s.next) != 0) {
		return fmt.Sprintf("the next number, %s, is taken already: a row that is stored with it is refused", s.next)
	}
	if s.taken != nil {
		return fmt.Sprintf("no number is left: the last one, %s, is taken, and no row can be stored", end)
	}
	return fmt.Sprintf("no number is left: %s, and no row can be stored", r.why)
}

func (r reach) remedy() string { return r.how }

// perDay is a rate for people: whole numbers with commas, and small ones with a decimal.
func perDay(rate float64) string {
	if rate < 10 {
		return strconv.FormatFloat(math.Max(0.1, rate), 'f', 1, 64)
	}
	return grouped(strconv.FormatFloat(rate, 'f', 0, 64))
}

func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// rounded is a rate for programs.
func rounded(rate float64) float64 { return math.Round(rate*10) / 10 }
