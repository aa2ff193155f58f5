package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/incidents/cstate"
	"lapsewatch/runner"
	"lapsewatch/watch"
)

// storyWidth is how wide the story is.
const storyWidth = 110

func (r *replay) line(format string, values ...any) {
	_, _ = fmt.Fprintf(&r.story, strings.TrimRight(format, " ")+"\n", values...)
}

// tell writes down what a pass brought: what was found, who was told, and what stands on
// the status page, as far as it is new.
func (r *replay) tell(now time.Time, happened string, outcome runner.Outcome) {
	r.t.Helper()
	mails, stubs := r.newMails(), r.newStubs()
	if len(outcome.Events)+len(mails)+len(stubs) == 0 {
		r.silent.add(r, now, happened)
		return
	}
	r.flush()
	r.line("\n%s UTC: %s", now.Format(replayTimes), happened)
	var found strings.Builder
	for finding, err := range outcome.Pass.Findings {
		if err != nil {
			r.t.Fatal(err)
		}
		if finding.Severity != watch.OK {
			found.WriteString(r.wrapped("    ", fmt.Sprintf("%s, %s: %s: %s", finding.Severity, finding.Reason, finding.Name, finding.Message)))
		}
	}
	for _, event := range outcome.Events {
		if event.Type == watch.Resolved {
			found.WriteString(r.wrapped("    ", fmt.Sprintf("%s: %s: %s", event.Type, event.Finding.Name, event.Finding.Message)))
		}
	}
	if found.Len() > 0 {
		r.line("  found:")
		r.story.WriteString(found.String())
	}
	for _, text := range slices.Concat(mails, stubs) {
		r.story.WriteString(text)
	}
}

// silence is passes in a row of the same state of the world that brought nothing new.
type silence struct {
	first, last time.Time
	passes      int
	happened    string
}

func (s *silence) add(r *replay, now time.Time, happened string) {
	if s.passes > 0 && s.happened != happened {
		r.flush()
	}
	if s.passes == 0 {
		s.first, s.happened = now, happened
	}
	s.passes, s.last = s.passes+1, now
}

// flush writes down the silence so far.
func (r *replay) flush() {
	s := r.silent
	r.silent = silence{}
	when := s.first.Format(replayTimes) + " UTC"
	switch {
	case s.passes == 0:
		return
	case s.passes > 1:
		when = fmt.Sprintf("%s to %s UTC, %d passes", s.first.Format(replayTimes), s.last.Format(replayTimes), s.passes)
	}
	r.line("\n%s: %s\n  nothing new: nobody is told, and the status page stays as it is", when, s.happened)
}

// steady puts names and words in the place of what differs from one replay to another.
func (r *replay) steady(text string) string {
	text = strings.NewReplacer(r.names...).Replace(text)
	for _, one := range r.rough {
		text = one.pattern.ReplaceAllString(text, one.word)
	}
	return text
}

// wrapped breaks a text into lines of the story's width, with an indent.
func (r *replay) wrapped(indent, text string) string {
	var out strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(r.steady(text)), "\n") {
		begin := indent + line[:len(line)-len(strings.TrimLeft(line, " "))]
		held, empty := begin, true
		for _, word := range strings.Fields(line) {
			if !empty && len(held)+1+len(word) > storyWidth {
				out.WriteString(held + "\n")
				held, empty = begin+"  ", true
			}
			if !empty {
				held += " "
			}
			held, empty = held+word, false
		}
		out.WriteString(strings.TrimRight(held, " ") + "\n")
	}
	return out.String()
}

// newStubs are the stubs that stand otherwise than when it was called last.
func (r *replay) newStubs() []string {
	r.t.Helper()
	var changed []string
	for _, remote := range r.stubs() {
		told := r.stub(remote)
		if r.stood[remote.ID] != told {
			changed = append(changed, told)
		}
		r.stood[remote.ID] = told
	}
	return changed
}

// stubs are those that stand on the status page.
func (r *replay) stubs() []incidents.Remote {
	r.t.Helper()
	decode := decoderOf(fmt.Sprintf("{folder: %q}", r.path("issues")))
	page, err := cstate.Kind.Build(decode, incidents.Env{Env: alerts.Env{Name: "status page", Now: time.Now, Log: slog.New(slog.DiscardHandler)}})
	if err != nil {
		r.t.Fatal(err)
	}
	all, err := page.List(r.t.Context(), time.Time{})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func (r *replay) stub(remote incidents.Remote) string {
	visible := "public"
	if remote.Hidden {
		visible = "a draft that only staff sees"
	}
	var text strings.Builder
	text.WriteString(r.wrapped("  ", fmt.Sprintf("status page, %s: %q is %s", visible, remote.Title, remote.Phase)))
	for _, component := range remote.Components {
		fmt.Fprintf(&text, "    component %s: %s\n", component.ID, component.Status)
	}
	text.WriteString(r.wrapped("    | ", remote.Texts[len(remote.Texts)-1]))
	text.WriteString("    for staff:\n" + r.wrapped("    | ", r.staff(remote.Key)))
	return text.String()
}

// staff reads the file of the name that only staff sees.
func (r *replay) staff(name string) string {
	r.t.Helper()
	content, err := os.ReadFile(filepath.Join(r.folder, "staff", name+".md"))
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.story.String())
	}
	text, _, _ := strings.Cut(string(content), "<!--")
	return r.withoutNow(text)
}

// asOf says when the part for staff was written.
var asOf = regexp.MustCompile(`, as of (\S+ \S+ UTC), `)

// withoutNow leaves out who was told in the pass of the text itself: messages are on their
// way at the same time.
func (r *replay) withoutNow(text string) string {
	written := asOf.FindStringSubmatch(text)
	if written == nil {
		return text
	}
	return strings.ReplaceAll(regexp.MustCompile(`(?m)^- `+written[1]+": .* was told by .*\n").ReplaceAllString(text, ""), "\nTold:\n\n", "\n")
}

// end adds the drafts of the post-mortems, and compares the story with the one that is kept.
func (r *replay) end(name string) {
	r.t.Helper()
	r.flush()
	for _, remote := range r.stubs() {
		r.line("\nThe draft of the post-mortem of %q\n", remote.Title)
		r.story.WriteString(r.wrapped("| ", r.staff(remote.Key+"-post-mortem")))
	}
	story := r.story.String()
	path := filepath.Join("testdata", "replay", name+".golden.txt")
	if *updateYear {
		if err := os.WriteFile(path, []byte(story), 0o644); err != nil {
			r.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	if story != string(want) {
		r.t.Errorf("the story is not that of %s (-update writes it anew):\n%s", path, firstDifference(string(want), story))
	}
}

// firstDifference shows where two texts part.
func firstDifference(want, got string) string {
	wanted, lines := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i, line := range lines {
		if i >= len(wanted) || line != wanted[i] {
			return fmt.Sprintf("line %d: want\n%s\ngot\n%s", i+1, strings.Join(wanted[min(i, len(wanted)):min(i+3, len(wanted))], "\n"), strings.Join(lines[i:min(i+3, len(lines))], "\n"))
		}
	}
	return "the end is missing"
}
