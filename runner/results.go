package runner

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"iter"
	"math"
	"os"
	"slices"
	"strings"
	"sync"

	"lapsewatch/watch"
)

// spillAfter is how many bytes of findings are held in memory; beyond it they go to a
// temporary file, so that memory stays flat however many subjects a pass has.
const spillAfter = 4 << 20

// results keeps the findings of a pass and yields them in the order of reports.
type results struct {
	codec codec
	mu    sync.Mutex
	seed  maphash.Seed
	// seen leads from a finding's ID to its entry.
	seen    map[uint64]int32
	entries []entry
	memory  bytes.Buffer
	file    *os.File
	written int64
	err     error
	sorted  bool
}

// entry is what sorting needs of a finding, and where the rest of it lies.
type entry struct {
	urgency  int
	notAfter int64
	name     string
	offset   int64
	length   int
}

func newResults() *results {
	return &results{codec: newCodec(), seed: maphash.MakeSeed(), seen: map[uint64]int32{}}
}

// encoded is a finding as it is put aside.
type encoded struct {
	line []byte
	err  error
}

// encode is the costly part of keeping a finding, so it is done outside every lock.
func (r *results) encode(finding watch.Finding) encoded {
	line, err := r.codec.encode.Marshal(finding)
	return encoded{line, err}
}

// add keeps a finding. Of two findings with one ID the graver stays: replaced is the
// severity of the one that gave way, and kept is false if that is the new one.
func (r *results) add(finding watch.Finding, aside encoded) (replaced watch.Severity, kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := maphash.String(r.seed, finding.ID)
	at, twice := r.seen[id]
	if twice && r.entries[at].urgency <= finding.Severity.Urgency() {
		return "", false
	}
	made := entryOf(finding, r.written, len(aside.line))
	if err := cmp.Or(aside.err, r.write(aside.line)); err != nil {
		r.err = cmp.Or(r.err, fmt.Errorf("keep finding %s: %w", finding.ID, err))
	} else {
		r.written += int64(len(aside.line))
	}
	if twice {
		replaced = watch.Severities()[r.entries[at].urgency]
		r.entries[at] = made
		return replaced, true
	}
	r.seen[id] = int32(len(r.entries)) //nolint:gosec // far fewer findings than that fit into memory
	r.entries = append(r.entries, made)
	return "", true
}

func entryOf(finding watch.Finding, offset int64, length int) entry {
	made := entry{urgency: finding.Severity.Urgency(), notAfter: math.MaxInt64, name: finding.Name, offset: offset, length: length}
	if !finding.NotAfter.IsZero() {
		made.notAfter = finding.NotAfter.Unix()
	}
	return made
}

func (r *results) write(line []byte) error {
	if r.file == nil && r.memory.Len()+len(line) <= spillAfter {
		_, err := r.memory.Write(line)
		return err
	}
	if r.file == nil {
		if err := r.spill(); err != nil {
			return err
		}
	}
	_, err := r.memory.Write(line)
	if err == nil && r.memory.Len() > 64<<10 {
		err = r.flush()
	}
	return err
}

// spill moves to a temporary file, which has no name any more where the system allows
// that, so that a killed run leaves nothing behind.
func (r *results) spill() error {
	file, err := os.CreateTemp("", "lapsewatch-findings-*")
	if err != nil {
		return fmt.Errorf("make a temporary file for findings (is TMPDIR writable?): %w", err)
	}
	_ = os.Remove(file.Name())
	r.file = file
	return r.flush()
}

func (r *results) flush() error {
	_, err := r.memory.WriteTo(r.file)
	r.memory.Reset()
	if r.memory.Cap() > 1<<20 {
		r.memory = bytes.Buffer{}
	}
	return err
}

// all yields the findings, most urgent first.
func (r *results) all() iter.Seq2[watch.Finding, error] {
	return func(yield func(watch.Finding, error) bool) {
		if err := r.sort(); err != nil {
			yield(watch.Finding{}, err)
			return
		}
		for i := range r.entries {
			finding, err := r.read(&r.entries[i])
			if !yield(finding, err) || err != nil {
				return
			}
		}
	}
}

func (r *results) sort() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && r.file != nil {
		r.err = r.flush()
	}
	if !r.sorted {
		slices.SortFunc(r.entries, r.order)
		r.sorted, r.seen = true, nil
	}
	return r.err
}

// replace puts a finding in the place of one with the same ID.
func (r *results) replace(before, after watch.Finding) bool {
	aside := r.encode(after)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.entries {
		if r.entries[i].name != before.Name {
			continue
		}
		if kept, err := r.read(&r.entries[i]); err != nil || kept.ID != before.ID {
			continue
		}
		made := entryOf(after, r.written, len(aside.line))
		if err := cmp.Or(aside.err, r.write(aside.line)); err != nil {
			return false
		}
		r.written += int64(len(aside.line))
		r.entries[i], r.sorted = made, false
		return true
	}
	return false
}

// order is that of reports. Names are nearly always different, so the IDs that settle
// the rest are worth reading rather than keeping.
func (r *results) order(a, b entry) int {
	if known := cmp.Or(cmp.Compare(a.urgency, b.urgency), cmp.Compare(a.notAfter, b.notAfter), strings.Compare(a.name, b.name)); known != 0 || a.offset == b.offset {
		return known
	}
	one, err := r.read(&a)
	other, otherErr := r.read(&b)
	if err = cmp.Or(err, otherErr); err != nil {
		r.err = cmp.Or(r.err, err)
		return 0
	}
	return strings.Compare(one.ID, other.ID)
}

func (r *results) read(at *entry) (watch.Finding, error) {
	line := make([]byte, at.length)
	if r.file == nil {
		copy(line, r.memory.Bytes()[at.offset:])
	} else if _, err := r.file.ReadAt(line, at.offset); err != nil {
		return watch.Finding{}, fmt.Errorf("read kept findings: %w", err)
	}
	finding, err := r.codec.read(line)
	if err != nil {
		return finding, fmt.Errorf("read kept findings: %w", err)
	}
	return finding, nil
}

func (r *results) close() error {
	if r.file == nil {
		return nil
	}
	return cmp.Or(r.file.Close(), ignoreMissing(os.Remove(r.file.Name())))
}

func ignoreMissing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
