package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the messages of testdata/invalid-*.yaml anew")

// Each testdata/invalid-WHAT.yaml is refused with exactly the lines of
// testdata/invalid-WHAT.txt, which a person reads.
func TestLoad_InvalidFilesAreRefusedWithTheseWords(t *testing.T) {
	quietEnvironment(t)
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, file := range files {
		what := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(strings.TrimPrefix(what, "invalid-"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			loaded, err := loadText("lapsewatch.yaml", text, Source{Secrets: ReadSecret}, testCatalog(nil))
			if err == nil || loaded != nil {
				t.Fatalf("accepted as %+v", loaded)
			}
			golden := filepath.Join("testdata", what+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatalf("%v: run the test with -update", readErr)
			}
			if got := err.Error() + "\n"; got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the message repeats a value")
			}
		})
	}
}

func TestLoad_BytesThatAreNoText(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"an empty file":             {"", "lapsewatch.yaml: the file is empty: `lapsewatch config init` writes one to start from"},
		"only white space":          {"\n  \n", "lapsewatch.yaml: the file is empty: `lapsewatch config init` writes one to start from"},
		"only a null":               {"~\n", "lapsewatch.yaml: the file is empty: `lapsewatch config init` writes one to start from"},
		"UTF-16 with its mark":      {"\xff\xfec\x00h\x00", "lapsewatch.yaml: the file is UTF-16: save it as UTF-8"},
		"Latin-1 on the third line": {"a: b\nc: d\ne: caf\xe9\n", "lapsewatch.yaml:3: the line is not UTF-8: save the file as UTF-8"},
		"a NUL byte":                {"checks: \"a\x00b\"\n", "lapsewatch.yaml:1: a control character stands in the line: this is no text file, or it wants removing"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := loadText("lapsewatch.yaml", []byte(c.text), Source{}, testCatalog(nil))
			if err == nil || err.Error() != c.want {
				t.Errorf("got:  %v\nwant: %s", err, c.want)
			}
		})
	}
}

func TestProblems_EachIsReachedAndCanBeAsked(t *testing.T) {
	_, err := loadText("lapsewatch.yaml", []byte("checks: []\nlog: {level: loud}\n"), Source{}, testCatalog(nil))
	problem, ok := errors.AsType[*Problem](err)
	if !ok || problem.Line != 1 || problem.Key != "checks" {
		t.Fatalf("first problem %+v", problem)
	}
	var keys []string
	problems, _ := errors.AsType[Problems](err)
	for _, each := range problems {
		keys = append(keys, each.Key)
	}
	if !slices.Equal(keys, []string{"checks", "log.level"}) {
		t.Errorf("keys %q", keys)
	}
}

func TestProblems_AHopelessFilePrintsFiftyLinesAndTheRestAsANumber(t *testing.T) {
	_, err := loadText("lapsewatch.yaml", []byte(smallest+strings.Repeat("x: 1\n", 60)), Source{}, testCatalog(nil))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 51 || lines[50] != "… and 10 more" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}
