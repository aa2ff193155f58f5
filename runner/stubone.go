package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/ledger"
	"lapsewatch/watch"
)

// one brings one stub up to date. Each attempt looks anew what stands there, because what
// was not answered may have been done all the same.
func (d *desk) one(ctx context.Context, stub ledger.KeptStub) StubTold {
	if d.wall != nil {
		return d.failed(ctx, stub, fmt.Errorf("not tried, because %s did not answer before: %w", d.Name, d.wall))
	}
	for attempt := 1; ; attempt++ {
		told, err := d.attempt(ctx, &stub, attempt > 1)
		if err == nil {
			return told
		}
		if errors.Is(err, ledger.ErrLost) {
			d.wall = err
			told.Err = err
			return told
		}
		if attempt == attemptsPerRun || d.pause(ctx, err, attempt) != nil {
			if concernsAll(asDeliveryError(d.Name, err)) {
				d.wall = err
			}
			return d.failed(ctx, stub, err)
		}
		d.Log.Warn("a status system failed and is tried again", "system", d.Name, "key", stub.Key, "error", err)
	}
}

// concernsAll: the failure says more of the system, or of our rights there, than of one stub.
func concernsAll(failure *alerts.DeliveryError) bool {
	switch failure.Status {
	case 0:
		return failure.Retryable
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	}
	return failure.Status >= http.StatusInternalServerError || failure.RetryAfter > longestInRun
}

// attempt looks what stands there and makes the one step that is missing.
func (d *desk) attempt(ctx context.Context, stub *ledger.KeptStub, again bool) (StubTold, error) {
	told := StubTold{System: d.Name, Key: stub.Key, URL: stub.There.URL}
	if again {
		if err := d.list(ctx); err != nil {
			return told, fmt.Errorf("list what stands on %s: %w", d.Name, err)
		}
	}
	if err := d.say(ctx, stub); err != nil {
		return told, err
	}
	told.Title = stub.There.Said.Title
	remote, found, how, err := d.stood(ctx, *stub)
	if err != nil {
		return told, err
	}
	told.URL = cmp.Or(remote.URL, told.URL)
	if !stub.There.TakenOver.IsZero() {
		told.Did, err = d.annotate(ctx, stub, remote, found)
		return told, err
	}
	switch {
	case how != "":
		return d.takenOver(ctx, *stub, remote, how), nil
	case found && stub.There.Revision < stub.Revision:
		told.Did, err = d.bring(ctx, stub, remote)
	case !found && stub.There.Revision < stub.Revision:
		if stub.Phase == watch.Over {
			return told, d.note(*stub, func(there *ledger.There) { settled(there); there.Revision = stub.Revision })
		}
		told.Did, err = d.create(ctx, stub)
	}
	told.URL = cmp.Or(stub.There.URL, told.URL)
	if err == nil && wantsDraft(*stub) {
		var drafted string
		drafted, err = d.draft(ctx, stub, remote)
		told.Did = strings.TrimPrefix(told.Did+"; "+drafted, "; ")
	}
	return told, err
}

// stood finds the stub, and says what a person changed since we wrote last. A list may lag
// behind what stands there, so that nobody is said to have changed anything by a list alone.
func (d *desk) stood(ctx context.Context, stub ledger.KeptStub) (remote incidents.Remote, found bool, how string, err error) {
	if remote, found, err = d.find(ctx, stub); err != nil {
		return remote, found, "", err
	}
	how = d.changedBy(stub, remote, found)
	if how == "" && found && !remote.Hidden && slices.Contains(changes(stub, remote), partVisibility) {
		err = d.note(stub, func(there *ledger.There) { there.Published = true })
	}
	if how == "" || !found || !stub.There.TakenOver.IsZero() {
		return remote, found, how, err
	}
	if remote, found, err = d.System.Read(ctx, stub.There.ID); err != nil {
		return remote, found, "", fmt.Errorf("read %s on %s: %w", stub.There.ID, d.Name, err)
	}
	return remote, found, d.changedBy(stub, remote, found), nil
}

// find looks for the stub: under the id that it was given there, or by its key, or where the
// ledger knows of none, by its cause.
func (d *desk) find(ctx context.Context, stub ledger.KeptStub) (incidents.Remote, bool, error) {
	if id := stub.There.ID; id != "" {
		if at := slices.IndexFunc(d.listed, func(remote incidents.Remote) bool { return remote.ID == id }); at >= 0 {
			return d.listed[at], true, nil
		}
		// Some systems give another id to what was moved or renamed.
		if at := slices.IndexFunc(d.listed, func(remote incidents.Remote) bool { return remote.Key == stub.Key }); at >= 0 {
			return d.listed[at], true, nil
		}
		remote, found, err := d.System.Read(ctx, id)
		if err != nil {
			err = fmt.Errorf("read %s on %s: %w", id, d.Name, err)
		}
		return remote, found, err
	}
	wanted, _ := watch.FindIncidentKey(stub.Key, d.Source)
	best := -1
	for at, remote := range d.listed {
		key, ours := watch.FindIncidentKey(remote.Key, d.Source)
		switch {
		case !ours:
		case remote.Key == stub.Key:
			return remote, true, nil
		case key.SameCause(wanted) && remote.Open && !d.known(remote):
			kept, err := d.Ledger.KnowsStub(ctx, d.Name, remote.Key)
			if err != nil {
				return incidents.Remote{}, false, err
			}
			if !kept { // what the ledger keeps is a story of its own
				best = at
			}
		}
	}
	if best < 0 {
		return incidents.Remote{}, false, nil
	}
	return d.listed[best], true, nil
}

// create makes the stub. It notes before that it does, which a run whose lease was lost may
// not, and where no answer comes nothing is made again until lists would show it.
func (d *desk) create(ctx context.Context, stub *ledger.KeptStub) (string, error) {
	now := d.Now()
	if wait := settleFor - now.Sub(stub.There.Making); !stub.There.Making.IsZero() && wait > 0 && wait <= settleFor {
		if err := d.sleep(ctx, wait); err != nil {
			return "", err
		}
		if err := d.list(ctx); err != nil {
			return "", fmt.Errorf("list what stands on %s: %w", d.Name, err)
		}
		if remote, found, err := d.find(ctx, *stub); err != nil || found {
			if err != nil {
				return "", err
			}
			return d.bring(ctx, stub, remote)
		}
	}
	now = d.Now()
	if err := d.Ledger.There(ctx, stub.System, stub.Key, func(there *ledger.There) { there.Making, there.Made = now, stub.There.Said }); err != nil {
		return "", err
	}
	stub.There.Making, stub.There.Made = now, stub.There.Said
	remote, err := d.System.Create(ctx, d.wanted(*stub))
	if err != nil {
		return "", fmt.Errorf("make a stub on %s: %w", d.Name, err)
	}
	return "made as " + string(stub.Phase) + visibly(stub.Hidden), d.nowStands(stub, remote)
}

func visibly(hidden bool) string {
	if hidden {
		return ", hidden"
	}
	return ""
}

func (d *desk) sleep(ctx context.Context, wait time.Duration) error {
	if d.Pause != nil {
		return d.Pause(ctx, wait)
	}
	return Delivery{}.wait(ctx, wait)
}

// nowStands notes what stands there after our writing.
func (d *desk) nowStands(stub *ledger.KeptStub, remote incidents.Remote) error {
	stub.There.ID, stub.There.URL, stub.There.Revision, stub.There.Seen = remote.ID, remote.URL, stub.Revision, seen(remote)
	there := stub.There
	return d.note(*stub, func(known *ledger.There) {
		settled(known)
		known.Asked, known.AskedPhase = ledger.Said{}, ""
		known.ID, known.URL, known.Revision, known.Seen = there.ID, there.URL, there.Revision, there.Seen
	})
}

// bring changes what stands there, unless it stands so already.
func (d *desk) bring(ctx context.Context, stub *ledger.KeptStub, remote incidents.Remote) (string, error) {
	want := d.wanted(*stub)
	// What people see already is not taken from them.
	want.Hidden = want.Hidden && remote.Hidden
	want.Notify = d.Notify && !want.Hidden
	asked := stub.There.ID == "" || stub.There.Asked.Revision == stub.Revision
	if asked && shows(remote, *stub) && remote.Hidden == want.Hidden {
		return "found as " + string(stub.Phase), d.nowStands(stub, remote)
	}
	// What stands there now is taken for ours, and so is what is about to be sent: the answer
	// may be lost, and the next pass may have more to say.
	stub.There.ID, stub.There.URL, stub.There.Seen = remote.ID, remote.URL, seen(remote)
	stub.There.Asked, stub.There.AskedPhase = stub.There.Said, stub.Phase
	now := stub.There
	if err := d.Ledger.There(ctx, stub.System, stub.Key, func(there *ledger.There) {
		there.ID, there.URL, there.Seen, there.Asked, there.AskedPhase = now.ID, now.URL, now.Seen, now.Asked, now.AskedPhase
	}); err != nil {
		return "", err
	}
	after, err := d.System.Update(ctx, remote, want)
	if err != nil {
		return "", fmt.Errorf("bring the stub on %s to %s: %w", d.Name, stub.Phase, err)
	}
	return "brought to " + string(stub.Phase) + visibly(want.Hidden), d.nowStands(stub, after)
}

// wanted is the stub as the system is asked for it.
func (d *desk) wanted(stub ledger.KeptStub) incidents.Stub {
	said := stub.There.Said
	return incidents.Stub{
		Key: stub.Key, Mark: fmt.Sprintf("%s.%d", stub.Key, stub.Revision), Phase: stub.Phase, Hidden: stub.Hidden, Notify: d.Notify && !stub.Hidden,
		Title: said.Title, Text: said.Text, Internal: said.Internal, Components: d.components(stub), Impact: stub.Impact(),
		Window: stub.Window, StartedAt: cmp.Or(stub.StartedAt, stub.FoundAt).Truncate(time.Second), At: stub.PhaseAt.Truncate(time.Second),
	}
}

// stands reports that an open stub, ours or a person's by now, is there on its system.
func stands(stub ledger.KeptStub) bool {
	return stub.Open() && stub.There.ID != "" && !stub.There.Closed && stub.There.How != wasDeleted
}

func hidden(stub ledger.KeptStub) bool { return stub.Hidden && !stub.There.Published }

// components are those of the stub, each as the worst of all open stubs has it: what is well
// for one of them may be down for another.
func (d *desk) components(stub ledger.KeptStub) []watch.Component {
	components := stub.Standing()
	for _, other := range d.stubs {
		if other.Key == stub.Key || !stands(other) || hidden(other) != hidden(stub) {
			continue
		}
		for _, standing := range other.Standing() {
			for i := range components {
				if components[i].ID == standing.ID && standing.Status.Worse(components[i].Status) {
					components[i].Status = standing.Status
				}
			}
		}
	}
	return components
}
