package opsgenie

import (
	"strings"
	"testing"
)

func FuzzPlainly(f *testing.F) {
	for _, seed := range []string{"<b>", "[renew](https://evil.example.org)", "](](", "]<(", "a < b && c > d", "‹›", "\xff<\xfe"} {
		f.Add(seed, 10)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		most %= 10_000
		for _, got := range []string{plainly(text), bounded(text, max(most, 1)), cut(plainly(text), max(most, 1))} {
			if strings.ContainsAny(got, "<>") || strings.Contains(got, "](") {
				t.Errorf("%q stays markup: %q", text, got)
			}
		}
		if got := bounded(text, max(most, 1)); len([]rune(got)) > max(most, 1) {
			t.Errorf("%q has more than %d characters", got, most)
		}
	})
}
