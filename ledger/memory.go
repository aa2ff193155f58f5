package ledger

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"lapsewatch/watch"
)

const (
	maxMemoryKey   = 200
	maxMemoryValue = 4 << 10
	// maxMemories bounds what one check may keep.
	maxMemories = 10_000
)

// Memory is what the check of this name keeps between passes. It is written at once and
// not with the pass, because a run that is killed must be remembered too. In a copy of
// the store (Peek) it can be read, and what is written is lost with the copy. now is
// noted beside each value, in UTC.
func (l *Ledger) Memory(check string, now func() time.Time) watch.Memory {
	return memory{ledger: l, check: check, now: now}
}

type memory struct {
	ledger *Ledger
	check  string
	now    func() time.Time
}

func (m memory) Recall(ctx context.Context, key string) ([]byte, error) {
	var kept, sum string
	const query = `SELECT value, checksum FROM memories WHERE check_name = $1 AND key = $2`
	err := m.ledger.db.QueryRowContext(ctx, query, m.check, key).Scan(&kept, &sum)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil && checksum(m.check, key, kept) != sum {
		err = fmt.Errorf("checksum mismatch: %w", ErrDamaged)
	}
	var value []byte
	if err == nil {
		value, err = base64.StdEncoding.DecodeString(kept)
	}
	if err != nil {
		return nil, m.ledger.failed(ctx, fmt.Sprintf("recall %s of check %s", key, m.check), err)
	}
	return value, nil
}

func (m memory) Remember(ctx context.Context, key string, value []byte) error {
	var err error
	switch {
	case len(key) > maxMemoryKey || len(value) > maxMemoryValue:
		err = fmt.Errorf("a key of %d bytes with %d bytes, want at most %d and %d", len(key), len(value), maxMemoryKey, maxMemoryValue)
	case len(value) == 0:
		_, err = m.ledger.db.ExecContext(ctx, `DELETE FROM memories WHERE check_name = $1 AND key = $2`, m.check, key)
	default:
		err = m.keep(ctx, key, base64.StdEncoding.EncodeToString(value))
	}
	if err != nil {
		return m.ledger.failed(ctx, fmt.Sprintf("remember %s of check %s", key, m.check), err)
	}
	return nil
}

// keep replaces what was there; of new keys it takes no more than a check may have.
func (m memory) keep(ctx context.Context, key, value string) error {
	const upsert = `INSERT INTO memories (check_name, key, value, kept_at, checksum)
		SELECT $1, $2, $3, $4, $5
		WHERE (SELECT COUNT(*) FROM memories WHERE check_name = $1 AND key <> $2) < $6
		ON CONFLICT (check_name, key) DO UPDATE
		SET value = excluded.value, kept_at = excluded.kept_at, checksum = excluded.checksum`
	result, err := m.ledger.db.ExecContext(ctx, upsert, m.check, key, value, instantText(m.now()), checksum(m.check, key, value), maxMemories)
	if err != nil {
		return err
	}
	if kept, err := result.RowsAffected(); err != nil || kept > 0 {
		return err
	}
	return fmt.Errorf("the check keeps %d values already, and no more are taken", maxMemories)
}

// forgetOthers drops what checks kept that are not configured any more.
func (r *recording) forgetOthers(ctx context.Context) error {
	rows, err := r.tx.QueryContext(ctx, `SELECT DISTINCT check_name FROM memories`)
	if err != nil {
		return fmt.Errorf("list memories: %w", err)
	}
	kept, err := collect(rows, func(name *string) []any { return []any{name} })
	if err != nil {
		return fmt.Errorf("list memories: %w", err)
	}
	watched := make(map[string]bool, len(r.pass.Checks))
	for _, check := range r.pass.Checks {
		watched[check.Name] = true
	}
	for _, name := range kept {
		if watched[name] {
			continue
		}
		if _, err := r.tx.ExecContext(ctx, `DELETE FROM memories WHERE check_name = $1`, name); err != nil {
			return fmt.Errorf("forget what check %s kept: %w", name, err)
		}
	}
	return nil
}
