package alertmanager

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

// The labels that the channel sets itself. They name the subject and how grave its
// finding is, and nothing that changes while it stays so: equal labels are one alert.
const (
	alertLabel    = "alertname"
	checkLabel    = "check"
	kindLabel     = "kind"
	nameLabel     = "name"
	findingLabel  = "finding"
	severityLabel = "severity"
)

const (
	alertName     = "LapsewatchFinding"
	testAlertName = "LapsewatchTest"
	// testLasts is how long the alert of a test stands.
	testLasts = 5 * time.Minute

	maxValue  = 200
	maxName   = 100
	maxLabels = 30
)

// alert is a postableAlert of Alertmanager's API v2
// (https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml).
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt,omitzero"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// writer writes the alerts of one message.
type writer struct {
	options Options
	message alerts.Message
	digest  digest.Digest
	now     time.Time
}

func newWriter(options Options, env alerts.Env, message alerts.Message) writer {
	return writer{options: options, message: message, digest: digest.New(message, env, 0), now: env.Now().UTC()}
}

// alerts are those of one event: what stands now, and the end of what stood under
// another severity. There is none where all of it has ended by itself.
func (w writer) alerts(event watch.Event) []alert {
	entry := digest.NewEntry(event)
	severity, before := severityOf(event), severityBefore(event)
	if event.Type == watch.Resolved {
		return []alert{w.end(event, entry, before, entry.Change)}
	}
	var written []alert
	if before != "" && before != severity {
		written = append(written, w.end(event, entry, before, "is "+severity+" now, was "+before))
	}
	ends := w.ends()
	if !ends.After(w.now) {
		return written
	}
	return append(written, alert{
		Labels: w.labels(event.Finding, severity), Annotations: w.annotations(event.Finding, entry, sentence(entry.Name, entry.Message)),
		StartsAt: earlier(event.At, ends), EndsAt: ends, GeneratorURL: w.generator(entry),
	})
}

// ends is when an alert ends by itself. It counts from the pass and not from the
// delivery, so that a message that comes late tells nothing that later ones took back.
func (w writer) ends() time.Time {
	switch {
	case w.message.Test:
		return w.now.Add(testLasts).Truncate(time.Millisecond)
	case w.message.Note != "":
		// It comes in place of another channel's, and no later pass repeats it.
		return w.now.Add(time.Duration(w.options.EndsAfter)).Truncate(time.Millisecond)
	default:
		return w.message.CreatedAt.UTC().Add(time.Duration(w.options.EndsAfter)).Truncate(time.Millisecond)
	}
}

// end is the alert with which the one of that severity ends. It ended when the pass saw
// it: an instant that lies ahead by Alertmanager's clock would end nothing.
func (w writer) end(event watch.Event, entry digest.Entry, severity, what string) alert {
	return alert{
		Labels: w.labels(event.Finding, severity), Annotations: w.annotations(event.Finding, entry, sentence(entry.Name, what, entry.Message)),
		EndsAt: earlier(event.At, w.now), GeneratorURL: w.generator(entry),
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		a = b
	}
	return a.UTC().Truncate(time.Millisecond)
}

func sentence(parts ...string) string { return strings.Join(parts, ": ") }

// severities are the words by which alerts are commonly routed. What cannot be read
// counts as a warning everywhere in Lapsewatch. It is read-only.
var severities = map[watch.Severity]string{
	watch.Critical: "critical", watch.Warning: "warning", watch.Unknown: "warning", watch.Notice: "info", watch.OK: "info",
}

// severityOf is the severity of the alert. What cannot be read any more stays as grave
// as it was known to be: not being able to look ends nothing.
func severityOf(event watch.Event) string {
	if event.Finding.Unreadable() && event.Previous == watch.Critical {
		return severities[watch.Critical]
	}
	return severities[event.Finding.Severity]
}

// severityBefore is the severity under which the finding was told before; empty if it
// was not.
func severityBefore(event watch.Event) string {
	switch {
	case event.Previous.AtLeast(watch.Warning):
		return severities[event.Previous]
	case event.Type == watch.Resolved:
		return severities[watch.Warning]
	default:
		return ""
	}
}

func (w writer) labels(finding watch.Finding, severity string) map[string]string {
	labels := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(finding.Labels)) {
		key, value := nameOf(name), value(finding.Labels[name])
		if _, taken := labels[key]; !taken && key != "" && value != "" && len(labels) < maxLabels {
			labels[key] = value
		}
	}
	maps.Copy(labels, w.options.Labels)
	labels[alertLabel] = alertName
	if w.message.Test {
		labels[alertLabel] = testAlertName
	}
	labels[checkLabel], labels[kindLabel], labels[nameLabel] = value(finding.Check), value(finding.Kind), value(finding.Name)
	labels[findingLabel], labels[severityLabel] = digest.Key(finding.ID), severity
	return labels
}

var notInNames = regexp.MustCompile(`[^a-zA-Z0-9_]`)

// nameOf makes a label's name one that every version of Alertmanager takes.
func nameOf(label string) string {
	name := notInNames.ReplaceAllString(clean.Text(label, maxName), "_")
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

func value(text string) string { return defuse(clean.Text(text, maxValue)) }

// opening is a "<" that HTML would take for a tag, and Slack for a mention or a link.
var opening = regexp.MustCompile(`<([!@#/?a-zA-Z])`)

// defuse makes markup plain text: Alertmanager hands texts to receivers whose templates
// often escape nothing.
func defuse(text string) string { return opening.ReplaceAllString(text, "< $1") }

// bracketed writes the address of "Name <address>" so that it is no markup.
var bracketed = strings.NewReplacer("<", "(", ">", ")")

func (w writer) annotations(finding watch.Finding, entry digest.Entry, summary string) map[string]string {
	parts := append([]string{entry.Message}, entry.Also...)
	if w.digest.Test {
		summary = sentence("Test", summary)
		parts = append([]string{w.digest.TestNotice()}, parts...)
	}
	if entry.Remedy != "" {
		parts = append(parts, "What to do: "+entry.Remedy)
	}
	annotations := map[string]string{
		"summary": summary, "description": strings.Join(parts, "\n"), "change": entry.Change, "remedy": entry.Remedy,
		"owners": bracketed.Replace(entry.Owners), "reason": string(finding.Reason), "link": entry.Link, "report": w.digest.ReportURL, "note": w.digest.Note,
	}
	if !finding.NotAfter.IsZero() && !finding.NeverExpires {
		annotations["not_after"] = finding.NotAfter.UTC().Format(time.RFC3339)
	}
	if finding.DaysLeft != nil {
		annotations["days_left"] = strconv.FormatInt(*finding.DaysLeft, 10)
	}
	maps.DeleteFunc(annotations, func(_, text string) bool { return text == "" })
	for name, text := range annotations {
		annotations[name] = defuse(text)
	}
	return annotations
}

// generator is where the alert leads: the subject, or the whole report.
func (w writer) generator(entry digest.Entry) string {
	if entry.Link != "" {
		return entry.Link
	}
	return w.digest.ReportURL
}
