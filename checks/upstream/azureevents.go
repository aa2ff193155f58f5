package upstream

import (
	"encoding/json"
	"time"
)

// events is a page of Events_ListBySubscriptionId.
type events struct {
	Value []event `json:"value"`
	Next  text    `json:"nextLink"`
}

type event struct {
	Name       text `json:"name"`
	Properties *struct {
		Type    text     `json:"eventType"`
		Status  text     `json:"status"`
		Level   text     `json:"level"`
		Event   text     `json:"eventLevel"`
		Title   text     `json:"title"`
		Started text     `json:"impactStartTime"`
		Impact  []impact `json:"impact"`
	} `json:"properties"`
}

type impact struct {
	Service text `json:"impactedService"`
	Regions []struct {
		Region text `json:"impactedRegion"`
		Status text `json:"status"`
	} `json:"impactedRegions"`
}

func parseEvents(body []byte) (events, error) {
	var page events
	if json.Unmarshal(body, &page) != nil || page.Value == nil { // its error repeats what was sent
		return events{}, notThis("list of events of Azure Service Health")
	}
	for _, one := range page.Value {
		if one.Properties == nil {
			return events{}, notThis("list of events of Azure Service Health: one has no properties")
		}
	}
	return page, nil
}

// readEvents says how the services and regions that count are, all of them if none are given.
func readEvents(all []event, services, regions []string, now time.Time) reading {
	var r reading
	counting, where := namesOf(services), regionsOf(regions)
	for _, one := range all {
		if one.Properties.Status == "Resolved" || !one.concerns(counting, where) {
			continue
		}
		if one.Properties.Status != "Active" {
			r.strange("event's status", string(one.Properties.Status))
		}
		r.event(one, now)
	}
	return r
}

// event adds one that is not resolved. Advisories and reports about what is over are no
// outages.
func (r *reading) event(one event, now time.Time) {
	started := one.Properties.Started.moment()
	switch one.Properties.Type {
	case "HealthAdvisory", "SecurityAdvisory", "RCA", "Billing":
		return
	case "PlannedMaintenance":
		if started.IsZero() || started.After(now) {
			return
		}
		r.raise(maintenance)
	case "ServiceIssue", "EmergingIssues":
		r.raise(degraded)
		if one.grave() {
			r.raise(down)
		}
	default:
		r.strange("event's type", string(one.Properties.Type))
		return
	}
	r.incidents = append(r.incidents, incident{name: string(one.Properties.Title), status: string(one.Name), started: started})
}

func (e event) grave() bool {
	return e.Properties.Event == "Critical" || e.Properties.Event == "Error" || e.Properties.Event == "" && e.Properties.Level == "Critical"
}

// concerns reports whether an event hits a service that counts, in a region that counts,
// where it is not over. One that does not say what it hits may hit anything.
func (e event) concerns(services names, regions regionSet) bool {
	if len(e.Properties.Impact) == 0 {
		return true
	}
	for _, hit := range e.Properties.Impact {
		if len(services) > 0 && hit.Service != "" && !services.have(hit.Service) {
			continue
		}
		if len(hit.Regions) == 0 {
			return true
		}
		for _, where := range hit.Regions {
			if regions.count(string(where.Region)) && where.Status != "Resolved" {
				return true
			}
		}
	}
	return false
}
