package opsgenie_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// transcript lists what was sent, readably: each call, the fields and then the texts with
// their lines.
func (s *service) transcript(t *testing.T) []byte {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out bytes.Buffer
	for _, made := range s.calls {
		if strings.HasPrefix(made.call, "GET ") {
			continue
		}
		fields := map[string]any{}
		if err := json.Unmarshal(made.body, &fields); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n", made.call)
		var texts bytes.Buffer
		for _, name := range []string{"description", "note"} {
			if text, ok := fields[name].(string); ok {
				fmt.Fprintf(&texts, "%s:\n    %s\n", name, strings.ReplaceAll(text, "\n", "\n    "))
				delete(fields, name)
			}
		}
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(fields); err != nil {
			t.Fatal(err)
		}
		out.Write(texts.Bytes())
		out.WriteString("\n")
	}
	return out.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
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
