package cloudevent

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/weblink"
	"lapsewatch/watch"
)

const (
	maxName   = 512
	maxText   = 2048
	maxListed = 50
	// maxDepth bounds what is nested in details.
	maxDepth = 6
	// shortText is what is left of a text where an event is too large without anything
	// that could be spared.
	shortText = 200
)

const leftOut = "it does not fit into a message"

// encodeEvent writes the event in the words of the report contract. What is too large, or
// cannot be written at all, loses parts of itself, those first that are not needed to act.
func encodeEvent(event watch.Event) (json.RawMessage, error) {
	event.ID = clean.Text(event.ID, maxName)
	event.Was, event.Concerned, event.StoodIn = cleanList(event.Was), cleanList(event.Concerned), cleanList(event.StoodIn)
	event.Finding = cleaned(event.Finding)
	var encoded json.RawMessage
	var err error
	for _, spare := range []func(*watch.Event){
		func(*watch.Event) {},
		func(event *watch.Event) {
			event.Concerned, event.StoodIn = nil, nil
			event.Finding.Labels, event.Finding.Owners, event.Finding.Also = nil, nil, nil
			event.Finding.Details = map[string]any{"left_out": "they do not fit into a message"}
		},
		func(event *watch.Event) { event.Finding = bare(event.Finding) },
	} {
		spare(&event)
		if encoded, err = json.Marshal(event); err == nil && len(encoded) <= maxEventBytes {
			break
		}
	}
	return encoded, err
}

// bare is what is needed to know what a finding is about. Dates of which JSON cannot hold
// the year are not among it.
func bare(finding watch.Finding) watch.Finding {
	short := func(text string) string { return clean.Text(text, shortText) }
	return watch.Finding{
		ID: finding.ID, Check: short(finding.Check), Kind: short(finding.Kind), Name: short(finding.Name),
		Severity: finding.Severity, Reason: finding.Reason, Message: short(finding.Message), Remedy: short(finding.Remedy),
		DaysLeft: finding.DaysLeft, NeverExpires: finding.NeverExpires, Details: finding.Details,
	}
}

// cleaned takes out of the finding what a receiver must not be handed: control
// characters, which CloudEvents strings may not hold, and anything without bound.
func cleaned(finding watch.Finding) watch.Finding {
	finding.ID, finding.Check, finding.Kind = clean.Text(finding.ID, maxName), clean.Text(finding.Check, maxName), clean.Text(finding.Kind, maxName)
	finding.Name, finding.Identity = clean.Text(finding.Name, maxName), clean.Text(finding.Identity, maxName)
	finding.Message, finding.Remedy = clean.Text(finding.Message, maxText), clean.Text(finding.Remedy, maxText)
	finding.Link = weblink.HTTPS(finding.Link)
	finding.Owners = cleanList(finding.Owners)
	finding.Also = slices.Clone(finding.Also[:min(len(finding.Also), maxListed)])
	for i := range finding.Also {
		finding.Also[i].Message = clean.Text(finding.Also[i].Message, maxText)
	}
	labels := make(map[string]string)
	for _, name := range firstKeys(finding.Labels) {
		labels[clean.Text(name, maxName)] = clean.Text(finding.Labels[name], maxName)
	}
	finding.Labels, finding.Details = labels, cleanMap(finding.Details, maxDepth)
	if finding.Acknowledged != nil {
		acknowledged := *finding.Acknowledged
		acknowledged.By, acknowledged.Reason = clean.Text(acknowledged.By, maxName), clean.Text(acknowledged.Reason, maxText)
		finding.Acknowledged = &acknowledged
	}
	return finding
}

func firstKeys[V any](of map[string]V) []string {
	names := slices.Sorted(maps.Keys(of))
	return names[:min(len(names), maxListed)]
}

func cleanList[T ~string](texts []T) []T {
	kept := slices.Clone(texts[:min(len(texts), maxListed)])
	for i := range kept {
		kept[i] = T(clean.Text(string(kept[i]), maxName))
	}
	return kept
}

func cleanMap(values map[string]any, depth int) map[string]any {
	kept := make(map[string]any)
	for _, name := range firstKeys(values) {
		kept[clean.Text(name, maxName)] = cleanValue(values[name], depth)
	}
	return kept
}

// cleanValue knows the types of watch.Credential.Details, and what they come back as from
// a ledger. Every other is taken for what it is in JSON.
func cleanValue(value any, depth int) any {
	if depth == 0 {
		return leftOut
	}
	switch value := value.(type) {
	case nil, bool, int, int64, float64, time.Time:
		return value
	case string:
		return clean.Text(value, maxText)
	case []string:
		return cleanList(value)
	case []any:
		kept := slices.Clone(value[:min(len(value), maxListed)])
		for i := range kept {
			kept[i] = cleanValue(kept[i], depth-1)
		}
		return kept
	case map[string]any:
		return cleanMap(value, depth-1)
	default:
		return cleanOther(value, depth)
	}
}

func cleanOther(value any, depth int) any {
	var plain any
	encoded, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(encoded, &plain)
	}
	if err != nil {
		return leftOut
	}
	return cleanValue(plain, depth)
}
