package entra

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"lapsewatch/watch"
)

// A report that cannot be read for once must not raise every superseded credential anew:
// what was known to be unused is kept for a few days, with the day on which it was.
const (
	unusedKept = 7 * day
	// unusedEach are kept under one key, of at most so many.
	unusedEach = 300
	unusedKeys = 30
)

// unusedEntry is one credential in a memory: the beginning of a digest, which is no
// secret, and the day of the last sign-in.
type unusedEntry struct {
	Credential [8]byte
	LastUsed   uint32 // days since 1970
}

func (k credentialKey) digest() [8]byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%t", k.appID, k.keyID, k.principal))
	return [8]byte(sum[:8])
}

func unusedKey(n int) string { return fmt.Sprintf("unused/%d", n) }

// provedUnused are the credentials that would be called superseded.
func (p *pass) provedUnused(used *activity) map[credentialKey]time.Time {
	unused := map[credentialKey]time.Time{}
	for _, one := range p.held {
		for _, at := range one.at {
			i := &one.h.items[at]
			use := p.useOf(one.h, at, used)
			if use.State == watch.Unused && one.h.replacement(at, p.now) != nil {
				unused[credentialKey{one.h.appID, i.keyID, one.h.principal}] = use.LastUsed
			}
		}
	}
	return unused
}

// rememberUnused keeps what the report has just shown to be unused.
func (p *pass) rememberUnused(ctx context.Context, unused map[credentialKey]time.Time, read time.Time) {
	var entries []unusedEntry
	for key, last := range unused {
		entries = append(entries, unusedEntry{key.digest(), daysSince1970(last)})
	}
	for n := range unusedKeys {
		part := entries[min(n*unusedEach, len(entries)):min((n+1)*unusedEach, len(entries))]
		var value []byte
		if len(part) > 0 {
			var packed bytes.Buffer
			_ = binary.Write(&packed, binary.BigEndian, daysSince1970(read)) // a buffer takes everything
			_ = binary.Write(&packed, binary.BigEndian, part)
			value = packed.Bytes()
		} else if kept, err := p.env.Memory.Recall(ctx, unusedKey(n)); err == nil && len(kept) == 0 {
			return
		}
		if err := p.env.Memory.Remember(ctx, unusedKey(n), value); err != nil {
			p.env.Log.Warn("remember which credentials are not in use", "tenant", p.tenant, "error", err)
			return
		}
	}
}

// recallUnused gives what an earlier pass knew to be unused, if that is not long ago.
func (p *pass) recallUnused(ctx context.Context, now time.Time) map[[8]byte]watch.Use {
	known := map[[8]byte]watch.Use{}
	for n := range unusedKeys {
		value, err := p.env.Memory.Recall(ctx, unusedKey(n))
		if err != nil || len(value) < 4 {
			return known
		}
		read := dayOf(binary.BigEndian.Uint32(value))
		if age := now.Sub(read); age < 0 || age > unusedKept {
			continue
		}
		entries := make([]unusedEntry, (len(value)-4)/binary.Size(unusedEntry{}))
		if binary.Read(bytes.NewReader(value[4:]), binary.BigEndian, entries) != nil {
			continue
		}
		for _, entry := range entries {
			known[entry.Credential] = watch.Use{
				State: watch.Unused, LastUsed: dayOf(entry.LastUsed),
				Text: "as of " + dateOf(read) + ", when the sign-in report could be read",
			}
		}
	}
	return known
}

func daysSince1970(t time.Time) uint32 { return uint32(max(t.Unix(), 0) / 86400) } //nolint:gosec // until the year 11,000,000

func dayOf(days uint32) time.Time { return time.Unix(int64(days)*86400, 0).UTC() }
