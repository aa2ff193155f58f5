package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lapsewatch/watch"
)

const (
	// maxComponents and maxPublished of a page are read: far more than any has.
	maxComponents = 10_000
	maxPublished  = 2000
)

// summary is /api/v2/summary.json of a page of Statuspage (metastatuspage.com/api/v2).
type summary struct {
	Page struct {
		Name    text `json:"name"`
		URL     text `json:"url"`
		Updated text `json:"updated_at"`
	} `json:"page"`
	Status *struct {
		Indicator   text `json:"indicator"`
		Description text `json:"description"`
	} `json:"status"`
	Components   []component `json:"components"`
	Incidents    []published `json:"incidents"`
	Maintenances []published `json:"scheduled_maintenances"`
}

type component struct {
	ID      text `json:"id"`
	Name    text `json:"name"`
	Status  text `json:"status"`
	GroupID text `json:"group_id"`
	Group   bool `json:"group"`
}

// published is an incident or a maintenance.
type published struct {
	Name       text        `json:"name"`
	Status     text        `json:"status"`
	Impact     text        `json:"impact"`
	Link       text        `json:"shortlink"`
	Started    text        `json:"started_at"`
	Created    text        `json:"created_at"`
	For        text        `json:"scheduled_for"`
	Components []component `json:"components"`
}

func readStatuspage(ctx context.Context, l *look, s Source) (reading, error) {
	body, err := l.json(ctx, s)
	if err != nil {
		return reading{}, err
	}
	return parseStatuspage(body, l.upstream.Components, l.now, l.stale)
}

// parseStatuspage reads a summary. wanted are the components that count, all if it is empty.
func parseStatuspage(body []byte, wanted []string, now time.Time, stale time.Duration) (reading, error) {
	var found summary
	if json.Unmarshal(body, &found) != nil { // its error repeats what was sent
		return reading{}, notThis("summary of a status page")
	}
	if found.Page.Name == "" || found.Status == nil || found.Components == nil || found.Incidents == nil || found.Maintenances == nil {
		return reading{}, notThis("whole summary of a status page: page, status, components, incidents or scheduled_maintenances is missing")
	}
	if len(found.Components) > maxComponents {
		return reading{}, tooLarge("components than a status page does")
	}
	if max(len(found.Incidents), len(found.Maintenances)) > maxPublished {
		return reading{}, tooLarge("incidents or maintenances than a status page does")
	}
	r := reading{indicator: string(found.Status.Indicator), page: string(found.Page.URL), updated: found.Page.Updated.moment()}
	watched := found.watched(wanted, &r)
	for _, one := range watched {
		r.component(one, len(wanted) > 0)
	}
	if len(wanted) == 0 {
		r.whole(found.Status.Indicator)
	}
	open := found.concerning(watched, wanted, &r)
	if open && (r.updated.IsZero() || now.Sub(r.updated) > stale) {
		r.doubt(watch.Incomplete, r.age())
	}
	return r, nil
}

func (r *reading) age() string {
	if r.updated.IsZero() {
		return "it does not say when it was changed last, while an incident is open"
	}
	return fmt.Sprintf("it was changed last on %s, while an incident is open, so that it may be an old copy", r.updated.Format(stamp))
}

// watched are the components that count. One of a group counts with it.
func (s summary) watched(wanted []string, r *reading) []component {
	if len(wanted) == 0 {
		return s.Components
	}
	counting, shownThere, groups := namesOf(wanted), names{}, map[text]bool{}
	var found []component
	for _, one := range s.Components {
		shownThere.add(string(one.ID))
		shownThere.add(string(one.Name))
		if one.Group && one.ID != "" && counting.have(one.ID, one.Name) {
			groups[one.ID] = true
		}
	}
	for _, one := range s.Components {
		if counting.have(one.ID, one.Name) || groups[one.GroupID] {
			found = append(found, one)
		}
	}
	for _, name := range wanted {
		if !shownThere.have(text(name)) {
			r.doubts = append(r.doubts, doubt{
				reason: watch.NotFound, text: "it has no component \"" + shown(name) + "\"",
				remedy: "Correct components: want the name or the ID of each as the page shows it.",
			})
		}
	}
	return found
}

// component adds what one component's status says. Where all of them count, the page's own
// indicator says how grave it is.
func (r *reading) component(one component, chosen bool) {
	grades := map[text]grade{"operational": well, "under_maintenance": maintenance, "degraded_performance": degraded, "partial_outage": degraded, "major_outage": down}
	found, known := grades[one.Status]
	if !known {
		r.strange("component "+shown(string(one.Name))+"'s status", string(one.Status))
		return
	}
	if found == well {
		return
	}
	r.components = append(r.components, fmt.Sprintf("%s: %s", shown(string(one.Name)), one.Status))
	if !chosen {
		found = min(found, degraded)
	}
	r.raise(found)
}

// whole adds what the page says of itself as a whole.
func (r *reading) whole(indicator text) {
	grades := map[text]grade{"none": well, "minor": degraded, "major": down, "critical": down, "maintenance": maintenance}
	found, known := grades[indicator]
	if !known {
		r.strange("indicator", string(indicator))
		return
	}
	r.raise(found)
}

// concerning adds the incidents and maintenances that concern what is watched, and reports
// whether any incident is open at all.
func (s summary) concerning(watched []component, wanted []string, r *reading) (open bool) {
	counting := namesOf(wanted)
	for _, one := range watched {
		counting.add(string(one.ID))
	}
	concerned := func(one published) bool { return len(wanted) == 0 || one.concerns(counting) }
	for _, one := range s.Incidents {
		if one.over() {
			continue
		}
		open = true
		if concerned(one) {
			r.incident(one, len(wanted) > 0, s.Status.Indicator)
		}
	}
	for _, one := range s.Maintenances {
		if concerned(one) {
			r.maintenance(one)
		}
	}
	return open
}

func (p published) over() bool {
	return p.Status == "resolved" || p.Status == "postmortem" || p.Status == "completed"
}

// incident adds an open one. It is bad whatever its status, which may be new, unless it says
// in each place that nothing is affected.
func (r *reading) incident(one published, chosen bool, indicator text) {
	if known := one.Status == "investigating" || one.Status == "identified" || one.Status == "monitoring"; !known {
		r.strange("incident's status", string(one.Status))
	}
	r.incidents = append(r.incidents, one.incident())
	if one.Impact == "none" && len(one.Components) == 0 && indicator == "none" {
		r.raise(informed)
		return
	}
	r.raise(one.grade(chosen))
}

func (r *reading) maintenance(one published) {
	switch one.Status {
	case "scheduled", "completed":
	case "in_progress", "verifying":
		r.incidents = append(r.incidents, one.incident())
		r.raise(maintenance)
	default:
		r.strange("maintenance's status", string(one.Status))
	}
}

// concerns reports whether it is about something that counts. One that names no component
// may be about anything.
func (p published) concerns(counting names) bool {
	return len(p.Components) == 0 || slices.ContainsFunc(p.Components, func(one component) bool { return counting.have(one.ID, one.Name) })
}

// grade is how grave an open incident is. Of one that names components, whose impact may be
// on others than the chosen ones, their status says more.
func (p published) grade(chosen bool) grade {
	if grave := p.Impact == "major" || p.Impact == "critical"; grave && (!chosen || len(p.Components) == 0) {
		return down
	}
	return degraded
}

func (p published) incident() incident {
	found := incident{name: string(p.Name), status: string(p.Status), link: string(p.Link)}
	for _, at := range []text{p.Started, p.For, p.Created} {
		if found.started = at.moment(); !found.started.IsZero() {
			break
		}
	}
	return found
}
