package ledger

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"
)

// ChannelState is how a channel does, as far as the ledger knows.
type ChannelState struct {
	Channel string
	// LastSent is when its service last took a delivery, with the proof; zero if it
	// never did.
	LastSent time.Time
	Proof    string
	// Owed counts what is to be delivered still, the oldest of it since OldestOwed;
	// Attempts is the most that failed for one of these, the last with LastError.
	Owed       int
	OldestOwed time.Time
	Attempts   int
	LastError  string
	// Refused counts those of the owed that were redirected, or would have been: their
	// service does not take them.
	Refused int
	// Dead counts the deliveries that failed for good within the last seven days.
	Dead int
}

const deadLately = 7 * 24 * time.Hour

// Channels tells of every channel that ever had a delivery, by name.
func (l *Ledger) Channels(ctx context.Context, now time.Time) ([]ChannelState, error) {
	states := map[string]*ChannelState{}
	err := l.lastSent(ctx, states)
	if err == nil {
		err = l.owedBy(ctx, states, now)
	}
	if err != nil {
		return nil, l.failed(ctx, "look at the channels", err)
	}
	sorted := make([]ChannelState, 0, len(states))
	for _, name := range slices.Sorted(maps.Keys(states)) {
		sorted = append(sorted, *states[name])
	}
	return sorted, nil
}

type sentRow struct {
	channel       string
	sentAt, proof sql.NullString
}

func (l *Ledger) lastSent(ctx context.Context, states map[string]*ChannelState) error {
	const query = `SELECT latest.channel, latest.sent_at, MAX(d.proof)
		FROM (SELECT channel, MAX(sent_at) AS sent_at FROM deliveries GROUP BY channel) latest
		LEFT JOIN deliveries d ON d.channel = latest.channel AND d.sent_at = latest.sent_at
		GROUP BY latest.channel, latest.sent_at`
	rows, err := l.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	sent, err := collect(rows, func(row *sentRow) []any { return []any{&row.channel, &row.sentAt, &row.proof} })
	if err != nil {
		return err
	}
	for _, row := range sent {
		state := &ChannelState{Channel: row.channel, Proof: row.proof.String}
		if state.LastSent, err = parseOptional(row.sentAt); err != nil {
			return err
		}
		states[row.channel] = state
	}
	return nil
}

type waitingRow struct {
	channel, createdAt, lastError string
	attempts                      int
	redirectedAt, deadAt          sql.NullString
}

func (l *Ledger) owedBy(ctx context.Context, states map[string]*ChannelState, now time.Time) error {
	const query = `SELECT d.channel, d.created_at, o.last_error, o.attempts, d.redirected_at, o.dead_at
		FROM outbox o JOIN deliveries d ON d.id = o.delivery_id
		WHERE o.dead_at IS NULL OR o.dead_at > $1 ORDER BY d.created_at, d.id`
	rows, err := l.db.QueryContext(ctx, query, instantText(now.Add(-deadLately)))
	if err != nil {
		return err
	}
	waiting, err := collect(rows, func(row *waitingRow) []any {
		return []any{&row.channel, &row.createdAt, &row.lastError, &row.attempts, &row.redirectedAt, &row.deadAt}
	})
	if err != nil {
		return err
	}
	for _, row := range waiting {
		state := states[row.channel]
		if row.deadAt.Valid {
			state.Dead++
			continue
		}
		if state.Owed++; state.Owed == 1 {
			if state.OldestOwed, err = parseInstant(row.createdAt); err != nil {
				return err
			}
		}
		if row.redirectedAt.Valid {
			state.Refused++
		}
		if row.attempts > 0 && row.attempts >= state.Attempts {
			state.Attempts, state.LastError = row.attempts, row.lastError
		}
	}
	return nil
}

// Delivered is one delivery with what became of it.
type Delivered struct {
	ID, Channel, Recipient, Note string
	// CreatedAt is when it was planned, SentAt when its service took it, with the proof;
	// zero while it has not.
	CreatedAt, SentAt time.Time
	Proof             string
	// Events counts what it tells.
	Events int
	// Attempts counts those that failed, the last with LastError; the next one is at
	// NextAttempt, unless the delivery is sent or dead.
	Attempts    int
	NextAttempt time.Time
	LastError   string
	// Dead: it failed for good. Redirected: its events were given to other channels too.
	Dead, Redirected bool
}

type deliveredRow struct {
	Delivered
	createdAt                      string
	sentAt, proof, redirectedAt    sql.NullString
	nextAttempt, lastError, deadAt sql.NullString
	attempts                       sql.NullInt64
}

// Deliveries lists the latest deliveries, the newest first.
func (l *Ledger) Deliveries(ctx context.Context, limit int) ([]Delivered, error) {
	listed, err := l.deliveries(ctx, limit)
	if err != nil {
		return nil, l.failed(ctx, "list deliveries", err)
	}
	return listed, nil
}

func (l *Ledger) deliveries(ctx context.Context, limit int) ([]Delivered, error) {
	const query = `SELECT d.id, d.channel, d.recipient, d.note, d.created_at, d.sent_at, d.proof, d.redirected_at,
			o.attempts, o.next_attempt, o.last_error, o.dead_at,
			(SELECT COUNT(*) FROM delivery_events de WHERE de.delivery_id = d.id)
		FROM deliveries d LEFT JOIN outbox o ON o.delivery_id = d.id
		ORDER BY d.created_at DESC, d.position, d.id LIMIT $1`
	rows, err := l.db.QueryContext(ctx, query, limit)
	if err != nil {
		return nil, err
	}
	stored, err := collect(rows, func(row *deliveredRow) []any {
		return []any{
			&row.ID, &row.Channel, &row.Recipient, &row.Note, &row.createdAt, &row.sentAt, &row.proof, &row.redirectedAt,
			&row.attempts, &row.nextAttempt, &row.lastError, &row.deadAt, &row.Events,
		}
	})
	if err != nil {
		return nil, err
	}
	listed := make([]Delivered, 0, len(stored))
	for _, row := range stored {
		delivered, err := row.load()
		if err != nil {
			return nil, err
		}
		listed = append(listed, delivered)
	}
	return listed, nil
}

func (r deliveredRow) load() (Delivered, error) {
	delivered := r.Delivered
	delivered.Proof, delivered.LastError, delivered.Attempts = r.proof.String, r.lastError.String, int(r.attempts.Int64)
	delivered.Dead, delivered.Redirected = r.deadAt.Valid, r.redirectedAt.Valid
	var err error
	if delivered.CreatedAt, err = parseInstant(r.createdAt); err != nil {
		return delivered, err
	}
	if delivered.SentAt, err = parseOptional(r.sentAt); err != nil || delivered.Dead {
		return delivered, err
	}
	delivered.NextAttempt, err = parseOptional(r.nextAttempt)
	return delivered, err
}
