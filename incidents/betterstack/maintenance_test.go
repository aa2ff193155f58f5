package betterstack_test

import (
	"net/http"
	"testing"
	"time"

	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestAMaintenanceHasOneWordAndIsEndedEarly(t *testing.T) {
	p := start(t, quiet())
	stub := p.stub(watch.Scheduled, watch.Operational)
	stub.Window = &watch.Window{From: p.clock.Now().Add(time.Hour), Until: p.clock.Now().Add(3 * time.Hour)}
	current := must(t)(p.system.Create(t.Context(), stub))
	p.clock.Advance(2 * time.Hour)
	current = must(t)(p.system.Update(t.Context(), current, stub))
	p.server.Misbehave(vendortest.Manner{On: "/status-reports/" + current.ID, After: 1, Answer: vendortest.Reply(http.StatusBadGateway, "text/plain", "")})
	ended := p.stub(watch.Over, watch.Operational)
	if _, err := p.system.Update(t.Context(), current, ended); err == nil {
		t.Fatal("the maintenance could not be ended, and no error says so")
	}
	if read, _, err := p.system.Read(t.Context(), current.ID); err != nil || !read.Open || read.Phase != watch.Scheduled {
		t.Errorf("one that takes place still is read as %+v: %v", read, err)
	}
	over := must(t)(p.system.Update(t.Context(), current, ended))
	if want := p.clock.Now(); over.Open || over.Phase != watch.Over || !over.ResolvedAt.Equal(want) {
		t.Errorf("one that was ended is read as %+v, want it over at %s", over, want)
	}
	const resources = `"affected_resources":[{"status_page_resource_id":"8001","status":"maintenance"}]`
	want := `{"title":"Sign-in may fail","message":"It is scheduled.\n\nRef: ` + stub.Key + ` (scheduled)","report_type":"maintenance","notify_subscribers":false,` + resources + `,"starts_at":"2026-11-22T07:00:00.000Z","ends_at":"2026-11-22T09:00:00.000Z"}
{"message":"It is resolved.\n\nRef: ` + stub.Key + ` (resolved)","notify_subscribers":false,` + resources + `}`
	if got := p.sent(http.MethodPost); got != want {
		t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
	if got := p.sent(http.MethodPatch); got != `{"ends_at":"2026-11-22T08:00:00.000Z"}`+"\n"+`{"ends_at":"2026-11-22T08:00:00.000Z"}` {
		t.Errorf("sent %s", got)
	}
}

func TestTheEndOfTheWindowAloneEndsNoMaintenance(t *testing.T) {
	p := start(t, quiet())
	stub := p.stub(watch.Scheduled, watch.Operational)
	stub.Window = &watch.Window{From: p.clock.Now().Add(time.Hour), Until: p.clock.Now().Add(3 * time.Hour)}
	current := must(t)(p.system.Create(t.Context(), stub))
	p.clock.Advance(4 * time.Hour)
	read, _, err := p.system.Read(t.Context(), current.ID)
	if err != nil || !read.Open || read.Phase != watch.Scheduled {
		t.Errorf("read %+v: %v", read, err)
	}
	must(t)(p.system.Update(t.Context(), current, p.stub(watch.Over, watch.Operational)))
	if got := p.sent(http.MethodPatch); got != "" {
		t.Errorf("one that has ended is ended again: %s", got)
	}
}

func TestAMaintenanceThatNeverBeganIsGivenAMinuteThatHasPassed(t *testing.T) {
	p := start(t, quiet())
	stub := p.stub(watch.Scheduled, watch.Operational)
	stub.Window = &watch.Window{From: p.clock.Now().Add(time.Hour), Until: p.clock.Now().Add(3 * time.Hour)}
	current := must(t)(p.system.Create(t.Context(), stub))
	over := must(t)(p.system.Update(t.Context(), current, p.stub(watch.Over, watch.Operational)))
	if got := p.sent(http.MethodPatch); got != `{"starts_at":"2026-11-22T05:59:00.000Z","ends_at":"2026-11-22T06:00:00.000Z"}` || over.Open {
		t.Errorf("sent %s, read %+v", got, over)
	}
}

func TestAManualReportKnowsNoMaintenance(t *testing.T) {
	p := start(t, quiet())
	must(t)(p.system.Create(t.Context(), p.stub(watch.Identified, watch.UnderMaintenance)))
	if got := p.page.Reports()[0].Affected["8001"]; got != "degraded" {
		t.Errorf("it is %s, want degraded", got)
	}
}

func TestAMaintenanceIsMovedToItsNewWindow(t *testing.T) {
	p := start(t, quiet())
	stub := p.stub(watch.Scheduled, watch.UnderMaintenance)
	stub.Window = &watch.Window{From: p.clock.Now().Add(24 * time.Hour), Until: p.clock.Now().Add(25 * time.Hour)}
	current := must(t)(p.system.Create(t.Context(), stub))
	must(t)(p.system.Update(t.Context(), current, stub))
	if got := p.sent(http.MethodPatch); got != "" {
		t.Errorf("the same window is sent again: %s", got)
	}
	stub.Window = &watch.Window{From: p.clock.Now().Add(48 * time.Hour), Until: p.clock.Now().Add(49 * time.Hour)}
	must(t)(p.system.Update(t.Context(), current, stub))
	if got := p.sent(http.MethodPatch); got != `{"starts_at":"2026-11-24T06:00:00.000Z","ends_at":"2026-11-24T07:00:00.000Z"}` {
		t.Errorf("sent %s", got)
	}
}
