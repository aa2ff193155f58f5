package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"lapsewatch/incidents"
	"lapsewatch/ledger"
	"lapsewatch/watch"
)

// heedStrangers looks at what carries our key and is not known here: a second one of what is
// known, which is closed, or one that a lost ledger knew.
func (d *desk) heedStrangers(ctx context.Context) {
	for _, remote := range d.listed {
		key, ours := watch.FindIncidentKey(remote.Key, d.Source)
		if !ours || !remote.Open || d.known(remote) {
			continue
		}
		twin := slices.IndexFunc(d.stubs, func(stub ledger.KeptStub) bool { return stub.Key == remote.Key })
		if twin < 0 {
			twin = slices.IndexFunc(d.stubs, func(stub ledger.KeptStub) bool {
				known, found := watch.FindIncidentKey(stub.Key, d.Source)
				return found && known.SameCause(key)
			})
		}
		switch {
		case twin >= 0 && d.stubs[twin].There.ID == "":
			// It is the stub itself, whose making was not answered, or was forgotten.
		case twin >= 0:
			d.closeTwin(ctx, remote, d.stubs[twin])
		case d.RecordLost:
			d.adopt(ctx, remote)
		default:
			d.Log.Warn("what carries a key of this installation is not known here and is left alone; if another installation keeps it, give each a source of its own",
				"system", d.Name, "key", remote.Key, "url", remote.URL)
		}
	}
}

// known: it is one of the stubs here. Two runs at once make two of the same key, of which
// the ledger knows one by its id.
func (d *desk) known(remote incidents.Remote) bool {
	return slices.ContainsFunc(d.stubs, func(stub ledger.KeptStub) bool {
		return stub.There.ID == remote.ID || stub.There.ID == "" && stub.Key == remote.Key
	})
}

// closeTwin closes what two runs at once have left behind, unless a person wrote there.
func (d *desk) closeTwin(ctx context.Context, remote incidents.Remote, stub ledger.KeptStub) {
	told := StubTold{System: d.Name, Key: remote.Key, Title: remote.Title, URL: remote.URL}
	if len(remote.Texts) > 1 {
		err := fmt.Errorf("a second stub of the cause of %s stands on %s, and somebody wrote there: close one of them by hand: %s", stub.Key, d.Name, cmp.Or(remote.URL, remote.ID))
		d.unclosed = append(d.unclosed, failure{stub, err})
		return
	}
	err := d.mayWrite(ctx, stub)
	if err == nil {
		_, err = d.System.Update(ctx, remote, incidents.Stub{
			Key: remote.Key, Mark: remote.Key + ".duplicate", Phase: watch.Over, Hidden: remote.Hidden, Title: remote.Title, Text: d.Words.Duplicate(stub.Key),
			Impact: watch.Operational, StartedAt: d.Now(), At: d.Now(),
		})
	}
	if err != nil {
		d.unclosed = append(d.unclosed, failure{stub, fmt.Errorf("close the duplicate of %s at %s: %w", stub.Key, cmp.Or(remote.URL, remote.ID), err)})
		return
	}
	told.Did = "closed as a duplicate of " + stub.Key
	d.told = append(d.told, told)
}

// adopt takes a stub back that a lost ledger knew. It is closed when passes have shown that
// nothing asks for it any more.
func (d *desk) adopt(ctx context.Context, remote incidents.Remote) {
	kept := ledger.KeptStub{There: ledger.There{ID: remote.ID, URL: remote.URL, Seen: seen(remote)}}
	kept.Key, kept.System, kept.Phase, kept.Hidden = remote.Key, d.Name, cmp.Or(remote.Phase, watch.Identified), remote.Hidden
	kept.Components, kept.FoundAt, kept.OpenedAt, kept.PhaseAt, kept.BadAt = remote.Components, d.Now(), d.Now(), d.Now(), d.Now()
	kept.Terms.GoodPasses = adoptedGoodPasses
	if err := d.Ledger.Adopt(ctx, kept, d.Now()); err != nil {
		d.told = append(d.told, StubTold{System: d.Name, Key: remote.Key, Err: err})
		return
	}
	d.told = append(d.told, StubTold{System: d.Name, Key: remote.Key, Title: remote.Title, URL: remote.URL, Did: "taken back into the ledger, which had lost it"})
}

// adoptedGoodPasses is how many complete passes must ask for an adopted stub no more.
const adoptedGoodPasses = 3
