package hiddenline_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"lapsewatch/internal/hiddenline"
)

const owner = "lwkz3q-d4kq37vnzpm3-hgy2c"

func TestOnlyAWholeLineIsOne(t *testing.T) {
	tests := []struct {
		text  string
		found bool
	}{
		{"<!-- lapsewatch-mark:a.b -->", true}, {"<!-- lapsewatch-mark:a.b -->\r", true}, {"<!-- lapsewatch-mark -->", true},
		{" <!-- lapsewatch-mark:a -->", false}, {"see <!-- lapsewatch-mark:a -->", false}, {"<!-- lapsewatch-mark:a --> b", false},
		{"<!-- lapsewatch-mark:a>b -->", false}, {"<!-- other:a -->", false}, {"", false},
	}
	for _, test := range tests {
		if _, _, found := hiddenline.Read(test.text); found != test.found {
			t.Errorf("%q: found %t, want %t", test.text, found, test.found)
		}
	}
	if !hiddenline.Has("a\n"+hiddenline.Write("mark", "x")+"\r\nb", "mark", "x") || hiddenline.Has("a", "mark", "x") {
		t.Error("a line in a text is not found, or found where there is none")
	}
}

func TestAMarkCannotBreakOutOfItsLine(t *testing.T) {
	for _, mark := range []string{"", "a b", "a--b", "-->", strings.Repeat("a", 101), "line\nbreak", "a/b"} {
		got := hiddenline.Mark(mark)
		if _, value, found := hiddenline.Read(hiddenline.Write("mark", got)); !found || value != got || got == mark {
			t.Errorf("the mark %q stands as %q", mark, got)
		}
	}
	if got := hiddenline.Mark("lwkz3q-d4kq37vnzpm3-hgy2c:resolved.1"); got != "lwkz3q-d4kq37vnzpm3-hgy2c:resolved.1" {
		t.Errorf("a plain mark stands as %q", got)
	}
}

func TestASealSaysWhetherAPersonChangedTheText(t *testing.T) {
	sealed := hiddenline.Seal("Summary\r\n\r\nIt expired. ", owner)
	tests := []struct {
		name, text      string
		ours, untouched bool
	}{
		{"as it was written", sealed, true, true},
		{"with the line ends of a web page", strings.ReplaceAll(sealed, "\n", "\r\n"), true, true},
		{"with another word", strings.Replace(sealed, "expired", "lapsed", 1), true, false},
		{"with a word before it", "Hm. " + sealed, true, false},
		{"with a word behind it", sealed + "\n\nDone.", true, false},
		{"without the seal", "Summary\n\nIt expired.", false, false},
		{"of another owner", hiddenline.Seal("Summary\n\nIt expired.", "lwkz3q-other"), false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if ours, untouched := hiddenline.Sealed(test.text, owner); ours != test.ours || untouched != test.untouched {
				t.Errorf("ours %t, untouched %t; want %t, %t", ours, untouched, test.ours, test.untouched)
			}
		})
	}
}

func FuzzASealIsKnownAgain(f *testing.F) {
	f.Add("Summary\n\nIt expired.", "x")
	f.Add(" ", "0")
	f.Add("<!-- lapsewatch-sealed:a/0000000000000000 -->", "\r\n")
	f.Add("\n<!-- lapsewatch-sealed:lwkz3q-d4kq37vnzpm3-hgy2c/e3b0c44298fc1c14 -->", "")
	f.Fuzz(func(t *testing.T, text, change string) {
		hiddenline.Sealed(text, owner)
		if !utf8.ValidString(text) {
			return
		}
		sealed := hiddenline.Seal(text, owner)
		if ours, untouched := hiddenline.Sealed(sealed, owner); !ours || !untouched {
			t.Errorf("our text %q: ours %t, untouched %t", sealed, ours, untouched)
		}
		if _, untouched := hiddenline.Sealed(change+"?"+sealed, owner); untouched {
			t.Errorf("what a person put before %q is not seen", sealed)
		}
	})
}
