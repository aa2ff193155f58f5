// Package stubtext writes the texts of incident stubs for status systems that show Markdown
// and have no field for a key: the key stands in the last line, where it is found again. It
// reads and writes instants as their APIs do, and tells texts apart. It renders nothing, and
// knows no status system.
package stubtext

import (
	"regexp"
	"strings"

	"lapsewatch/watch"
)

// WithRef puts the stub's key below the text, cut so that both fit into limit characters:
//
//	Ref: lwkz3q-d4kq37vnzpm3-hgy2c
//
// With a phase, that stands behind the key, for systems that have no word for it.
func WithRef(text, key string, phase watch.Phase, limit int) string {
	ref := "Ref: " + key
	if phase != "" {
		ref += " (" + string(phase) + ")"
	}
	if text = Tidy(text); text == "" {
		return ref
	}
	return Cut(text, limit-len(ref)-len(between)) + between + ref
}

const between = "\n\n"

// Only the last line counts, and only where it holds nothing else: no text from outside
// begins a line. Services may give a line back with other spaces around it.
var refLine = regexp.MustCompile(`(?:^|\n)[ \t]*Ref: (lw[0-9a-z-]+)(?: \(([a-z]+)\))?\s*$`)

// Ref finds the key of the installation and the phase behind it, both empty where the
// text does not end with one.
func Ref(text, source string) (key string, phase watch.Phase) {
	found := refLine.FindStringSubmatch(text)
	if found == nil {
		return "", ""
	}
	read, ours := watch.FindIncidentKey(found[1], source)
	if !ours || read.String() != found[1] {
		return "", ""
	}
	return found[1], watch.Phase(found[2])
}

// Tidy is the text without what services change by themselves: carriage returns, spaces at
// the ends of lines, and space around the whole.
func Tidy(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\r")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// Cut is the text of at most limit characters; what is cut off is marked by an ellipsis,
// which counts as one.
func Cut(text string, limit int) string {
	count := 0
	last := 0 // where the last character begins that leaves room for the ellipsis
	for at := range text {
		if count == limit-1 {
			last = at
		}
		if count++; count > limit {
			return strings.TrimRight(text[:last], " \n") + "…"
		}
	}
	return text
}

// Quote makes a text from outside mean nothing in Markdown, and reads well where a service
// shows it as it is: no link, no image, no HTML and no code is left.
func Quote(text string) string { return inert().Replace(text) }

func inert() *strings.Replacer {
	return strings.NewReplacer(
		"<", "‹", ">", "›", "[", "(", "]", ")", "`", "'", "\\", "∖", "*", "∗", "~", "∼", "|", "¦",
		"://", ":∕∕", "www.", "www․", "WWW.", "WWW․", "Www.", "Www․", "&", "＆", "#", "＃",
	)
}
