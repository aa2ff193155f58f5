package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// Redirect gives what a delivery tells to other channels as well, because its own does
// not take it: a digest for each, which is due at once, with events of the delivery (all,
// if it names none) and a note that says why it comes. Events of which the same recipient
// of the same channel is told anyway are left out. The delivery itself stays owed as it
// is. It is redirected once at the most: added is zero if it was before, or was sent.
// Without digests the delivery only counts as one that failed for good.
func (l *Ledger) Redirect(ctx context.Context, id string, digests []policy.Digest, at time.Time) (added int, err error) {
	err = l.write(ctx, func(tx *sql.Tx) error {
		added, err = redirect(ctx, tx, id, digests, at)
		return err
	})
	if err != nil {
		return 0, l.failed(ctx, fmt.Sprintf("redirect delivery %q", id), err)
	}
	return added, nil
}

func redirect(ctx context.Context, tx *sql.Tx, id string, digests []policy.Digest, at time.Time) (added int, err error) {
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
		if digest.Events, err = chosen(digest.Events, events); err == nil {
			digest.Events, err = notTold(ctx, tx, digest)
		}
		if err != nil {
			return 0, err
		}
		if len(digest.Events) == 0 {
			continue
		}
		isNew, err := addDelivery(ctx, tx, position, digest)
		if err != nil {
			return 0, fmt.Errorf("plan delivery by %s: %w", digest.Channel, err)
		}
		if isNew {
			added++
			err = standIn(ctx, tx, digest)
		}
		if err != nil {
			return 0, err
		}
	}
	return added, nil
}

// notTold are the events of a digest of which no other delivery tells its recipient.
func notTold(ctx context.Context, tx *sql.Tx, digest policy.Digest) ([]watch.Event, error) {
	const query = `SELECT DISTINCT de.event_id FROM delivery_events de
		JOIN deliveries d ON d.id = de.delivery_id LEFT JOIN outbox o ON o.delivery_id = d.id
		WHERE d.channel = $1 AND d.recipient = $2 AND de.event_id = $3 AND d.id <> $4 AND o.dead_at IS NULL`
	var left []watch.Event
	for _, event := range digest.Events {
		concerns, err := concerns(ctx, tx, digest, event.ID)
		if err != nil {
			return nil, err
		}
		if !concerns {
			continue
		}
		var told string
		err = tx.QueryRowContext(ctx, query, digest.Channel, storable(digest.Recipient), event.ID, digest.ID).Scan(&told)
		if errors.Is(err, sql.ErrNoRows) {
			left = append(left, event)
		} else if err != nil {
			return nil, err
		}
	}
	return left, nil
}

// concerns reports whether an event is of any use to a recipient who hears of it late: an
// end only to one who heard of the subject before, and anything else only while it is so.
func concerns(ctx context.Context, tx *sql.Tx, digest policy.Digest, event string) (bool, error) {
	var subject, kind string
	if err := tx.QueryRowContext(ctx, `SELECT subject_id, type FROM events WHERE id = $1`, event).Scan(&subject, &kind); err != nil {
		return false, err
	}
	if watch.EventType(kind) != watch.Resolved {
		_, known, err := findSubject(ctx, tx, subject)
		return known != nil && known.Bad(), err
	}
	var heard int
	const query = `SELECT COUNT(*) FROM deliveries d JOIN delivery_events de ON de.delivery_id = d.id JOIN events e ON e.id = de.event_id
		WHERE d.channel = $1 AND d.recipient = $2 AND e.subject_id = $3 AND e.type <> $4`
	err := tx.QueryRowContext(ctx, query, digest.Channel, storable(digest.Recipient), subject, string(watch.Resolved)).Scan(&heard)
	return heard > 0, err
}

// standIn notes of each subject that the channel is told of it, so that it is told of the
// end as well.
func standIn(ctx context.Context, tx *sql.Tx, digest policy.Digest) error {
	for _, event := range digest.Events {
		var subject string
		err := tx.QueryRowContext(ctx, `SELECT subject_id FROM events WHERE id = $1`, event.ID).Scan(&subject)
		if err == nil {
			_, err = changeKnown(ctx, tx, subject, func(known *policy.Known) error {
				known.StandIn(digest.Channel)
				return nil
			})
		}
		if err != nil {
			return fmt.Errorf("note who stands in: %w", err)
		}
	}
	return nil
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
