package schema

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

// record is what is remembered of a column.
type record struct {
	// Baseline is how it was numbered when it was seen first, or when a change was accepted.
	Baseline state `json:"baseline"`
	// Seen is when it was last so, to the hour, in Unix seconds.
	Seen int64 `json:"seen"`
	// Next is the next number as of then.
	Next string `json:"next,omitempty"`
	// Points tell how the numbers grew, the oldest first, and Of what they are numbers of.
	Points []point `json:"points,omitempty"`
	Of     string  `json:"of,omitempty"`
	// Pace is the rate that was told last.
	Pace pace `json:"pace,omitzero"`
	// Accepted counts the changes that were accepted, so that each code is good for one.
	Accepted int `json:"accepted,omitempty"`
}

// like reports whether two are remembered alike.
func (r record) like(other record) bool {
	return r.Seen == other.Seen && r.Baseline == other.Baseline && r.Of == other.Of && r.Pace == other.Pace && r.Accepted == other.Accepted &&
		slices.Equal(r.Points, other.Points)
}

// counts begins the history of growth anew where the numbers are no longer the same.
func (r *record) counts(of string) {
	if r.Of != of && r.Of != "" {
		r.Points, r.Pace = nil, pace{}
	}
	r.Of = of
}

// known reports whether the column was ever seen.
func (r record) known() bool { return r.Seen > 0 }

// seenAt is Seen for people.
func (r record) seenAt() string {
	return time.Unix(r.Seen, 0).UTC().Format("2006-01-02 15:04 UTC")
}

// memory keeps records by the IDs of their subjects, and for each schema a register of the
// columns that were numbered: one that is numbered no more is missing from the catalog's
// list, and must be looked for.
type memory struct {
	watch.Memory
	registers map[string]*register
}

// key is short whatever the names are.
func key(kind, id string) string {
	sum := sha256.Sum256([]byte(id))
	return kind + "/" + hex.EncodeToString(sum[:16])
}

// recall gives what is remembered of a subject. What cannot be read counts as nothing.
func (m *memory) recall(ctx context.Context, subjectID string) (record, error) {
	kept, err := m.Recall(ctx, key("column", subjectID))
	if err != nil || len(kept) == 0 {
		return record{}, err
	}
	var r record
	if err := json.Unmarshal(kept, &r); err != nil || r.Seen <= 0 || len(r.Points) > maxPoints || r.Accepted < 0 || r.Pace.Since < 0 || r.Pace.Slower < 0 {
		return record{}, errDamaged
	}
	return r, nil
}

var errDamaged = fmt.Errorf("what was remembered of it is damaged")

func (m *memory) remember(ctx context.Context, subjectID string, r record) error {
	encoded, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write what is remembered of %s: %w", subjectID, err)
	}
	return m.Remember(ctx, key("column", subjectID), encoded)
}

func (m *memory) forget(ctx context.Context, subjectID string) error {
	return m.Remember(ctx, key("column", subjectID), nil)
}

// entry is a column of a register.
type entry struct {
	Table  string `json:"t"`
	Column string `json:"c"`
}

// register are the columns of a schema that were numbered.
type register struct {
	entries []entry
	// chunks is how many values it takes now.
	chunks  int
	changed bool
}

const (
	// maxChunk leaves room below the 4 KiB that a value may have.
	maxChunk = 3500
	// maxChunks is more than maxNumbered columns with usual names take.
	maxChunks = 1000
)

// of gives the register of a schema.
func (m *memory) of(ctx context.Context, schemaID string) (*register, error) {
	if known, ok := m.registers[schemaID]; ok {
		return known, nil
	}
	found := &register{}
	for found.chunks < maxChunks && len(found.entries) < maxNumbered {
		kept, err := m.Recall(ctx, chunkKey(schemaID, found.chunks))
		if err != nil {
			return nil, err
		}
		if len(kept) == 0 {
			break
		}
		found.chunks++
		var part []entry
		if json.Unmarshal(kept, &part) != nil {
			// The rest is still worth having.
			found.changed = true
			continue
		}
		found.entries = append(found.entries, part...)
	}
	if len(found.entries) > maxNumbered {
		found.entries = found.entries[:maxNumbered]
	}
	if m.registers == nil {
		m.registers = map[string]*register{}
	}
	m.registers[schemaID] = found
	return found, nil
}

func chunkKey(schemaID string, chunk int) string {
	return fmt.Sprintf("%s/%d", key("schema", schemaID), chunk)
}

// columns are those of a table that were numbered.
func (r *register) columns(table string) []string {
	var found []string
	for _, e := range r.entries {
		if e.Table == table {
			found = append(found, e.Column)
		}
	}
	return found
}

func (r *register) add(e entry) {
	if !slices.Contains(r.entries, e) && len(r.entries) < maxNumbered {
		r.entries, r.changed = append(r.entries, e), true
	}
}

func (r *register) remove(e entry) {
	if i := slices.Index(r.entries, e); i >= 0 {
		r.entries, r.changed = slices.Delete(r.entries, i, i+1), true
	}
}

// save writes the registers that changed.
func (m *memory) save(ctx context.Context) error {
	for schemaID, r := range m.registers {
		if !r.changed {
			continue
		}
		chunks, err := r.packed()
		if err != nil {
			return err
		}
		for i := range max(len(chunks), r.chunks) {
			var value []byte
			if i < len(chunks) {
				value = chunks[i]
			}
			if err := m.Remember(ctx, chunkKey(schemaID, i), value); err != nil {
				return err
			}
		}
		r.chunks, r.changed = len(chunks), false
	}
	return nil
}

// packed is the register in values that are short enough. The order is kept, so that a new
// column changes the last one only.
func (r *register) packed() ([][]byte, error) {
	var chunks [][]byte
	var parts []string
	size := 2
	flush := func() {
		if len(parts) > 0 {
			chunks = append(chunks, []byte("["+strings.Join(parts, ",")+"]"))
		}
		parts, size = nil, 2
	}
	for _, e := range r.entries {
		part, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("write the register of columns: %w", err)
		}
		if size+len(part)+1 > maxChunk {
			flush()
		}
		parts, size = append(parts, string(part)), size+len(part)+1
	}
	flush()
	return chunks, nil
}
