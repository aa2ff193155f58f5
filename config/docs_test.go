package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestDocs_TheTableListsEverySettingWithItsPlacesAndDefault(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range allSettings() {
		flag := " "
		if s.flag != "" {
			flag = fmt.Sprintf(" `--%s` ", s.flag)
		}
		row := fmt.Sprintf("| `%s` | `%s` |%s|", s.key, s.env(), flag)
		if s.fallback != "" && s.key != "ledger.dsn" {
			row += fmt.Sprintf(" `%s` |\n", s.fallback)
		}
		if !strings.Contains(string(text), row) {
			t.Errorf("docs/configuration.md lacks the row %s", row)
		}
	}
}

func TestDocs_TheSmallConfigurationIsYAMLThatLoads(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	small, _, ended := strings.Cut(rest, "```")
	if !ended {
		t.Fatal("no example in docs/configuration.md")
	}
	for name, text := range map[string]string{"docs/configuration.md": small, "config/example.yaml": string(Example())} {
		if _, err := loadText(name, []byte(text), Source{}, freeCatalog()); err != nil {
			t.Error(err)
		}
	}
}
