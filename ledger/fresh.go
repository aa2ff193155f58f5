package ledger

import (
	"context"
	"fmt"
	"iter"
	"time"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// maxFresh bounds what Fresh finds: more than that are no glitch.
const maxFresh = 1000

// Fresh tells which of the findings, if they were recorded now, would be news: opened or
// worsened. It changes nothing, and stops after a thousand. clock is that of the
// pass.
func (l *Ledger) Fresh(ctx context.Context, findings iter.Seq2[watch.Finding, error], telling policy.Telling, clock watch.OwnClock, now time.Time) ([]watch.Finding, error) {
	fresh, err := l.fresh(ctx, findings, judgingOf(clock, telling, now))
	if err != nil {
		return nil, l.failed(ctx, "look for news", err)
	}
	return fresh, nil
}

func (l *Ledger) fresh(ctx context.Context, findings iter.Seq2[watch.Finding, error], j judging) (fresh []watch.Finding, err error) {
	if j.lost, err = readLost(ctx, l.db); err != nil {
		return nil, err
	}
	var batch []watch.Finding
	for finding, err := range findings {
		if err != nil {
			return nil, fmt.Errorf("read findings: %w", err)
		}
		if !finding.Severity.AtLeast(watch.Warning) {
			continue
		}
		if batch = append(batch, finding); len(batch) < comparedAtOnce {
			continue
		}
		if fresh, err = l.freshOf(ctx, batch, j, fresh); err != nil || len(fresh) == maxFresh {
			return fresh, err
		}
		batch = batch[:0]
	}
	if len(batch) == 0 {
		return fresh, nil
	}
	return l.freshOf(ctx, batch, j, fresh)
}

// freshOf adds to what is fresh already.
func (l *Ledger) freshOf(ctx context.Context, batch []watch.Finding, j judging, fresh []watch.Finding) ([]watch.Finding, error) {
	known, err := findSubjects(ctx, l.db, batch)
	if err != nil {
		return nil, err
	}
	for _, finding := range batch {
		before, err := known[subjectKey(finding.ID)].before()
		if err != nil {
			return nil, fmt.Errorf("compare %q: %w", finding.ID, err)
		}
		_, event := j.compare(before, finding)
		if event != nil && (event.Type == watch.Opened || event.Type == watch.Worsened) && len(fresh) < maxFresh {
			fresh = append(fresh, finding)
		}
	}
	return fresh, nil
}
