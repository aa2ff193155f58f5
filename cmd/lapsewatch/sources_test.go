package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// goSources reads the module's own Go files below a folder, without tests and
// generated files.
func goSources(t *testing.T, folder string) map[string]string {
	t.Helper()
	sources := map[string]string{}
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go") {
			return err
		}
		text, err := os.ReadFile(path)
		sources[strings.TrimPrefix(path, root+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) == 0 {
		t.Fatalf("no Go files below %s", folder)
	}
	return sources
}

func TestFilesStayShortAndHaveNoInit(t *testing.T) {
	for path, text := range goSources(t, ".") {
		if lines := strings.Count(text, "\n"); lines > 300 {
			t.Errorf("%s has %d lines; split it by what it is about", path, lines)
		}
		if strings.Contains(text, "\nfunc init() {") {
			t.Errorf("%s has an init function; pass values instead", path)
		}
	}
}
