package incidents

import (
	"reflect"
	"regexp"
	"slices"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/weblink"
	"lapsewatch/watch"
)

// What a template sees of a story has these limits, so that its loops have them too. Names
// and texts are in characters, before they are quoted.
const (
	maxCauses, maxOwners, maxComponents    = 50, 20, 100
	maxAffected, maxUpstreams, maxTimeline = 200, 20, 200
	maxName, maxLongText, maxPublicText    = 200, 1000, 300
	maxComponentName                       = 100
	// maxNamed are the components that a sentence names.
	maxNamed = 3
)

// view is what templates see: a Story without methods, whose instants are texts and whose
// texts are clean and quoted. It has every field of the Story.
type view struct {
	Key, Instance, Phase      string
	Hidden, Reopened, Planned bool
	// Cancelled: the planned maintenance did not take place. Gone: nothing is known of any
	// cause, because none is watched any more.
	Cancelled, Gone bool
	// Nature says what the public is told is the matter; Problem, Past (the problem when it is
	// over) and Recovery are the built-in sentences for it.
	Nature, Problem, Past, Recovery string
	// Services names the components for a sentence, or says "a service"; ServiceCount is how
	// many that speaks of.
	Services     string
	ServiceCount int
	Causes       []causeView
	CausesMore   int
	Components   []componentView
	Affected     []string
	AffectedMore int
	Upstreams    []upstreamView
	Window       windowView

	StartedAt, OpenedAt, RenewedAt, ResolvedAt, At, FirstWarned string

	Acknowledged acknowledgedView
	Timeline     []entryView
	TimelineMore int
	// Changes and Told are the entries of the timeline of those kinds; Told has who was not
	// reached as well.
	Changes, Told []entryView
}

type causeView struct {
	FindingID, Name, Check, Kind, Reason, Message, NotAfter string
	DaysLeft                                                int
	Owners                                                  []string
	Remedy, Link                                            string
	Good, Gone                                              bool
	GoodAt                                                  string
}

type componentView struct{ ID, Name, Status string }

// upstreamView and entryView are told in one line by the built-in sentence, their Line.
type upstreamView struct {
	Name, Message, Link string
	Good                bool
	Line                string
}

type entryView struct{ At, Kind, What, Who, Text, Line string }

// windowView and acknowledgedView are maps, since a template takes an empty one for false
// and finds empty texts in it.
type (
	windowView       map[string]string
	acknowledgedView map[string]string
)

// entries lists the keys of the maps.
func entries() map[reflect.Type][]string {
	return map[reflect.Type][]string{
		reflect.TypeFor[windowView]():       {"From", "Until"},
		reflect.TypeFor[acknowledgedView](): {"By", "Reason", "At", "Until"},
	}
}

var viewType = reflect.TypeFor[view]()

// view cleans, quotes and bounds a story, and words its sentences.
func (w *Words) view(story Story) (view, error) {
	seen := view{
		Key: w.key(story.Key), Instance: w.said(story.Instance, maxName), Phase: string(story.Phase),
		Hidden: story.Hidden, Reopened: story.Reopened, Cancelled: story.Cancelled, Gone: gone(story),
		// A maintenance goes on being one after its time, unless something began to hurt.
		Planned: story.Phase == watch.Scheduled || story.Window != nil && story.StartedAt.IsZero(),
		Nature:  natureOf(story), AffectedMore: max(0, story.AffectedMore), TimelineMore: max(0, story.TimelineMore),
		StartedAt: stamp(story.StartedAt), OpenedAt: stamp(story.OpenedAt), RenewedAt: stamp(story.RenewedAt),
		ResolvedAt: stamp(story.ResolvedAt), At: stamp(story.At), FirstWarned: stamp(story.FirstWarned),
	}
	causes, more := bounded(story.Causes, maxCauses)
	seen.CausesMore = more + max(0, story.CausesMore)
	for _, cause := range causes {
		seen.Causes = append(seen.Causes, w.cause(cause))
	}
	w.nameComponents(&seen, story.Components)
	affected, more := bounded(story.Affected, maxAffected)
	seen.AffectedMore += more
	seen.Affected = w.all(affected)
	if story.Window != nil {
		seen.Window = windowView{"From": stamp(story.Window.From), "Until": stamp(story.Window.Until)}
	}
	if taken := story.Acknowledged; taken != nil {
		seen.Acknowledged = acknowledgedView{
			"By": w.said(taken.By, maxName), "Reason": w.said(taken.Reason, maxLongText), "At": stamp(taken.At), "Until": stamp(taken.Until),
		}
	}
	return w.sentences(seen, story)
}

// sentences are worded last, since they are made of the rest.
func (w *Words) sentences(seen view, story Story) (view, error) {
	upstreams, _ := bounded(story.Upstreams, maxUpstreams)
	for _, upstream := range upstreams {
		shown := upstreamView{Name: w.said(upstream.Name, maxName), Message: w.said(upstream.Message, maxPublicText), Link: w.link(upstream.Link), Good: upstream.Good}
		line, err := w.run(w.builtIn[fragmentUpstream], shown)
		if err != nil {
			return view{}, err
		}
		shown.Line = line
		seen.Upstreams = append(seen.Upstreams, shown)
	}
	if err := w.tell(&seen, story.Timeline); err != nil {
		return view{}, err
	}
	worded := seen
	for fragment, sentence := range map[string]*string{fragmentProblem: &worded.Problem, fragmentPast: &worded.Past, fragmentRecovery: &worded.Recovery} {
		line, err := w.run(w.builtIn[fragment], seen)
		if err != nil {
			return view{}, err
		}
		*sentence = line
	}
	return worded, nil
}

// tell words the timeline. Of a long one the beginning and the end are kept.
func (w *Words) tell(seen *view, timeline []Entry) error {
	if over := len(timeline) - maxTimeline; over > 0 {
		seen.TimelineMore += over
		timeline = slices.Concat(timeline[:maxTimeline/2], timeline[len(timeline)-maxTimeline/2:])
	}
	for _, entry := range timeline {
		shown := entryView{At: stamp(entry.At), Kind: string(entry.Kind), What: w.said(entry.What, maxName), Who: w.said(entry.Who, maxName)}
		shown.Text = w.said(entry.Text, maxLongText)
		if slices.Contains(watch.Phases(), watch.Phase(entry.Text)) {
			shown.Text = entry.Text
		}
		line, err := w.run(w.builtIn[fragmentEntry], shown)
		if err != nil {
			return err
		}
		shown.Line = line
		seen.Timeline = append(seen.Timeline, shown)
		// What is of no kind that is listed here stands in the timeline alone.
		seen.Changes = appendKind(seen.Changes, shown, EntryChanged)
		seen.Told = appendKind(seen.Told, shown, EntryTold, EntryUntold)
	}
	return nil
}

func appendKind(listed []entryView, shown entryView, kinds ...EntryKind) []entryView {
	if slices.Contains(kinds, EntryKind(shown.Kind)) {
		return append(listed, shown)
	}
	return listed
}

func (w *Words) cause(cause Cause) causeView {
	owners, more := bounded(cause.Owners, maxOwners)
	shown := causeView{
		FindingID: w.said(cause.FindingID, maxLongText), Name: w.said(cause.Name, maxName), Check: w.said(cause.Check, maxName),
		Kind: w.said(cause.Kind, maxName), Reason: string(cause.Reason), Message: w.said(cause.Message, maxLongText),
		NotAfter: stamp(cause.NotAfter), DaysLeft: int(cause.DaysLeft), Owners: w.all(owners),
		Remedy: w.said(cause.Remedy, maxLongText), Link: w.link(cause.Link), Good: cause.Good, Gone: cause.Gone, GoodAt: stamp(cause.GoodAt),
	}
	if more > 0 {
		shown.Owners = append(shown.Owners, w.language.more(more))
	}
	return shown
}

func (w *Words) nameComponents(seen *view, components []watch.Component) {
	var names []string
	for _, component := range components {
		names = append(names, w.said(component.Name, maxComponentName))
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	seen.Services, seen.ServiceCount = w.language.enumerate(names, maxNamed), max(1, len(names))
	if len(names) == 0 {
		seen.Services = w.language.noComponent
	}
	listed, _ := bounded(components, maxComponents)
	for _, component := range listed {
		seen.Components = append(seen.Components, componentView{
			ID: w.said(component.ID, maxName), Name: w.said(component.Name, maxComponentName), Status: string(component.Status),
		})
	}
}

func (w *Words) all(texts []string) []string {
	var shown []string
	for _, text := range texts {
		shown = append(shown, w.said(text, maxName))
	}
	return shown
}

// said makes a text from outside fit to stand in ours.
func (w *Words) said(text string, limit int) string {
	if text = clean.Text(text, limit); text == "" {
		return ""
	}
	return w.quote(text)
}

func (w *Words) link(link string) string {
	if link = weblink.HTTPS(link); link == "" {
		return ""
	}
	return w.quote(link)
}

// plainKey is what keys are made of. They are found again by their letters, so that
// nothing must be put into them.
var plainKey = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

func (w *Words) key(key string) string {
	if plainKey.MatchString(key) {
		return key
	}
	return w.said(key, maxName)
}

func bounded[E any](list []E, most int) (kept []E, more int) {
	kept = list[:min(len(list), most)]
	return kept, len(list) - len(kept)
}

func gone(story Story) bool {
	return len(story.Causes) > 0 && !slices.ContainsFunc(story.Causes, func(cause Cause) bool { return !cause.Gone })
}
