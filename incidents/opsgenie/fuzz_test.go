package opsgenie

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/watch"
)

func FuzzAnyIncidentIsRead(f *testing.F) {
	f.Add(`{"id":"8743a1b2","status":"open","extraProperties":{"lapsewatch_phase":"resolved"}}`)
	f.Add(`{"status":"closed","updatedAt":"2026-11-22T06:00:00.824Z","extraProperties":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		s := &system{env: incidents.Env{Source: "here"}}
		var read incident
		if json.Unmarshal([]byte(body), &read) != nil {
			return
		}
		remote := s.remote(read)
		if remote.Open == (remote.Phase == watch.Over) {
			t.Errorf("open %t in phase %q", remote.Open, remote.Phase)
		}
		_ = read.name()
	})
}

func FuzzANoteIsKnownAgainByItsMark(f *testing.F) {
	f.Add("Affected: orders.", "lwkz3q-d4kq37vnzpm3-hgy2c-identified")
	f.Add("Lapsewatch x", "a b")
	f.Fuzz(func(t *testing.T, text, mark string) {
		note := marked(text, mark)
		if utf8.ValidString(text) && utf8.RuneCountInString(note) > maxNote {
			t.Errorf("a note of %d characters", utf8.RuneCountInString(note))
		}
		markOf(text)
		if plain := strings.TrimSpace(mark); plain != "" && plain == mark && len(mark) <= maxMark && isPlain(mark) {
			if got := markOf(note); got != mark {
				t.Errorf("the mark %q is read as %q", mark, got)
			}
		}
	})
}

func isPlain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

func TestTheQuotedTextHoldsNoMarkup(t *testing.T) {
	if got := plainly(`<a href="x">[b](https://evil.example.com)`); got != `‹a href="x"›[b] (https://evil.example.com)` {
		t.Errorf("%s", got)
	}
	key := watch.NewIncidentKey("here", "orders", alerttest.Now()).String()
	if got := priorityOf(incidents.Stub{Key: key}); got != "P3" {
		t.Errorf("priority %s", got)
	}
}
