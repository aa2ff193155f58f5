package cachet_test

import (
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/cachet"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/fakecachet"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

// opened is an installation with the system that works at it.
func opened(t *testing.T, version int) (*incidenttest.Office, *fakecachet.Site) {
	t.Helper()
	clock := tickettest.NewClock(alerttest.Now())
	at := newDesk(version)(t, clock)
	o := incidenttest.Open(t, incidenttest.Suite{}, at, clock)
	if second, is := at.(switched); is {
		return o, second.Site
	}
	return o, at.(desk).Site
}

func TestALifeAsItStandsOnThePage(t *testing.T) {
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			o, _ := opened(t, version)
			o.TellALife(t)
			alerttest.Golden(t, fmt.Sprintf("life-%d.txt", version), incidenttest.Dump(o.Records()), *update)
		})
	}
}

func TestVersion2AQuietLifeTellsNoSubscriberOfAComponentEither(t *testing.T) {
	o, site := opened(t, 2)
	o.TellALife(t)
	if mails := site.Mails(); mails != 0 {
		t.Errorf("subscribers of components were told %d times", mails)
	}
	for _, component := range site.Components() {
		if !component.Enabled {
			t.Errorf("component %d is not shown any more", component.ID)
		}
	}
}

func TestVersion2AStubThatTellsSubscribersTellsThoseOfItsComponents(t *testing.T) {
	o, site := opened(t, 2)
	stub := o.Stub("orders")
	stub.Notify = true
	current := o.Create(t, stub)
	current = o.Update(t, current, o.Moved(stub, watch.Identified))
	if incident := site.Incidents()[0]; incident.Told != 2 || len(incident.Updates) != 1 || site.Mails() != 4 {
		t.Errorf("subscribers were told %d times, %d updates, of components %d times; want 2, 1 and 4", incident.Told, len(incident.Updates), site.Mails())
	}
	stub.Notify = false
	o.Clock.Advance(time.Hour)
	current = o.Update(t, current, o.Moved(stub, watch.Over))
	incident := site.Incidents()[0]
	if incident.Told != 2 || len(incident.Updates) != 1 || incident.Latest() != 4 || current.Open {
		t.Errorf("a quiet text after loud ones: told %d times, %d updates, status %d", incident.Told, len(incident.Updates), incident.Latest())
	}
	const want = "The credential expired 2026-11-22 05:00 UTC, and its owner is told.\n\n2026-11-22 07:00 UTC: Sign-in works again.\n\nIt was seen well three times."
	if got := current.Texts[len(current.Texts)-1]; got != want {
		t.Errorf("the last text is %q\nwant %q", got, want)
	}
}

func TestVersion2AnIncidentThatIsRefusedLeavesItsComponentsAlone(t *testing.T) {
	o, site := opened(t, 2)
	before := site.Components()
	stub := o.Stub("orders")
	o.Lose(1, tickettest.CutBefore)
	if _, err := o.System(t).Create(t.Context(), stub); err == nil {
		t.Fatal("the call succeeds")
	}
	if after := site.Components(); !slices.Equal(before, after) {
		t.Errorf("without an incident the components stand as %v", after)
	}
}

func TestVersion2WhateverIsLostTheComponentsAreWellInTheEnd(t *testing.T) {
	const writes = 4 // the incident, two components, and how they were left
	for n := 1; n <= writes; n++ {
		for _, loss := range []tickettest.Loss{tickettest.CutBefore, tickettest.CutAfter} {
			t.Run(fmt.Sprintf("write %d, %s", n, loss), func(t *testing.T) {
				o, site := opened(t, 2)
				before := site.Components()
				stub := o.Stub("orders")
				o.Lose(n, loss)
				if _, err := o.System(t).Create(t.Context(), stub); err == nil {
					t.Fatal("the call succeeds")
				}
				if len(o.List(t)) == 0 {
					o.Create(t, stub)
				}
				o.Update(t, o.One(t, stub.Key), stub)
				if got := site.Components()[0].Status; got != 2 {
					t.Errorf("the component has the state %d, want 2", got)
				}
				o.Update(t, o.One(t, stub.Key), o.Moved(stub, watch.Over))
				if after := site.Components(); !slices.Equal(before, after) {
					t.Errorf("in the end the components stand as %v, want %v", after, before)
				}
			})
		}
	}
}

func TestVersion2AComponentIsInTheEndAsItWasBefore(t *testing.T) {
	o, site := opened(t, 2)
	site.SetComponent(7, 3)
	stub := o.Stub("orders")
	current := o.Create(t, stub)
	for _, step := range []struct {
		phase watch.Phase
		want  int
	}{{watch.Identified, 4}, {watch.Monitoring, 3}, {watch.Over, 3}} {
		current = o.Update(t, current, o.Moved(stub, step.phase))
		if got := site.Components()[0].Status; got != step.want {
			t.Errorf("in phase %s it has the state %d, want %d", step.phase, got, step.want)
		}
	}
}

func TestVersion2AnIncidentStandsAtTheWorstOfItsComponents(t *testing.T) {
	o, site := opened(t, 2)
	stub := o.Stub("orders")
	stub.Components[1].Status = watch.MajorOutage
	o.Create(t, stub)
	if incident := site.Incidents()[0]; incident.ComponentID != 9 {
		t.Errorf("it stands at component %d, want 9", incident.ComponentID)
	}
}

func TestVersion2AStubStaysStickiedWhereAPersonMadeItSo(t *testing.T) {
	o, site := opened(t, 2)
	current := o.Create(t, o.Stub("orders"))
	site.Change(1, func(incident *fakecachet.Incident) { incident.Stickied = true })
	o.Update(t, current, o.Moved(o.Stub("orders"), watch.Over))
	if !site.Incidents()[0].Stickied {
		t.Error("it is not any more")
	}
}

func TestVersion3AHiddenStubGetsItsComponentsWhenItIsShown(t *testing.T) {
	o, site := opened(t, 3)
	stub := o.Stub("orders")
	stub.Hidden = true
	current := o.Create(t, stub)
	stub.Hidden = false
	o.Update(t, current, stub)
	if incident := site.Incidents()[0]; len(incident.States) != 2 || incident.Visible != 1 || incident.Told != 0 {
		t.Errorf("components %v, visible %d, told %d times", incident.States, incident.Visible, incident.Told)
	}
}

func TestVersion3WhatIsForStaffIsNotSent(t *testing.T) {
	o, site := opened(t, 3)
	o.Create(t, o.Stub("orders"))
	if got := fmt.Sprint(site.Incidents()[0].Meta); got != "map[lapsewatch:lwkdmf lapsewatch_key:lwkdmf-dqlivwya2ieo-htc20]" {
		t.Errorf("the metadata is %s", got)
	}
}

func TestARefusalIsToldInTheServicesWords(t *testing.T) {
	tests := map[string]struct {
		version int
		want    string
	}{
		"version 2": {2, "The request cannot be fulfilled due to bad syntax; The component does not exist"},
		"version 3": {3, "The given data was invalid; The selected component is invalid"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o, _ := opened(t, test.version)
			stub := o.Stub("orders")
			stub.Components = []watch.Component{{ID: "404", Status: watch.Degraded}}
			_, err := o.System(t).Create(t.Context(), stub)
			if test.version == 2 {
				// The component is asked for first.
				test.want = "The requested resource could not be found"
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}

func TestAComponentWhoseIDIsNoNumberIsRefusedBeforeAnythingIsSent(t *testing.T) {
	for _, version := range []int{2, 3} {
		o, site := opened(t, version)
		stub := o.Stub("orders")
		stub.Components = []watch.Component{{ID: "ftgks51sfs2d", Status: watch.Degraded}}
		_, err := o.System(t).Create(t.Context(), stub)
		if want := `deliver by status-page: component "ftgks51sfs2d": Cachet's ids are numbers`; err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
		if made := site.Incidents(); len(made) != 0 {
			t.Errorf("%d incidents were made", len(made))
		}
	}
}

func TestPeopleAreLedToTheIncident(t *testing.T) {
	for _, version := range []int{2, 3} {
		o, _ := opened(t, version)
		made := o.Create(t, o.Stub("orders"))
		if want := o.URL + "/incidents/1"; made.URL != want {
			t.Errorf("version %d: %s, want %s", version, made.URL, want)
		}
		if want := "cachet " + strings.TrimPrefix(o.URL, "https://"); o.System(t).Traits().Place != want {
			t.Errorf("place %q, want %q", o.System(t).Traits().Place, want)
		}
	}
}

func TestWrongOptionsAreNamed(t *testing.T) {
	_, err := cachet.Kind.Build(func(into any) error {
		into.(*cachet.Options).URL = "ftp://status.example.com"
		return nil
	}, incidents.Env{})
	for _, want := range []string{"url: want https://…", `version: want "2" or "3"`, "token: a secret is given by reference"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	}
}

func TestAnUpdateThatDidNotComeAlongIsAnError(t *testing.T) {
	recorder := alerttest.NewRecorder(t, alerttest.Says(http.StatusOK, `{"data":{"id":"1","attributes":{},"relationships":{"updates":{"data":[{"id":"2"}]}}},"included":[]}`))
	o, site := opened(t, 3)
	env := o.Env(incidenttest.Source)
	env.HTTP = recorder.Client()
	_, _, err := desk{site}.New(t, env, recorder.URL).Read(t.Context(), "1")
	if want := "deliver by status-page: GET /incidents/1: it answered 200, but not with an update that has an id"; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func FuzzAMessageIsReadWithoutHarm(f *testing.F) {
	const line = "[//]: # (lapsewatch lwkdmf-dqlivwya2ieo-htc20 0123456789abcdef 7:4 9:2)"
	for _, seed := range []string{"text\n\n" + line, line, line + "\nmore", "text " + line, strings.Replace(line, "7:4", "7:4:2", 1), "text\r\n\r\n" + line + " \r\n", "[//]: # (lapsewatch  )", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		text, key := cachet.Unmarked(message, "example")
		if key != "" && (!strings.Contains(message, key) || strings.HasSuffix(text, ")") && strings.Contains(text, line) && !strings.Contains(strings.TrimSuffix(message, line), line)) {
			t.Errorf("the key %q of %q, the text %q", key, message, text)
		}
	})
}

func FuzzAnIncidentOfVersion3IsReadWithoutHarm(f *testing.F) {
	for _, seed := range []string{
		`{"data":{"id":"1","attributes":{"name":"a","visible":true,"meta":[],"status":{"value":"4"}},"relationships":{"updates":{"data":[{"id":"2"}]}}},"included":[{"id":"2","type":"updates","attributes":{"message":"b"}}]}`,
		`{"data":{"id":"1","attributes":{"visible":null,"meta":{"lapsewatch_key":7},"status":{"value":null}}}}`, `{"data":null}`, `[]`, "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if remote, read := cachet.Decode(body, "example"); read && (remote.ID == "" || len(remote.Texts) == 0) {
			t.Errorf("%q is read as %+v", body, remote)
		}
	})
}
