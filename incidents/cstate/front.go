package cstate

import (
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

// fromFront takes what is known out of a front matter, whatever people have made of it:
// Hugo minds neither the case of keys nor how a time is written.
func fromFront(read map[string]any) page {
	p := page{Other: map[string]any{}}
	for name, value := range read {
		switch strings.ToLower(name) {
		case "title":
			p.Title, _ = value.(string)
		case "date":
			p.Date = instant(value)
		case "resolved":
			p.Resolved, _ = value.(bool)
		case "resolvedwhen":
			p.ResolvedWhen = instant(value)
		case "informational":
			p.Informational, _ = value.(bool)
		case "draft":
			p.Draft, _ = value.(bool)
		case "severity":
			p.Severity, _ = value.(string)
		case "affected":
			p.Affected = listed(value)
		case "lapsewatch":
			p.Marks = marksOf(value)
		case "pin", "section":
		default:
			p.Other[name] = value
		}
	}
	return p
}

// layouts are how people write times there; without a zone they are in UTC.
var layouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

func instant(value any) time.Time {
	if at, ok := value.(time.Time); ok {
		return at.UTC()
	}
	text, _ := value.(string)
	for _, layout := range layouts {
		if at, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

func listed(value any) []string {
	if one, ok := value.(string); ok && one != "" {
		return []string{one}
	}
	several, _ := value.([]any)
	var names []string
	for _, one := range several {
		if name, ok := one.(string); ok {
			names = append(names, name)
		}
	}
	return names
}

func marksOf(value any) marks {
	read, _ := value.(map[string]any)
	text := func(name string) string {
		found, _ := read[name].(string)
		return found
	}
	m := marks{Key: text("key"), Mark: text("mark"), Phase: watch.Phase(text("phase")), Said: text("said"), Sum: text("sum"), From: instant(read["from"]), Until: instant(read["until"])}
	if !slices.Contains(watch.Phases(), m.Phase) {
		m.Phase = ""
	}
	components, _ := read["components"].(map[string]any)
	for name, value := range components {
		word, _ := value.(string)
		var status watch.ComponentStatus
		if status.UnmarshalText([]byte(word)) != nil {
			continue
		}
		if m.Components == nil {
			m.Components = map[string]watch.ComponentStatus{}
		}
		m.Components[name] = status
	}
	return m
}
