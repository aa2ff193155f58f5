package upstream

import (
	"regexp"
	"slices"
	"strings"
)

// state is what an item of a feed says of its incident.
type state int

// The states. Whatever says nothing of itself is open.
const (
	open state = iota
	// underWay is a maintenance that has begun, upcoming one that has not.
	underWay
	upcoming
	over
	// unclear: it speaks of an end where none is declared, or contradicts itself.
	unclear
)

func (s state) word() string {
	return map[state]string{open: "open", underWay: "in progress", upcoming: "scheduled", over: "over", unclear: "unclear"}[s]
}

// vocabulary is what stands alone where feeds put the status of an item: in brackets, before
// a dash or colon of the title, in bold where the text begins, as a category. Only whole
// texts count, so that "Unresolved" and "not resolved" are none of them.
func vocabulary() map[string]state {
	return map[string]state{
		"resolved": over, "completed": over, "closed": over, "cancelled": over, "canceled": over, "postmortem": over, "post-mortem": over,
		"service is operating normally": over,
		"investigating":                 open, "identified": open, "monitoring": open, "update": open, "ongoing": open, "active": open, "open": open,
		"unresolved": open, "reopened": open, "mitigating": open, "mitigated": open, "outage": open, "degraded": open,
		"in progress": underWay, "verifying": underWay, "maintenance in progress": underWay,
		"scheduled": upcoming, "maintenance scheduled": upcoming,
	}
}

// longestTitle is far longer than what a person writes.
const longestTitle = 2000

var (
	bracketed = regexp.MustCompile(`\[([^\[\]]{1,40})\]`)
	separator = regexp.MustCompile(`\s+[-–—]\s+|:\s+`)
	// joined is how a text ends that something is said behind.
	joined = regexp.MustCompile(`(:|\s[-–—])$`)
	// ending is a word of an end, wherever it stands.
	ending = regexp.MustCompile(`(?i)(^|[^\pL])(resolved|completed|closed|cancell?ed|post-?mortem|fixed|restored|recovered|operating normally)([^\pL]|$)`)
)

// stateOf puts together what the places for a status say. What stands at the end of a title
// may belong to it ("orders stuck in status: Completed"): bad news is believed there, and
// good news is not.
func stateOf(title, bold, prose string, tags []string) state {
	if len(title) > longestTitle {
		return unclear
	}
	heads, tails := spots(title)
	said := known(slices.Concat(heads, []string{bold}, tags))
	weak := false
	for _, one := range known(tails) {
		if one == open {
			said = append(said, open)
			continue
		}
		weak = weak || !slices.Contains(said, one)
	}
	sure := slices.Contains(said, over) || slices.Contains(said, open)
	switch {
	case len(said) > 0 && (sure || !weak):
		return agreed(said)
	case weak || ending.MatchString(title) || ending.MatchString(prose):
		return unclear
	}
	return open
}

// known are the states that texts stand for.
func known(texts []string) []state {
	words := vocabulary()
	var found []state
	for _, text := range texts {
		if one, is := words[word(text)]; is {
			found = append(found, one)
		}
	}
	return found
}

// spots are the parts of a title that may be its status: heads before what it is about, all
// of it among them where it has one part, and tails behind.
func spots(title string) (heads, tails []string) {
	for _, at := range bracketed.FindAllStringSubmatchIndex(title, -1) {
		before := strings.TrimSpace(bracketed.ReplaceAllString(title[:at[0]], ""))
		behind := strings.TrimSpace(title[at[1]:])
		if tag := title[at[2]:at[3]]; before == "" || behind != "" && joined.MatchString(before) {
			heads = append(heads, tag)
		} else {
			tails = append(tails, tag)
		}
	}
	parts := separator.Split(bracketed.ReplaceAllString(title, ""), -1)
	if last := len(parts) - 1; last > 0 {
		tails = append(tails, parts[last])
	}
	return append(heads, parts[0]), tails
}

// agreed is what several places say together. An end beside anything but its own
// announcement is a contradiction.
func agreed(said []state) state {
	has := map[state]bool{}
	for _, one := range said {
		has[one] = true
	}
	switch {
	case has[over] && (has[open] || has[underWay]):
		return unclear
	case has[over]:
		return over
	case has[open]:
		return open
	case has[underWay]:
		return underWay
	}
	return upcoming
}

// word is a text as vocabulary has it.
func word(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	text = strings.TrimSpace(strings.TrimPrefix(text, "status:"))
	return strings.TrimSpace(strings.Trim(text, "-–—:.!"))
}

// bare is a title without the words of its status, so that those of one incident are equal.
func bare(title string) string {
	known := vocabulary()
	title = bracketed.ReplaceAllStringFunc(title, func(tag string) string {
		if _, status := known[word(strings.Trim(tag, "[]"))]; status {
			return ""
		}
		return tag
	})
	var kept []string
	for _, part := range separator.Split(title, -1) {
		if _, status := known[word(part)]; !status {
			kept = append(kept, strings.Join(strings.Fields(part), " "))
		}
	}
	return strings.Join(kept, " - ")
}
