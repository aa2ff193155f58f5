package jwt

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

const maxDoubts = 8

// doubts are the signatures that were found wrong, by the IDs of their subjects. Where the
// token of one cannot be read later on, or its key cannot be used here, nobody has looked at
// it anew: that is told, so that what was known stands.
type doubts struct {
	pages   pages
	text    []string
	before  []string
	unknown bool

	mu sync.Mutex
	// told are the signatures that were told of, of which wrong are such; problems are those
	// of places and keys, and unchecked the places whose signatures could not be verified.
	told      map[string]bool
	wrong     []string
	problems  []watch.Problem
	unchecked map[string]string
}

func recallDoubts(ctx context.Context, p *pass) *doubts {
	d := &doubts{pages: pages{memory: p.env.Memory, key: "signatures", most: maxDoubts}, told: map[string]bool{}, unchecked: map[string]string{}}
	var err error
	if d.text, err = d.pages.recall(ctx); err != nil {
		d.unknown = true
		p.env.Log.Warn("recall which signatures were wrong", "error", err)
		p.sink(watch.Remark{Text: "which signatures were wrong before could not be recalled: if the token of one cannot be read now, its finding may end"})
		return d
	}
	for line := range strings.Lines(strings.Join(d.text, "")) {
		if id, err := strconv.Unquote(strings.TrimSpace(line)); err == nil {
			d.before = append(d.before, id)
		}
	}
	return d
}

// note sees every fact of a pass.
func (d *doubts) note(fact watch.Fact) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch fact := fact.(type) {
	case watch.Problem:
		d.problems = append(d.problems, fact)
	case watch.Condition:
		if id := fact.Subject.ID; strings.HasPrefix(id, signaturePrefix) {
			d.told[id] = true
			if fact.Reason != "" {
				d.wrong = append(d.wrong, id)
			}
		}
	}
}

// uncheckable notes that the signature of a place cannot be verified with its keys, and why.
func (d *doubts) uncheckable(p *place, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unchecked[p.subject.ID] = text
}

// settle tells of the signatures that were wrong and were not looked at in this pass, and
// remembers those together with the ones that are wrong now.
func (d *doubts) settle(ctx context.Context, p *pass) {
	if d.unknown {
		return
	}
	keep := d.wrong
	for _, id := range d.before {
		place, ok := placeOf(id)
		if !ok || d.told[id] {
			continue
		}
		problem, told := d.hidden(id, place)
		if !told {
			continue // its token is gone, or another one
		}
		keep = append(keep, id)
		if problem != nil {
			p.sink(*problem)
		}
	}
	slices.Sort(keep)
	for i := range keep {
		keep[i] = strconv.Quote(keep[i]) + "\n"
	}
	text, left := paged(slices.Compact(keep), maxDoubts)
	if left > 0 {
		p.sink(watch.Remark{Text: fmt.Sprintf("of the signatures that are wrong %d are not remembered: if the token of one cannot be read later, its finding may end", left)})
	}
	if err := d.pages.remember(ctx, d.text, text); err != nil {
		p.env.Log.Warn("remember which signatures are wrong", "error", err)
	}
}

// hidden reports whether a signature was not looked at, and the problem that says so, unless
// one has said it already.
func (d *doubts) hidden(id, place string) (*watch.Problem, bool) {
	told := watch.Problem{
		Subject:  watch.Subject{ID: id, Name: clean.Text("signature of "+strings.TrimPrefix(strings.TrimPrefix(place, "file:"), "token:"), maxPath)},
		Confined: true, Reason: watch.Unparsable, Remedy: "Look at the key in the message: signatures cannot be verified with it here.",
	}
	if text, unchecked := d.unchecked[place]; unchecked {
		told.Err = fmt.Errorf("verify the signature, which was wrong before: the token %s", text)
		return &told, true
	}
	for _, problem := range d.problems {
		under := func(id string) bool {
			return problem.HidesPrefix != "" && strings.HasPrefix(id, problem.HidesPrefix)
		}
		if under(id) {
			return nil, true
		}
		if problem.Subject.ID == place || under(place) {
			told.Reason, told.Remedy = problem.Reason, problem.Remedy
			told.Err = fmt.Errorf("verify the signature, which was wrong before: %w", problem.Err)
			return &told, true
		}
	}
	return nil, false
}
