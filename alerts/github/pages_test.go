package github_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// An issue may have 65,536 characters, of up to 4 bytes each.
func TestAListOfVeryLongIssuesIsReadInShorterPages(t *testing.T) {
	clock := tickettest.NewClock(alerttest.Now())
	f := newFake(t, clock)
	f.pageSize = 100
	office := tickettest.Open(t, f, clock)
	for range 60 {
		office.AddForeign("a log that somebody pasted")
	}
	long := strings.Repeat("語", 65536)
	for _, issue := range f.issues {
		issue.Body = &long
	}
	office.Tell(t, alerttest.Only(1))
	office.Forget()
	clock.Advance(time.Hour)
	office.Tell(t, alerttest.Only(1, func(e *watch.Event) { e.Type, e.At = watch.Resolved, clock.Now() }))
	if records := office.Records(); len(records) != 61 || records[60].Open {
		t.Errorf("%d issues", len(records))
	}
}

func TestAnAnswerThatIsTooLongSaysSo(t *testing.T) {
	_, failure := attempt(t, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusOK, `[{"number":1,"body":"`+strings.Repeat("x", 8<<20)+`"}]`)
	})
	if want := "deliver by operations: GET /repos/acme/infra/issues: it answered 200, but with more than 8 MiB"; failure == nil || failure.Error() != want || failure.Retryable {
		t.Errorf("error %v\nwant  %s", failure, want)
	}
}

func TestAnAnswerThatBreaksOffIsTriedAgain(t *testing.T) {
	_, failure := attempt(t, alerttest.BreaksOff(`[{"number":`))
	if want := "deliver by operations: GET /repos/acme/infra/issues: it answered 200, but the answer broke off: unexpected EOF"; failure == nil || failure.Error() != want || !failure.Retryable {
		t.Errorf("error %v\nwant  %s", failure, want)
	}
}
