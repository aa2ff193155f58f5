package upstream_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/upstream"
	"lapsewatch/internal/fakestatus"
	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

const (
	subscription = "4abc0000-0000-4000-8000-000000000001"
	entraToken   = "eyJ0eXAiOiJKV1QiCANARY.eyJhdWQiOiCANARY.c2lnbmF0dXJlCANARY"
)

// health serves Azure to a check that is signed in by an Azure CLI, which hands out
// entraToken for Azure Resource Manager alone. It sets the path, so that the test is not
// parallel.
func health(t *testing.T, events []fakestatus.Event, manners ...vendortest.Manner) (*desk, *fakestatus.Azure, *vendortest.Server) {
	t.Helper()
	azure := &fakestatus.Azure{Subscription: subscription, Reads: true, PageSize: 2, Accepts: func(token string) bool { return token == entraToken }}
	azure.Set(events...)
	server := serve(t, azure, manners...)
	folder := t.TempDir()
	answer := fmt.Sprintf(`{"accessToken":%q,"expires_on":%d,"tokenType":"Bearer"}`, entraToken, time.Now().Add(time.Hour).Unix())
	script := "#!/bin/sh\ncase \"$*\" in *https://management.azure.com*) echo '" + answer + "';; *) echo 'ERROR: another resource' >&2; exit 1;; esac\n"
	if err := os.WriteFile(filepath.Join(folder, "az"), []byte(script), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	d := newDesk(server.CAFile, upstream.Source{Kind: upstream.AzureHealth, URL: server.URL, Azure: &upstream.Azure{
		Subscription: subscription, SignIn: msgraph.SignIn{Tenant: "7e4a0000-0000-4000-8000-000000000001", Method: msgraph.AzureCLI, AuthorityURL: server.URL},
	}})
	return d, azure, server
}

func issue(edit func(*fakestatus.Event)) fakestatus.Event {
	event := fakestatus.Event{
		ID: "BC_1-FXZ", Type: "ServiceIssue", Status: "Active", Level: "Warning", Title: "Virtual machines in West US", Started: start.Add(-time.Hour),
		Service: "Virtual Machines", Region: "West US",
	}
	if edit != nil {
		edit(&event)
	}
	return event
}

func TestEventsOfAzureServiceHealthAreRead(t *testing.T) {
	const hit = `"Virtual machines in West US" (BC_1-FXZ, since 2026-11-22 07:30 UTC)`
	over := issue(func(e *fakestatus.Event) { e.Status = "Resolved" })
	for name, c := range map[string]struct {
		event             fakestatus.Event
		services, regions []string
		want              string
	}{
		"an issue":                             {issue(nil), nil, nil, "warning upstream_degraded: the provider says that part of it is not well: " + hit},
		"a grave issue":                        {issue(func(e *fakestatus.Event) { e.Level = "Error" }), nil, nil, "critical upstream_down: the provider says that it, or part of it, does not work: " + hit},
		"one of the chosen service and region": {issue(nil), []string{"virtual machines"}, []string{"west us"}, "warning upstream_degraded: the provider says that part of it is not well: " + hit},
		"one of another service":               {issue(nil), []string{"Storage"}, nil, "ok: the provider says that what counts of it is well: Storage"},
		"one of another region":                {issue(nil), nil, []string{"West Europe"}, "ok: the provider says that what counts of it is well: West Europe"},
		"one in Azure's own spelling":          {issue(nil), nil, []string{"westus"}, "warning upstream_degraded: the provider says that part of it is not well: " + hit},
		"one of a region that is new":          {issue(func(e *fakestatus.Event) { e.Region = "Mars North" }), nil, []string{"West Europe"}, "warning upstream_degraded: the provider says that part of it is not well: " + hit},
		"one that is everywhere":               {issue(func(e *fakestatus.Event) { e.Region = "Global" }), nil, []string{"West Europe"}, "warning upstream_degraded: the provider says that part of it is not well: " + hit},
		"one that is over in the region":       {issue(func(e *fakestatus.Event) { e.RegionStatus = "Resolved" }), nil, []string{"West US"}, "ok: the provider says that what counts of it is well: West US"},
		"one that is over in one of two":       {issue(func(e *fakestatus.Event) { e.RegionStatus, e.Others = "Resolved", []string{"East US"} }), nil, []string{"West US", "East US"}, "warning upstream_degraded: the provider says that part of it is not well: " + hit},
		"one that is over":                     {over, nil, nil, "ok: the provider says that all is well"},
		"an advisory":                          {issue(func(e *fakestatus.Event) { e.Type = "HealthAdvisory" }), nil, nil, "ok: the provider says that all is well"},
		"a maintenance":                        {issue(func(e *fakestatus.Event) { e.Type = "PlannedMaintenance" }), nil, nil, "notice upstream_maintenance: the provider is at work on it: " + hit},
		"a maintenance ahead":                  {issue(func(e *fakestatus.Event) { e.Type, e.Started = "PlannedMaintenance", start.Add(time.Hour) }), nil, nil, "ok: the provider says that all is well"},
		"a new type":                           {issue(func(e *fakestatus.Event) { e.Type = "Meteor" }), nil, nil, `unknown unparsable: could not be read: azure_health at {HOST}: its event's type is "Meteor", which is not known`},
		"a new status of an issue":             {issue(func(e *fakestatus.Event) { e.Status = "Paused" }), nil, nil, "warning upstream_degraded: the provider says that part of it is not well: " + hit},
		"a new status of an advisory":          {issue(func(e *fakestatus.Event) { e.Type, e.Status = "RCA", "Paused" }), nil, nil, `unknown unparsable: could not be read: azure_health at {HOST}: its event's status is "Paused", which is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			d, _, server := health(t, []fakestatus.Event{over, over, over, over, c.event})
			d.options.Upstreams[0].Components, d.options.Upstreams[0].Regions = c.services, c.regions
			told := d.pass(t)
			wantWords(t, server, told, c.want)
			checktest.Equal(t, "pages", len(server.Requests()), 3)
			checktest.WantNone(t, []string{"CANARY"}, map[string]string{"what is shown": checktest.Shown(t, told), "the memory": d.Ever()})
		})
	}
}

func TestAzureServiceHealthThatCannotBeReadIsUnknown(t *testing.T) {
	next := func(link string) vendortest.Answer {
		return vendortest.Reply(200, "application/json", `{"value":[],"nextLink":"`+link+`"}`)
	}
	for name, c := range map[string]struct {
		answer       vendortest.Answer
		reason       watch.Reason
		says, remedy string
	}{
		"no list":                  {vendortest.Reply(200, "application/json", `{"values":[]}`), watch.Unparsable, "no list of events of Azure Service Health", ""},
		"an event without any":     {vendortest.Reply(200, "application/json", `{"value":[{"name":"x"}]}`), watch.Unparsable, "one has no properties", ""},
		"a web page":               {vendortest.Page(200), watch.Unparsable, "no list of events", ""},
		"a page that is elsewhere": {next("https://evil.example.com/x"), watch.Incomplete, "a page of it lies elsewhere, where the token must not go", ""},
		"an endless list":          {endless(), watch.Incomplete, "it has more than 20 pages", ""},
		"an echo":                  {vendortest.Echo(403), watch.PermissionDenied, "403 Forbidden", "Give the identity that signs in the role Reader (Microsoft.ResourceHealth/events/read) on subscription " + subscription},
		"an outage":                {vendortest.Status(503, ""), watch.Unreadable, "503 Service Unavailable", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, _, _ := health(t, nil, always(c.answer))
			problem := checktest.WantProblem(t, d.pass(t), c.reason, "azure_health at 127.0.0.1:", c.says)
			checktest.WantWords(t, "the remedy", problem.Remedy, c.remedy)
			checktest.WantNone(t, []string{"CANARY"}, map[string]string{"what is shown": checktest.Shown(t, problem), "the memory": d.Ever()})
		})
	}
}

// endless answers with pages that all have another one.
func endless() vendortest.Answer {
	page := 0
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		page++
		vendortest.Reply(200, "application/json", fmt.Sprintf(`{"value":[],"nextLink":"https://%s/next?%d"}`, r.Host, page))(w, r, nil)
	}
}

func TestAnIdentityWithoutTheRoleIsToldWhichItNeeds(t *testing.T) {
	d, azure, _ := health(t, nil)
	azure.Reads = false
	problem := checktest.WantProblem(t, d.pass(t), watch.PermissionDenied, "403 Forbidden: AuthorizationFailed The client does not have authorization to perform action")
	checktest.Equal(t, "the remedy", problem.Remedy, "Give the identity that signs in the role Reader (Microsoft.ResourceHealth/events/read) on subscription "+subscription+"; an application permission of Microsoft Graph does not give it.")
}

func TestATokenThatAzureDoesNotTakeIsUnknown(t *testing.T) {
	d, azure, _ := health(t, nil)
	azure.Accepts = func(string) bool { return false }
	problem := checktest.As[watch.Problem](t, d.pass(t))
	checktest.Equal(t, "reason", problem.Reason, watch.AuthFailed)
	checktest.WantNone(t, []string{"CANARY"}, map[string]string{"what is shown": checktest.Shown(t, problem), "the memory": d.Ever()})
}

func TestASignInThatFailsIsUnknown(t *testing.T) {
	d, _, server := health(t, nil)
	t.Setenv("PATH", t.TempDir())
	problem := checktest.As[watch.Problem](t, d.pass(t))
	checktest.WantWords(t, "the error", problem.Err.Error(), "sign in to tenant 7e4a0000-0000-4000-8000-000000000001")
	checktest.Equal(t, "requests", len(server.Requests()), 0)
}

func TestAzureOnABadDayIsReadInTheEnd(t *testing.T) {
	d, _, server := health(t, nil, vendortest.DefaultManners()...)
	checktest.WantWords(t, "told", words(d.pass(t)), "unknown unreadable")
	wantWords(t, server, d.pass(t), "ok: the provider says that all is well")
}
