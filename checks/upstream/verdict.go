package upstream

import (
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// grade is how a provider is, by its own account.
type grade int

// The grades, from good to bad.
const (
	well grade = iota
	// informed: there is an incident that, the provider says, has no impact on anything.
	informed
	maintenance
	degraded
	down
)

// grading is what a grade is called, and why it is reported.
type grading struct {
	word   string
	reason watch.Reason
	// says is the beginning of the message.
	says string
}

func (g grade) grading() grading {
	gradings := []grading{
		{word: "well", says: "the provider says that all is well"},
		{"well, with something to tell", watch.UpstreamMaintenance, "the provider has something to tell, and says that nothing is affected"},
		{"under maintenance", watch.UpstreamMaintenance, "the provider is at work on it"},
		{"degraded", watch.UpstreamDegraded, "the provider says that part of it is not well"},
		{"down", watch.UpstreamDown, "the provider says that it, or part of it, does not work"},
	}
	return gradings[min(max(g, well), down)]
}

// bad reports whether what it says needs no other source to be believed.
func (g grade) bad() bool { return g >= degraded }

// incident is one that is open, or a maintenance that is under way.
type incident struct {
	name string
	// status is the provider's own word; of Azure, the ID that it tracks it by.
	status  string
	started time.Time
	link    string
}

// doubt is why a source that was read proves nothing good.
type doubt struct {
	reason watch.Reason
	text   string
	remedy string
}

// reading is what one source says. All texts are those of the provider.
type reading struct {
	grade grade
	// doubts keep it from counting as well.
	doubts []doubt
	// indicator is the provider's own word for the whole.
	indicator  string
	components []string
	incidents  []incident
	// updated is when the page was last changed, zero if it does not say.
	updated time.Time
	// empty: it is a feed without items.
	empty bool
	page  string
}

func (r *reading) raise(to grade) { r.grade = max(r.grade, to) }

func (r *reading) doubt(reason watch.Reason, text string) {
	r.doubts = append(r.doubts, doubt{reason: reason, text: text})
}

// strange notes a value that is not known: it may mean anything.
func (r *reading) strange(what, value string) {
	text := "its " + what + " is missing"
	if value != "" {
		text = "its " + what + " is \"" + shown(value) + "\", which is not known"
	}
	r.doubt(watch.Unparsable, text)
}

// result is what became of one source.
type result struct {
	source Source
	reading
	// err is why it could not be read; then there is no reading.
	err error
}

// clear reports whether what it says leaves nothing open.
func (r result) clear() bool { return r.err == nil && len(r.doubts) == 0 }

// verdict is what all sources of an upstream together say.
type verdict struct {
	grade grade
	// known: it is bad by one of them, or all of them are clear.
	known bool
}

// together: any bad is bad; all must be clear for anything better. A maintenance is nearly
// well, so that what is not known beside it counts.
func together(results []result) verdict {
	worst := well
	for _, r := range results {
		if r.err == nil {
			worst = max(worst, r.grade)
		}
	}
	unclear := slices.ContainsFunc(results, func(r result) bool { return !r.clear() })
	return verdict{grade: worst, known: worst.bad() || !unclear}
}

const (
	// shownRunes of a provider's text are shown.
	shownRunes = 120
	stamp      = "2006-01-02 15:04 UTC"
)

func shown(text string) string {
	return clean.Prose(clean.Text(strings.Join(strings.Fields(text), " "), shownRunes))
}

// same compares names as people write them.
func same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// names are those that count, as people write them.
type names map[string]bool

func namesOf(all []string) names {
	found := names{}
	for _, one := range all {
		found.add(one)
	}
	return found
}

func (n names) add(name string) { n[folded(name)] = true }

// have reports whether one of the names is among them.
func (n names) have(some ...text) bool {
	return slices.ContainsFunc(some, func(one text) bool { return one != "" && n[folded(string(one))] })
}

func folded(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
