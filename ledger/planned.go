package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"lapsewatch/policy"
	"lapsewatch/watch"
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
		if !told[event.ID] && event.Type == watch.Standing {
			continue // it is no news, and repeated at each pass
		}
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

// owe puts the digests into the outbox, except those that were ever put there.
func (r *recording) owe(ctx context.Context, digests []policy.Digest) error {
	for position, digest := range digests {
		added, err := addDelivery(ctx, r.tx, position, digest)
		if err != nil {
			return fmt.Errorf("plan delivery by %s: %w", digest.Channel, err)
		}
		if added {
			err = r.supersede(ctx, digest)
		}
		if err != nil {
			return fmt.Errorf("replace what stood by %s: %w", digest.Channel, err)
		}
		if added {
			r.outcome.Digests = append(r.outcome.Digests, digest)
		}
	}
	return nil
}

// supersede takes back what is owed to a recipient still and says only how things stood
// before: the new digest says how they stand now.
func (r *recording) supersede(ctx context.Context, digest policy.Digest) error {
	if !slices.ContainsFunc(digest.Events, func(event watch.Event) bool { return event.Type == watch.Standing }) {
		return nil
	}
	const stale = `SELECT d.id FROM deliveries d JOIN outbox o ON o.delivery_id = d.id
		WHERE d.channel = $1 AND d.recipient = $2 AND d.id <> $3 AND NOT EXISTS (
			SELECT 1 FROM delivery_events de JOIN events e ON e.id = de.event_id WHERE de.delivery_id = d.id AND e.type <> $4)`
	rows, err := r.tx.QueryContext(ctx, stale, digest.Channel, storable(digest.Recipient), digest.ID, string(watch.Standing))
	if err != nil {
		return err
	}
	ids, err := collect(rows, func(id *string) []any { return []any{id} })
	for _, id := range ids {
		for _, statement := range []string{`DELETE FROM outbox WHERE delivery_id = $1`, `DELETE FROM deliveries WHERE id = $1`} {
			if err == nil {
				_, err = r.tx.ExecContext(ctx, statement, id)
			}
		}
	}
	return err
}

// addDelivery owes a digest from now on, unless it was ever owed.
func addDelivery(ctx context.Context, tx *sql.Tx, position int, digest policy.Digest) (bool, error) {
	row := deliveryRow{
		id: digest.ID, channel: digest.Channel, recipient: storable(digest.Recipient), createdAt: instantText(digest.CreatedAt), note: note(digest.Note),
	}
	for _, event := range digest.Events {
		row.events = append(row.events, event.ID)
	}
	const delivery = `INSERT INTO deliveries (id, channel, recipient, created_at, note, checksum, position)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`
	result, err := tx.ExecContext(ctx, delivery, row.id, row.channel, row.recipient, row.createdAt, row.note, row.seal(), position)
	if err != nil {
		return false, err
	}
	if added, err := result.RowsAffected(); err != nil || added == 0 {
		return false, err
	}
	const content = `INSERT INTO delivery_events (delivery_id, position, event_id) VALUES ($1, $2, $3)`
	for place, event := range row.events {
		if _, err := tx.ExecContext(ctx, content, row.id, place, event); err != nil {
			return false, err
		}
	}
	const owed = `INSERT INTO outbox (delivery_id, attempts, next_attempt, last_error) VALUES ($1, 0, $2, '')`
	_, err = tx.ExecContext(ctx, owed, row.id, row.createdAt)
	return true, err
}
