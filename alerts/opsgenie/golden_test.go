package opsgenie_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/alerts/alerttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// transcript lists what was sent, readably: each call, the fields and then the texts with
// their lines.
func (s *service) transcript(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, made := range s.Requests() {
		if made.Method == http.MethodGet {
			continue
		}
		fields := map[string]any{}
		if err := json.Unmarshal(made.Content, &fields); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s %s\n", made.Method, made.URL.RequestURI())
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
	alerttest.Golden(t, name, got, *update)
}
