package upstream

import (
	"context"
	"encoding/json"

	"lapsewatch/watch"
)

// instatusSummary is /summary.json of a page of Instatus (instatus.com/help/api/public-data).
// Pages on which all is well leave the lists out.
type instatusSummary struct {
	Page *struct {
		Name   text `json:"name"`
		URL    text `json:"url"`
		Status text `json:"status"`
	} `json:"page"`
	Incidents    []instatusEvent `json:"activeIncidents"`
	Maintenances []instatusEvent `json:"activeMaintenances"`
}

type instatusEvent struct {
	Name    text `json:"name"`
	Started text `json:"started"`
	Start   text `json:"start"`
	Status  text `json:"status"`
	Impact  text `json:"impact"`
	URL     text `json:"url"`
}

func readInstatus(ctx context.Context, l *look, s Source) (reading, error) {
	body, err := l.json(ctx, s)
	if err != nil {
		return reading{}, err
	}
	return parseInstatus(body)
}

func parseInstatus(body []byte) (reading, error) {
	var found instatusSummary
	if json.Unmarshal(body, &found) != nil { // its error repeats what was sent
		return reading{}, notThis("summary of a page of Instatus")
	}
	if found.Page == nil || found.Page.Name == "" {
		return reading{}, notThis("summary of a page of Instatus: page is missing")
	}
	if max(len(found.Incidents), len(found.Maintenances)) > maxPublished {
		return reading{}, tooLarge("incidents or maintenances than a status page does")
	}
	r := reading{indicator: string(found.Page.Status), page: string(found.Page.URL)}
	switch found.Page.Status {
	case "UP":
	case "HASISSUES":
		r.raise(degraded)
	case "UNDERMAINTENANCE":
		r.raise(maintenance)
	default:
		r.strange("page's status", r.indicator)
	}
	for _, one := range found.Incidents {
		r.instatusIncident(one)
	}
	for _, one := range found.Maintenances {
		switch one.Status {
		case "NOTSTARTEDYET", "COMPLETED":
		case "INPROGRESS":
			r.incidents = append(r.incidents, incident{name: string(one.Name), status: string(one.Status), started: one.Start.moment(), link: string(one.URL)})
			r.raise(maintenance)
		default:
			r.strange("maintenance's status", string(one.Status))
		}
	}
	return r, nil
}

func (r *reading) instatusIncident(one instatusEvent) {
	switch one.Status {
	case "RESOLVED":
		return
	case "INVESTIGATING", "IDENTIFIED", "MONITORING":
	default:
		r.strange("incident's status", string(one.Status))
	}
	r.incidents = append(r.incidents, incident{name: string(one.Name), status: string(one.Status), started: one.Started.moment(), link: string(one.URL)})
	r.raise(degraded)
	if one.Impact == "MAJOROUTAGE" {
		r.raise(down)
	}
}

// notThis is why an answer is not what was asked for.
func notThis(what string) error {
	return &unread{reason: watch.Unparsable, text: "what it answered is no " + what}
}

// tooLarge is why an answer is not read that holds more of something than it ever should.
func tooLarge(what string) error {
	return &unread{reason: watch.TooLarge, text: "it holds more " + what}
}
