package alertmanager

import (
	"cmp"
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

// The labels that the channel sets itself. They tell the subject and how grave its
// finding is, and hold nothing that changes while it stays so, as a name may: equal labels
// are one alert.
const (
	alertLabel    = "alertname"
	checkLabel    = "check"
	kindLabel     = "kind"
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
	// maxLabelBytes bounds a finding's own labels, so that they can be remembered.
	maxLabelBytes = 1500

	// leastByFallback is how long the alert stands at least of a message that comes in
	// place of another channel's: long enough for people to be told.
	leastByFallback = time.Hour
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
	// known is what stands at Alertmanager already, by the findings' ids.
	known map[string]standing
}

func newWriter(options Options, env alerts.Env, message alerts.Message) writer {
	return writer{options: options, message: message, digest: digest.New(message, env, 0), now: env.Now().UTC()}
}

// alerts are those of one event: what stands now, and the end of what stood under other
// labels. There is none where all of it has ended by itself, or is no news any more.
func (w writer) alerts(event watch.Event) []alert {
	if w.overtaken(event) {
		return nil
	}
	entry, now := digest.NewEntry(event), w.standing(event)
	var written []alert
	for _, before := range w.before(event) {
		switch {
		case event.Type == watch.Resolved:
			written = append(written, w.end(event, entry, before, entry.Change))
		case before.Severity != now.Severity:
			written = append(written, w.end(event, entry, before, "is "+now.Severity+" now, was "+before.Severity))
		case !before.like(now):
			written = append(written, w.end(event, entry, before, "goes on under other labels"))
		}
	}
	ends := w.ends(event)
	if event.Type == watch.Resolved || !ends.After(w.now) {
		return written
	}
	return append(written, alert{
		Labels: w.labels(event.Finding, now), Annotations: w.annotations(event.Finding, entry, sentence(entry.Name, entry.Message)),
		StartsAt: earlier(event.At, ends), EndsAt: ends, GeneratorURL: w.generator(entry),
	})
}

// standing is how the event puts the finding.
func (w writer) standing(event watch.Event) standing {
	return standing{Severity: severityOf(event), Labels: w.ownLabels(event.Finding), Since: event.At.UTC()}
}

// before is how the finding may stand at Alertmanager: as is remembered, and as the event
// says, where the memory was lost.
func (w writer) before(event watch.Event) []standing {
	var stood []standing
	known, remembered := w.known[event.Finding.ID]
	if remembered {
		stood = append(stood, known)
	}
	told := w.standing(event)
	told.Severity = severityBefore(event)
	surely := event.Previous != "" && !known.like(told)
	if told.Severity != "" && (surely || !remembered) {
		stood = append(stood, told)
	}
	return stood
}

// ends is when an alert ends by itself. It counts from when the event was judged and not
// from the delivery, so that a message that comes late tells nothing that later ones took
// back. What comes in place of another channel's message may be days old by then, and no
// later pass repeats it: it stands just long enough for people to be told.
func (w writer) ends(event watch.Event) time.Time {
	lasts := time.Duration(w.options.EndsAfter)
	ends := cmp.Or(event.At, w.message.CreatedAt).UTC().Add(lasts)
	if least := w.now.Add(min(lasts, leastByFallback)); w.message.Note != "" && ends.Before(least) {
		ends = least
	}
	if w.message.Test {
		ends = w.now.Add(testLasts)
	}
	return ends.Truncate(time.Millisecond)
}

// end is the alert with which one that stood so ends. It ended when the pass saw
// it: an instant that lies ahead by Alertmanager's clock would end nothing.
func (w writer) end(event watch.Event, entry digest.Entry, stood standing, what string) alert {
	return alert{
		Labels: w.labels(event.Finding, stood), Annotations: w.annotations(event.Finding, entry, sentence(entry.Name, what, entry.Message)),
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

// ownLabels are those that the check and the subject bring. Which of them is whose is not
// known, and a subject's may change.
func (w writer) ownLabels(finding watch.Finding) map[string]string {
	labels, room := map[string]string{}, maxLabelBytes
	for _, name := range slices.Sorted(maps.Keys(finding.Labels)) {
		key, value := nameOf(name), value(finding.Labels[name])
		_, configured := w.options.Labels[key]
		_, taken := labels[key]
		if taken || configured || slices.Contains(own, key) || key == "" || value == "" || len(labels) == maxLabels {
			continue
		}
		if need := len(key) + len(value); need <= room {
			labels[key] = value
			room -= need
		}
	}
	return labels
}

func (w writer) labels(finding watch.Finding, stands standing) map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, stands.Labels)
	maps.Copy(labels, w.options.Labels)
	labels[alertLabel] = alertName
	if w.message.Test {
		labels[alertLabel] = testAlertName
	}
	labels[checkLabel], labels[kindLabel] = value(finding.Check), value(finding.Kind)
	labels[findingLabel], labels[severityLabel] = digest.Key(finding.ID), stands.Severity
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
		"name": entry.Name, "summary": summary, "description": strings.Join(parts, "\n"), "change": entry.Change, "remedy": entry.Remedy,
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
