package incidentio_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/incidents/incidentio"
	"lapsewatch/internal/fakeincidentio"
	"lapsewatch/watch"
)

func TestAnIncidentOfTheOrganisationIsPrivateAndSaysWhatIsAffected(t *testing.T) {
	p := start(t, quiet())
	system, key := p.system(t, incidentio.AsIncident, func(o *incidentio.Options) { o.Severity, o.IncidentType = "01SEVERITY", "01TYPE" }), p.stub(watch.Over).Key
	current := must(t)(system.Create(t.Context(), p.stub(watch.Identified)))
	must(t)(system.Update(t.Context(), current, p.stub(watch.Over)))
	p.wantSent(
		t,
		`/v2/incidents {"idempotency_key":"`+key+`","visibility":"private","mode":"standard","name":"Sign-in may fail","summary":"It is identified.\n\n---\n\nAffected: order import.\n\nRef: `+key+` (identified)","incident_status_id":"01STATUS2FIXING","severity_id":"01SEVERITY","incident_type_id":"01TYPE"}`,
		`/v2/incidents/`+current.ID+`/actions/edit {"incident":{"name":"Sign-in may fail","summary":"It is resolved.\n\n---\n\nAffected: order import.\n\nRef: `+key+` (resolved)","incident_status_id":"01STATUS4RESOLV"},"notify_incident_channel":false}`,
	)
	if current.URL != "https://app.incident.io/incidents/"+current.ID {
		t.Errorf("URL %q", current.URL)
	}
}

func TestStatusesAreFoundByTheirNamesAndCategories(t *testing.T) {
	type names = incidentio.Statuses
	tests := []struct {
		name     string
		statuses []fakeincidentio.Status
		options  names
		phases   string
		want     string
	}{
		{"the usual ones", nil, names{}, "Investigating, Fixing, Monitoring, Resolved", ""},
		{"those that are named", nil, names{Identified: "monitoring", Resolved: "Closed"}, "Investigating, Monitoring, Monitoring, Closed", ""},
		{"only one active", []fakeincidentio.Status{{ID: "1", Name: "Done", Category: "closed", Rank: 9}, {ID: "2", Name: "Open", Category: "live", Rank: 3}}, names{}, "Open, Open, Open, Done", ""},
		{"a name that is not there", nil, names{Resolved: "Finished"}, "", `deliver by page: statuses.resolved: the organisation has no status "Finished": it has Triage, Investigating, Fixing, Monitoring, Resolved, Reviewing, Closed`},
		{"none of a category", []fakeincidentio.Status{{ID: "2", Name: "Open", Category: "live", Rank: 3}}, names{}, "", `deliver by page: statuses.resolved: the organisation has no status "Resolved" and none of the category closed: it has Open`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, quiet())
			p.cloud.Lenient = true
			if test.statuses != nil {
				p.cloud.Statuses = test.statuses
			}
			system := p.system(t, incidentio.AsIncident, func(o *incidentio.Options) { o.Statuses = test.options })
			current, err := system.Create(t.Context(), p.stub(watch.Investigating))
			if test.want != "" {
				if err == nil || err.Error() != test.want {
					t.Errorf("error %v\nwant  %s", err, test.want)
				}
				return
			}
			var got []string
			for _, phase := range []watch.Phase{watch.Investigating, watch.Identified, watch.Monitoring, watch.Over} {
				if current, err = system.Update(t.Context(), current, p.stub(phase)); err != nil || current.Phase != phase {
					t.Fatalf("phase %s is read as %q: %v", phase, current.Phase, err)
				}
				got = append(got, p.cloud.Incidents()[0].Status.Name)
			}
			if strings.Join(got, ", ") != test.phases {
				t.Errorf("statuses %v, want %s", got, test.phases)
			}
		})
	}
}

func TestAStatusThatTheAPIRefusesIsToldWithWhatToDo(t *testing.T) {
	p := start(t, quiet())
	system := p.system(t, incidentio.AsIncident, func(o *incidentio.Options) { o.Statuses.Resolved = "Closed" })
	current := must(t)(system.Create(t.Context(), p.stub(watch.Investigating)))
	_, err := system.Update(t.Context(), current, p.stub(watch.Over))
	want := "deliver by page: post to " + p.server.URL + ": it answered 422 Unprocessable Entity: incident_status_id: you can only change an incident from one active status to another: " +
		"look at the ids of components, severity and incident_type; subscribers of a page with more than 1,000 cannot be told by the API, and with as: incident it may refuse a status that is not active (statuses.resolved)"
	if failure, is := errors.AsType[*alerts.DeliveryError](err); !is || failure.Retryable || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestTheSameDraftIsImportedOnce(t *testing.T) {
	p := start(t, quiet())
	system := p.system(t, incidentio.AsIncident, nil)
	current := must(t)(system.Create(t.Context(), p.stub(watch.Over)))
	for range 2 {
		if err := system.Draft(t.Context(), current, incidents.Note{Mark: current.Key + ".postmortem.0", Text: "Summary", At: p.clock.Now()}); err != nil {
			t.Fatal(err)
		}
		p.clock.Advance(time.Hour)
	}
	if all := p.cloud.Incidents()[0].Documents; len(all) != 1 || all[0].Title != "Draft by Lapsewatch, 2026-11-22 06:00 UTC ("+current.Key+".postmortem.0)" || all[0].Content != "Summary" {
		t.Errorf("documents %+v", all)
	}
}
