package upstream

import (
	"context"
	"encoding/json"
)

// widget is what the Widget API of a page of incident.io answers
// (docs.incident.io/status-pages/embedding). It lists what is affected, and not what is well.
type widget struct {
	Title       text          `json:"page_title"`
	URL         text          `json:"page_url"`
	Ongoing     []widgetEvent `json:"ongoing_incidents"`
	Maintaining []widgetEvent `json:"in_progress_maintenances"`
	Scheduled   []widgetEvent `json:"scheduled_maintenances"`
}

type widgetEvent struct {
	Name       text        `json:"name"`
	Status     text        `json:"status"`
	URL        text        `json:"url"`
	Impact     text        `json:"current_worst_impact"`
	Started    text        `json:"started_at"`
	Components []component `json:"affected_components"`
}

func readIncidentIO(ctx context.Context, l *look, s Source) (reading, error) {
	body, err := l.json(ctx, s)
	if err != nil {
		return reading{}, err
	}
	return parseIncidentIO(body, l.upstream.Components)
}

func parseIncidentIO(body []byte, wanted []string) (reading, error) {
	var found widget
	if json.Unmarshal(body, &found) != nil { // its error repeats what was sent
		return reading{}, notThis("answer of a Widget API of incident.io")
	}
	if found.Title == "" || found.Ongoing == nil || found.Maintaining == nil || found.Scheduled == nil {
		return reading{}, notThis("whole answer of a Widget API of incident.io: page_title, or one of its three lists, is missing")
	}
	if max(len(found.Ongoing), len(found.Maintaining)) > maxPublished {
		return reading{}, tooLarge("incidents or maintenances than a status page does")
	}
	r, counting := reading{page: string(found.URL)}, namesOf(wanted)
	for _, one := range found.Ongoing {
		if !one.concerns(counting) {
			continue
		}
		switch one.Status {
		case "resolved":
			continue
		case "investigating", "identified", "monitoring":
		default:
			r.strange("incident's status", string(one.Status))
		}
		r.incidents = append(r.incidents, one.incident())
		r.raise(degraded)
		if one.Impact == "full_outage" {
			r.raise(down)
		}
	}
	for _, one := range found.Maintaining {
		if one.concerns(counting) {
			r.incidents = append(r.incidents, one.incident())
			r.raise(maintenance)
		}
	}
	return r, nil
}

// concerns reports whether it is about something that counts; one that names nothing may be
// about anything.
func (e widgetEvent) concerns(counting names) bool {
	return len(counting) == 0 || published{Components: e.Components}.concerns(counting)
}

func (e widgetEvent) incident() incident {
	return incident{name: string(e.Name), status: string(e.Status), started: e.Started.moment(), link: string(e.URL)}
}
