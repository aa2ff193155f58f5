package policy

import (
	"fmt"
	"strings"
	"testing"

	"lapsewatch/watch"
)

func TestOwnersAreToldOfWhatIsTheirsBesidesTheChannelsRecipients(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	event := func(name string, owners ...string) watch.Event {
		return watch.Event{ID: name, Type: watch.Opened, At: now, Finding: watch.Finding{ID: name, Name: name, Severity: watch.Critical, Owners: owners}}
	}
	// As for mail, the case of what stands before the @ is left alone.
	reach := func(owner string) (string, bool) {
		name, domain, _ := strings.Cut(owner, "@")
		return name + "@" + strings.ToLower(domain), strings.EqualFold(domain, "example.com")
	}
	ended := event("e", "carol@example.com")
	ended.Type, ended.Concerned = watch.Resolved, []string{"bob@example.com", "Carol@example.com", "ops@example.com"}
	events := []watch.Event{
		event("a", "Ada@EXAMPLE.com", "ada@example.com", "eve@evil.example"),
		event("b", "bob@example.com", "ada@example.com"),
		event("c"),
		event("d", "OPS@example.com"),
		ended,
	}
	for _, row := range []struct {
		name        string
		destination Destination
		told        string
	}{
		{"a channel that tells owners", Destination{Channel: "mail", Recipients: []string{"Ops@example.com"}, Reach: reach},
			"Ops@example.com:[a b c d e] Ada@example.com:[a b] bob@example.com:[b e] carol@example.com:[e]"},
		{"a channel that tells none", Destination{Channel: "mail", Recipients: []string{"ops@example.com"}}, "ops@example.com:[a b c d e]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var told []string
			ids := map[string]bool{}
			for _, digest := range Plan(events, Routing{}, []Destination{row.destination}, now) {
				var names []string
				for _, event := range digest.Events {
					names = append(names, event.ID)
				}
				told = append(told, fmt.Sprintf("%s:%v", digest.Recipient, names))
				if ids[digest.ID] {
					t.Errorf("two digests have the id %s", digest.ID)
				}
				ids[digest.ID] = true
			}
			if got := strings.Join(told, " "); got != row.told {
				t.Errorf("told %s\nwant %s", got, row.told)
			}
		})
	}
}
