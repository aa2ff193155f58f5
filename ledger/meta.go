package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"lapsewatch/watch"
)

const (
	lostKey = "record_lost"
	// lostFor bounds how long what a check shows for the first time counts as perhaps
	// told before: a check that never lists everything would say so for ever.
	lostFor = 7 * 24 * time.Hour
)

// recordLost is what a ledger knows that took the place of one which could not be used:
// what was told before is not known to it, so that what it sees first may be no news.
type recordLost struct {
	// Since is when the first pass judged after that; zero before it.
	Since time.Time `json:"since,omitzero"`
	// Checks are those of which not all was seen yet; nil before the first pass, when
	// that is true of every check.
	Checks []string `json:"checks,omitempty"`
}

func (r *recordLost) of(check string) bool {
	return r != nil && (r.Checks == nil || slices.Contains(r.Checks, check))
}

// after is what remains once a pass was recorded: the checks of which it could not list
// everything.
func (r recordLost) after(pass watch.Pass) *recordLost {
	if r.Since.IsZero() {
		r.Since = pass.GeneratedAt.UTC()
	}
	if !pass.Clock.Trusted {
		return &r // it could not judge what it saw
	}
	if age := pass.GeneratedAt.Sub(r.Since); age >= lostFor || age <= -lostFor {
		return nil
	}
	var remain []string
	for _, check := range pass.Checks {
		if r.of(check.Name) && (!check.Complete || len(check.Hidden) > 0) {
			remain = append(remain, check.Name)
		}
	}
	if len(remain) == 0 {
		return nil
	}
	return &recordLost{Since: r.Since, Checks: remain}
}

// readLost is nil for a ledger that remembers what was told.
func readLost(ctx context.Context, in reader) (*recordLost, error) {
	var value, sum string
	err := in.QueryRowContext(ctx, `SELECT value, checksum FROM meta WHERE key = $1`, lostKey).Scan(&value, &sum)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	var lost recordLost
	if err == nil && checksum(lostKey, value) != sum {
		err = fmt.Errorf("checksum mismatch: %w", ErrDamaged)
	}
	if err == nil {
		err = json.Unmarshal([]byte(value), &lost)
	}
	if err != nil {
		return nil, fmt.Errorf("read what was lost: %w", err)
	}
	return &lost, nil
}

// writeLost keeps it for the passes to come; nil forgets it.
func writeLost(ctx context.Context, tx *sql.Tx, lost *recordLost) error {
	if lost == nil {
		_, err := tx.ExecContext(ctx, `DELETE FROM meta WHERE key = $1`, lostKey)
		return err
	}
	value, err := encodeStored(lost)
	if err == nil {
		const upsert = `INSERT INTO meta (key, value, checksum) VALUES ($1, $2, $3)
			ON CONFLICT (key) DO UPDATE SET value = excluded.value, checksum = excluded.checksum`
		_, err = tx.ExecContext(ctx, upsert, lostKey, value, checksum(lostKey, value))
	}
	if err != nil {
		return fmt.Errorf("note what was lost: %w", err)
	}
	return nil
}
