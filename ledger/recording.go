package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// recording is one pass on its way into the ledger. Subjects are looked up one by one,
// so that memory does not grow with their number.
type recording struct {
	judging
	tx      *sql.Tx
	pass    watch.Pass
	outcome Outcome

	find, see, keep *sql.Stmt
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
	for _, statement := range []struct {
		into  **sql.Stmt
		query string
	}{
		{&r.find, `SELECT s.check_name, s.last_seen_run, f.known, f.checksum
			FROM subjects s LEFT JOIN findings f ON f.subject_id = s.id WHERE s.id = $1`},
		{&r.see, `INSERT INTO subjects (id, check_name, first_seen, last_seen_run) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET check_name = excluded.check_name, last_seen_run = excluded.last_seen_run`},
		{&r.keep, `INSERT INTO findings (subject_id, known, checksum) VALUES ($1, $2, $3)
			ON CONFLICT (subject_id) DO UPDATE SET known = excluded.known, checksum = excluded.checksum`},
	} {
		if *statement.into, err = r.tx.PrepareContext(ctx, statement.query); err != nil {
			return fmt.Errorf("prepare to compare: %w", err)
		}
	}
	return nil
}

func (r *recording) compareAll(ctx context.Context) error {
	for finding, err := range r.pass.Findings {
		if err != nil {
			return fmt.Errorf("read findings: %w", err)
		}
		if err := r.compareOne(ctx, finding); err != nil {
			return fmt.Errorf("compare %q: %w", finding.ID, err)
		}
	}
	return nil
}

func (r *recording) compareOne(ctx context.Context, finding watch.Finding) error {
	if finding.ID == "" || finding.Severity == "" {
		return errors.New("the finding has no id or no severity")
	}
	row := subjectRow{id: subjectKey(finding.ID)}
	var before *policy.Known
	err := r.find.QueryRowContext(ctx, row.id).Scan(&row.check, &row.lastSeenRun, &row.known, &row.checksum)
	if err == nil {
		before, err = row.decode()
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	// Findings come most urgent first, so that a subject that is listed twice is known
	// by the graver of its findings.
	if row.lastSeenRun == r.outcome.Run {
		return nil
	}
	after, event := r.compare(before, finding)
	r.raise(event)
	return r.remember(ctx, row, finding, after)
}

func (r *recording) raise(event *watch.Event) {
	if event != nil {
		r.outcome.Events = append(r.outcome.Events, *event)
	}
}

func (r *recording) remember(ctx context.Context, before subjectRow, finding watch.Finding, after policy.Known) error {
	check := finding.Check
	if noted := inForce(after, r.now); noted != nil {
		r.outcome.Acknowledged[finding.ID] = *noted
	}
	known, err := encodeStored(after)
	if err != nil {
		return err
	}
	if _, err := r.see.ExecContext(ctx, before.id, check, instantText(r.pass.GeneratedAt), r.outcome.Run); err != nil {
		return err
	}
	if before.known.String == known && before.check == check {
		return nil
	}
	_, err = r.keep.ExecContext(ctx, before.id, known, checksum(before.id, check, known))
	return err
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
	if noted := inForce(after, r.now); noted != nil {
		r.outcome.Acknowledged[before.Finding.ID] = *noted
	}
	known, err := encodeStored(after)
	if err == nil && known != row.known.String {
		_, err = r.keep.ExecContext(ctx, row.id, known, checksum(row.id, row.check, known))
	}
	if err != nil {
		return fmt.Errorf("remind of %q: %w", row.id, err)
	}
	return nil
}

func (r *recording) remove(ctx context.Context, row subjectRow, before policy.Known, watched bool) error {
	r.raise(policy.Vanish(before, watched, r.now))
	if _, err := r.tx.ExecContext(ctx, `DELETE FROM subjects WHERE id = $1`, row.id); err != nil {
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
