package clean_test

import (
	"slices"
	"strings"
	"testing"

	"lapsewatch/internal/clean"
)

func prose(text string) clean.Part   { return clean.Part{Text: text} }
func command(text string) clean.Part { return clean.Part{Text: text, Command: true} }

func TestCommandsAreToldFromProse(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       []clean.Part
	}{
		{"plain words", " renew it now. ", []clean.Part{prose("renew it now.")}},
		{"a command at the end of a sentence", "Run `az ad app list --all`. Then wait.", []clean.Part{prose("Run"), command("az ad app list --all"), prose("Then wait.")}},
		{"a command amid a sentence", "Once `true` says ok, go on", []clean.Part{prose("Once"), command("true"), prose("says ok, go on")}},
		{"a command and nothing else", "`az login`", []clean.Part{command("az login")}},
		{"a command of one letter", "`w`!", []clean.Part{command("w")}},
		{"two commands side by side", "`a b` `c d`.", []clean.Part{command("a b"), command("c d")}},
		{"a command keeps its quotation marks", `Run ` + "`az rest --body '{\"a\":\"b c\"}'`" + `.`, []clean.Part{prose("Run"), command(`az rest --body '{"a":"b c"}'`)}},
		{"a word in brackets", "wait (`sleep 1`), then go", []clean.Part{prose("wait ('sleep 1'), then go")}},
		{"an odd back-tick", "a ` b c", []clean.Part{prose("a ' b c")}},
		{"an odd back-tick before a command", "`a b: run `az login`.", []clean.Part{prose("'a b: run"), command("az login")}},
		{"a command that was cut off", "Run `az one`. Then `az ad app cred…", []clean.Part{prose("Run"), command("az one"), prose("Then 'az ad app cred…")}},
		{"back-ticks inside words", "don`t and won`t: `az login`", []clean.Part{prose("don't and won't:"), command("az login")}},
		{"back-ticks around spaces", "a ` b ` c", []clean.Part{prose("a ' b ' c")}},
		{"empty back-ticks", "a `` b ``` c", []clean.Part{prose("a '' b ''' c")}},
		{"a back-tick that runs into a word", "`rm -rf ~`x y", []clean.Part{prose("'rm -rf ~'x y")}},
		{"nothing", "", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := clean.Parts(row.text); !slices.Equal(got, row.want) {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestANameFromOutsideNeitherOpensNorClosesACommand(t *testing.T) {
	for _, name := range []string{"`", "x`", "`x", "`rm -rf ~`", "a `b", "a` b", "(`x`)."} {
		got := clean.Parts(clean.Prose(name) + ": run `az login`.")
		if len(got) != 2 || got[0].Command || got[1] != command("az login") {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func FuzzParts(f *testing.F) {
	f.Add("Run `az ad app list --all`. Then (`b`), `c` or `d e")
	f.Add("`a` ` `` ```b``` don`t (`x`)")
	f.Fuzz(func(t *testing.T, text string) {
		text = clean.Text(text, 1000)
		var shown strings.Builder
		for _, part := range clean.Parts(text) {
			if part.Text == "" || strings.Contains(part.Text, "`") || strings.TrimSpace(part.Text) != part.Text {
				t.Errorf("part %q of %q is not bare", part.Text, text)
			}
			if part.Command && !strings.Contains(text, "`"+part.Text+"`") {
				t.Errorf("nobody quoted %q in %q", part.Text, text)
			}
			shown.WriteString(part.Text)
		}
		letters := func(r rune) rune {
			if strings.ContainsRune(" `'.,;:!?", r) {
				return -1
			}
			return r
		}
		if got, want := strings.Map(letters, shown.String()), strings.Map(letters, text); got != want {
			t.Errorf("of %q is left %q", text, shown.String())
		}
	})
}
