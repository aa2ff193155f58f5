package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"lapsewatch/policy"
)

// keepEvents adds the events of the pass that somebody is told of to the history. One
// that is there already is the same change, seen again within one second. What leads to
// nobody is noted as untold, and will be raised again.
func (r *recording) keepEvents(ctx context.Context, digests []policy.Digest) error {
	told := map[string]bool{}
	for _, digest := range digests {
		for _, event := range digest.Events {
			told[event.ID] = true
		}
	}
	const insert = `INSERT INTO events (id, run_id, subject_id, type, at, event, checksum)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`
	for _, event := range r.outcome.Events {
		if !told[event.ID] {
			r.outcome.Untold++
			if err := untell(ctx, r.tx, event.Finding.ID); err != nil {
				return err
			}
			continue
		}
		text, err := encodeStored(event)
		if err == nil {
			_, err = r.tx.ExecContext(ctx, insert, event.ID, r.outcome.Run, subjectKey(event.Finding.ID),
				string(event.Type), instantText(event.At), text, checksum(event.ID, text))
		}
		if err != nil {
			return fmt.Errorf("keep event of %q: %w", event.Finding.ID, err)
		}
	}
	return nil
}

// executor is a transaction, or the database itself.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// untell notes that nobody was told of what is known of a subject, if it is known still.
func untell(ctx context.Context, in executor, findingID string) error {
	row := subjectRow{id: subjectKey(findingID)}
	const find = `SELECT s.check_name, s.last_seen_run, f.known, f.checksum
		FROM subjects s LEFT JOIN findings f ON f.subject_id = s.id WHERE s.id = $1`
	err := in.QueryRowContext(ctx, find, row.id).Scan(&row.check, &row.lastSeenRun, &row.known, &row.checksum)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	var known *policy.Known
	if err == nil {
		known, err = row.decode()
	}
	if err == nil {
		known.Untold = true
		var text string
		if text, err = encodeStored(*known); err == nil {
			_, err = in.ExecContext(ctx, `UPDATE findings SET known = $2, checksum = $3 WHERE subject_id = $1`, row.id, text, checksum(row.id, row.check, text))
		}
	}
	if err != nil {
		return fmt.Errorf("note that nobody was told of %q: %w", findingID, err)
	}
	return nil
}

// owe puts the digests into the outbox, except those that were ever put there.
func (r *recording) owe(ctx context.Context, digests []policy.Digest) error {
	for position, digest := range digests {
		added, err := r.addDelivery(ctx, position, digest)
		if err != nil {
			return fmt.Errorf("plan delivery by %s: %w", digest.Channel, err)
		}
		if added {
			r.outcome.Digests = append(r.outcome.Digests, digest)
		}
	}
	return nil
}

func (r *recording) addDelivery(ctx context.Context, position int, digest policy.Digest) (bool, error) {
	created := instantText(digest.CreatedAt)
	sealed := []string{digest.ID, digest.Channel, digest.Recipient, created}
	for _, event := range digest.Events {
		sealed = append(sealed, event.ID)
	}
	const delivery = `INSERT INTO deliveries (id, channel, recipient, created_at, checksum, position)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`
	result, err := r.tx.ExecContext(ctx, delivery, digest.ID, digest.Channel, digest.Recipient, created, checksum(sealed...), position)
	if err != nil {
		return false, err
	}
	if added, err := result.RowsAffected(); err != nil || added == 0 {
		return false, err
	}
	const content = `INSERT INTO delivery_events (delivery_id, position, event_id) VALUES ($1, $2, $3)`
	for place, event := range digest.Events {
		if _, err := r.tx.ExecContext(ctx, content, digest.ID, place, event.ID); err != nil {
			return false, err
		}
	}
	const owed = `INSERT INTO outbox (delivery_id, attempts, next_attempt, last_error) VALUES ($1, 0, $2, '')`
	_, err = r.tx.ExecContext(ctx, owed, digest.ID, created)
	return true, err
}
