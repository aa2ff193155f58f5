package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"lapsewatch/watch"
)

// History is what happened to findings: their events, and who was told of them, each in
// the order of time.
type History struct {
	Events []watch.Event
	Told   []ToldOf
}

// ToldOf is one delivery that told of findings.
type ToldOf struct {
	Channel, Recipient string
	// SentAt is zero while it was not delivered; then DeadAt, if it was given up, and Error
	// say more.
	SentAt, DeadAt time.Time
	CreatedAt      time.Time
	Error          string
}

// maxHistory bounds what is read of each.
const maxHistory = 500

// History tells what happened to the findings since the instant, standing events left out;
// of more than a few hundred happenings the latest.
func (l *Ledger) History(ctx context.Context, findingIDs []string, since time.Time) (History, error) {
	history, err := l.history(ctx, findingIDs, since)
	if err != nil {
		return History{}, l.failed(ctx, "read the history", err)
	}
	return history, nil
}

type toldRow struct {
	id, channel, recipient, createdAt string
	sentAt, deadAt, lastError         sql.NullString
}

func (l *Ledger) history(ctx context.Context, findingIDs []string, since time.Time) (History, error) {
	var history History
	seen := map[string]bool{}
	for _, findingID := range findingIDs {
		const events = `SELECT id, event, checksum FROM events WHERE subject_id = $1 AND at >= $2 AND type <> $3 ORDER BY at DESC LIMIT $4`
		rows, err := l.db.QueryContext(ctx, events, subjectKey(findingID), instantText(since), string(watch.Standing), maxHistory)
		if err != nil {
			return history, err
		}
		stored, err := collect(rows, func(row *eventRow) []any { return []any{&row.id, &row.event, &row.checksum} })
		if err != nil {
			return history, err
		}
		for _, row := range stored {
			event, err := row.decode()
			if err != nil {
				return history, err
			}
			history.Events = append(history.Events, event)
		}
		const told = `SELECT DISTINCT d.id, d.channel, d.recipient, d.created_at, d.sent_at, o.dead_at, o.last_error
			FROM events e JOIN delivery_events de ON de.event_id = e.id JOIN deliveries d ON d.id = de.delivery_id
			LEFT JOIN outbox o ON o.delivery_id = d.id
			WHERE e.subject_id = $1 AND e.at >= $2 AND e.type <> $3 ORDER BY d.created_at DESC LIMIT $4`
		if rows, err = l.db.QueryContext(ctx, told, subjectKey(findingID), instantText(since), string(watch.Standing), maxHistory); err != nil {
			return history, err
		}
		deliveries, err := collect(rows, func(row *toldRow) []any {
			return []any{&row.id, &row.channel, &row.recipient, &row.createdAt, &row.sentAt, &row.deadAt, &row.lastError}
		})
		if err != nil {
			return history, err
		}
		for _, row := range deliveries {
			if seen[row.id] {
				continue
			}
			seen[row.id] = true
			told, err := row.decode()
			if err != nil {
				return history, err
			}
			history.Told = append(history.Told, told)
		}
	}
	slices.SortStableFunc(history.Events, func(a, b watch.Event) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(history.Told, func(a, b ToldOf) int { return a.at().Compare(b.at()) })
	history.Events = history.Events[max(0, len(history.Events)-maxHistory):]
	history.Told = history.Told[max(0, len(history.Told)-maxHistory):]
	return history, nil
}

func (t ToldOf) at() time.Time {
	if !t.SentAt.IsZero() {
		return t.SentAt
	}
	return t.CreatedAt
}

func (r toldRow) decode() (told ToldOf, err error) {
	told = ToldOf{Channel: r.channel, Recipient: r.recipient, Error: r.lastError.String}
	var createdErr, sentErr, deadErr error
	told.CreatedAt, createdErr = parseInstant(r.createdAt)
	told.SentAt, sentErr = parseOptional(r.sentAt)
	told.DeadAt, deadErr = parseOptional(r.deadAt)
	if err := cmp.Or(createdErr, sentErr, deadErr); err != nil {
		return told, fmt.Errorf("stored delivery %q: %w", r.id, err)
	}
	return told, nil
}
