package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A configuration that is wrong is refused with the line and the key, before anything
// could be sent: there is no Config to send with.
func TestF18_WrongConfigurationIsRefusedWithLineAndKey(t *testing.T) {
	quietEnvironment(t)
	dir := t.TempDir()
	bom := filepath.Join(dir, "bom")
	if err := os.WriteFile(bom, []byte("\ufeffs3cret\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	web := "checks:\n  - name: web\n    kind: probe\n    options:\n      targets: [a]\n"
	cases := []struct{ name, text, want string }{
		{"an unknown key", web + "      targetz: [b]\n", `lapsewatch.yaml:6: checks[0].options.targetz: unknown key (did you mean "targets"?)`},
		{"a lead time without its unit", web + "    policy: {warn: 30}\n", `lapsewatch.yaml:6: checks[0].policy.warn: lead time "30": want a whole number with its unit, mo (calendar months), d (days) or h (hours), such as 1mo, 30d or 12h`},
		{"an empty target list", strings.Replace(web, "[a]", "[]", 1), "lapsewatch.yaml:5: checks[0].options.targets: give at least one target"},
		{"duplicate names", web + "  - {name: web, kind: probe, options: {targets: [b]}}\n", `lapsewatch.yaml:6: checks[1].name: name "web": checks[0] has it already`},
		{"a variable that is not set", web + "      passphrase: {env: UNSET_PASSPHRASE}\n", "lapsewatch.yaml:6: checks[0].options.passphrase: read the secret in environment variable UNSET_PASSPHRASE: it is empty or not set"},
		{"a secret file that is missing", web + "      keys:\n        - {file: /nowhere/key}\n", "lapsewatch.yaml:7: checks[0].options.keys[0]: read the secret in file /nowhere/key: no such file or directory"},
		{"zero targets", "checks:\n  - {name: web, kind: probe}\n", "lapsewatch.yaml:2: checks[0].options.targets: give at least one target"},
		{"zero checks", "checks: []\n", "lapsewatch.yaml:1: checks: there is nothing to watch: give at least one check"},
		{"an alias bomb", bomb(9), "lapsewatch.yaml:6: bomb[4][0]: aliases repeat more than 10000 values: write fewer of them"},
		{"an alias bomb of 1 MB", bomb(9) + "# " + strings.Repeat("x", 1_000_000), "lapsewatch.yaml:6: bomb[4][0]: aliases repeat more than 10000 values: write fewer of them"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			loaded, err := loadText(fileName, []byte(c.text), Source{Secrets: ReadSecret}, testCatalog(nil))
			if loaded != nil || err == nil || err.Error() != c.want {
				t.Errorf("got:  %v\nwant: %s", err, c.want)
			}
		})
	}
	t.Run("a secret file with a byte order mark and a newline is read without them", func(t *testing.T) {
		mustLoad(t, web+"      passphrase: {file: "+bom+"}\n")
	})
	t.Run("a file larger than 1 MiB", func(t *testing.T) {
		path := write(t, web+"# "+strings.Repeat("x", maxFileSize))
		_, err := Load(Source{Path: path}, testCatalog(nil))
		if want := "read configuration: " + path + " is larger than 1 MiB"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
	t.Run("without a secret reader the references alone are checked", func(t *testing.T) {
		if _, err := loadText(fileName, []byte(web+"      passphrase: {env: UNSET_PASSPHRASE}\n"), Source{}, testCatalog(nil)); err != nil {
			t.Error(err)
		}
	})
}

// bomb is the "billion laughs" in YAML: each level repeats the one before nine times.
func bomb(levels int) string {
	text := "bomb:\n  - &l0 [" + strings.Repeat("x,", 8) + "x]\n"
	for level := 1; level < levels; level++ {
		text += fmt.Sprintf("  - &l%d [%s*l%d]\n", level, strings.Repeat(fmt.Sprintf("*l%d,", level-1), 8), level-1)
	}
	return text
}

func TestA10_HostileFilesEndQuicklyAndExpandNothing(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"an alias bomb in a thousand entries": {"checks:\n  - &a [" + strings.Repeat("1,", 5000) + "1]\n" + strings.Repeat("  - *a\n", 1000), "aliases repeat more than 10000 values"},
		"an alias inside of what it repeats":  {"checks: &a [*a]\n", "lapsewatch.yaml:1: checks[0][0]: the alias stands inside of what it repeats"},
		"two that repeat each other":          {"checks: &a [&b [*a, *b]]\n", "the alias stands inside of what it repeats"},
		"deep nesting":                        {"checks: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "nested deeper than 64 levels"},
		"deeper than the parser goes":         {"checks: " + strings.Repeat("[", 20000), "lapsewatch.yaml:1:"},
		"a mapping of very many keys":         {smallest + manyKeys(10_000), "unknown key"},
		"one key very many times":             {smallest + strings.Repeat("x: 1\n", 10_000), "given twice: the first is on line 5"},
		"very many empty entries":             {"checks: [" + strings.Repeat("{},", 10_000) + "{}]\n", "checks[0].name: is missing"},
		"very many misspelt routes":           {smallest + "routes:\n" + strings.Repeat("  - {to: [abcdefghijk]}\n", 10_000), "no alert is named"},
		"a merge bomb":                        {"checks:\n  - &a {a: 1}\n  - {<<: [*a, *a]}\n", "merge keys (<<)"},
		"a Go template and a shell variable":  {"checks: [{name: '{{.X}}', kind: '${HOME}'}]\n", `name "{{.X}}": want at most 63`},
		"a value that steers terminals":       {"checks: [{name: \"\\e]0;owned\\a\", kind: \"\\u202e\"}]\n", `name "\x1b]0;owned\a": want at most 63`},
		"a key that steers terminals":         {smallest + "? \"\\e[2J\\u202e\"\n: x\n", `"\x1b[2J\u202e": unknown key`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := loadText(fileName, []byte(c.text), Source{}, testCatalog(nil))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got:  %.300v\nwant: %s", err, c.want)
			}
		})
	}
}

func manyKeys(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "k%d: 1\n", i)
	}
	return text.String()
}

// Whatever is wrong with the place where a secret stands, what stands there is in no
// message.
func TestA14_NoSecretIsInAnError(t *testing.T) {
	quietEnvironment(t)
	const canary = "CANARYx7Qz"
	t.Setenv("BLANK_SECRET", " ")
	huge := filepath.Join(t.TempDir(), "huge")
	if err := os.WriteFile(huge, []byte(strings.Repeat(canary, maxSecretSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	places := map[string]string{
		"under a key for a secret":      "checks: [{name: w, kind: probe, options: {targets: [a], passphrase: %s}}]\n",
		"in a list of secrets":          "checks: [{name: w, kind: probe, options: {targets: [a], keys: [%s]}}]\n",
		"under a misspelt key":          "checks: [{name: w, kind: probe, options: {targets: [a], pasphrase: %s}}]\n",
		"where a list is wanted":        "checks: [{name: w, kind: probe, options: {targets: %s}}]\n",
		"where a number is wanted":      "checks: [{name: w, kind: probe, options: {targets: [a], port: %s}}]\n",
		"where yes or no is wanted":     "checks: [{name: w, kind: probe, options: {targets: [a], verify: %s}}]\n",
		"where a mapping is wanted":     "checks: [{name: w, kind: probe, options: {targets: [a], trust: %s}}]\n",
		"in place of the options":       "checks: [{name: w, kind: probe, options: %s}]\n",
		"in place of a check":           "checks: [%s]\n",
		"in place of all checks":        "checks: %s\n",
		"in a DSN":                      smallest + "ledger: {dsn: %s}\n",
		"at the top of the file":        "%s\n",
		"in place of the routes":        smallest + "routes: %s\n",
		"on a line of its own":          smallest + "%s\n",
		"after a key that was finished": "checks: [{name: w, kind: probe: %s}]\n",
	}
	forms := []string{
		canary, `"` + canary + `"`, `'` + canary, `"` + canary, "*" + canary, "&" + canary, "!" + canary, "!" + canary + "!x y", "!!" + canary + " x",
		"%" + canary, "@" + canary, "`" + canary, "{" + canary + "}", "{" + canary + ": x}", "{" + canary + ": }", "[" + canary + "]", "|\n " + canary,
		"{file: /x, env: " + canary + ", " + canary + ": 1}", "? " + canary, canary + ": " + canary + ": x", "{{" + canary + "}}", "!!binary " + canary,
		"mysql://root:" + canary + "@db", "{<<: " + canary + "}", "{<<: *" + canary + "}",
	}
	for name, place := range places {
		for _, form := range forms {
			text := fmt.Sprintf(place, form)
			_, err := loadText(fileName, []byte(text), Source{Secrets: ReadSecret}, testCatalog(nil))
			// A key that was misspelt must be shown; a secret written as one is only
			// safe below a key for a secret.
			asKey := strings.Contains(form, canary+":") || strings.Contains(form, "{"+canary) || strings.Contains(form, "? ")
			forSecret := strings.Contains(place, "passphrase: %s") || strings.Contains(place, "keys:")
			if err != nil && strings.Contains(err.Error(), canary) && (forSecret || !asKey) {
				t.Errorf("%s: %s\n%v", name, text, err)
			}
		}
	}
	for _, ref := range []string{"{file: " + huge + "}", "{env: BLANK_SECRET}"} {
		_, err := loadText(fileName, fmt.Appendf(nil, places["under a key for a secret"], ref), Source{Secrets: ReadSecret}, testCatalog(nil))
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
