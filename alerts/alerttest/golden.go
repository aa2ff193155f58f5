package alerttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Golden requires that got is what the file of that name in testdata holds. update, the
// flag of the test's own package, writes the file anew.
func Golden(t *testing.T, name string, got []byte, update bool) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at it and run the test with -update\n%s", path, got)
	}
}

// GoldenJSON is Golden for a document, which the file holds indented.
func GoldenJSON(t *testing.T, name string, document []byte, update bool) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, bytes.TrimSpace(document), "", "  "); err != nil {
		t.Fatal(err)
	}
	indented.WriteString("\n")
	Golden(t, name, indented.Bytes(), update)
}

// JSONTexts lists every string of a document, names included.
func JSONTexts(t *testing.T, document []byte) []string {
	t.Helper()
	var texts []string
	decoder := json.NewDecoder(bytes.NewReader(document))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(string); ok {
			texts = append(texts, text)
		}
	}
}

// DecodeStrictly reads a document as a service does that takes no field which it does not
// know.
func DecodeStrictly(document []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
