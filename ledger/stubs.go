package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// KeptStub is an incident stub with what is known of how it stands on its status system.
type KeptStub struct {
	policy.Stub
	There There
}

// There is how a stub stands on its status system, as far as is known.
type There struct {
	// ID is the system's own, empty while nothing was made there, and URL where people look.
	ID  string `json:"id,omitempty"`
	URL string `json:"url,omitempty"`
	// Revision is the one that was brought there last. Seen tells what stood there after that.
	Revision int    `json:"revision,omitempty"`
	Seen     string `json:"seen,omitempty"`
	// Said are the texts of a revision, so that they are the same at each attempt.
	Said Said `json:"said,omitzero"`
	// Asked are the texts that were last sent there without an answer so far, and AskedPhase
	// is the phase that they were for: they may stand there while Said has gone on.
	Asked      Said        `json:"asked,omitzero"`
	AskedPhase watch.Phase `json:"asked_phase,omitempty"`
	// Making is when it was asked for without an answer so far.
	Making time.Time `json:"making,omitzero"`
	// TakenOver is when it was found that a person had changed it, and How in which way. From
	// then on it is only annotated.
	TakenOver time.Time `json:"taken_over,omitzero"`
	How       string    `json:"how,omitempty"`
	// Published: a person made visible what was hidden, and left the rest. Closed: what a
	// person took over is closed by now.
	Published bool `json:"published,omitempty"`
	Closed    bool `json:"closed,omitempty"`
	// Made are the texts that it was made with.
	Made Said `json:"made,omitzero"`
	// Noted is the latest revision of which staff was told by a note.
	Noted int `json:"noted,omitempty"`
	// Drafted is the revision of which a post-mortem was drafted.
	Drafted int `json:"drafted,omitempty"`
	// Affected are services, customers or queues, in the order in which they were found.
	Affected     []string `json:"affected,omitempty"`
	AffectedMore int      `json:"affected_more,omitempty"`
	// Attempts counts those that failed in a row, since FailingSince, the last with LastError.
	// NextAttempt is the earliest instant of the next, in UTC.
	Attempts     int       `json:"attempts,omitempty"`
	FailingSince time.Time `json:"failing_since,omitzero"`
	LastError    string    `json:"last_error,omitempty"`
	NextAttempt  time.Time `json:"next_attempt,omitzero"`
}

// Said are the texts of a revision.
type Said struct {
	Revision int    `json:"revision"`
	Title    string `json:"title"`
	Text     string `json:"text"`
	Internal string `json:"internal,omitempty"`
}

const (
	stubWaiting = "waiting"
	stubOpen    = "open"
	// stubOwing is over for us, and not yet on its system, or a person's by now.
	stubOwing = "owing"
	stubOver  = "over"

	// maxStubs bounds what is read of them at once.
	maxStubs = 10_000
)

func (k KeptStub) state() string {
	there := k.There
	stands := there.ID != "" || !there.Making.IsZero()
	switch {
	case k.Phase == "":
		return stubWaiting
	case k.Phase != watch.Over:
		return stubOpen
	case !there.FailingSince.IsZero(), stands && there.Revision < k.Revision && there.TakenOver.IsZero(), stands && !there.TakenOver.IsZero() && !there.Closed:
		return stubOwing
	default:
		return stubOver
	}
}

type stubRow struct{ system, key, stub, there, checksum string }

func (r stubRow) seal() string { return checksum(r.system, r.key, r.stub, r.there) }

func (r stubRow) decode() (kept KeptStub, err error) {
	if r.seal() != r.checksum {
		return kept, fmt.Errorf("stored incident %s of %s: checksum mismatch: %w", r.key, r.system, ErrDamaged)
	}
	if err = json.Unmarshal([]byte(r.stub), &kept.Stub); err == nil {
		err = json.Unmarshal([]byte(r.there), &kept.There)
	}
	if err == nil && (kept.Key != r.key || kept.System != r.system) {
		err = errors.New("it is another's")
	}
	if err != nil {
		return kept, fmt.Errorf("stored incident %s of %s: %w: %w", r.key, r.system, err, ErrDamaged)
	}
	return kept, nil
}

// Stubs lists the incident stubs that wait, are open, or were resolved since the instant,
// by system and key.
func (l *Ledger) Stubs(ctx context.Context, since time.Time) ([]KeptStub, error) {
	stubs, err := readStubs(ctx, l.db, since)
	if err != nil {
		return nil, l.failed(ctx, "list incidents", err)
	}
	return stubs, nil
}

func readStubs(ctx context.Context, in reader, since time.Time) ([]KeptStub, error) {
	const query = `SELECT system, key, stub, there, checksum FROM incidents
		WHERE state <> $1 OR changed_at >= $2 ORDER BY system, key LIMIT $3`
	rows, err := in.QueryContext(ctx, query, stubOver, instantText(since), maxStubs)
	if err != nil {
		return nil, err
	}
	found, err := collect(rows, func(row *stubRow) []any {
		return []any{&row.system, &row.key, &row.stub, &row.there, &row.checksum}
	})
	if err != nil {
		return nil, err
	}
	if len(found) == maxStubs {
		return nil, fmt.Errorf("there are %d incident stubs or more, which is more than one installation keeps", maxStubs)
	}
	stubs := make([]KeptStub, 0, len(found))
	for _, row := range found {
		kept, err := row.decode()
		if err != nil {
			return nil, err
		}
		stubs = append(stubs, kept)
	}
	return stubs, nil
}

// There replaces what is known of how a stub stands on its system by what change makes of
// it, which may be called again. It is refused with ErrLost to a run whose lease is its own
// no more, so that whoever is about to write on a status system asks here first.
func (l *Ledger) There(ctx context.Context, system, key string, change func(*There)) error {
	err := l.write(ctx, func(tx *sql.Tx) error {
		row := stubRow{system: system, key: key}
		const find = `SELECT stub, there, checksum FROM incidents WHERE system = $1 AND key = $2`
		if err := tx.QueryRowContext(ctx, find, system, key).Scan(&row.stub, &row.there, &row.checksum); err != nil {
			return err
		}
		kept, err := row.decode()
		if err != nil {
			return err
		}
		change(&kept.There)
		kept.There.LastError, kept.There.How = note(kept.There.LastError), note(kept.There.How)
		if row.there, err = encodeStored(kept.There); err != nil {
			return err
		}
		const update = `UPDATE incidents SET there = $3, checksum = $4, state = $5 WHERE system = $1 AND key = $2`
		_, err = tx.ExecContext(ctx, update, system, key, row.there, row.seal(), kept.state())
		return err
	})
	if err != nil {
		return l.failed(ctx, fmt.Sprintf("note how incident %s stands on %s", key, system), err)
	}
	return nil
}

// KnowsStub reports whether a stub of that key was ever kept for the system, and not pruned
// since.
func (l *Ledger) KnowsStub(ctx context.Context, system, key string) (bool, error) {
	var found int
	if err := l.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM incidents WHERE system = $1 AND key = $2`, system, key).Scan(&found); err != nil {
		return false, l.failed(ctx, fmt.Sprintf("look for incident %s of %s", key, system), err)
	}
	return found > 0, nil
}

// Adopt takes a stub into the ledger that was found on its status system and is not known
// here, unless it is known by now. at is now.
func (l *Ledger) Adopt(ctx context.Context, kept KeptStub, at time.Time) error {
	err := l.write(ctx, func(tx *sql.Tx) error {
		row, err := rowOf(kept)
		if err != nil {
			return err
		}
		const insert = `INSERT INTO incidents (system, key, state, changed_at, stub, there, checksum) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (system, key) DO NOTHING`
		_, err = tx.ExecContext(ctx, insert, row.system, row.key, kept.state(), instantText(at), row.stub, row.there, row.seal())
		return err
	})
	if err != nil {
		return l.failed(ctx, fmt.Sprintf("adopt incident %s of %s", kept.Key, kept.System), err)
	}
	return nil
}

func rowOf(kept KeptStub) (row stubRow, err error) {
	row.system, row.key = kept.System, kept.Key
	if row.stub, err = encodeStored(kept.Stub); err == nil {
		row.there, err = encodeStored(kept.There)
	}
	return row, err
}

// beginStubs begins the round over the stubs, if there are status systems and the pass
// knows the time.
func (r *recording) beginStubs(ctx context.Context) error {
	if len(r.telling.Stubs.Systems) == 0 || !r.dated {
		return nil
	}
	stubs, err := readStubs(ctx, r.tx, r.now.Add(-r.telling.Stubs.Reopenable()))
	if err != nil {
		return fmt.Errorf("read incidents: %w", err)
	}
	r.kept = map[[2]string]KeptStub{}
	var before []policy.Stub
	for _, kept := range stubs {
		r.kept[[2]string{kept.System, kept.Key}] = kept
		stub := kept.Stub
		stub.Hidden = stub.Hidden && !kept.There.Published
		if stub.Phase == "" && kept.There.ID != "" {
			// A ledger before this one had opened it: there is nothing to hold off.
			stub.Phase, stub.OpenedAt, stub.PhaseAt = watch.Identified, stub.FoundAt, stub.FoundAt
		}
		before = append(before, stub)
	}
	complete := true
	for _, check := range r.pass.Checks {
		complete = complete && check.Complete && len(check.Hidden) == 0
	}
	r.round = r.telling.Stubs.Begin(before, r.pass.Clock, complete, r.now)
	return nil
}

func (r *recording) endStubs(ctx context.Context) error {
	if r.round == nil {
		return nil
	}
	changed, forgotten := r.round.End()
	for _, stub := range changed {
		kept := r.kept[[2]string{stub.System, stub.Key}]
		kept.Stub = stub
		row, err := rowOf(kept)
		if err == nil {
			const replace = `INSERT INTO incidents (system, key, state, changed_at, stub, there, checksum) VALUES ($1, $2, $3, $4, $5, $6, $7)
				ON CONFLICT (system, key) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at, stub = excluded.stub,
					there = excluded.there, checksum = excluded.checksum`
			_, err = r.tx.ExecContext(ctx, replace, row.system, row.key, kept.state(), instantText(r.now), row.stub, row.there, row.seal())
		}
		if err != nil {
			return fmt.Errorf("keep incident %s of %s: %w", stub.Key, stub.System, err)
		}
	}
	for _, stub := range forgotten {
		if _, err := r.tx.ExecContext(ctx, `DELETE FROM incidents WHERE system = $1 AND key = $2`, stub.System, stub.Key); err != nil {
			return fmt.Errorf("forget incident %s of %s: %w", stub.Key, stub.System, err)
		}
	}
	r.outcome.Stubs = changed
	return nil
}
