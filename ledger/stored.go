package ledger

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"time"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

const instantLayout = "2006-01-02T15:04:05.000Z"

func instantText(t time.Time) string { return t.UTC().Format(instantLayout) }

func parseInstant(text string) (time.Time, error) {
	t, err := time.Parse(instantLayout, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("instant %q: %w", text, ErrDamaged)
	}
	return t, nil
}

// parseOptional is zero for an instant that has not come.
func parseOptional(text sql.NullString) (time.Time, error) {
	if !text.Valid {
		return time.Time{}, nil
	}
	return parseInstant(text.String)
}

// checksum finds a row of which a bit has changed: SQLite itself keeps no checksums,
// and a changed key or date would read as news.
func checksum(columns ...string) string {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	for _, column := range columns {
		_, _ = io.WriteString(sum, column+"\x00")
	}
	return fmt.Sprintf("%08x", sum.Sum32())
}

func encodeStored(what any) (string, error) {
	text, err := json.Marshal(what)
	return string(text), err
}

func decodeKnown(text string) (known policy.Known, err error) {
	err = decodeStored(text, &known, &known.Finding)
	return known, err
}

func decodeEvent(text string) (event watch.Event, err error) {
	err = decodeStored(text, &event, &event.Finding)
	if err == nil && (event.ID == "" || event.Type == "") {
		err = errors.New("the event has no id or no type")
	}
	return event, err
}

// decodeStored reads JSON into a value that holds the finding. Properties that this
// version does not know are passed over; one that it cannot do without is not.
func decodeStored(text string, into any, finding *watch.Finding) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	if finding.ID == "" || finding.Severity == "" {
		return errors.New("the finding has no id or no severity")
	}
	for key, value := range finding.Details {
		finding.Details[key] = restored(value)
	}
	return nil
}

// restored gives a detail the type that it had before it was stored.
func restored(value any) any {
	switch value := value.(type) {
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return whole
		}
		if fraction, err := value.Float64(); err == nil {
			return fraction
		}
	case []any:
		texts := make([]string, 0, len(value))
		for _, element := range value {
			text, ok := element.(string)
			if !ok {
				return value
			}
			texts = append(texts, text)
		}
		return texts
	}
	return value
}

// longestNote bounds what a remote service can make the ledger keep.
const longestNote = 2000

// storable makes text what every database can keep.
func storable(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}

// note makes a proof or a cause fit to be kept: valid text of bounded length.
func note(text string) string {
	text = storable(text)
	if len(text) <= longestNote {
		return text
	}
	return strings.ToValidUTF8(text[:longestNote], "") + "…"
}
