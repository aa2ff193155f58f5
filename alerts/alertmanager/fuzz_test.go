package alertmanager

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func FuzzNamesAreTakenAndValuesAreNoMarkup(f *testing.F) {
	for _, seed := range []string{"cost-centre", "9lives", "größe", "<!channel>", "<<b>", "<@U1> <https://evil.example.org|x>", "\xff<\x00script>", strings.Repeat("<a", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if name := nameOf(text); name != "" && !validName.MatchString(name) {
			t.Errorf("name %q", name)
		}
		value := value(text)
		if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
			t.Errorf("value %q", value)
		}
		for _, markup := range []string{"<!", "<@", "<#", "<h", "<script", "</", "<a"} {
			if strings.Contains(value, markup) {
				t.Errorf("%q is in %q", markup, value)
			}
		}
	})
}
