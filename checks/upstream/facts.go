package upstream

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/weblink"
	"lapsewatch/watch"
)

const (
	// namedInText are incidents and components that stand in a message; more in details.
	namedInText  = 3
	namedInLists = 20
	unknown      = "not known"
)

// fact tells what the sources come to, in the light of what was read before.
func (l *look) fact(results []result, told verdict, now record, forgotten error) watch.Fact {
	about := subject(l.upstream)
	if about.Link == "" {
		about.Link = linkOf(results)
	}
	details := l.details(results, told, now)
	switch {
	case !told.known:
		return l.problem(about, results, now, details)
	case forgotten != nil && !told.grade.bad():
		return watch.Problem{Subject: about, Reason: watch.Unreadable, Err: forgotten, Confined: true, Details: details, Remedy: "Look at the ledger: without it nobody knows how long a provider has been well."}
	case now.Lost:
		return watch.Problem{
			Subject: about, Reason: watch.Unreadable, Confined: true, Details: details,
			Err:    fmt.Errorf("%s, but what earlier passes read is damaged; %s", l.says(results, told.grade), l.progress(now)),
			Remedy: "Nothing to do: the next passes read it anew.",
		}
	}
	condition := watch.Condition{Subject: about, Reason: now.Grade.grading().reason, Text: l.says(results, told.grade), Details: details}
	if now.Grade > told.grade {
		condition.Text += fmt.Sprintf("; it was %s until %s at least, %s", now.Grade.grading().word, now.Last.Format(stamp), l.progress(now))
	}
	return condition
}

// progress is how many better reads there are of those that it takes.
func (l *look) progress(now record) string {
	what := "better"
	if now.Best == well {
		what = "positive"
	}
	return fmt.Sprintf("%d of %d %s reads in a row so far", now.Better, l.options.goodReads(l.upstream), what)
}

// says is what the sources say, in a sentence.
func (l *look) says(results []result, g grade) string {
	text := g.grading().says
	if g == well {
		if len(l.upstream.Components)+len(l.upstream.Regions) > 0 {
			text = "the provider says that what counts of it is well: " + someOf(slices.Concat(l.upstream.Components, l.upstream.Regions))
		}
		if len(results) > 1 {
			text += fmt.Sprintf(" (%d sources)", len(results))
		}
		return text
	}
	var parts []string
	if open := incidentsOf(results); len(open) > 0 {
		parts = append(parts, someOf(open))
	}
	if hit := componentsOf(results); len(hit) > 0 {
		parts = append(parts, someOf(hit))
	}
	if words := indicatorsOf(results); len(parts) == 0 && len(words) > 0 {
		parts = append(parts, someOf(words))
	}
	if len(parts) == 0 {
		return text
	}
	return text + ": " + strings.Join(parts, "; ")
}

func someOf(all []string) string {
	text := strings.Join(all[:min(len(all), namedInText)], ", ")
	if rest := len(all) - namedInText; rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}

// problem is why nobody knows how it is.
func (l *look) problem(about watch.Subject, results []result, now record, details map[string]any) watch.Problem {
	problem := watch.Problem{Subject: about, Confined: true, Details: details}
	var texts []string
	for _, r := range results {
		if r.clear() {
			continue
		}
		reason, remedy, text := r.unclear()
		problem.Reason, problem.Remedy = cmp.Or(problem.Reason, reason), cmp.Or(problem.Remedy, remedy)
		texts = append(texts, fmt.Sprintf("%s at %s: %s", r.source.Kind, r.source.host(), text))
	}
	whole := strings.Join(texts, "; ")
	if now.Grade != well {
		whole += fmt.Sprintf("; it was %s on %s, and counts as such until it is known to be better", now.Grade.grading().word, now.Last.Format(stamp))
	}
	problem.Err = errors.New(whole)
	return problem
}

// unclear is why a source proves nothing.
func (r result) unclear() (reason watch.Reason, remedy, text string) {
	if r.err != nil {
		reason, remedy = whyNot(r.err)
		return reason, remedy, r.err.Error()
	}
	var texts []string
	for _, one := range r.doubts {
		reason, remedy = cmp.Or(reason, one.reason), cmp.Or(remedy, one.remedy)
		texts = append(texts, one.text)
	}
	if rest := len(texts) - namedInText; rest > 0 {
		texts = append(texts[:namedInText], fmt.Sprintf("and %d more", rest))
	}
	return reason, remedy, strings.Join(texts, ", ")
}

// details are for reports, and for those who tie incidents of their own to these.
func (l *look) details(results []result, told verdict, now record) map[string]any {
	state := now.Grade.grading().word
	if !told.known || now.Lost {
		state = unknown
	}
	details := map[string]any{"state": state, "sources": sourcesOf(results), "good_reads_needed": l.options.goodReads(l.upstream)}
	list := func(key string, all []string) {
		if len(all) > namedInLists {
			all = append(all[:namedInLists:namedInLists], fmt.Sprintf("and %d more", len(all)-namedInLists))
		}
		if len(all) > 0 {
			details[key] = all
		}
	}
	list("indicator", indicatorsOf(results))
	list("components", componentsOf(results))
	list("incidents", incidentsOf(results))
	list("incident_links", linksOf(results))
	if now.Grade != well {
		details["bad_since"], details["last_bad"] = now.Since.Format(time.RFC3339), now.Last.Format(time.RFC3339)
	}
	if now.Better > 0 {
		details["good_reads"] = now.Better
	}
	return details
}

func sourcesOf(results []result) []string {
	var all []string
	for _, r := range results {
		state := r.grade.grading().word
		if sure := r.clear() || r.err == nil && r.grade.bad(); !sure {
			state = unknown
		}
		all = append(all, fmt.Sprintf("%s at %s: %s", r.source.Kind, r.source.host(), state))
	}
	return all
}

func indicatorsOf(results []result) []string {
	return gathered(results, func(r result) []string { return []string{shown(r.indicator)} })
}

func componentsOf(results []result) []string {
	return gathered(results, func(r result) []string { return r.components })
}

func incidentsOf(results []result) []string {
	return gathered(results, func(r result) []string {
		var all []string
		for _, one := range r.incidents {
			all = append(all, one.String())
		}
		return all
	})
}

func linksOf(results []result) []string {
	return gathered(results, func(r result) []string {
		var all []string
		for _, one := range r.incidents {
			all = append(all, r.source.linkTo(one.link))
		}
		return all
	})
}

// gathered is what the sources that were read name, each thing once.
func gathered(results []result, of func(result) []string) []string {
	var all []string
	named := map[string]bool{"": true}
	for _, r := range results {
		if r.err != nil {
			continue
		}
		for _, one := range of(r) {
			if !named[one] {
				named[one] = true
				all = append(all, one)
			}
		}
	}
	return all
}

// String is an incident for people: "Elevated errors" (investigating, since …).
func (i incident) String() string {
	var about []string
	if i.status != "" {
		about = append(about, shown(i.status))
	}
	if !i.started.IsZero() {
		about = append(about, "since "+i.started.UTC().Format(stamp))
	}
	if len(about) == 0 {
		return fmt.Sprintf("%q", shown(i.name))
	}
	return fmt.Sprintf("%q (%s)", shown(i.name), strings.Join(about, ", "))
}

// linkOf is the provider's own page about what is open, or about all of it.
func linkOf(results []result) string {
	if links := linksOf(results); len(links) > 0 {
		return links[0]
	}
	for _, r := range results {
		if link := r.source.linkTo(r.page); r.err == nil && link != "" {
			return link
		}
	}
	return weblink.HTTPS(results[0].source.page())
}
