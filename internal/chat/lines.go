package chat

import "strings"

// Lines is a text that grows as long as there is room.
type Lines struct {
	room int
	size func(string) int
	kept []string
	cut  bool
}

// NewLines has room for what size counts. The ellipsis that stands for what did not fit
// is not in it.
func NewLines(room int, size func(string) int) *Lines { return &Lines{room: room, size: size} }

// Add drops a line for which there is no room, so that shorter ones after it may stay.
func (l *Lines) Add(line string) {
	if line == "" {
		return
	}
	need := l.size(line) + len("\n")
	if need > l.room {
		l.cut = true
		return
	}
	l.room -= need
	l.kept = append(l.kept, line)
}

// Text ends with an ellipsis if something did not fit.
func (l *Lines) Text() string {
	if l.cut {
		return strings.Join(append(l.kept, "…"), "\n")
	}
	return strings.Join(l.kept, "\n")
}
