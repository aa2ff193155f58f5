package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"time"

	"crypto/x509"

	"github.com/rogpeppe/go-internal/testscript"

	"lapsewatch/internal/fakestatuspage"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/vendortest"
)

// scriptPage is the page of a script, with the door before it.
type scriptPage struct {
	*fakestatuspage.Page
	door *door
}

// statuspage VARIABLE starts a page of Statuspage with the id kctbh9vrtdwd and the component
// "portal", and puts its address into VARIABLE; its certificate lies in status-ca.pem, its
// API key in status-token.
func startStatusPage(ts *testscript.TestScript, _ bool, args []string) {
	page := scriptPage{Page: &fakestatuspage.Page{ID: statusPage, Token: statusToken, Now: time.Now}}
	page.AddComponent("portal", "Customer portal")
	page.door = &door{page: page.Page}
	server := httptest.NewTLSServer(page.door)
	ts.Defer(server.Close)
	ts.Check(os.WriteFile(ts.MkAbs("status-ca.pem"), pki.Pair{Chain: []*x509.Certificate{server.Certificate()}}.ChainPEM(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("status-token"), []byte(statusToken), 0o600))
	ts.Setenv(args[0], server.URL+"/v1")
	pages, _ := ts.Value("status page").(*scriptPage)
	*pages = page
}

// incident count N [PATTERN…] wants so many incidents on the page, whose names and texts
// match the patterns.
// incident rename NAME lets a person rename the first.
// incident refuse STATUS lets the page refuse all that is asked of it, or with 0 no more.
// incident key VARIABLE puts the key of the first into VARIABLE.
func onIncidents(ts *testscript.TestScript, _ bool, args []string) {
	page, _ := ts.Value("status page").(*scriptPage)
	all := page.Incidents()
	switch args[0] {
	case "count":
		if fmt.Sprint(len(all)) != args[1] {
			ts.Fatalf("there are %d incidents, want %s", len(all), args[1])
		}
		said := ""
		for _, incident := range all {
			said += incident.Status + ": " + incident.Name + "\n"
			for _, update := range incident.Updates {
				said += update.Status + ": " + update.Body + "\n"
			}
		}
		for _, pattern := range args[2:] {
			if !regexp.MustCompile(pattern).MatchString(said) {
				ts.Fatalf("%q is not said on the page:\n%s", pattern, said)
			}
		}
	case "rename":
		page.Change(all[0].ID, func(incident *fakestatuspage.Incident) { incident.Name = args[1] })
	case "refuse":
		status, err := strconv.Atoi(args[1])
		ts.Check(err)
		page.door.behave(nil)
		if status != 0 {
			page.door.behave(func(*http.Request, int) vendortest.Answer { return vendortest.Page(status) })
		}
	case "key":
		ts.Setenv(args[1], fmt.Sprint(all[0].Metadata["lapsewatch"]["key"]))
	default:
		ts.Fatalf("unknown: %s", args[0])
	}
}
