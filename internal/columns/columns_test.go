package columns_test

import (
	"testing"

	"lapsewatch/internal/columns"
)

func TestWideCharactersTakeTwoColumnsAndAccentsNone(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "株式会社": 8, "ＡＢ": 4, "e\u0301": 1, "ü–…": 3} {
		if got := columns.In(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}

func TestTextIsCutAndFilledByColumns(t *testing.T) {
	for _, test := range []struct {
		name, text     string
		columns        int
		fitted, padded string
	}{
		{"a short text is filled up", "ab", 4, "ab", "ab  "},
		{"a text of the exact width stays", "abcd", 4, "abcd", "abcd"},
		{"a longer one ends with an ellipsis", "abcde", 4, "abc…", "abcde"},
		{"a wide character is not cut in two", "株式会社", 4, "株…", "株式会社"},
		{"the first character always stays", "株式", 1, "株…", "株式"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := columns.Fitted(test.text, test.columns); got != test.fitted {
				t.Errorf("fitted %q, want %q", got, test.fitted)
			}
			if got := columns.Padded(test.text, test.columns); got != test.padded {
				t.Errorf("padded %q, want %q", got, test.padded)
			}
		})
	}
}
