package syslog

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

const (
	// maxStream is what receivers by TLS should take (RFC 5425, 4.3.1), and those by
	// TCP take as a rule. maxDatagram stays below every usual MTU (RFC 5426, 3.2).
	maxStream   = 8192
	maxDatagram = 1024
	// roomForText is what the structured data leaves to the text.
	roomForText = 300
	appName     = "lapsewatch"
	// none stands for a field without a value (RFC 5424, 6.2).
	none     = "-"
	ellipsis = "…"
	bom      = "\xef\xbb\xbf"
)

// Numerical severities of RFC 5424, 6.2.1.
const (
	severityCritical = 2
	severityWarning  = 4
	severityNotice   = 5
	severityInfo     = 6
)

// severities are what syslog calls ours; what cannot be read counts as a warning. It is
// read-only.
var severities = map[watch.Severity]int{
	watch.Critical: severityCritical, watch.Warning: severityWarning, watch.Unknown: severityWarning, watch.Notice: severityNotice, watch.OK: severityInfo,
}

// formatter writes the events of one message (RFC 5424).
type formatter struct {
	options  Options
	message  alerts.Message
	digest   digest.Digest
	hostname string
	limit    int
}

// event writes one event: a single line without control characters.
func (f formatter) event(event watch.Event) string {
	severity := severities[event.Finding.Severity]
	if of := digest.SeverityOf(event); of == digest.Resolved {
		severity = severityInfo
	} else if of == digest.Unwatched {
		severity = severityNotice
	}
	return f.line(severity, string(event.Type), event.At, f.text(event), func(short int) []parameter { return f.parameters(event, short) })
}

// rest says how many events are not written.
func (f formatter) rest() string {
	return f.line(severityNotice, "left-out", f.message.CreatedAt, f.digest.Rest(), func(short int) []parameter {
		return []parameter{{"delivery", clean.Text(f.message.ID, short)}}
	})
}

// line fits its parts into the limit: first the structured data loses what is long and
// what the text says too, then the end of the text is cut off.
func (f formatter) line(severity int, kind string, at time.Time, text string, parameters func(short int) []parameter) string {
	// Without a process ID, the line is the same on every attempt, byte for byte.
	header := fmt.Sprintf("<%d>1 %s %s %s %s %s ", facilities[f.options.Facility]*8+severity,
		stamp(at), f.hostname, appName, none, field(kind, maxMessageID))
	var data string
	for _, short := range shortenings {
		if data = f.data(parameters(short)); len(header)+len(data)+roomForText <= f.limit {
			break
		}
	}
	text = cut(inert.Replace(text), f.limit-len(header)-len(data)-len(" "+bom))
	if strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) {
		// RFC 5424, 6.4: UTF-8 begins with the mark. Plain ASCII is spared it.
		text = bom + text
	}
	return header + data + " " + text
}

// maxMessageID bounds MSGID (RFC 5424, 6).
const maxMessageID = 32

// field makes one of the header's fields, which hold printable ASCII only.
func field(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < '!' || r > '~' {
			return -1
		}
		return r
	}, text)
	if text = text[:min(len(text), most)]; text == "" {
		return none
	}
	return text
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return none
	}
	return at.UTC().Format("2006-01-02T15:04:05.999Z07:00")
}

// text is the event in one line.
func (f formatter) text(event watch.Event) string {
	entry := digest.NewEntry(event)
	parts := []string{entry.Headline + ": " + entry.Message}
	if f.digest.Test {
		parts[0] = f.digest.TestNotice() + " " + parts[0]
	}
	add := func(label, text string) {
		if text != "" {
			parts = append(parts, label+text)
		}
	}
	for _, also := range entry.Also {
		add("Also: ", also)
	}
	add("What to do: ", entry.Remedy)
	add("Owners: ", entry.Owners)
	add("Note: ", f.digest.Note)
	add("", entry.Link)
	add("Report: ", f.digest.ReportURL)
	return strings.Join(parts, " | ")
}

// cut ends the text after so many bytes, between two runes, and marks that.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := max(most-len(ellipsis), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}

// shortenings are how many runes of a value are written: as many as fit.
var shortenings = []int{longestValue, 100, 50, 20, 10}

const longestValue = 200

type parameter struct{ name, value string }

// parameters are what programs look for. At their shortest they leave out what only
// people read.
func (f formatter) parameters(event watch.Event, short int) []parameter {
	finding := event.Finding
	all := []parameter{
		{"id", clean.Text(finding.ID, short)}, {"name", clean.Text(finding.Name, short)},
		{"check", clean.Text(finding.Check, short)}, {"kind", clean.Text(finding.Kind, short)},
		{"severity", string(finding.Severity)}, {"previous", string(event.Previous)}, {"reason", string(finding.Reason)}, {"why", string(event.Why)},
	}
	if !finding.NotAfter.IsZero() && !finding.NeverExpires {
		all = append(all, parameter{"not_after", stamp(finding.NotAfter)})
	}
	if finding.DaysLeft != nil {
		all = append(all, parameter{"days_left", strconv.FormatInt(*finding.DaysLeft, 10)})
	}
	if entry := digest.NewEntry(event); short == longestValue {
		all = append(all, parameter{"owners", clean.Text(entry.Owners, short)}, parameter{"link", entry.Link})
	}
	if f.message.Test {
		all = append(all, parameter{"test", "true"})
	}
	return append(all, parameter{"event", clean.Text(event.ID, short)}, parameter{"delivery", clean.Text(f.message.ID, short)})
}

// data writes the structured data (RFC 5424, 6.3) without empty values.
func (f formatter) data(parameters []parameter) string {
	var out strings.Builder
	fmt.Fprintf(&out, "[%s@%d", appName, f.options.EnterpriseID)
	for _, parameter := range parameters {
		if parameter.value != "" {
			fmt.Fprintf(&out, ` %s="%s"`, parameter.name, escape(parameter.value))
		}
	}
	return out.String() + "]"
}

// escaped makes a PARAM-VALUE (RFC 5424, 6.3.3).
var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

func escape(value string) string { return escaped.Replace(inert.Replace(value)) }

// inert takes the meaning from what logging libraries expand in the lines that they are
// given: Log4j before 2.15 ran what "${jndi:…}" names.
var inert = strings.NewReplacer("${", "$ {")
