package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"lapsewatch/config"
)

// entry is one kind of the catalog with the section of the configuration it stands in.
type entry struct{ section, folder, name string }

func catalogEntries() []entry {
	var all []entry
	for _, kind := range catalog().Checks {
		all = append(all, entry{"checks", "docs/checks", kind.Name()})
	}
	for _, kind := range catalog().Alerts {
		all = append(all, entry{"alerts", "docs/alerts", kind.Name()})
	}
	for _, kind := range catalog().Incidents {
		all = append(all, entry{"incidents", "docs/incidents", kind.Name()})
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryKindIsUniqueAndStandsInTheReadme(t *testing.T) {
	readme := read(t, "README.md")
	seen := map[string]bool{}
	for _, kind := range catalogEntries() {
		if seen[kind.section+kind.name] {
			t.Errorf("%s has two kinds %q", kind.section, kind.name)
		}
		seen[kind.section+kind.name] = true
		row := "| [`" + kind.name + "`](" + kind.folder + "/" + kind.name + ".md) |"
		if !strings.Contains(readme, row) {
			t.Errorf("the README has no row that starts with %s", row)
		}
	}
}

func TestEveryKindHasItsFolder(t *testing.T) {
	for _, kind := range catalogEntries() {
		if info, err := os.Stat(filepath.Join(root, kind.section, kind.name)); err != nil || !info.IsDir() {
			t.Errorf("%s/%s is no folder", kind.section, kind.name)
		}
	}
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// The examples of the documentation are configurations that `lapsewatch` accepts.
func TestEveryDocumentedExampleDecodes(t *testing.T) {
	pages := []string{"README.md", "docs/configuration.md", "docs/operations.md", "docs/ledger.md", "docs/incidents.md"}
	for _, kind := range catalogEntries() {
		page := kind.folder + "/" + kind.name + ".md"
		pages = append(pages, page)
		if !regexp.MustCompile(`kind: ` + kind.name + `\b`).MatchString(read(t, page)) {
			t.Errorf("%s has no example of its kind", page)
		}
	}
	if err := accepted(t, string(config.Example())); err != nil {
		t.Errorf("what config init writes is refused:\n%v", err)
	}
	for _, page := range pages {
		for _, block := range yamlBlock.FindAllStringSubmatch(read(t, page), -1) {
			if err := accepted(t, block[1]); err != nil {
				t.Errorf("an example in %s is refused:\n%v\n%s", page, err, block[1])
			}
		}
	}
}

// accepted loads an example, which may show one section only.
func accepted(t *testing.T, example string) error {
	t.Helper()
	whole := example
	if !regexp.MustCompile(`(?m)^checks:`).MatchString(whole) {
		whole += "\nchecks: [{name: web-example, kind: tls, options: {targets: [example.com]}}]\n"
	}
	path := filepath.Join(t.TempDir(), "lapsewatch.yaml")
	if err := os.WriteFile(path, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(config.Source{Path: path}, catalog())
	return err
}

// A flag that the documentation names for a setting must be there to be given.
func TestEverySettingsFlagIsThere(t *testing.T) {
	for name, key := range config.FlagKeys() {
		for _, command := range []*cobra.Command{app{}.scan(), app{}.run()} {
			if command.Flags().Lookup(name) == nil {
				t.Errorf("%s has no flag --%s, which sets %s", command.Name(), name, key)
			}
		}
	}
}
