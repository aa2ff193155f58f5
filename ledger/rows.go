package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// collect scans all rows and closes them, so that the connection is free for the next
// statement.
func collect[R any](rows *sql.Rows, columns func(*R) []any) (collected []R, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var row R
		if err := rows.Scan(columns(&row)...); err != nil {
			return nil, err
		}
		collected = append(collected, row)
	}
	return collected, rows.Err()
}

// subjectKey is the subject's ID as databases can keep it: a name from outside may hold
// bytes that are no text, and two such names must not become one.
func subjectKey(id string) string {
	if utf8.ValidString(id) && !strings.Contains(id, "\x00") {
		return id
	}
	return strconv.QuoteToASCII(id)
}

// subjectRow is a subject with what was known of it.
type subjectRow struct {
	id, check       string
	lastSeenRun     int64
	known, checksum sql.NullString
	// stored: there is such a row.
	stored bool
}

// before is nil for a subject that is not known.
func (s subjectRow) before() (*policy.Known, error) {
	if !s.stored {
		return nil, nil
	}
	return s.decode()
}

func (s subjectRow) decode() (*policy.Known, error) {
	if checksum(s.id, s.check, s.known.String) != s.checksum.String {
		return nil, fmt.Errorf("stored subject %q: checksum mismatch: %w", s.id, ErrDamaged)
	}
	known, err := decodeKnown(s.known.String)
	if err != nil {
		return nil, fmt.Errorf("stored subject %q: %w: %w", s.id, err, ErrDamaged)
	}
	return &known, nil
}

// deliveryRow is what of a delivery never changes, which its checksum seals.
type deliveryRow struct {
	id, channel, recipient, createdAt, note string
	// events are the IDs, in order.
	events []string
}

func (d deliveryRow) seal() string {
	sealed := append([]string{d.id, d.channel, d.recipient, d.createdAt}, d.events...)
	if d.note != "" {
		// Deliveries from before there were notes are sealed without one.
		sealed = append(sealed, "note", d.note)
	}
	return checksum(sealed...)
}

// owedRow is a row of the outbox with its delivery, which is empty if it has gone.
type owedRow struct {
	deliveryRow
	attempts               int
	nextAttempt, lastError string
	redirectedAt           sql.NullString
	checksum               string
}

func (o owedRow) load(ctx context.Context, events eventCache) (Delivery, error) {
	delivery := Delivery{
		ID: o.id, Channel: o.channel, Recipient: o.recipient, Attempts: o.attempts, LastError: o.lastError,
		Note: o.note, Redirected: o.redirectedAt.Valid,
	}
	var err error
	if delivery.Events, err = events.of(ctx, o.id); err != nil {
		return delivery, err
	}
	for _, event := range delivery.Events {
		o.events = append(o.events, event.ID)
	}
	if o.seal() != o.checksum {
		return delivery, fmt.Errorf("checksum mismatch: %w", ErrDamaged)
	}
	if delivery.CreatedAt, err = parseInstant(o.createdAt); err != nil {
		return delivery, err
	}
	delivery.NextAttempt, err = parseInstant(o.nextAttempt)
	return delivery, err
}

// eventCache decodes an event once, though several channels are told of it.
type eventCache struct {
	db      *sql.DB
	decoded map[string]watch.Event
}

type eventRow struct{ id, event, checksum string }

func (e eventCache) of(ctx context.Context, delivery string) ([]watch.Event, error) {
	const query = `SELECT de.event_id, COALESCE(e.event, ''), COALESCE(e.checksum, '')
		FROM delivery_events de LEFT JOIN events e ON e.id = de.event_id
		WHERE de.delivery_id = $1 ORDER BY de.position`
	rows, err := e.db.QueryContext(ctx, query, delivery)
	if err != nil {
		return nil, err
	}
	stored, err := collect(rows, func(row *eventRow) []any { return []any{&row.id, &row.event, &row.checksum} })
	if err != nil {
		return nil, err
	}
	events := make([]watch.Event, 0, len(stored))
	for _, row := range stored {
		event, known := e.decoded[row.id]
		if !known {
			if event, err = row.decode(); err != nil {
				return nil, err
			}
			e.decoded[row.id] = event
		}
		events = append(events, event)
	}
	return events, nil
}

func (e eventRow) decode() (watch.Event, error) {
	if checksum(e.id, e.event) != e.checksum {
		return watch.Event{}, fmt.Errorf("stored event %q: checksum mismatch: %w", e.id, ErrDamaged)
	}
	event, err := decodeEvent(e.event)
	if err != nil {
		return event, fmt.Errorf("stored event %q: %w: %w", e.id, err, ErrDamaged)
	}
	return event, nil
}
