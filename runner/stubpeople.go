package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"lapsewatch/incidents"
	"lapsewatch/ledger"
)

// takenOver notes that a person changed the stub. From now on it is theirs, and what happens
// is only written beside it.
func (d *desk) takenOver(ctx context.Context, stub ledger.KeptStub, remote incidents.Remote, how string) StubTold {
	told := StubTold{System: d.Name, Key: stub.Key, Title: cmp.Or(remote.Title, stub.There.Said.Title), URL: cmp.Or(remote.URL, stub.There.URL), Did: "left to the person who took it over (" + how + ")"}
	now := d.Now()
	stub.There.TakenOver, stub.There.How = now, how
	err := d.note(stub, func(there *ledger.There) {
		settled(there)
		there.TakenOver, there.How = now, how
	})
	if err == nil && remote.ID != "" && stub.There.Noted < stub.Revision && stub.There.Revision < stub.Revision {
		_, err = d.annotate(ctx, &stub, remote, true)
	}
	told.Err = err
	return told
}

// annotate leaves staff a note of what happened to a stub that is a person's by now.
func (d *desk) annotate(ctx context.Context, stub *ledger.KeptStub, remote incidents.Remote, found bool) (string, error) {
	did := ""
	if found && remote.ID != "" && stub.There.Noted < stub.Revision {
		story, err := d.story(ctx, *stub)
		var text string
		if err == nil {
			text, err = d.Words.Note(story)
		}
		if err == nil {
			err = d.mayWrite(ctx, *stub)
		}
		if err == nil {
			err = d.System.Annotate(ctx, remote, incidents.Note{Mark: fmt.Sprintf("%s.note.%d", stub.Key, stub.Revision), Text: text, At: d.Now()})
		}
		if err != nil && !errors.Is(err, incidents.ErrNoNotes) {
			return "", fmt.Errorf("leave a note on %s: %w", d.Name, err)
		}
		if err == nil {
			did = "noted beside what a person took over"
		}
	}
	stub.There.Noted = stub.Revision
	if err := d.note(*stub, func(there *ledger.There) { settled(there); there.Noted = stub.Revision }); err != nil {
		return did, err
	}
	if found && remote.ID != "" && wantsDraft(*stub) {
		drafted, err := d.draft(ctx, stub, remote)
		return strings.TrimPrefix(did+"; "+drafted, "; "), err
	}
	return did, d.note(*stub, func(there *ledger.There) { there.Drafted = max(there.Drafted, stub.Reopened+1) })
}

// mayWrite asks whether the ledger is still this run's own: another run that took it over
// writes for itself.
func (d *desk) mayWrite(ctx context.Context, stub ledger.KeptStub) error {
	return d.Ledger.There(ctx, stub.System, stub.Key, func(*ledger.There) {})
}

// draft keeps the draft of the post-mortem where the system has a place for it.
func (d *desk) draft(ctx context.Context, stub *ledger.KeptStub, remote incidents.Remote) (string, error) {
	story, err := d.story(ctx, *stub)
	var text string
	if err == nil {
		text, err = d.Words.Postmortem(story)
	}
	if err == nil {
		err = d.mayWrite(ctx, *stub)
	}
	if err == nil {
		if remote.ID == "" {
			remote.ID = stub.There.ID
		}
		err = d.System.Draft(ctx, remote, incidents.Note{Mark: fmt.Sprintf("%s.postmortem.%d", stub.Key, stub.Reopened), Text: text, At: d.Now()})
	}
	did := "drafted its post-mortem"
	switch {
	case errors.Is(err, incidents.ErrNoDrafts):
		did, err = "", nil
	case err != nil && !asDeliveryError(d.Name, err).Retryable:
		// The stub itself stands as it should; a draft is no reason to fail for ever.
		did, err = "its post-mortem could not be drafted: "+err.Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("draft the post-mortem on %s: %w", d.Name, err)
	}
	stub.There.Drafted = stub.Reopened + 1
	return did, d.note(*stub, func(there *ledger.There) { settled(there); there.Drafted = stub.Reopened + 1 })
}
