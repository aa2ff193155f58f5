package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// comparedAtOnce is how many findings are compared with one question to the database,
// which may be far away.
const comparedAtOnce = 100

func (r *recording) compareAll(ctx context.Context) error {
	var batch []watch.Finding
	for finding, err := range r.pass.Findings {
		if err != nil {
			return fmt.Errorf("read findings: %w", err)
		}
		if finding.ID == "" || finding.Severity == "" {
			return fmt.Errorf("compare %q: %w", finding.ID, errors.New("the finding has no id or no severity"))
		}
		if batch = append(batch, finding); len(batch) < comparedAtOnce {
			continue
		}
		if err := r.compareBatch(ctx, batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
	return r.compareBatch(ctx, batch)
}

func (r *recording) compareBatch(ctx context.Context, batch []watch.Finding) error {
	if len(batch) == 0 {
		return nil
	}
	known, err := findSubjects(ctx, r.tx, batch)
	if err != nil {
		return fmt.Errorf("look for what is known: %w", err)
	}
	var seen, kept int
	var seenValues, keptValues []any
	for _, finding := range batch {
		row := known[subjectKey(finding.ID)]
		// Findings come most urgent first, so that a subject that is listed twice is known
		// by the graver of its findings.
		if row.lastSeenRun == r.outcome.Run {
			continue
		}
		after, err := r.compareOne(*row, finding)
		if err != nil {
			return fmt.Errorf("compare %q: %w", finding.ID, err)
		}
		text, err := encodeStored(after)
		if err != nil {
			return fmt.Errorf("compare %q: %w", finding.ID, err)
		}
		row.lastSeenRun = r.outcome.Run
		seen++
		seenValues = append(seenValues, row.id, finding.Check, instantText(r.now), r.outcome.Run)
		if row.known.String != text || row.check != finding.Check {
			kept++
			keptValues = append(keptValues, row.id, text, checksum(row.id, finding.Check, text))
		}
	}
	if err := seeSubjects(ctx, r.tx, seen, seenValues); err != nil {
		return fmt.Errorf("note subjects as seen: %w", err)
	}
	if err := keepKnown(ctx, r.tx, kept, keptValues); err != nil {
		return fmt.Errorf("keep what is known: %w", err)
	}
	return nil
}

// findSubjects reads what is known of the findings' subjects. A subject that is not known is
// among them too, with nothing in its row but its ID.
func findSubjects(ctx context.Context, in reader, batch []watch.Finding) (map[string]*subjectRow, error) {
	known := make(map[string]*subjectRow, len(batch))
	var ids []any
	for _, finding := range batch {
		if id := subjectKey(finding.ID); known[id] == nil {
			known[id], ids = &subjectRow{id: id}, append(ids, id)
		}
	}
	query := `SELECT s.id, s.check_name, s.last_seen_run, f.known, f.checksum
		FROM subjects s LEFT JOIN findings f ON f.subject_id = s.id WHERE s.id IN ` + tuples(1, len(ids))
	rows, err := in.QueryContext(ctx, query, ids...)
	if err != nil {
		return nil, err
	}
	found, err := collect(rows, func(row *subjectRow) []any {
		return []any{&row.id, &row.check, &row.lastSeenRun, &row.known, &row.checksum}
	})
	if err != nil {
		return nil, err
	}
	for _, row := range found {
		row.stored = true
		known[row.id] = &row
	}
	return known, nil
}

func (r *recording) compareOne(row subjectRow, finding watch.Finding) (policy.Known, error) {
	before, err := row.before()
	if err != nil {
		return policy.Known{}, err
	}
	after, event := r.compare(before, finding)
	r.raise(event)
	r.note(finding.ID, after)
	if r.round != nil {
		r.round.See(seen(finding, after), false)
	}
	r.noteChange(before, after)
	return after, nil
}

// seen is what a pass saw of a subject, for the incident stubs: as it is, though good news of
// what comes and goes is not told yet.
func seen(finding watch.Finding, after policy.Known) policy.Known {
	if finding.Unreadable() {
		return after
	}
	return policy.Known{Finding: finding, Acknowledged: after.Acknowledged}
}

func seeSubjects(ctx context.Context, tx *sql.Tx, rows int, values []any) error {
	return upsert(ctx, tx, `INSERT INTO subjects (id, check_name, first_seen, last_seen_run) VALUES `, rows, values,
		` ON CONFLICT (id) DO UPDATE SET check_name = excluded.check_name, last_seen_run = excluded.last_seen_run`)
}

func keepKnown(ctx context.Context, tx *sql.Tx, rows int, values []any) error {
	return upsert(ctx, tx, `INSERT INTO findings (subject_id, known, checksum) VALUES `, rows, values,
		` ON CONFLICT (subject_id) DO UPDATE SET known = excluded.known, checksum = excluded.checksum`)
}

// upsert inserts rows, or replaces them.
func upsert(ctx context.Context, tx *sql.Tx, insert string, rows int, values []any, replace string) error {
	if rows == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, insert+tuples(rows, len(values)/rows)+replace, values...)
	return err
}

// tuples is "($1, $2), ($3, $4)" for two rows of two columns.
func tuples(rows, columns int) string {
	var text strings.Builder
	for place := range rows * columns {
		switch {
		case place == 0:
			text.WriteString("(")
		case place%columns == 0:
			text.WriteString("), (")
		default:
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "$%d", place+1)
	}
	return text.String() + ")"
}
