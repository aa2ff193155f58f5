package clock

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"lapsewatch/watch"
)

// past is how the clocks stood at passes before. Many hosts share one entry of the
// memory, so that a fleet costs few writes.
type past struct {
	memory  watch.Memory
	buckets int

	mu   sync.Mutex
	was  map[uint64]history
	kept map[uint64]history
}

// history is that of one clock, as watch.Clock has it. A reading that is not known has
// no instant.
type history struct{ before, since watch.ClockReading }

// with is the history that a reading is compared with, and the one that it leaves behind.
func (h history) with(now watch.ClockReading, warn time.Duration) (compared, left history) {
	switch {
	case now.Offset.Abs()-now.Uncertainty < warn:
		return h, history{before: now}
	case h.since.At.IsZero():
		return h, history{before: h.before, since: now}
	case h.since.SetBefore(now, warn):
		return history{before: h.since}, history{before: h.since, since: now}
	}
	return h, h
}

// known is the reading, or nil where there is none.
func known(reading watch.ClockReading) *watch.ClockReading {
	if reading.At.IsZero() {
		return nil
	}
	return &reading
}

const (
	// perBucket hosts on average share an entry, which holds maxPerBucket of them.
	perBucket    = 32
	maxPerBucket = 4096 / recordSize
	recordSize   = 7 * 8
)

// recallAll reads what is known of the hosts. Without it there is no comparison with the
// pass before, and all else goes on.
func recallAll(ctx context.Context, memory watch.Memory, hosts int) (*past, error) {
	p := &past{memory: memory, buckets: 1, was: map[uint64]history{}, kept: map[uint64]history{}}
	for p.buckets*perBucket < hosts {
		p.buckets *= 2
	}
	for i := range p.buckets {
		packed, err := memory.Recall(ctx, p.key(i))
		if err != nil {
			return p, fmt.Errorf("recall how the clocks stood before: %w", err)
		}
		for ; len(packed) >= recordSize; packed = packed[recordSize:] {
			id, read := unpack(packed)
			p.was[id] = read
		}
	}
	return p, nil
}

func (p *past) key(bucket int) string { return fmt.Sprintf("clocks/%d/%d", p.buckets, bucket) }

func hashed(id string) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(id)) // it never fails
	return sum.Sum64()
}

// compare gives what a verified reading is to be compared with, and keeps it.
func (p *past) compare(h *host, now watch.ClockReading) history {
	id := hashed(h.id)
	p.mu.Lock()
	defer p.mu.Unlock()
	compared, left := p.was[id].with(now, h.warn())
	p.kept[id] = left
	return compared
}

// rememberAll keeps the readings of this pass, and of hosts that it could not read those
// of earlier ones. Hosts that are watched no more are dropped.
func (p *past) rememberAll(ctx context.Context, hosts []*host) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	packed := make([][]byte, p.buckets)
	for _, each := range hosts {
		id := hashed(each.id)
		read, known := p.kept[id]
		if !known {
			read, known = p.was[id]
		}
		at := id % uint64(p.buckets)
		if known && len(packed[at]) < maxPerBucket*recordSize {
			packed[at] = pack(packed[at], id, read)
		}
	}
	for i, value := range packed {
		if err := p.memory.Remember(ctx, p.key(i), value); err != nil {
			return fmt.Errorf("remember how the clocks stand: %w", err)
		}
	}
	return nil
}

func pack(to []byte, id uint64, read history) []byte {
	to = binary.BigEndian.AppendUint64(to, id)
	for _, reading := range []watch.ClockReading{read.before, read.since} {
		at := int64(0)
		if !reading.At.IsZero() {
			at = reading.At.UnixNano()
		}
		for _, n := range []int64{at, int64(reading.Offset), int64(reading.Uncertainty)} {
			to = binary.BigEndian.AppendUint64(to, uint64(n)) //nolint:gosec // the bits are kept
		}
	}
	return to
}

func unpack(from []byte) (uint64, history) {
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(from[8*i:])) } //nolint:gosec // the bits are kept
	reading := func(i int) watch.ClockReading {
		if number(i) == 0 {
			return watch.ClockReading{}
		}
		return watch.ClockReading{At: time.Unix(0, number(i)).UTC(), Offset: time.Duration(number(i + 1)), Uncertainty: time.Duration(number(i + 2))}
	}
	return binary.BigEndian.Uint64(from), history{before: reading(1), since: reading(4)}
}
