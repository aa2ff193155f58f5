package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"lapsewatch/watch"
)

// LongestWait bounds the time between two attempts. A delivery that claims to wait
// longer was put off by a clock that ran ahead, and is due.
const LongestWait = 24 * time.Hour

// Delivery is one digest that is owed to one recipient of one channel.
type Delivery struct {
	// ID is the same on every attempt.
	ID        string
	Channel   string
	Recipient string
	// CreatedAt is when the pass that raised the events judged them, in UTC.
	CreatedAt time.Time
	Events    []watch.Event
	// Attempts counts those that failed.
	Attempts int
	// NextAttempt is the earliest instant of the next attempt, in UTC.
	NextAttempt time.Time
	LastError   string
	// Note says why it comes this way; empty as a rule.
	Note string
	// Redirected: its events were given to other channels too.
	Redirected bool
}

// Due lists the deliveries that are owed at now, the oldest first, and those of one pass
// in the order in which they were planned. What follows upon one that has to wait, to the
// same recipient of the same channel, waits with it, so that an end never overtakes its
// beginning. Until Sent is called for one, every process
// that asks is told of it, so that none is lost when a process dies between sending and
// Sent.
func (l *Ledger) Due(ctx context.Context, now time.Time) ([]Delivery, error) {
	due, err := l.due(ctx, now)
	if err != nil {
		return nil, l.failed(ctx, "list due deliveries", err)
	}
	return due, nil
}

func (l *Ledger) due(ctx context.Context, now time.Time) ([]Delivery, error) {
	const query = `SELECT o.delivery_id, o.attempts, o.next_attempt, o.last_error,
			COALESCE(d.channel, ''), COALESCE(d.recipient, ''), COALESCE(d.created_at, ''), COALESCE(d.note, ''), d.redirected_at, COALESCE(d.checksum, '')
		FROM outbox o LEFT JOIN deliveries d ON d.id = o.delivery_id
		WHERE o.dead_at IS NULL ORDER BY d.created_at, d.position, o.delivery_id`
	rows, err := l.db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	owed, err := collect(rows, func(row *owedRow) []any {
		return []any{
			&row.id, &row.attempts, &row.nextAttempt, &row.lastError,
			&row.channel, &row.recipient, &row.createdAt, &row.note, &row.redirectedAt, &row.checksum,
		}
	})
	if err != nil {
		return nil, err
	}
	events := eventCache{db: l.db, decoded: map[string]watch.Event{}}
	due := make([]Delivery, 0, len(owed))
	held := map[[2]string]bool{}
	for _, row := range owed {
		to := [2]string{row.channel, row.recipient}
		if held[to] = held[to] || row.waits(now); held[to] {
			continue
		}
		delivery, err := row.load(ctx, events)
		if err != nil {
			return nil, fmt.Errorf("read delivery %q: %w", row.id, err)
		}
		due = append(due, delivery)
	}
	return due, nil
}

// waits reports whether the time of the next attempt is to come. One that is too far
// off, or of a delivery from the future, was set by a clock that ran ahead.
func (o owedRow) waits(now time.Time) bool {
	next := o.nextAttempt
	return next > instantText(now) && next <= instantText(now.Add(LongestWait)) && o.createdAt <= instantText(now)
}

// Sent notes the service's proof that it took the delivery, which is no longer owed.
// Instants are kept in UTC. To note it again, as after a second process has sent the
// same delivery, is no error.
func (l *Ledger) Sent(ctx context.Context, id, proof string, at time.Time) error {
	if err := l.sent(ctx, id, proof, at); err != nil {
		return l.failed(ctx, fmt.Sprintf("note delivery %q as sent", id), err)
	}
	return nil
}

// sent asks for no lease, and waits for no other writer: that the message is out is true
// whoever is at work by now, and unless it is noted, it is sent again.
func (l *Ledger) sent(ctx context.Context, id, proof string, at time.Time) error {
	return l.within(ctx, func(tx *sql.Tx) error {
		const prove = `UPDATE deliveries SET sent_at = COALESCE(sent_at, $2), proof = COALESCE(proof, $3) WHERE id = $1`
		result, err := tx.ExecContext(ctx, prove, id, instantText(at), note(proof))
		if err != nil {
			return err
		}
		if found, err := result.RowsAffected(); err != nil || found == 0 {
			return errors.Join(err, errUnknownDelivery)
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM outbox WHERE delivery_id = $1`, id)
		return err
	})
}

// Failed notes a failed attempt and when to try again, at most LongestWait from then.
// It changes nothing once the delivery was sent.
func (l *Ledger) Failed(ctx context.Context, id, cause string, next time.Time) error {
	const update = `UPDATE outbox SET attempts = attempts + 1, last_error = $2, next_attempt = $3 WHERE delivery_id = $1`
	err := l.write(ctx, func(tx *sql.Tx) error { return putOff(ctx, tx, update, id, cause, next) })
	if err != nil {
		return l.failed(ctx, fmt.Sprintf("note delivery %q as failed", id), err)
	}
	return nil
}

// Dead notes that the delivery failed for good: it is kept and counted, and no longer
// due. What nobody else was told of, or is still to be told of, counts as untold, so that
// the next pass raises it again for the channels that there are then. It changes nothing
// once the delivery was sent.
func (l *Ledger) Dead(ctx context.Context, id, cause string, at time.Time) error {
	const update = `UPDATE outbox SET attempts = attempts + 1, last_error = $2, dead_at = $3 WHERE delivery_id = $1`
	err := l.write(ctx, func(tx *sql.Tx) error {
		if err := putOff(ctx, tx, update, id, cause, at); err != nil {
			return err
		}
		return untellDead(ctx, tx, id)
	})
	if err != nil {
		return l.failed(ctx, fmt.Sprintf("note delivery %q as dead", id), err)
	}
	return nil
}

func untellDead(ctx context.Context, tx *sql.Tx, id string) error {
	// A delivery that is in the outbox no more was sent. Nobody hears of a standing
	// event what was not told before. Who hears of the subject later knows of it.
	const untold = `SELECT e.subject_id FROM delivery_events said JOIN events e ON e.id = said.event_id
		WHERE said.delivery_id = $1 AND e.type <> $2 AND NOT EXISTS (
			SELECT 1 FROM delivery_events heard LEFT JOIN outbox o ON o.delivery_id = heard.delivery_id
			WHERE heard.event_id = said.event_id AND o.dead_at IS NULL)
		AND NOT EXISTS (
			SELECT 1 FROM events later JOIN delivery_events heard ON heard.event_id = later.id
			LEFT JOIN outbox o ON o.delivery_id = heard.delivery_id
			WHERE later.subject_id = e.subject_id AND later.at > e.at AND later.type <> $2 AND o.dead_at IS NULL)
		ORDER BY e.subject_id`
	rows, err := tx.QueryContext(ctx, untold, id, string(watch.Standing))
	if err != nil {
		return err
	}
	subjects, err := collect(rows, func(subject *string) []any { return []any{subject} })
	if err != nil {
		return err
	}
	for _, subject := range subjects {
		if err := untell(ctx, tx, subject); err != nil {
			return err
		}
	}
	return nil
}

func putOff(ctx context.Context, tx *sql.Tx, update, id, cause string, instant time.Time) error {
	result, err := tx.ExecContext(ctx, update, id, note(cause), instantText(instant))
	if err != nil {
		return err
	}
	if changed, err := result.RowsAffected(); err != nil || changed > 0 {
		return err
	}
	return wasSent(ctx, tx, id)
}

var errUnknownDelivery = errors.New("there is no such delivery")

func wasSent(ctx context.Context, tx *sql.Tx, id string) error {
	var sentAt string
	err := tx.QueryRowContext(ctx, `SELECT sent_at FROM deliveries WHERE id = $1 AND sent_at IS NOT NULL`, id).Scan(&sentAt)
	if errors.Is(err, sql.ErrNoRows) {
		return errUnknownDelivery
	}
	return err
}

// Outbox counts the deliveries that are still owed, due or not, and those that failed
// for good.
func (l *Ledger) Outbox(ctx context.Context) (pending, dead int, err error) {
	const query = `SELECT COUNT(*) - COUNT(dead_at), COUNT(dead_at) FROM outbox`
	if err := l.db.QueryRowContext(ctx, query).Scan(&pending, &dead); err != nil {
		return 0, 0, l.failed(ctx, "count the outbox", err)
	}
	return pending, dead, nil
}
