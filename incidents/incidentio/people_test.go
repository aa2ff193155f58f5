package incidentio_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/incidentio"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/fakeincidentio"
	"lapsewatch/internal/stubtest"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func openStory(t *testing.T) (*stubtest.Desk, *fakeincidentio.Cloud) {
	t.Helper()
	var cloud *fakeincidentio.Cloud
	story := stubtest.Open(t, incidenttest.Suite{Desk: func(_ *testing.T, clock *tickettest.Clock) incidenttest.Desk {
		cloud = newCloud(clock)
		return staffDesk{cloud}
	}})
	return story, cloud
}

const mayNotSee = "the API key may not see private incidents, so that it is not known what has become of incident "

func TestAKeyThatLosesItsRightHasDeletedNothing(t *testing.T) {
	story, cloud := openStory(t)
	story.MustPass(story.Expired("crm"))
	id := cloud.Incidents()[0].ID
	all := cloud.Roles
	cloud.Roles = []string{"viewer", "incident_creator", "incident_editor"}
	for _, finding := range []watch.Finding{story.Expired("crm"), story.Well("crm")} {
		problems := story.Pass(finding)
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), mayNotSee+id+": give it the permission to view and edit private incidents (global_access), or set visibility: public") {
			t.Errorf("problems %v", problems)
		}
	}
	cloud.Roles = all
	for range 4 {
		story.MustPass(story.Well("crm"))
	}
	story.WantOne(false)
}

func TestAKeyThatMayNotSeePrivateIncidentsIsToldWhenItMakesOne(t *testing.T) {
	p := start(t, quiet())
	p.cloud.Roles = []string{"viewer", "incident_creator", "incident_editor"}
	system := p.system(t, incidentio.AsIncident, nil)
	for range 2 {
		_, err := system.Create(t.Context(), p.stub(watch.Investigating))
		if failure, ok := errors.AsType[*alerts.DeliveryError](err); !ok || failure.Retryable || !strings.Contains(err.Error(), mayNotSee) {
			t.Errorf("error %v", err)
		}
	}
	if all := p.cloud.Incidents(); len(all) != 1 {
		t.Errorf("%d incidents were made", len(all))
	}
	public := p.system(t, incidentio.AsIncident, func(o *incidentio.Options) { o.Visibility = "public" })
	stub := p.stub(watch.Investigating)
	stub.Key = watch.NewIncidentKey(incidenttest.Source, "mail", alerttest.Now()).String()
	made := must(t)(public.Create(t.Context(), stub))
	p.cloud.ChangeIncident(made.ID, func(*fakeincidentio.Incident) bool { return false })
	if _, found, err := public.Read(t.Context(), made.ID); found || err != nil {
		t.Errorf("of a public one that was deleted: found %t, error %v", found, err)
	}
}

func TestAnotherPrivateIncidentInTheListProvesThatOneWasDeleted(t *testing.T) {
	p := start(t, quiet())
	system := p.system(t, incidentio.AsIncident, nil)
	made := must(t)(system.Create(t.Context(), p.stub(watch.Investigating)))
	other := p.stub(watch.Investigating)
	other.Key = watch.NewIncidentKey(incidenttest.Source, "mail", alerttest.Now()).String()
	must(t)(system.Create(t.Context(), other))
	if _, err := system.List(t.Context(), alerttest.Now()); err != nil {
		t.Fatal(err)
	}
	p.cloud.ChangeIncident(made.ID, func(*fakeincidentio.Incident) bool { return false })
	p.server.Misbehave(vendortest.Manner{On: "identity", Times: vendortest.Always, Answer: vendortest.Reply(http.StatusForbidden, "application/json", "{}")})
	if _, found, err := system.Read(t.Context(), made.ID); found || err != nil {
		t.Errorf("found %t, error %v", found, err)
	}
}

func TestAnEditBetweenListAndWriteIsNotWrittenOver(t *testing.T) {
	for _, as := range []incidentio.As{incidentio.AsStatusPage, incidentio.AsIncident} {
		p := start(t, quiet())
		system := p.system(t, as, nil)
		must(t)(system.Create(t.Context(), p.stub(watch.Investigating)))
		listed, err := system.List(t.Context(), alerttest.Now())
		if err != nil || len(listed) != 1 {
			t.Fatalf("as %s: %v, error %v", as, listed, err)
		}
		if as == incidentio.AsIncident {
			staffDesk{p.cloud}.Edit(listed[0].ID)
		} else {
			pageDesk{p.cloud}.Edit(listed[0].ID)
		}
		_, err = system.Update(t.Context(), listed[0], p.stub(watch.Over))
		failure, ok := errors.AsType[*alerts.DeliveryError](err)
		if !ok || !failure.Retryable || !strings.Contains(err.Error(), "it was changed meanwhile, and is looked at again") {
			t.Errorf("as %s: error %v", as, err)
		}
		read, _, err := system.Read(t.Context(), listed[0].ID)
		if err != nil || !read.Open || read.Title != "Changed by a person" {
			t.Errorf("as %s: error %v, %+v", as, err, read)
		}
	}
}

func TestWhatDoesNotCarryTheKeyAnyMoreIsLeftAlone(t *testing.T) {
	p := start(t, quiet())
	staff, page := p.system(t, incidentio.AsIncident, nil), p.system(t, incidentio.AsStatusPage, nil)
	ours := must(t)(staff.Create(t.Context(), p.stub(watch.Investigating)))
	shown := must(t)(page.Create(t.Context(), p.stub(watch.Investigating)))
	p.cloud.ChangeIncident(ours.ID, func(one *fakeincidentio.Incident) bool { one.Summary = "Anna's"; return true })
	p.cloud.ChangeEntry(shown.ID, func(one *fakeincidentio.Entry) bool { one.Updates[0].Message = "Anna's"; return true })
	for system, remote := range map[incidents.System]incidents.Remote{staff: ours, page: shown} {
		_, err := system.Update(t.Context(), remote, p.stub(watch.Over))
		if failure, ok := errors.AsType[*alerts.DeliveryError](err); !ok || failure.Retryable || !strings.Contains(err.Error(), remote.ID+" does not carry the key "+remote.Key+" any more, and is left alone") {
			t.Errorf("error %v", err)
		}
	}
}

func TestAnIncidentThatIsPausedIsOpenAndListed(t *testing.T) {
	p := start(t, quiet())
	system := p.system(t, incidentio.AsIncident, nil)
	made := must(t)(system.Create(t.Context(), p.stub(watch.Investigating)))
	p.cloud.ChangeIncident(made.ID, func(one *fakeincidentio.Incident) bool {
		one.Status = fakeincidentio.Status{ID: "01PAUSED", Name: "Paused", Category: "paused"}
		return true
	})
	long := p.clock.Now().AddDate(1, 0, 0)
	if all, err := system.List(t.Context(), long); err != nil || len(all) != 1 || !all[0].Open {
		t.Errorf("error %v, listed %+v", err, all)
	}
	p.server.Misbehave(vendortest.Manner{On: "paused", Times: vendortest.Always, Answer: vendortest.Reply(http.StatusUnprocessableEntity, "application/json", `{"errors":[{"code":"invalid_value"}]}`)})
	if _, err := system.List(t.Context(), long); err != nil {
		t.Errorf("where the category is not known: %v", err)
	}
}

func TestADraftWhoseAnswerWasLostIsImportedOnce(t *testing.T) {
	for n := 1; n < 10; n++ {
		for _, loss := range []tickettest.Loss{tickettest.CutAfter, tickettest.FailedAfter} {
			story, cloud := openStory(t)
			story.Lose(n, loss)
			story.Pass(story.Expired("crm"))
			for range 4 {
				story.Pass(story.Well("crm"))
			}
			for _, one := range cloud.Incidents() {
				if len(one.Documents) != 1 {
					t.Errorf("write %d, %s: documents %+v", n, loss, one.Documents)
				}
			}
		}
	}
}
