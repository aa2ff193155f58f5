package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// Redirect gives what a delivery tells to other channels as well, because its own does
// not take it: a digest for each, which is due at once, with events of the delivery (all,
// if it names none) and a note that says why it comes. The delivery itself stays owed as
// it is. It is redirected once at the most: added is zero if it was before, or was sent.
func (l *Ledger) Redirect(ctx context.Context, id string, digests []policy.Digest) (added int, err error) {
	err = l.write(ctx, func(tx *sql.Tx) error {
		added, err = redirect(ctx, tx, id, digests)
		return err
	})
	if err != nil {
		return 0, l.failed(ctx, fmt.Sprintf("redirect delivery %q", id), err)
	}
	return added, nil
}

func redirect(ctx context.Context, tx *sql.Tx, id string, digests []policy.Digest) (added int, err error) {
	if len(digests) == 0 {
		return 0, errors.New("no digest says where to")
	}
	at := digests[0].CreatedAt
	const mark = `UPDATE deliveries SET redirected_at = $2 WHERE id = $1 AND redirected_at IS NULL AND sent_at IS NULL`
	result, err := tx.ExecContext(ctx, mark, id, instantText(at))
	if err != nil {
		return 0, err
	}
	marked, err := result.RowsAffected()
	if err == nil && marked == 0 {
		err = mustExist(ctx, tx, id)
	}
	if err != nil || marked == 0 {
		return 0, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT event_id FROM delivery_events WHERE delivery_id = $1 ORDER BY position`, id)
	if err != nil {
		return 0, err
	}
	events, err := collect(rows, func(event *string) []any { return []any{event} })
	if err != nil {
		return 0, err
	}
	for position, digest := range digests {
		if digest.Events, err = chosen(digest.Events, events); err != nil {
			return 0, err
		}
		isNew, err := addDelivery(ctx, tx, position, digest)
		if err != nil {
			return 0, fmt.Errorf("plan delivery by %s: %w", digest.Channel, err)
		}
		if isNew {
			added++
		}
	}
	return added, nil
}

// chosen are the events that a digest tells, all of which the delivery told.
func chosen(events []watch.Event, told []string) ([]watch.Event, error) {
	if len(events) == 0 {
		for _, id := range told {
			events = append(events, watch.Event{ID: id})
		}
		return events, nil
	}
	for _, event := range events {
		if !slices.Contains(told, event.ID) {
			return nil, fmt.Errorf("event %q is none of the delivery's", event.ID)
		}
	}
	return events, nil
}

func mustExist(ctx context.Context, tx *sql.Tx, id string) error {
	var found int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM deliveries WHERE id = $1`, id).Scan(&found); err != nil {
		return err
	}
	if found == 0 {
		return errUnknownDelivery
	}
	return nil
}
