package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"lapsewatch/watch"
)

const (
	// prunedAtOnce bounds how long one transaction of Prune keeps others waiting.
	prunedAtOnce = 1000
	// runsPruned bounds those of one call: of each run, every row must be asked whether
	// it refers to it.
	runsPruned = 100
	// standingFor is how long standing events are kept. They are no news, and there are
	// as many at each pass as there are open findings.
	standingFor = 7 * 24 * time.Hour
)

// ended are the deliveries of which nothing is owed since $1.
const ended = `SELECT d.id FROM deliveries d LEFT JOIN outbox o ON o.delivery_id = d.id
	WHERE (o.delivery_id IS NULL AND d.sent_at < $1 OR o.dead_at < $1)`

// onlyStanding narrows ended to those that told no news.
const onlyStanding = ` AND NOT EXISTS (SELECT 1 FROM delivery_events t JOIN events n ON n.id = t.event_id WHERE t.delivery_id = d.id AND n.type <> $3)`

// Prune drops the history from before the instant, a bounded number of rows at a time:
// deliveries that were sent or failed for good, events that no delivery tells, and runs
// that nothing refers to. What is owed, and what is known of subjects, stays. It reports
// how many rows have gone.
func (l *Ledger) Prune(ctx context.Context, before time.Time) (int64, error) {
	last, err := l.LastRun(ctx)
	if err != nil {
		return 0, err
	}
	standing := last.JudgedAt.Add(-standingFor)
	if last.ID == 0 || standing.Before(before) {
		standing = before
	}
	const content = `DELETE FROM delivery_events WHERE (delivery_id, position) IN (
		SELECT de.delivery_id, de.position FROM delivery_events de WHERE de.delivery_id IN (%s) LIMIT $2)`
	steps := []struct {
		query  string
		before time.Time
		rest   []any
		once   bool
	}{
		{fmt.Sprintf(content, ended+onlyStanding), standing, []any{string(watch.Standing)}, false},
		{fmt.Sprintf(content, ended), before, nil, false},
		{`DELETE FROM outbox WHERE delivery_id IN (SELECT o.delivery_id FROM outbox o WHERE o.dead_at < $1
			AND NOT EXISTS (SELECT 1 FROM delivery_events de WHERE de.delivery_id = o.delivery_id) LIMIT $2)`, standing, nil, false},
		{`DELETE FROM deliveries WHERE id IN (SELECT d.id FROM deliveries d WHERE COALESCE(d.sent_at, d.created_at) < $1
			AND NOT EXISTS (SELECT 1 FROM delivery_events de WHERE de.delivery_id = d.id)
			AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.delivery_id = d.id) LIMIT $2)`, standing, nil, false},
		{`DELETE FROM events WHERE id IN (SELECT e.id FROM events e JOIN runs r ON r.id = e.run_id WHERE r.judged_at < $1 AND e.type = $3
			AND NOT EXISTS (SELECT 1 FROM delivery_events de WHERE de.event_id = e.id) LIMIT $2)`, standing, []any{string(watch.Standing)}, false},
		{`DELETE FROM events WHERE id IN (SELECT e.id FROM events e JOIN runs r ON r.id = e.run_id WHERE r.judged_at < $1
			AND NOT EXISTS (SELECT 1 FROM delivery_events de WHERE de.event_id = e.id) LIMIT $2)`, before, nil, false},
		{`DELETE FROM changes WHERE (run_id, position) IN (SELECT c.run_id, c.position FROM changes c WHERE c.at < $1 LIMIT $2)`, before, nil, false},
		{`DELETE FROM incidents WHERE (system, key) IN (SELECT i.system, i.key FROM incidents i WHERE i.state IN ($3, $4) AND i.changed_at < $1 LIMIT $2)`, before, []any{stubOver, stubOwing}, false},
		{`DELETE FROM runs WHERE id IN (SELECT r.id FROM runs r WHERE r.judged_at < $1
			AND r.id NOT IN (SELECT last_seen_run FROM subjects) AND r.id NOT IN (SELECT run_id FROM events) AND r.id NOT IN (SELECT run_id FROM changes)
			AND r.id < (SELECT MAX(id) FROM runs) AND r.id <> (SELECT COALESCE(MAX(id), 0) FROM runs WHERE finished_at IS NOT NULL)
			ORDER BY r.id LIMIT $2)`, before, nil, true},
	}
	var gone int64
	for _, step := range steps {
		limit := int64(prunedAtOnce)
		if step.once {
			limit = runsPruned
		}
		for {
			deleted, err := l.pruneOnce(ctx, step.query, append([]any{instantText(step.before), limit}, step.rest...))
			if err != nil {
				return gone, l.failed(ctx, "prune history", err)
			}
			gone += deleted
			if deleted < limit || step.once {
				break
			}
		}
	}
	return gone, nil
}

func (l *Ledger) pruneOnce(ctx context.Context, query string, args []any) (deleted int64, err error) {
	err = l.write(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, query, args...)
		if err == nil {
			deleted, err = result.RowsAffected()
		}
		return err
	})
	return deleted, err
}
