package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/weblink"
	"lapsewatch/watch"
)

// Limits of what one text may take of a report for people; JSON has all of it.
const (
	maxText   = 1000
	maxName   = 300
	maxListed = 20
	maxPairs  = 50
)

// plain makes text from outside a single line without control, escape and
// direction-changing characters.
func plain(text string) string { return clean.Text(text, maxText) }

// readable is a finding for people: every text is plain and bounded, and a link is
// https or absent. Labels and details are left to pairs, for few formats show them.
func readable(finding watch.Finding) watch.Finding {
	finding.ID = plain(finding.ID)
	finding.Check, finding.Kind = clean.Text(finding.Check, maxName), clean.Text(finding.Kind, maxName)
	finding.Name = clean.Text(finding.Name, maxName)
	if strings.TrimSpace(finding.Name) == "" {
		finding.Name = "(no name)"
	}
	finding.Reason = watch.Reason(plain(string(finding.Reason)))
	finding.Message, finding.Remedy = plain(finding.Message), plain(finding.Remedy)
	if noted := finding.Acknowledged; noted != nil {
		finding.Message += "; " + acknowledged(*noted)
	}
	finding.Identity = plain(finding.Identity)
	finding.Link = weblink.HTTPS(finding.Link)
	finding.Owners = listed(finding.Owners)
	also := make([]watch.Judgement, len(finding.Also))
	for i, judged := range finding.Also {
		also[i] = watch.Judgement{Reason: judged.Reason, Severity: judged.Severity, Message: plain(judged.Message)}
	}
	finding.Also = also
	return finding
}

// listed gives the plain text of each value of a list, as many as are easy to read,
// and says how many it left out.
func listed[V any](values []V) []string {
	var texts []string
	for _, value := range values[:min(len(values), maxListed)] {
		texts = append(texts, clean.Text(fmt.Sprint(value), maxName))
	}
	if more := len(values) - maxListed; more > 0 {
		texts = append(texts, fmt.Sprintf("… and %d more", more))
	}
	return texts
}

type pair struct{ key, value string }

// pairs gives labels or details in the order of their keys, each value as plain text.
func pairs[V any](values map[string]V) []pair {
	var sorted []pair
	for i, key := range slices.Sorted(maps.Keys(values)) {
		if i == maxPairs {
			return append(sorted, pair{"…", fmt.Sprintf("and %d more", len(values)-maxPairs)})
		}
		sorted = append(sorted, pair{clean.Text(key, maxName), plainValue(values[key])})
	}
	return sorted
}

// plainValue writes a detail. A list is []string from a check and []any once it has
// been through JSON.
func plainValue(value any) string {
	switch value := value.(type) {
	case []string:
		return strings.Join(listed(value), ", ")
	case []any:
		return strings.Join(listed(value), ", ")
	default:
		return plain(fmt.Sprint(value))
	}
}
