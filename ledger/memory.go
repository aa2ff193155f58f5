package ledger

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"lapsewatch/watch"
)

const (
	maxMemoryKey   = 200
	maxMemoryValue = 4 << 10
	// maxMemories bounds what one check may keep, and maxChannelMemories one channel,
	// which keeps something for every finding that is open.
	maxMemories        = 10_000
	maxChannelMemories = 100_000
	// forgottenAtOnce is how many of its oldest values a channel loses when it is full,
	// so that they are not searched for every time.
	forgottenAtOnce = 100
	// channelMemoriesFor is how long a channel keeps what it neither writes nor reads. It
	// outlasts a certificate's life of 398 days.
	channelMemoriesFor = 400 * 24 * time.Hour
	// touchedAfter is how old the note of the last use may get.
	touchedAfter = 30 * 24 * time.Hour
	// channelSpace begins the names of channels among those of checks, which hold no
	// slash.
	channelSpace = "alert/"
)

// Memory is what the check of this name keeps between passes. It is written at once and
// not with the pass, because a run that is killed must be remembered too. In a copy of
// the store (Peek) it can be read, and what is written is lost with the copy. now is
// noted beside each value, in UTC. A check that is configured no more is forgotten.
func (l *Ledger) Memory(check string, now func() time.Time) watch.Memory {
	return memory{ledger: l, owner: check, who: "check " + check, now: now}
}

// ChannelMemory is Memory for a channel, which may keep ten times as much; when it is
// full, its oldest values go. What it has not used for 400 days is forgotten.
func (l *Ledger) ChannelMemory(channel string, now func() time.Time) watch.Memory {
	return memory{ledger: l, owner: channelSpace + channel, who: "channel " + channel, now: now, channel: true}
}

type memory struct {
	ledger *Ledger
	owner  string
	// who is the owner in words.
	who     string
	now     func() time.Time
	channel bool
}

func (m memory) Recall(ctx context.Context, key string) ([]byte, error) {
	value, err := m.recall(ctx, subjectKey(key))
	if err != nil {
		return nil, m.ledger.failed(ctx, fmt.Sprintf("recall %s of %s", key, m.who), err)
	}
	return value, nil
}

func (m memory) recall(ctx context.Context, key string) ([]byte, error) {
	var kept, keptAt, sum string
	const query = `SELECT value, kept_at, checksum FROM memories WHERE check_name = $1 AND key = $2`
	err := m.ledger.db.QueryRowContext(ctx, query, m.owner, key).Scan(&kept, &keptAt, &sum)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil && checksum(m.owner, key, kept) != sum {
		err = fmt.Errorf("checksum mismatch: %w", ErrDamaged)
	}
	if err != nil {
		return nil, err
	}
	value, err := base64.StdEncoding.DecodeString(kept)
	if err == nil && m.channel && keptAt < instantText(m.now().Add(-touchedAfter)) {
		const touch = `UPDATE memories SET kept_at = $3 WHERE check_name = $1 AND key = $2`
		_, err = m.ledger.db.ExecContext(ctx, touch, m.owner, key, instantText(m.now()))
	}
	return value, err
}

func (m memory) Remember(ctx context.Context, key string, value []byte) error {
	if err := m.remember(ctx, subjectKey(key), value); err != nil {
		return m.ledger.failed(ctx, fmt.Sprintf("remember %s of %s", key, m.who), err)
	}
	return nil
}

func (m memory) remember(ctx context.Context, key string, value []byte) error {
	if len(key) > maxMemoryKey || len(value) > maxMemoryValue {
		return fmt.Errorf("a key of %d bytes with %d bytes, want at most %d and %d", len(key), len(value), maxMemoryKey, maxMemoryValue)
	}
	if len(value) == 0 {
		_, err := m.ledger.db.ExecContext(ctx, `DELETE FROM memories WHERE check_name = $1 AND key = $2`, m.owner, key)
		return err
	}
	text := base64.StdEncoding.EncodeToString(value)
	return m.ledger.within(ctx, func(tx *sql.Tx) error {
		kept, keptAt, sum := text, instantText(m.now()), checksum(m.owner, key, text)
		const replace = `UPDATE memories SET value = $3, kept_at = $4, checksum = $5 WHERE check_name = $1 AND key = $2`
		result, err := tx.ExecContext(ctx, replace, m.owner, key, kept, keptAt, sum)
		if err != nil {
			return err
		}
		if replaced, err := result.RowsAffected(); err != nil || replaced > 0 {
			return err
		}
		if err := m.makeRoom(ctx, tx); err != nil {
			return err
		}
		const insert = `INSERT INTO memories (check_name, key, value, kept_at, checksum) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (check_name, key) DO UPDATE SET value = excluded.value, kept_at = excluded.kept_at, checksum = excluded.checksum`
		_, err = tx.ExecContext(ctx, insert, m.owner, key, kept, keptAt, sum)
		return err
	})
}

// makeRoom sees to it that one more value may be kept.
func (m memory) makeRoom(ctx context.Context, tx *sql.Tx) error {
	var kept int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM memories WHERE check_name = $1`, m.owner).Scan(&kept); err != nil {
		return err
	}
	if !m.channel && kept >= maxMemories {
		return fmt.Errorf("the check keeps %d values already, and no more are taken", maxMemories)
	}
	if !m.channel || kept < maxChannelMemories {
		return nil
	}
	const forget = `DELETE FROM memories WHERE check_name = $1 AND key IN (
		SELECT key FROM memories WHERE check_name = $1 ORDER BY kept_at, key LIMIT $2)`
	_, err := tx.ExecContext(ctx, forget, m.owner, forgottenAtOnce)
	return err
}

// forgetOthers drops what checks kept that are not configured any more, and what
// channels have not used for long.
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
		var err error
		switch {
		case watched[name]:
		case !strings.HasPrefix(name, channelSpace):
			_, err = r.tx.ExecContext(ctx, `DELETE FROM memories WHERE check_name = $1`, name)
		case r.trusted:
			_, err = r.tx.ExecContext(ctx, `DELETE FROM memories WHERE check_name = $1 AND kept_at < $2`,
				name, instantText(r.now.Add(-channelMemoriesFor)))
		}
		if err != nil {
			return fmt.Errorf("forget what %s kept: %w", name, err)
		}
	}
	return nil
}
