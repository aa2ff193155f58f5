package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// FuzzLoad holds that any file is either refused, in words that are safe to print, or
// gives a configuration that can be used.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(bomb(9)))
	f.Add([]byte("checks: &a [*a]\n"))
	f.Add(Example())
	f.Fuzz(func(t *testing.T, text []byte) {
		loaded, err := loadText(fileName, text, Source{}, testCatalog(nil))
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if line == "" || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) && r != unicode.ReplacementChar }) {
					t.Errorf("a line that is not safe to print: %q", line)
				}
			}
			return
		}
		if len(loaded.Checks) == 0 {
			t.Error("accepted without checks")
		}
		names := map[string]bool{}
		for _, check := range loaded.Checks {
			if names[check.Name] || !namePattern.MatchString(check.Name) {
				t.Errorf("accepted the name %q", check.Name)
			}
			names[check.Name] = true
			var options any
			if err := check.Decode(&options); err != nil {
				t.Errorf("accepted options that do not decode: %v", err)
			}
		}
	})
}
