package email

import (
	"slices"
	"strings"

	"github.com/wneessen/go-mail"

	"lapsewatch/alerts"
	"lapsewatch/internal/digest"
)

// maxRoots keeps a long digest from drawing all threads into one.
const maxRoots = 10

// join puts the mail into the thread of earlier ones about the same. Each finding has a
// root of its own, a Message-ID that no mail has, so that no mail has to be remembered.
// The most urgent stands last, where readers look for the parent (RFC 5322, 3.6.4).
// Outlook goes by the topic, which it otherwise takes from the subject; Gmail has its own
// mind: it begins another conversation whenever the subject changes.
func join(composed *mail.Msg, message alerts.Message, domain string) {
	var roots []string
	for _, event := range message.Events {
		root := "<" + digest.Key(event.Finding.ID) + "@" + domain + ">"
		if !slices.Contains(roots, root) && len(roots) < maxRoots {
			roots = append(roots, root)
		}
	}
	composed.SetGenHeader(mail.HeaderInReplyTo, roots[0])
	slices.Reverse(roots)
	composed.SetGenHeader("References", strings.Join(roots, " "))
	composed.SetGenHeader("Thread-Topic", digest.Product+": "+digest.NewEntry(message.Events[0]).Name)
}
