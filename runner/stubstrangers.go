package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

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
		case twin >= 0 && d.stubs[twin].There.ID == "" && d.stubs[twin].Phase == "":
			d.tie(d.stubs[twin], remote)
		case twin >= 0 && d.stubs[twin].There.ID == "":
			// It is the stub itself, whose making was not answered, or was forgotten.
		case twin >= 0:
			d.closeTwin(ctx, remote, d.stubs[twin])
		case d.RecordLost || d.unmet:
			d.adopt(ctx, remote)
		default:
			d.Log.Warn("what carries a key of this installation is not known here and is left alone; if another installation keeps it, give each a source of its own",
				"system", d.Name, "key", remote.Key, "url", remote.URL)
		}
	}
}

// metKey is what the memory of a status system holds once this ledger saw what stands there.
const metKey = "met"

// neverMet reports that this ledger, which may be a new one, never saw what stands there. What
// cannot be recalled is taken for met: nothing is adopted then.
func (d *desk) neverMet(ctx context.Context) bool {
	met, err := d.Ledger.ChannelMemory(systemMemory+d.Name, d.Now).Recall(ctx, metKey)
	return err == nil && len(met) == 0
}

func (d *desk) meet(ctx context.Context) {
	if !d.unmet || d.unadopted {
		return
	}
	if err := d.Ledger.ChannelMemory(systemMemory+d.Name, d.Now).Remember(ctx, metKey, []byte("yes")); err != nil {
		d.Log.Warn("that what stands on a status system was seen cannot be remembered; it is listed again", "system", d.Name, "error", err)
	}
}

// systemMemory begins the names of status systems among those of channels.
const systemMemory = "incidents/"

// known: it is one of the stubs here. Two runs at once make two of the same key, of which
// the ledger knows one by its id.
func (d *desk) known(remote incidents.Remote) bool {
	return slices.ContainsFunc(d.stubs, func(stub ledger.KeptStub) bool {
		return stub.There.ID == remote.ID || stub.There.ID == "" && stub.Key == remote.Key
	})
}

// madeBy reports that what stands there is what we made for the stub, word for word.
func madeBy(stub ledger.KeptStub, remote incidents.Remote) bool {
	if len(remote.Texts) != 1 {
		return false
	}
	for _, said := range []ledger.Said{stub.There.Made, stub.There.Said, stub.There.Asked} {
		if said.Revision > 0 && plain(remote.Title) == plain(said.Title) && wordForWord(remote, said) {
			return true
		}
	}
	return false
}

// keyLine is how long a line with our key may be.
const keyLine = 80

// wordForWord: the text is what we said, with nothing more than the part for staff and a line
// with the key.
func wordForWord(remote incidents.Remote, said ledger.Said) bool {
	rest, ours := strings.CutPrefix(plain(remote.Texts[0]), plain(said.Text))
	if !ours {
		return false
	}
	if internal := plain(said.Internal); internal != "" {
		rest = strings.Replace(rest, internal, "", 1)
	}
	rest = strings.TrimSpace(rest)
	return rest == "" || len(rest) <= keyLine && strings.Contains(rest, remote.Key)
}

// closeTwin closes what two runs at once have left behind, unless a person wrote there.
func (d *desk) closeTwin(ctx context.Context, remote incidents.Remote, stub ledger.KeptStub) {
	told := StubTold{System: d.Name, Key: remote.Key, Title: remote.Title, URL: remote.URL}
	if !madeBy(stub, remote) {
		err := fmt.Errorf("a second stub of the cause of %s stands on %s, and it is not as it was made: close one of them by hand: %s", stub.Key, d.Name, cmp.Or(remote.URL, remote.ID))
		d.unclosed = append(d.unclosed, failure{stub, err})
		return
	}
	err := d.mayWrite(ctx, stub)
	if err == nil {
		_, err = d.System.Update(ctx, remote, incidents.Stub{
			Key: remote.Key, Mark: remote.Key + ".duplicate", Phase: watch.Over, Hidden: remote.Hidden, Title: remote.Title, Text: d.Words.Duplicate(stub.Key),
			Components: d.components(stub), Impact: stub.Impact(), StartedAt: d.Now(), At: d.Now(),
		})
	}
	if err != nil {
		d.unclosed = append(d.unclosed, failure{stub, fmt.Errorf("close the duplicate of %s at %s: %w", stub.Key, cmp.Or(remote.URL, remote.ID), err)})
		return
	}
	told.Did = "closed as a duplicate of " + stub.Key
	d.told = append(d.told, told)
}

// tie ties what stands there to the stub of the same cause that waits for its hold-off: a
// ledger before this one had opened it.
func (d *desk) tie(stub ledger.KeptStub, remote incidents.Remote) {
	if err := d.note(stub, func(there *ledger.There) { there.ID, there.URL, there.Seen = remote.ID, remote.URL, seen(remote) }); err != nil {
		d.unadopted = true
		d.told = append(d.told, StubTold{System: d.Name, Key: stub.Key, Err: err})
	}
}

// adopt takes a stub back that a lost ledger knew. It is closed when passes have shown that
// nothing asks for it any more.
func (d *desk) adopt(ctx context.Context, remote incidents.Remote) {
	kept := ledger.KeptStub{There: ledger.There{ID: remote.ID, URL: remote.URL, Seen: seen(remote)}}
	kept.Key, kept.System, kept.Phase, kept.Hidden = remote.Key, d.Name, cmp.Or(remote.Phase, watch.Identified), remote.Hidden
	kept.Planned, kept.There.Made.Title = remote.Phase == watch.Scheduled, remote.Title
	kept.Components, kept.FoundAt, kept.OpenedAt, kept.PhaseAt, kept.BadAt = remote.Components, d.Now(), d.Now(), d.Now(), d.Now()
	kept.Terms.GoodPasses = adoptedGoodPasses
	if err := d.Ledger.Adopt(ctx, kept, d.Now()); err != nil {
		d.unadopted = true
		d.told = append(d.told, StubTold{System: d.Name, Key: remote.Key, Err: err})
		return
	}
	d.told = append(d.told, StubTold{System: d.Name, Key: remote.Key, Title: remote.Title, URL: remote.URL, Did: "taken back into the ledger, which had lost it"})
}

// adoptedGoodPasses is how many complete passes must ask for an adopted stub no more.
const adoptedGoodPasses = 3
