package main

import (
	"fmt"
	"net/http"
	"os"
	"syscall"
	"testing"

	"lapsewatch/internal/vendortest"
)

// killAt is the request at which a run is killed, and whether the page does first what it
// asks for.
type killAt struct {
	method  string
	number  int
	applied bool
}

func (k killAt) String() string {
	when := "before"
	if k.applied {
		when = "after"
	}
	return fmt.Sprintf("%s %s %d was applied", when, k.method, k.number)
}

// killRun starts a run that is killed at the request.
func (d *statusDesk) killRun(at killAt) {
	d.t.Helper()
	var said sharedBuffer
	program := d.process(&said)
	started := make(chan struct{})
	seen := 0
	d.door.behave(func(r *http.Request, _ int) vendortest.Answer {
		if r.Method != at.method {
			return nil
		}
		if seen++; seen != at.number {
			return nil
		}
		return func(_ http.ResponseWriter, r *http.Request, usual http.Handler) {
			if at.applied {
				usual.ServeHTTP(discarded{http.Header{}}, r)
			}
			<-started
			_ = program.Process.Kill()
			<-r.Context().Done()
		}
	})
	defer d.door.behave(nil)
	if err := program.Start(); err != nil {
		d.t.Fatal(err)
	}
	close(started)
	err := program.Wait()
	status, ok := program.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != os.Kill {
		d.t.Fatalf("killed %s: the run ended by itself: %v\n%s", at, err, said.String())
	}
}

func TestF2_ARunKilledWhileItMakesAnIncidentMakesNoSecond(t *testing.T) {
	t.Parallel()
	d := openStatusDesk(t)
	d.configure()
	for _, at := range []killAt{
		{http.MethodGet, 1, false}, {http.MethodGet, 4, true}, {http.MethodPost, 1, false}, {http.MethodPost, 1, true},
	} {
		d.killRun(at)
	}
	d.wantIncident("identified")
	_, said := d.wantRun(exitDone)
	wantSaid(t, said, "found as identified")
	d.wantIncident("identified")
}

func TestF2_ARunKilledWhileItResolvesAnIncidentIsContinued(t *testing.T) {
	t.Parallel()
	d := openStatusDesk(t)
	d.page.Limited = false // nine runs within a minute, each of which keeps the pace by itself
	d.configure()
	d.wantRun(exitDone)
	d.wantIncident("identified")
	d.certificate("web.pem", 300)
	for _, at := range []killAt{
		{http.MethodGet, 2, false}, {http.MethodGet, 7, true}, {http.MethodPatch, 1, false}, {http.MethodPatch, 1, true},
		// From here on the incident is resolved, and its post-mortem is being drafted.
		{http.MethodPatch, 1, true}, {http.MethodPut, 1, false}, {http.MethodPut, 1, true},
	} {
		d.killRun(at)
	}
	d.wantRun(exitDone)
	incident := d.wantIncident("resolved")
	if incident.Draft == "" || incident.PublishedAt != nil || incident.Told != 0 {
		t.Errorf("draft %q, published %v, told %d times", incident.Draft, incident.PublishedAt, incident.Told)
	}
	if len(incident.Updates) != 2 {
		t.Errorf("it has %d updates, want that of its beginning and that of its end: %+v", len(incident.Updates), incident.Updates)
	}
	_, said := d.wantRun(exitDone)
	wantSaid(t, said, "told nobody: nothing has changed")
}
