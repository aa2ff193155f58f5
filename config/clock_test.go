package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const anyCheck = "checks:\n  - {name: web, kind: tls, options: {targets: [a]}}\nalerts: []\n"

func TestLoad_TheClockSection(t *testing.T) {
	quietEnvironment(t)
	four := "[ntp://A.example.com, \"ntp://192.0.2.1:1123\", \"nts://[2001:db8::1]\", ntp://d]"
	tests := map[string]struct {
		text     string
		sources  []string
		timeout  time.Duration
		warnings []string
		// refused is the error, and then nothing else counts.
		refused string
	}{
		"nobody is asked without it": {"", nil, time.Second, nil, ""},
		"four references":            {"clock: {references: " + four + "}\n", []string{"ntp://a.example.com", "ntp://192.0.2.1:1123", "nts://[2001:db8::1]", "ntp://d"}, time.Second, nil, ""},
		"a longer patience":          {"clock: {references: " + four + ", timeout: 3s}\n", []string{"ntp://a.example.com", "ntp://192.0.2.1:1123", "nts://[2001:db8::1]", "ntp://d"}, 3 * time.Second, nil, ""},
		"one reference": {
			"clock: {references: [ntp://a]}\n", []string{"ntp://a"}, time.Second,
			[]string{"clock.references: of a single one nothing tells whether it is right; RFC 8633 asks for four"}, "",
		},
		"three references": {
			"clock: {references: [ntp://a, ntp://b, ntp://c]}\n", []string{"ntp://a", "ntp://b", "ntp://c"}, time.Second,
			[]string{"clock.references: when one of three fails and another lies, nobody knows which is right; RFC 8633 asks for four"}, "",
		},
		"a host without a scheme": {
			text:    "clock:\n  references:\n    - ntp://a\n    - time.example.com\n",
			refused: `lapsewatch.yaml:7: clock.references[1]: reference "time.example.com": it has no scheme: write ntp://HOST, or nts://HOST if the server offers NTS`,
		},
		"one reference twice": {
			text:    "clock:\n  references: [ntp://a, ntp://A]\n",
			refused: "lapsewatch.yaml:5: clock.references: reference ntp://a is listed twice: one server has one vote",
		},
		"a patience that holds every pass up": {
			text:    "clock:\n  timeout: 1m\n",
			refused: "lapsewatch.yaml:5: clock.timeout: want at most 30s",
		},
		"an unknown key": {
			text:    "clock:\n  servers: [ntp://a]\n",
			refused: "lapsewatch.yaml:5: clock.servers: unknown key (known: references, timeout, trust_files)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			loaded, err := loadText("lapsewatch.yaml", []byte(anyCheck+test.text), Source{}, freeCatalog())
			if test.refused != "" {
				if err == nil || strings.TrimSpace(err.Error()) != test.refused {
					t.Errorf("refused with\n%v, want\n%s", err, test.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var sources []string
			for _, source := range loaded.Clock.References {
				sources = append(sources, source.String())
			}
			warnings := slices.DeleteFunc(loaded.Warnings, func(warning string) bool { return strings.HasPrefix(warning, "no alerts") })
			if !slices.Equal(sources, test.sources) || time.Duration(loaded.Clock.Timeout) != test.timeout || !slices.Equal(warnings, test.warnings) {
				t.Errorf("references %q, timeout %v, warnings %q", sources, time.Duration(loaded.Clock.Timeout), warnings)
			}
		})
	}
}
