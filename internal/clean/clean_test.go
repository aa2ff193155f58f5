package clean_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"lapsewatch/internal/clean"
)

func TestText(t *testing.T) {
	tests := []struct {
		name, in string
		max      int
		want     string
	}{
		{"plain words stay as they are", "Example CA, Inc.", 64, "Example CA, Inc."},
		{"letters of other scripts stay", "Bücher & 株式会社 Ελλάς", 64, "Bücher & 株式会社 Ελλάς"},
		{"emoji stay without the selectors that cannot be seen", "ok ✅", 64, "ok ✅"},
		{"a line break cannot start a header", "a\r\nBcc: x@example.com", 64, "a\uFFFDBcc: x@example.com"},
		{"the line separators of Unicode are line breaks too", "a\u2028b\u2029c\u0085d", 64, "a\uFFFDb\uFFFDc\uFFFDd"},
		{"a no-break space becomes a space", "a\u00A0b\u3000c", 64, "a b c"},
		{"NUL is seen", "good.example\x00.evil.example", 64, "good.example\uFFFD.evil.example"},
		{"invalid UTF-8 is seen", "a\xff\xfe\xc3(", 64, "a\uFFFD("},
		{"an encoded surrogate is invalid", "a\xed\xa0\x80b", 64, "a\uFFFDb"},
		{"a text is not cut at its exact limit", "abcde", 5, "abcde"},
		{"a longer text ends with an ellipsis within the limit", "abcdef", 5, "abcd…"},
		{"the limit counts runes and not bytes", "äöüß", 4, "äöüß"},
		{"a cut never splits a rune", "äöüßé", 4, "äöü…"},
		{"a limit of one leaves the ellipsis", "ab", 1, "…"},
		{"a limit of zero leaves nothing", "ab", 0, ""},
		{"a negative limit leaves nothing", "ab", -1, ""},
		{"nothing stays nothing", "", 5, ""},
		{"accents stay", "e\u0301", 64, "e\u0301"},
		{"a tower of accents is cut down", "e" + strings.Repeat("\u0301", 500), 64, "e" + strings.Repeat("\u0301", 4)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := clean.Text(test.in, test.max); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestA7_TerminalAndVisualTricksAreSeen(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"an ANSI colour", "\x1b[31mred\x1b[0m", "\uFFFD[31mred\uFFFD[0m"},
		{"an OSC title", "\x1b]0;owned\x07", "\uFFFD]0;owned\uFFFD"},
		{"an eight-bit CSI", "\u009b31mred", "\uFFFD31mred"},
		{"a right-to-left override", "gpj.\u202Eexe", "gpj.\uFFFDexe"},
		{"bidirectional isolates", "\u2066a\u2069", "\uFFFDa\uFFFD"},
		{"zero-width characters", "pay\u200Bpal\u200D\uFEFF", "pay\uFFFDpal\uFFFD"},
		{"a soft hyphen", "pay\u00ADpal", "pay\uFFFDpal"},
		{"fillers that count as letters", "a\u3164\u115F\uFFA0b", "a\uFFFDb"},
		{"a blank braille pattern", "a\u2800b", "a\uFFFDb"},
		{"tag characters that smuggle text", "a\U000E0068\U000E0069b", "a\uFFFDb"},
		{"variation selectors that smuggle text", "a\uFE01\U000E0101b", "a\uFFFDb"},
		{"private use characters", "a\uE000b", "a\uFFFDb"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := clean.Text(test.in, 64); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestA9_AHugeNameIsCutAtTheLimit(t *testing.T) {
	huge := strings.Repeat("\x00x", 32<<10)
	if got := clean.Text(huge, 8); got != "\uFFFDx\uFFFDx\uFFFDx\uFFFD…" {
		t.Errorf("got %q", got)
	}
}

func FuzzText(f *testing.F) {
	f.Add("example.com", 64)
	f.Add("a\r\nBcc: x\u202E\x00\xff", 7)
	f.Add(strings.Repeat("\u0301", 100), 5)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		got := clean.Text(s, limit)
		if !utf8.ValidString(got) {
			t.Errorf("%q is no valid UTF-8", got)
		}
		if n := utf8.RuneCountInString(got); n > max(limit, 0) {
			t.Errorf("%q has %d runes, more than %d", got, n, limit)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q shows %U", got, r)
			}
		}
		if again := clean.Text(got, limit); again != got {
			t.Errorf("cleaning %q again gives %q", got, again)
		}
	})
}
