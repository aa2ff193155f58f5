package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"lapsewatch/watch"
)

// jsonVersion is the version of the JSON contract. Fields are added under the same
// version; a change to one that exists would need a new version.
const jsonVersion = 1

// writeJSON writes one object with one finding a line, so that it streams.
func writeJSON(w io.Writer, pass watch.Pass, _ Style) error {
	head := []struct {
		key   string
		value any
	}{
		{"version", jsonVersion},
		{"generated_at", pass.GeneratedAt},
		{"clock", pass.Clock},
		{"summary", pass.Summary},
		{"checks", append([]watch.CheckResult{}, pass.Checks...)},
	}
	lead := "{"
	for _, field := range head {
		encoded, err := encode(field.value)
		if err != nil {
			return fmt.Errorf("encode %s: %w", field.key, err)
		}
		if _, err := fmt.Fprintf(w, "%s%q:%s", lead, field.key, encoded); err != nil {
			return err
		}
		lead = ",\n"
	}
	if _, err := io.WriteString(w, ",\n\"findings\":["); err != nil {
		return err
	}
	lead = "\n"
	failed := eachEncoded(pass, func(encoded []byte) error {
		_, err := fmt.Fprintf(w, "%s%s", lead, encoded)
		lead = ",\n"
		return err
	})
	return closeJSON(w, failed)
}

// closeJSON ends the object, so that a reader of a broken-off report finds valid JSON
// that says that it is incomplete.
func closeJSON(w io.Writer, failed error) error {
	end := "\n]}\n"
	if failed != nil {
		why, err := encode(failed.Error())
		if err != nil {
			return err
		}
		end = fmt.Sprintf("\n],\n\"error\":%s}\n", why)
	}
	if _, err := io.WriteString(w, end); err != nil {
		return err
	}
	return failed
}

func writeJSONL(w io.Writer, pass watch.Pass, _ Style) error {
	return eachEncoded(pass, func(encoded []byte) error {
		_, err := fmt.Fprintf(w, "%s\n", encoded)
		return err
	})
}

func eachEncoded(pass watch.Pass, write func([]byte) error) error {
	for finding, err := range findings(pass) {
		if err != nil {
			return err
		}
		encoded, err := encode(finding)
		if err != nil {
			return fmt.Errorf("encode finding %q: %w", finding.ID, err)
		}
		if err := write(encoded); err != nil {
			return err
		}
	}
	return nil
}

// encode is json.Marshal, whose \u003c for < keeps the text harmless inside HTML, with
// every invisible character written as \u too: the same value to a program, and
// harmless to a terminal that is shown the JSON.
func encode(value any) ([]byte, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	invisible := func(char rune) bool { return char == 0x7f || char > 0x7f && !unicode.IsPrint(char) }
	beyondASCII := func(char byte) bool { return char >= 0x7f }
	// Most text is ASCII, and looking at bytes is much faster than at characters.
	if !slices.ContainsFunc(encoded, beyondASCII) || bytes.IndexFunc(encoded, invisible) < 0 {
		return encoded, nil
	}
	var escaped []byte
	for _, char := range string(encoded) {
		switch {
		case !invisible(char):
			escaped = utf8.AppendRune(escaped, char)
		case char > 0xffff:
			high, low := utf16.EncodeRune(char)
			escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, high, low)
		default:
			escaped = fmt.Appendf(escaped, `\u%04x`, char)
		}
	}
	return escaped, nil
}
