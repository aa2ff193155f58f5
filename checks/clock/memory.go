package clock

import (
	"bytes"
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
	memory watch.Memory
	// buckets are how many entries there will be, and recalled how many there were.
	buckets, recalled int
	// unknown: what was kept could not be read.
	unknown bool

	mu   sync.Mutex
	was  map[uint64]history
	kept map[uint64]history
	// stored are the entries as they were written last, of those that were.
	stored map[int][]byte
}

// history is that of one clock, as watch.Clock has it. A reading that is not known has
// no instant. held: the host asked to be left alone at some time, which manners knows.
type history struct {
	before, since watch.ClockReading
	held          bool
}

// with is the history that a reading is compared with, and the one that it leaves behind.
func (h history) with(now watch.ClockReading, warn time.Duration) (compared, left history) {
	switch {
	case now.Offset.Abs()-now.Uncertainty < warn:
		return h, history{before: now, held: h.held}
	case h.since.At.IsZero():
		return h, history{before: h.before, since: now, held: h.held}
	case h.since.SetBefore(now, warn):
		return history{before: h.since}, history{before: h.since, since: now, held: h.held}
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
	perBucket    = 24
	maxPerBucket = 4096 / recordSize
	recordSize   = 10 * 8
	// sizeKey holds the number of entries, which grows with the hosts.
	sizeKey    = "clocks"
	mostRecall = 1 << 13
)

// recallAll reads what is known of the hosts. Without it there is no comparison with the
// pass before, and all else goes on.
func recallAll(ctx context.Context, memory watch.Memory, hosts int) (*past, error) {
	p := &past{memory: memory, buckets: 1, was: map[uint64]history{}, kept: map[uint64]history{}, stored: map[int][]byte{}}
	for p.buckets*perBucket < hosts && p.buckets < mostRecall {
		p.buckets *= 2
	}
	size, err := memory.Recall(ctx, sizeKey)
	if err == nil && len(size) == 4 {
		p.recalled = min(int(binary.BigEndian.Uint32(size)), mostRecall)
	}
	for i := 0; i < p.recalled && err == nil; i++ {
		var packed []byte
		packed, err = memory.Recall(ctx, key(i))
		for ; len(packed) >= recordSize; packed = packed[recordSize:] {
			id, read := unpack(packed)
			p.was[id] = read
		}
	}
	if err != nil {
		p.unknown = true
		return p, fmt.Errorf("recall how the clocks stood before: %w", err)
	}
	return p, nil
}

func key(bucket int) string { return fmt.Sprintf("clocks/%d", bucket) }

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

// mayBeHeld reports whether the host may have asked to be left alone.
func (p *past) mayBeHeld(h *host) bool {
	id := hashed(h.id)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unknown || p.was[id].held || p.kept[id].held
}

// keepHeld notes whether the host asked to be left alone.
func (p *past) keepHeld(h *host, held bool) {
	id := hashed(h.id)
	p.mu.Lock()
	defer p.mu.Unlock()
	read, known := p.kept[id]
	if !known {
		read = p.was[id]
	}
	read.held = held
	p.kept[id] = read
	was := p.was[id]
	was.held = held
	p.was[id] = was
}

// rememberAll keeps the readings of this pass, and of hosts that it could not read those
// of earlier ones. Hosts that are watched no more are dropped.
func (p *past) rememberAll(ctx context.Context, hosts []*host) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	packed := make([][]byte, max(p.buckets, p.recalled))
	for _, each := range hosts {
		id := hashed(each.id)
		read, known := p.kept[id]
		if !known {
			read, known = p.was[id]
		}
		at := id % uint64(p.buckets) //nolint:gosec // it is positive
		if known && len(packed[at]) < maxPerBucket*recordSize {
			packed[at] = pack(packed[at], id, read)
		}
	}
	if err := p.store(ctx, packed); err != nil {
		return fmt.Errorf("remember how the clocks stand: %w", err)
	}
	p.recalled = p.buckets
	return nil
}

// store writes the entries that differ from what was written last.
func (p *past) store(ctx context.Context, packed [][]byte) error {
	if p.recalled != p.buckets {
		size := binary.BigEndian.AppendUint32(nil, uint32(p.buckets)) //nolint:gosec // no more than mostRecall
		if err := p.memory.Remember(ctx, sizeKey, size); err != nil {
			return err
		}
	}
	for i, value := range packed {
		if written, known := p.stored[i]; known && bytes.Equal(written, value) {
			continue
		}
		if err := p.memory.Remember(ctx, key(i), value); err != nil {
			return err
		}
		p.stored[i] = value
	}
	return nil
}

func pack(to []byte, id uint64, read history) []byte {
	add := func(n int64) { to = binary.BigEndian.AppendUint64(to, uint64(n)) } //nolint:gosec // the bits are kept
	to = binary.BigEndian.AppendUint64(to, id)
	for _, reading := range []watch.ClockReading{read.before, read.since} {
		at := int64(0)
		if !reading.At.IsZero() {
			at = reading.At.UnixNano()
		}
		add(at)
		add(int64(reading.Offset))
		add(int64(reading.Uncertainty))
		add(int64(reading.Own))
	}
	if read.held {
		add(1)
	} else {
		add(0)
	}
	return to
}

func unpack(from []byte) (uint64, history) {
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(from[8*i:])) } //nolint:gosec // the bits are kept
	reading := func(i int) watch.ClockReading {
		if number(i) == 0 {
			return watch.ClockReading{}
		}
		return watch.ClockReading{
			At: time.Unix(0, number(i)).UTC(), Offset: time.Duration(number(i + 1)),
			Uncertainty: time.Duration(number(i + 2)), Own: time.Duration(number(i + 3)),
		}
	}
	return binary.BigEndian.Uint64(from), history{before: reading(1), since: reading(5), held: number(9) != 0}
}
