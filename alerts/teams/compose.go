package teams

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

const (
	// maxBytes bounds the request's body.
	// https://learn.microsoft.com/en-us/connectors/teams/#known-issues-and-limitations-with-actions
	maxBytes = 24 << 10
	// maxQuoted bounds the body as a JSON string, which is how Teams counts it, besides
	// properties of its own, against 28,672 bytes: a body of 24,453 bytes came to 28,897.
	// https://github.com/MicrosoftDocs/msteams-docs/issues/11274
	maxQuoted = 26 << 10
)

var (
	errNoEvents = errors.New("the message holds no events")
	errTooLarge = errors.New("the card does not fit into 24 KiB, not even with a single event")
)

// extent is how long the texts of an entry may become, in runes, and how many parts the
// remedy may have: each command is a line of its own.
type extent struct{ message, also, remedy, parts, owners int }

var (
	// whole leaves texts as long as the digest makes them.
	whole = extent{message: math.MaxInt, also: math.MaxInt, remedy: math.MaxInt, parts: math.MaxInt, owners: math.MaxInt}
	// brief lets every single event fit, whatever it is made of.
	brief = extent{message: 500, also: 100, remedy: 600, parts: 12, owners: 200}
)

// encode writes the card with as many of the most urgent events as Teams takes. The plot
// of the clocks has what room they leave.
func encode(message alerts.Message, env alerts.Env) ([]byte, error) {
	if len(message.Events) == 0 {
		return nil, errNoEvents
	}
	for _, bounds := range []extent{whole, brief} {
		render := func(shown int, plot []element) ([]byte, error) {
			return json.Marshal(compose(digest.New(message, env, shown), plot, bounds))
		}
		shown := digest.Fit(message, math.MaxInt, func(shown int) bool {
			body, err := render(shown, nil)
			return err == nil && fits(body)
		})
		if shown == 0 {
			continue
		}
		if body, err := render(shown, clocks(digest.New(message, env, 0))); err == nil && fits(body) {
			return body, nil
		}
		return render(shown, nil)
	}
	return nil, errTooLarge
}

func fits(body []byte) bool { return len(body) <= maxBytes && quotedBytes(body) <= maxQuoted }

// quotedBytes is the length of a document as a JSON string.
func quotedBytes(document []byte) int {
	quoted := len(`""`)
	for _, octet := range document {
		if quoted++; octet == '"' || octet == '\\' {
			quoted++
		}
	}
	return quoted
}

// look is how a group of entries is shown.
type look struct{ style, color string }

func lookOf(severity watch.Severity) look {
	switch severity {
	case watch.Critical:
		return look{"attention", "attention"}
	case watch.Warning:
		return look{"warning", "warning"}
	case watch.Unknown:
		return look{"accent", "accent"}
	case watch.OK, digest.Resolved:
		return look{"good", "good"}
	default:
		return look{"emphasis", "default"}
	}
}

func compose(shown digest.Digest, plot []element, bounds extent) envelope {
	title := newRun(shown.Title())
	title.Size, title.Weight = large, bolder
	body := []element{newLine(title)}
	if notice := shown.TestNotice(); notice != "" {
		run := newRun(notice)
		run.Weight = bolder
		body = append(body, newContainer("accent", newLine(run)))
	}
	if shown.Note != "" {
		body = append(body, newContainer("emphasis", newLine(newRun(shown.Note))))
	}
	for _, group := range shown.Groups {
		body = append(body, head(group))
		for i, entry := range group.Entries {
			made := newContainer("", lines(entry, group.Severity, bounds)...)
			made.Separator, made.Spacing = i > 0, mediumSpacing
			body = append(body, made)
		}
	}
	body = append(body, plot...)
	if rest := shown.Rest(); rest != "" {
		run := newRun(rest)
		run.Weight = bolder
		body = append(body, newContainer("emphasis", newLine(run)))
	}
	footer := newSubtle(shown.Footer())
	footer.Size = small
	made := card{
		Type: "AdaptiveCard", Schema: cardSchema, Version: cardVersion, FallbackText: shown.Title(),
		MSTeams: teamsCard{Width: "Full"}, Body: append(body, newLine(footer)),
	}
	if shown.ReportURL != "" {
		made.Actions = []openURL{newOpenURL("Open the report", shown.ReportURL)}
	}
	return envelope{Type: "message", Attachments: []attachment{{ContentType: cardType, Content: made}}}
}

// unbroken is a space that no client drops, as some do with those that follow another.
const unbroken = "\u00a0"

// clocks are the lines of the plot; none if there is no plot. Small letters let a line fit
// into a card.
func clocks(shown digest.Digest) []element {
	var drawn []element
	for _, line := range shown.Clocks {
		run := newRun(strings.ReplaceAll(cmp.Or(line, unbroken), " ", unbroken))
		run.FontType, run.Size = monospace, small
		drawn = append(drawn, under(run))
	}
	if drawn == nil {
		return nil
	}
	made := newContainer("", drawn...)
	made.Separator, made.Spacing = true, mediumSpacing
	return []element{made}
}

func head(group digest.Group) container {
	look := lookOf(group.Severity)
	run := newRun(fmt.Sprintf("%s (%d)", strings.ToUpper(group.Title), len(group.Entries)))
	run.Weight, run.Color = bolder, look.color
	made := newContainer(look.style, newLine(run))
	made.Spacing = mediumSpacing
	return made
}

// lines are what an entry says, those of one that is over without what to do.
func lines(entry digest.Entry, severity watch.Severity, bounds extent) []element {
	name := newRun(entry.Name)
	name.Weight = bolder
	said := []element{
		newLine(name, newSubtle(" - "+entry.Change)),
		under(newRun(clean.Text(entry.Message, bounds.message))),
	}
	if !digest.Over(severity) {
		for _, also := range entry.Also {
			said = append(said, under(newSubtle("Also: "), newRun(clean.Text(also, bounds.also))))
		}
		said = append(said, toDo(clean.Text(entry.Remedy, bounds.remedy), bounds.parts)...)
		var asides []textRun
		if entry.Owners != "" {
			asides = append(asides, newSubtle("Owner: "), newRun(clean.Text(entry.Owners, bounds.owners)), newSubtle(" · "))
		}
		said = append(said, under(append(asides, newSubtle("Check: "+entry.Check))...))
	}
	if entry.Link != "" {
		said = append(said, actionSet{Type: "ActionSet", Actions: []openURL{newOpenURL("Open", entry.Link)}})
	}
	return said
}

// toDo gives each command a line of its own with nothing else on it, so that it can be
// copied as it stands. Behind as many parts as there may be it says that there are more.
func toDo(remedy string, most int) []element {
	var said []element
	label := []textRun{newSubtle("To do: ")}
	for i, part := range clean.Parts(remedy) {
		if i == most {
			return append(said, under(newSubtle("… and more, for which there is no room here.")))
		}
		run := newRun(part.Text)
		if !part.Command {
			said = append(said, under(append(label, run)...))
			label = nil
			continue
		}
		if label != nil {
			said = append(said, under(label...))
			label = nil
		}
		run.FontType = monospace
		said = append(said, under(run))
	}
	return said
}

// under is a line close to the one above it.
func under(runs ...textRun) richText {
	line := newLine(runs...)
	line.Spacing = noSpacing
	return line
}
