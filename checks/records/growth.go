package records

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"lapsewatch/watch"
)

// tenfold is how much more than before is news: of rows, or of days ahead. Less is the
// ordinary coming and going of a table that is written to.
const tenfold = 10

// growth is what is remembered of a column with rows ahead.
type growth struct {
	// Since is when the rows were found first or had last grown tenfold, in Unix seconds.
	// It is the extent of the condition. It never falls, because a smaller extent would be
	// told as good news while rows still stand.
	Since int64 `json:"since"`
	// Rows and Days are the least since then: of rows, and of whole days that the furthest
	// lay ahead. Rows that stay are less far ahead every day, which is no news.
	Rows int64 `json:"rows"`
	Days int64 `json:"days"`
}

// after is the growth once so much was found. An unknown number of days is negative.
func (g growth) after(rows, days int64, now time.Time) growth {
	least := func(before, found int64) int64 {
		if found < 0 {
			return before
		}
		return min(before, found)
	}
	if g.Since > 0 && rows < tenfold*max(1, g.Rows) && days < tenfold*max(1, g.Days) {
		return growth{Since: g.Since, Rows: least(g.Rows, rows), Days: least(g.Days, days)}
	}
	return growth{Since: max(now.Unix(), g.Since+1), Rows: rows, Days: max(0, days)}
}

// extent grows when what is found in a column has, and never falls. It is zero, which
// compares with nothing, where what was found before is not known.
func (p *pass) extent(ctx context.Context, column watch.Subject, b bound, found ahead) int64 {
	days := int64(-1)
	if !found.furthest.IsZero() {
		days = b.secondsAhead(found.furthest, p.now) / int64(day/time.Second)
	}
	sum := sha256.Sum256([]byte(column.ID))
	key := "ahead/" + hex.EncodeToString(sum[:16])
	var before growth
	kept, err := p.env.Memory.Recall(ctx, key)
	if err == nil && len(kept) > 0 && json.Unmarshal(kept, &before) != nil {
		before = growth{}
	}
	after := before.after(found.count, days, p.now)
	if err == nil && after != before {
		err = p.env.Memory.Remember(ctx, key, after.encoded())
	}
	if err != nil {
		p.sink(watch.Remark{Text: "whether more rows lie ahead than before is not seen: " + err.Error()})
		return 0
	}
	return after.Since
}

func (g growth) encoded() []byte {
	return fmt.Appendf(nil, `{"since":%d,"rows":%d,"days":%d}`, g.Since, g.Rows, g.Days)
}
