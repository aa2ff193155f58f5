package ticket_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

func message(edit func(*watch.Event)) alerts.Message {
	made := alerttest.Message()
	made.Events = made.Events[:1]
	edit(&made.Events[0])
	return made
}

func asIs(text string) string { return text }

func TestATitleStaysTrueWhileDaysGoBy(t *testing.T) {
	tests := []struct {
		name  string
		limit int
		edit  func(*watch.Event)
		want  string
	}{
		{"a date that comes", 100, func(*watch.Event) {}, "Lapsewatch: shop.example.com:443 expires 2026-11-26"},
		{"a date that has passed", 100, func(e *watch.Event) { e.Finding.Reason = watch.Expired }, "Lapsewatch: shop.example.com:443 expired 2026-11-26"},
		{"no date", 200, func(e *watch.Event) {
			e.Finding.Reason, e.Finding.Message = watch.TimedOut, "could not be read: no answer within 5s"
		}, "Lapsewatch: shop.example.com:443: could not be read: no answer within 5s"},
		{"a date that stands for never", 200, func(e *watch.Event) {
			e.Finding.NeverExpires, e.Finding.Message = true, "never expires"
		}, "Lapsewatch: shop.example.com:443: never expires"},
		{"a long name loses its end and not the date", 60, func(e *watch.Event) { e.Finding.Name = strings.Repeat("a.", 50) + "example.com" }, "Lapsewatch: a.a.a.a.a.a.a.a.a.a.a.a.a.a.… expires 2026-11-26"},
		{"a name of two lines is one", 100, func(e *watch.Event) { e.Finding.Name = "a\r\nBcc: x" }, "Lapsewatch: a�Bcc: x expires 2026-11-26"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := ticket.NewStory(message(test.edit), alerts.Env{}, "").Title(test.limit, asIs)
			if got != test.want || utf8.RuneCountInString(got) > test.limit {
				t.Errorf("title %s\nwant  %s", got, test.want)
			}
		})
	}
}

func TestAMarkCannotBreakOutOfWhereItStands(t *testing.T) {
	plain := regexp.MustCompile(`^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$`)
	for id, keeps := range map[string]bool{
		"8a5be0f2c1d34e6f9a0b1c2d3e4f5061": true, "test-1795327200000000000-e3b0c44298fc1c": true,
		"": false, "1": false, "a--b": false, "aaaaaaaaaaaaaaaa--b": false, "-->": false, "a b": false, strings.Repeat("a", 65): false,
	} {
		made := message(func(*watch.Event) {})
		made.ID = id
		if got := ticket.NewStory(made, alerts.Env{}, "").Mark; !plain.MatchString(got) || (got == id) != keeps {
			t.Errorf("the mark of %q is %q", id, got)
		}
	}
}

func TestATicketEndsWithTheWordsThatNobodyWatchesAnyMore(t *testing.T) {
	story := ticket.NewStory(alerttest.Unwatched(), alerts.Env{}, "")
	if want := "No longer watched: its check is not configured any more, or has another name. certificate expires 2026-12-13 10:00 UTC, in 21 days"; story.CloseNotes() != want {
		t.Errorf("notes %s\nwant  %s", story.CloseNotes(), want)
	}
}
