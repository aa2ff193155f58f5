package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// recording is one pass on its way into the ledger. Subjects are looked up a few at a
// time, so that memory does not grow with their number.
type recording struct {
	judging
	tx      *sql.Tx
	pass    watch.Pass
	outcome Outcome
	// round is over the incident stubs, nil without any; kept are those that there were.
	round   *policy.StubRound
	kept    map[[2]string]KeptStub
	changes []policy.Change
}

func (r *recording) start(ctx context.Context) error {
	var err error
	if r.lost, err = readLost(ctx, r.tx); err != nil {
		return err
	}
	const insert = `INSERT INTO runs (judged_at) VALUES ($1) RETURNING id`
	if err := r.tx.QueryRowContext(ctx, insert, instantText(r.pass.GeneratedAt)).Scan(&r.outcome.Run); err != nil {
		return fmt.Errorf("begin run: %w", err)
	}
	return nil
}

func (r *recording) raise(event *watch.Event) {
	if event != nil {
		r.outcome.Events = append(r.outcome.Events, *event)
	}
}

// note puts down what of a subject is told besides events.
func (r *recording) note(findingID string, known policy.Known) {
	if noted := inForce(known, r.now); noted != nil {
		r.outcome.Acknowledged[findingID] = *noted
	}
}

const vanishedAtOnce = 500

// resolveVanished takes the subjects that this pass did not see out of the ledger, if
// their absence means that they have gone. It reads the others too, so that a damaged
// row is found rather than left to look like a subject of its own.
func (r *recording) resolveVanished(ctx context.Context) error {
	if !r.trusted && !r.telling.Standing {
		return nil
	}
	checks := make(map[string]watch.CheckResult, len(r.pass.Checks))
	for _, check := range r.pass.Checks {
		checks[check.Name] = check
	}
	for last := ""; ; {
		rows, err := r.notSeen(ctx, last)
		if err != nil {
			return fmt.Errorf("look for vanished subjects: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		for _, row := range rows {
			before, err := row.decode()
			if err != nil {
				return err
			}
			check, watched := checks[row.check]
			if !r.trusted || watched && mayBeThere(check, before.Finding.ID) {
				err = r.remind(ctx, row, *before)
			} else {
				err = r.remove(ctx, row, *before, watched)
			}
			if err != nil {
				return err
			}
		}
		last = rows[len(rows)-1].id
	}
}

// mayBeThere reports that the pass does not say whether the subject has gone.
func mayBeThere(check watch.CheckResult, findingID string) bool {
	return !check.Complete || slices.ContainsFunc(check.Hidden, func(prefix string) bool { return strings.HasPrefix(findingID, prefix) })
}

// remind tells of a subject that could not be listed when its reminder is due.
func (r *recording) remind(ctx context.Context, row subjectRow, before policy.Known) error {
	after, event := r.unseen(before)
	r.raise(event)
	r.note(before.Finding.ID, after)
	if r.round != nil {
		r.round.See(after, true)
	}
	known, err := encodeStored(after)
	if err == nil && known != row.known.String {
		err = keepKnown(ctx, r.tx, 1, []any{row.id, known, checksum(row.id, row.check, known)})
	}
	if err != nil {
		return fmt.Errorf("remind of %q: %w", row.id, err)
	}
	return nil
}

// remove takes a subject that has vanished out of the ledger, unless it may come back.
func (r *recording) remove(ctx context.Context, row subjectRow, before policy.Known, watched bool) error {
	kept, event := r.telling.Vanish(before, watched, r.now)
	r.raise(event)
	if r.round != nil {
		r.round.Vanished(before.Finding.ID)
	}
	var err error
	if kept != nil {
		known, encodeErr := encodeStored(*kept)
		if err = encodeErr; err == nil && known != row.known.String {
			err = keepKnown(ctx, r.tx, 1, []any{row.id, known, checksum(row.id, row.check, known)})
		}
	} else {
		_, err = r.tx.ExecContext(ctx, `DELETE FROM subjects WHERE id = $1`, row.id)
	}
	if err != nil {
		return fmt.Errorf("remove %q: %w", row.id, err)
	}
	return nil
}

func (r *recording) notSeen(ctx context.Context, after string) ([]subjectRow, error) {
	const query = `SELECT s.id, s.check_name, s.last_seen_run, f.known, f.checksum
		FROM subjects s LEFT JOIN findings f ON f.subject_id = s.id
		WHERE s.last_seen_run <> $1 AND s.id > $2 ORDER BY s.id LIMIT $3`
	rows, err := r.tx.QueryContext(ctx, query, r.outcome.Run, after, vanishedAtOnce)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row *subjectRow) []any {
		return []any{&row.id, &row.check, &row.lastSeenRun, &row.known, &row.checksum}
	})
}
