package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// record is what is remembered of an upstream: how it is called, and what speaks for calling
// it better.
type record struct {
	// Grade is what it is called; it falls only after several better reads in a row.
	Grade grade `json:"grade"`
	// Since is when it was first read as bad, and Last when it was last read as bad as Grade.
	Since time.Time `json:"since,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Better is how many better reads there were since, one a pass and without a gap, and
	// Best the worst of those.
	Better int   `json:"better,omitempty"`
	Best   grade `json:"best,omitempty"`
	// Pages are how new each page was when it was last read as bad.
	Pages map[string]time.Time `json:"pages,omitempty"`
	// Waits are until when sources that asked for it are left alone.
	Waits map[string]time.Time `json:"waits,omitempty"`
	// Lost: what was remembered is damaged, and it may have been bad.
	Lost bool `json:"lost,omitempty"`
}

func (l *look) key() string { return "upstream:" + holdoff.Digest([]byte(l.upstream.Name)) }

// recall gives what earlier passes left. The error says that nobody knows.
func (l *look) recall(ctx context.Context) (record, error) {
	value, err := l.env.Memory.Recall(ctx, l.key())
	if err != nil {
		l.env.Log.Warn("recall how a provider was", "upstream", l.upstream.Name, "error", err)
		return record{}, fmt.Errorf("how it was before could not be recalled: %w", err)
	}
	l.recalled = value
	var known record
	if len(value) == 0 {
		return known, nil
	}
	if json.Unmarshal(value, &known) != nil || known.Grade < well || known.Grade > down || known.Best < well || known.Best > down || known.Better < 0 {
		l.env.Log.Warn("what is remembered of a provider is damaged", "upstream", l.upstream.Name)
		return record{Lost: true}, nil
	}
	return known, nil
}

// remember keeps the record, unless it is as it was recalled. err is why nothing was.
func (l *look) remember(ctx context.Context, now record, err error) error {
	var value []byte // of one that is well there is nothing to remember
	if now.Grade != well || now.Lost || len(now.Waits) > 0 {
		value, _ = json.Marshal(now) // numbers and times always encode
	}
	if err == nil && bytes.Equal(value, l.recalled) {
		return nil
	}
	return l.env.Memory.Remember(ctx, l.key(), value)
}

// withoutCopies adds a doubt to what a source says where its page is older than it was when
// it was last read as bad: a copy of before says nothing about after.
func (k record) withoutCopies(results []result) []result {
	results = slices.Clone(results)
	for i := range results {
		r := &results[i]
		before, known := k.Pages[r.source.pageKey()]
		if r.emptiedBefore(k) {
			r.doubts = append(slices.Clone(r.doubts), doubt{reason: watch.Incomplete, text: fmt.Sprintf(
				"it is empty and of %s, from before the last read that was bad, of %s: an old copy", r.updated.Format(exact), k.Last.Format(exact))})
			continue
		}
		if r.err == nil && known && r.grade < k.Grade && !r.updated.IsZero() && r.updated.Before(before) {
			r.doubts = append(slices.Clone(r.doubts), doubt{reason: watch.Incomplete, text: fmt.Sprintf(
				"its page is of %s, older than the one that was read before, of %s: an old copy", r.updated.Format(exact), before.Format(exact))})
		}
	}
	return results
}

// emptiedBefore reports whether it is Azure's feed without items, and older than the last bad
// news of any source: a region that is out has served such a one for hours.
func (r result) emptiedBefore(k record) bool {
	return r.err == nil && r.source.Kind == AzureRSS && r.empty && k.Grade.bad() && !r.updated.IsZero() && r.updated.Before(k.Last)
}

const exact = "2006-01-02 15:04:05 UTC"

// longestWait is the longest that a source is left alone, whatever it asks for.
const longestWait = time.Hour

// waiting is why a source is not read: it asked to be left alone, and that is not over.
func (k record) waiting(s Source, now time.Time) error {
	until, asked := k.Waits[s.pageKey()]
	if !asked || !now.Before(until) || until.Sub(now) > longestWait {
		return nil
	}
	return &unread{reason: watch.Throttled, text: "it asked to be left alone until " + until.Format(exact)}
}

// waits are until when the sources want to be left alone.
func (k record) waits(results []result, now time.Time) map[string]time.Time {
	waits := map[string]time.Time{}
	for _, r := range results {
		key := r.source.pageKey()
		if k.waiting(r.source, now) != nil {
			waits[key] = k.Waits[key]
		}
		if failure, ok := errors.AsType[*webclient.Failure](r.err); ok && failure.RetryAfter > 0 {
			waits[key] = now.Add(failure.RetryAfter)
		}
	}
	return waits
}

func (s Source) pageKey() string { return holdoff.Digest([]byte(s.key())) }

// step is the record after a read. What is worse counts at once, and what is better after
// need reads in a row; one of which nothing is known breaks the row.
func (k record) step(told verdict, results []result, now time.Time, need int) record {
	next := k
	switch {
	case !told.known:
		next.Better, next.Best = 0, well
		return next
	case told.grade > k.Grade || told.grade == k.Grade && k.Grade != well:
		if k.Grade == well {
			next.Since = now
		}
		next.Grade, next.Last, next.Better, next.Best, next.Lost = told.grade, now, 0, well, false
	case k.Grade == well && !k.Lost:
		return record{}
	default:
		next.Better, next.Best = k.Better+1, max(k.Best, told.grade)
		if next.Better >= need {
			next = next.improved(now)
		}
	}
	if next.Grade != well {
		next.Pages = next.newest(results, now)
	}
	return next
}

// improved is the record once enough better reads stand in a row.
func (k record) improved(now time.Time) record {
	if k.Best == well {
		return record{}
	}
	return record{Grade: k.Best, Since: k.Since, Last: now, Pages: k.Pages}
}

// newest are how new the pages are that are bad. What lies ahead of now is not believed,
// since nothing would ever be newer.
func (k record) newest(results []result, now time.Time) map[string]time.Time {
	pages := map[string]time.Time{}
	for _, r := range results {
		key := r.source.pageKey()
		if before, known := k.Pages[key]; known {
			pages[key] = before
		}
		if at := r.updated; r.err == nil && r.grade > well && !at.IsZero() && !at.After(now) && at.After(pages[key]) {
			pages[key] = at
		}
	}
	return pages
}
