package runner_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"lapsewatch/ledger"
	"lapsewatch/watch"
)

func manyExpired(count int) []watch.Finding {
	var all []watch.Finding
	for n := range count {
		all = append(all, expired(fmt.Sprintf("host-%03d.example.com:443", n)))
	}
	return all
}

func TestF5_FiveHundredFindingsAreTwentyOneIncidentsAtOneRequestASecond(t *testing.T) {
	onDesk(t, func(d *desk) {
		all := manyExpired(500)
		d.mustPass(all...)
		d.mustPass(all...)
		if made := open(d.page); len(made) != 21 {
			d.t.Errorf("%d incidents stand there, want 20 and one for all others", len(made))
		}
		causes := 0
		stubs, err := d.kept.Stubs(d.t.Context(), time.Now().AddDate(0, 0, -1))
		if err != nil {
			d.t.Fatal(err)
		}
		for _, stub := range stubs {
			causes += len(stub.Causes) + stub.More
		}
		if causes != len(all) {
			d.t.Errorf("the stubs speak of %d findings of %d", causes, len(all))
		}
		d.wantPace()
		for range 3 {
			for n := range all {
				all[n] = well(all[n].Name)
			}
			d.mustPass(all...)
		}
		if left := open(d.page); len(left) != 0 {
			d.t.Errorf("%d are still open when all is well", len(left))
		}
		d.wantPace()
	})
}

// wantPace wants no minute with more than 60 requests, and none refused.
func (d *desk) wantPace() {
	d.t.Helper()
	asked, refused := d.page.Asked()
	if refused != 0 {
		d.t.Errorf("%d requests were refused for their rate", refused)
	}
	for first, from := range asked {
		within := 0
		for _, at := range asked[first:] {
			if at.Sub(from) < time.Minute {
				within++
			}
		}
		if within > 60 {
			d.t.Fatalf("%d requests within the minute from %s", within, from)
		}
	}
}

// A page that asks to be left alone is, by later runs too, and never for longer than six
// hours.
func TestF5_APageThatAsksToBeLeftAloneIs(t *testing.T) {
	date := func(in time.Duration) string { return time.Now().Add(in).UTC().Format(http.TimeFormat) }
	cases := []struct {
		name   string
		after  func() string
		status int
		want   time.Duration
	}{
		{"420 without a word of when", nil, 420, time.Minute},
		{"429 with seconds", func() string { return "90" }, 429, 90 * time.Second},
		{"429 with a date", func() string { return date(10 * time.Minute) }, 429, 10 * time.Minute},
		{"420 with a date that has passed", func() string { return date(-time.Hour) }, 420, time.Minute},
		{"429 with less than nothing", func() string { return "-5" }, 429, time.Minute},
		{"420 with 30 years", func() string { return "1000000000" }, 420, time.Hour},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onDesk(t, func(d *desk) {
				refused := 0
				d.manner = func(_ *http.Request, usual func() *http.Response) (*http.Response, error) {
					if refused > 0 {
						return usual(), nil
					}
					refused++
					header := http.Header{}
					if c.after != nil {
						header.Set("Retry-After", c.after())
					}
					return says(c.status, header), nil
				}
				d.record(expired(site))
				if problems := d.reconcile(); len(problems) != 1 {
					d.t.Fatalf("it says %v", problems)
				}
				next := d.stub().There.NextAttempt
				if wait := time.Until(next); wait < c.want-time.Second || wait > c.want {
					d.t.Errorf("the next attempt is %s away, want %s", wait, c.want)
				}
				time.Sleep(time.Until(next) - time.Second)
				before, _ := d.page.Asked()
				problems := d.reconcile()
				if after, _ := d.page.Asked(); len(after) != len(before) {
					d.t.Errorf("it was asked %d times before its time", len(after)-len(before))
				}
				want := "status asked to be left alone until " + next.UTC().Format("2006-01-02 15:04:05 UTC") + ": " + d.stub().There.LastError
				if len(problems) != 1 || problems[0].Error() != want {
					d.t.Errorf("it says %v, want %s", problems, want)
				}
				time.Sleep(2 * time.Second)
				if problems := d.reconcile(); len(problems) > 0 {
					d.t.Errorf("then it says %v", problems)
				}
				d.wantOne("identified")
			})
		})
	}
}

// What does not fit into the time of a run is made by the next ones, and nothing twice.
func TestF5_WhatDoesNotFitIntoOneRunIsMadeByTheNext(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.mostNew, d.within = 100, time.Minute
		all := manyExpired(90)
		runs := 0
		for problems := d.pass(all...); len(problems) > 0; problems = d.pass(all...) {
			if runs++; runs > 5 {
				d.t.Fatalf("after %d runs it says %v", runs, problems)
			}
		}
		if runs == 0 {
			d.t.Error("90 incidents were made within a minute")
		}
		var keys []string
		for _, incident := range d.page.Incidents() {
			keys = append(keys, fmt.Sprint(incident.Metadata["lapsewatch"]["key"]))
		}
		slices.Sort(keys)
		if len(keys) != len(all) || len(slices.Compact(keys)) != len(all) {
			d.t.Errorf("%d incidents with %d keys stand there, want %d", len(keys), len(slices.Compact(keys)), len(all))
		}
		d.wantPace()
	})
}

// A time that lies too far ahead was set by a clock that ran ahead.
func TestAWaitThatAWrongClockLeftEndsAtOnce(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.record(expired(site))
		stub := d.stub()
		ahead := time.Now().AddDate(1, 0, 0)
		if err := d.kept.There(d.t.Context(), stub.System, stub.Key, func(there *ledger.There) { there.NextAttempt = ahead }); err != nil {
			d.t.Fatal(err)
		}
		if problems := d.reconcile(); len(problems) > 0 {
			d.t.Errorf("it says %v", problems)
		}
		d.wantOne("identified")
	})
}
