package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/digest"
	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/runner"
	"lapsewatch/watch"
)

var updateYear = flag.Bool("update", false, "write the golden files anew")

const yearOps = "ops@example.com"

// runs are the numbers of some days, from one until before another.
type runs struct{ first, end int }

func (r runs) on(day int) bool     { return day >= r.first && day < r.end }
func (r runs) before(day int) bool { return day >= r.end }

// What goes wrong with the job itself. They are read-only.
var (
	ahead      = runs{120, 135} // the clock is an hour ahead
	behind     = runs{190, 200} // the clock is an hour behind
	missed     = runs{140, 147} // nobody starts the job
	refusing   = runs{210, 213} // the channel of the application team refuses
	killed     = runs{90, 91}   // the run is killed before it has recorded anything
	distrusted = runs{250, 251} // the clock is a year ahead, and the run knows it
)

// postOffice is the edge of the test: it keeps what the channels are given.
type postOffice struct {
	mu   sync.Mutex
	day  int
	sent []alerts.Message
}

// teamChat is a channel of one team; mailTo one that tells owners too.
type teamChat struct {
	office *postOffice
	name   string
	fixed  []string
}

type mailTo struct{ teamChat }

func (c teamChat) Recipients() []string { return c.fixed }

func (c teamChat) Deliver(_ context.Context, message alerts.Message) (alerts.Receipt, error) {
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	if c.name == "app-team" && refusing.on(c.office.day) {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.name, Status: 403, Err: errors.New("the workflow is switched off")}
	}
	c.office.sent = append(c.office.sent, message)
	return alerts.Receipt{Proof: "taken"}, nil
}

func (mailTo) TellsOwners() bool { return true }

func (mailTo) Reach(owner string) (string, bool) {
	return owner, strings.HasSuffix(owner, "@example.com")
}

// year runs the job daily in simulated time.
type year struct {
	t      *testing.T
	world  *yearWorld
	kept   *ledger.Ledger
	office *postOffice
	oracle *oracle
	ada    strings.Builder
}

func (y *year) channels() map[string]alerts.Channel {
	return map[string]alerts.Channel{
		"mail":     mailTo{teamChat{y.office, "mail", []string{yearOps}}},
		"web-team": teamChat{y.office, "web-team", []string{""}},
		"app-team": teamChat{y.office, "app-team", []string{""}},
	}
}

func (y *year) job(now time.Time) runner.Job {
	quiet, channels := slog.New(slog.DiscardHandler), y.channels()
	var destinations []policy.Destination
	for _, name := range []string{"mail", "web-team", "app-team"} {
		destinations = append(destinations, destinationOf(name, channels[name]))
	}
	route := func(check string, to ...string) policy.Route {
		return policy.Route{Match: policy.Match{Check: check}, To: to}
	}
	return runner.Job{
		Collection: runner.Collection{
			Checks: append(y.world.checks(), runner.Itself(y.kept, []string{"mail", "web-team", "app-team"}, nil, nil, func() time.Time { return now })),
			Now:    now, Deadline: time.Minute, Within: time.Minute, Log: quiet,
		},
		Delivery: runner.Delivery{
			Ledger: y.kept, Channels: channels, Now: func() time.Time { return now }, Log: quiet,
			Fallbacks: map[string][]policy.Destination{"app-team": destinations[:1]},
		},
		Routing: policy.Routing{
			Routes: []policy.Route{
				route("public", "web-team", policy.Owner), route("acme", "web-team", policy.Owner),
				route("apps", "app-team", policy.Owner), route("devices", policy.Owner),
			},
			Default: []string{"mail"},
		},
		Destinations: destinations,
	}
}

// A year of an estate of 500 credentials: nobody misses what they should know, and nobody
// is told what is not so, or the same again and again.
func TestAYearOfDailyRuns(t *testing.T) {
	y := &year{t: t, world: newYearWorld(), office: &postOffice{}}
	y.oracle = newOracle(t, y.world)
	var err error
	if y.kept, err = ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = y.kept.Close() })
	early := rand.New(rand.NewPCG(29, 2))
	for day := range yearLong {
		y.world.day, y.office.day = day, day
		y.world.advance(yearBegins().Add(time.Duration(day)*aDay + time.Duration(early.IntN(2400)-1200)*time.Second))
		if missed.on(day) {
			continue
		}
		y.takeNotes()
		y.oneDay()
		if t.Failed() && y.oracle.failures == 0 {
			t.FailNow()
		}
	}
	t.Logf("events told: %v", y.oracle.counts)
	y.checkTotals()
	y.checkGolden()
}

// takeNotes acknowledges what somebody meant to.
func (y *year) takeNotes() {
	for _, each := range y.world.things {
		a := each.acknowledge
		if a == nil || a.due.IsZero() || !a.until.IsZero() || y.world.now.Before(a.due) {
			continue
		}
		a.until, a.serial = a.due.Add(a.lasts), each.serial
		noted := watch.Acknowledgement{By: "ada", Reason: "the order is placed", At: a.due, Until: a.until}
		if err := y.kept.Acknowledge(y.t.Context(), policy.FindingID(each.check, each.id), noted); err != nil {
			y.t.Fatal(err)
		}
	}
}

func (y *year) oneDay() {
	now, trusted := y.world.now, true
	switch day := y.world.day; {
	case ahead.on(day):
		now = now.Add(time.Hour)
	case behind.on(day):
		now = now.Add(-time.Hour)
	case distrusted.on(day):
		now, trusted = now.AddDate(1, 0, 0), false
	}
	y.office.sent = nil
	switch job := y.job(now); {
	case killed.on(y.world.day):
		collected, err := job.Collect(y.t.Context())
		if err := errors.Join(err, collected.Close()); err != nil {
			y.t.Fatal(err)
		}
		return
	case trusted:
		outcome, err := job.Run(y.t.Context())
		if err := errors.Join(err, outcome.Close()); err != nil {
			y.t.Fatal(err)
		}
	default:
		y.distrust(job)
	}
	y.oracle.follow(y.office.sent, now, trusted)
	for _, message := range y.office.sent {
		y.read(message)
	}
}

// distrust makes a pass that does not believe its own clock.
func (y *year) distrust(job runner.Job) {
	ctx := y.t.Context()
	collected, err := job.Collect(ctx)
	if err != nil {
		y.t.Fatal(err)
	}
	collected.Pass.Clock.Trusted = false
	recorded, err := y.kept.Record(ctx, collected.Pass, job.Telling, func(events []watch.Event) []policy.Digest {
		return policy.Plan(events, job.Routing, job.Destinations, collected.Pass.GeneratedAt)
	})
	if err != nil {
		y.t.Fatal(err)
	}
	_, err = job.Deliver(ctx)
	if err := errors.Join(err, y.kept.Finish(ctx, recorded.Run, job.Delivery.Now()), collected.Close()); err != nil {
		y.t.Fatal(err)
	}
}

// read is what people do with a message, and keeps Ada's.
func (y *year) read(message alerts.Message) {
	for _, event := range message.Events {
		dated := []watch.Reason{watch.ExpiresSoon, watch.Expired, watch.RenewalOverdue}
		at := slices.IndexFunc(y.world.things, func(t *thing) bool { return t.check+"/"+t.id == event.Finding.ID })
		if at >= 0 && event.Type != watch.Resolved && slices.Contains(dated, event.Finding.Reason) {
			y.world.things[at].hear(y.world.now)
		}
	}
	if message.Recipient != yearAda {
		return
	}
	words := digest.New(message, alerts.Env{}, len(message.Events))
	fmt.Fprintf(&y.ada, "%s  %s\n", message.CreatedAt.Format("2006-01-02 15:04"), words.Title())
	for _, group := range words.Groups {
		for _, entry := range group.Entries {
			fmt.Fprintf(&y.ada, "    %s: %s\n", entry.Headline, entry.Message)
		}
	}
}

func (y *year) checkTotals() {
	if len(y.world.things) < 500 {
		y.t.Errorf("the world holds %d credentials", len(y.world.things))
	}
	for _, kind := range []watch.EventType{watch.Opened, watch.Worsened, watch.Reminder, watch.Improved, watch.Resolved} {
		if y.oracle.counts[kind] == 0 {
			y.t.Errorf("in the whole year nothing was %s", kind)
		}
	}
	for _, each := range y.world.things {
		for _, who := range audience(each) {
			opened := y.oracle.opened[who+" "+each.check+"/"+each.id]
			if !each.twinUntil.IsZero() && (opened < 1 || opened > 2+gapsDuring(each)) {
				y.t.Errorf("%s, which serves two certificates in turn, was opened %d times for %s", each.id, opened, who)
			}
		}
		if a := each.acknowledge; a != nil && a.until.IsZero() {
			y.t.Errorf("%s was never acknowledged", each.id)
		}
	}
}

// gapsDuring counts the times without a run while the thing serves two certificates in
// turn: one of them may pass for good then.
func gapsDuring(twin *thing) int {
	gaps := 0
	for _, gap := range []runs{killed, missed} {
		at := yearBegins().Add(time.Duration(gap.first) * aDay)
		if at.After(twin.before.until.Add(-31*aDay)) && at.Before(twin.twinUntil) {
			gaps++
		}
	}
	return gaps
}

func (y *year) checkGolden() {
	path := filepath.Join("testdata", "year.golden.txt")
	if *updateYear {
		if err := os.WriteFile(path, []byte(y.ada.String()), 0o600); err != nil {
			y.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		y.t.Fatal(err)
	}
	if y.ada.String() != string(want) {
		y.t.Errorf("what Ada was told differs from %s (write it anew with -update, and read the difference):\n%s", path, y.ada.String())
	}
}
