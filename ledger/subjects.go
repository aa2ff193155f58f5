package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"lapsewatch/policy"
)

// Subject is what is known of one subject that has not gone.
type Subject struct {
	// FindingID is the ID of its findings, quoted where that is no text.
	FindingID, Name, Check string
	// FirstSeen and LastSeen are when the passes judged that saw it, in UTC.
	FirstSeen, LastSeen time.Time
	Known               policy.Known
}

const subjectsAtOnce = 500

// Subjects lists all subjects that are there in the order of their IDs. They are read a few hundred at a
// time, so that memory does not grow with their number, and the ledger may be used
// between them. An error ends the list.
func (l *Ledger) Subjects(ctx context.Context) iter.Seq2[Subject, error] {
	return func(yield func(Subject, error) bool) {
		for last := ""; ; {
			rows, err := l.subjects(ctx, last)
			if err == nil && len(rows) == 0 {
				return
			}
			for _, row := range rows {
				var subject Subject
				if subject, err = row.subject(); err != nil {
					break
				}
				last = row.id
				if !subject.Known.Gone && !yield(subject, nil) {
					return
				}
			}
			if err != nil {
				yield(Subject{}, l.failed(ctx, "list subjects", err))
				return
			}
		}
	}
}

type listedRow struct {
	subjectRow
	firstSeen, lastSeen string
}

func (l *Ledger) subjects(ctx context.Context, after string) ([]listedRow, error) {
	const query = `SELECT s.id, s.check_name, s.first_seen, COALESCE(r.judged_at, ''), f.known, f.checksum
		FROM subjects s LEFT JOIN findings f ON f.subject_id = s.id LEFT JOIN runs r ON r.id = s.last_seen_run
		WHERE s.id > $1 ORDER BY s.id LIMIT $2`
	rows, err := l.db.QueryContext(ctx, query, after, subjectsAtOnce)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row *listedRow) []any {
		return []any{&row.id, &row.check, &row.firstSeen, &row.lastSeen, &row.known, &row.checksum}
	})
}

func (r listedRow) subject() (Subject, error) {
	known, err := r.decode()
	if err != nil {
		return Subject{}, err
	}
	subject := Subject{FindingID: r.id, Name: known.Finding.Name, Check: r.check, Known: *known}
	if subject.FirstSeen, err = parseInstant(r.firstSeen); err != nil {
		return Subject{}, fmt.Errorf("stored subject %q: %w", r.id, err)
	}
	if subject.LastSeen, err = parseInstant(r.lastSeen); err != nil {
		return Subject{}, fmt.Errorf("stored subject %q: %w", r.id, err)
	}
	return subject, nil
}

// findSubject reads what is known of a finding's subject; nil if it is not known.
func findSubject(ctx context.Context, in reader, findingID string) (subjectRow, *policy.Known, error) {
	row := subjectRow{id: subjectKey(findingID)}
	const find = `SELECT s.check_name, s.last_seen_run, f.known, f.checksum
		FROM subjects s LEFT JOIN findings f ON f.subject_id = s.id WHERE s.id = $1`
	err := in.QueryRowContext(ctx, find, row.id).Scan(&row.check, &row.lastSeenRun, &row.known, &row.checksum)
	if errors.Is(err, sql.ErrNoRows) {
		return row, nil, nil
	}
	if err != nil {
		return row, nil, err
	}
	known, err := row.decode()
	return row, known, err
}

// changeKnown replaces what is known of a finding's subject by what change makes of it.
// A subject that is not known stays so.
func changeKnown(ctx context.Context, tx *sql.Tx, findingID string, change func(*policy.Known) error) (found bool, err error) {
	row, known, err := findSubject(ctx, tx, findingID)
	if err != nil || known == nil {
		return false, err
	}
	if err := change(known); err != nil {
		return true, err
	}
	text, err := encodeStored(*known)
	if err == nil && text != row.known.String {
		_, err = tx.ExecContext(ctx, `UPDATE findings SET known = $2, checksum = $3 WHERE subject_id = $1`,
			row.id, text, checksum(row.id, row.check, text))
	}
	return true, err
}

// untell notes that nobody was told of what is known of a subject, if it is known still.
func untell(ctx context.Context, tx *sql.Tx, findingID string) error {
	_, err := changeKnown(ctx, tx, findingID, func(known *policy.Known) error {
		known.Untold = true
		return nil
	})
	if err != nil {
		return fmt.Errorf("note that nobody was told of %q: %w", findingID, err)
	}
	return nil
}
