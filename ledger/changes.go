package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lapsewatch/policy"
)

// maxChanges bounds what one pass keeps of what changed: where more did, that is no clue.
const maxChanges = 200

// Change is something that was replaced or set, as the pass of the instant found it.
type Change struct {
	policy.Change
	At time.Time
}

// noteChange remembers what a pass found changed.
func (r *recording) noteChange(before *policy.Known, after policy.Known) {
	if before == nil || len(r.changes) >= maxChanges {
		return
	}
	if change, changed := policy.Changed(*before, after); changed {
		r.changes = append(r.changes, change)
	}
}

func (r *recording) keepChanges(ctx context.Context) error {
	const insert = `INSERT INTO changes (run_id, position, at, change, checksum) VALUES ($1, $2, $3, $4, $5)`
	for position, change := range r.changes {
		change.Text = note(change.Text)
		at := instantText(r.now)
		text, err := encodeStored(change)
		if err == nil {
			_, err = r.tx.ExecContext(ctx, insert, r.outcome.Run, position, at, text, checksum(at, text))
		}
		if err != nil {
			return fmt.Errorf("keep what changed about %q: %w", change.FindingID, err)
		}
	}
	return nil
}

type changeRow struct{ at, change, checksum string }

// Changes lists what changed between two instants, the latest first, at most so many.
func (l *Ledger) Changes(ctx context.Context, from, until time.Time, limit int) ([]Change, error) {
	changes, err := l.changes(ctx, from, until, limit)
	if err != nil {
		return nil, l.failed(ctx, "list what changed", err)
	}
	return changes, nil
}

func (l *Ledger) changes(ctx context.Context, from, until time.Time, limit int) ([]Change, error) {
	const query = `SELECT at, change, checksum FROM changes WHERE at >= $1 AND at <= $2 ORDER BY run_id DESC, position LIMIT $3`
	rows, err := l.db.QueryContext(ctx, query, instantText(from), instantText(until), limit)
	if err != nil {
		return nil, err
	}
	found, err := collect(rows, func(row *changeRow) []any { return []any{&row.at, &row.change, &row.checksum} })
	if err != nil {
		return nil, err
	}
	changes := make([]Change, 0, len(found))
	for _, row := range found {
		if checksum(row.at, row.change) != row.checksum {
			return nil, fmt.Errorf("stored change of %s: checksum mismatch: %w", row.at, ErrDamaged)
		}
		var change Change
		if err := json.Unmarshal([]byte(row.change), &change.Change); err != nil {
			return nil, fmt.Errorf("stored change of %s: %w: %w", row.at, err, ErrDamaged)
		}
		if change.At, err = parseInstant(row.at); err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	return changes, nil
}
