package alerttest

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// maxContent bounds what the hostile message may grow to.
const maxContent = 1 << 20

// newHeader is a line that a mail or HTTP parser would take for an injected header.
var newHeader = regexp.MustCompile(`(?mi)^bcc:`)

func (s Suite) hostile(t *testing.T) {
	trial := s.start(t)
	trial.service.Behave(Accepts)
	for _, message := range asToldTo(trial.channel, HostileMessage()) {
		if _, failure := trial.deliver(t, t.Context(), message); failure != nil {
			t.Fatal(failure)
		}
	}
	var texts []string
	for _, attempt := range trial.service.Attempts() {
		if len(attempt.Content) > maxContent {
			t.Errorf("the message has grown to %d bytes", len(attempt.Content))
		}
		texts = append(texts, s.Texts(t, attempt)...)
	}
	if !strings.Contains(strings.Join(texts, "\n"), "evil.example.com") {
		t.Error("the hostile finding is missing from what the receiver reads")
	}
	for _, text := range texts {
		AssertHarmless(t, text, s.Forbidden...)
	}
}

// AssertHarmless fails the test when a text that a receiver reads holds a control or
// direction character, an injected header, broken encoding or forbidden markup.
func AssertHarmless(t *testing.T, text string, forbidden ...string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("not valid UTF-8: %q", shortened(text))
	}
	for at, r := range text {
		if unicode.In(r, unicode.Cc, unicode.Cf) && r != '\n' && r != '\t' && r != '\r' {
			t.Errorf("%U reaches the receiver in %q", r, shortened(text[max(0, at-20):]))
			break
		}
	}
	if newHeader.MatchString(text) {
		t.Errorf("an injected header reaches the receiver in %q", shortened(text))
	}
	for _, markup := range forbidden {
		if strings.Contains(text, markup) {
			t.Errorf("%q reaches the receiver unescaped", markup)
		}
	}
}

func shortened(text string) string {
	if len(text) > 200 {
		return text[:200] + "…"
	}
	return text
}
