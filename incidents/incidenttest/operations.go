package incidenttest

import (
	"context"
	"errors"
	"testing"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// operation is one method of a system.
type operation struct {
	name string
	call func(ctx context.Context, system incidents.System) error
}

// operations are those that the system has a place for, on stubs that stand there.
func (o *Office) operations(t *testing.T) []operation {
	t.Helper()
	stub, done := o.Stub("orders"), o.Stub("done")
	current := o.Create(t, stub)
	resolved := o.Update(t, o.Create(t, done), o.Moved(done, watch.Over))
	all := []operation{
		{"list", func(ctx context.Context, s incidents.System) error { _, err := s.List(ctx, longAgo()); return err }},
		{"read", func(ctx context.Context, s incidents.System) error { _, _, err := s.Read(ctx, current.ID); return err }},
		{"create", func(ctx context.Context, s incidents.System) error {
			_, err := s.Create(ctx, o.Stub("mail"))
			return err
		}},
		{"update", func(ctx context.Context, s incidents.System) error {
			_, err := s.Update(ctx, current, o.Moved(stub, watch.Identified))
			return err
		}},
	}
	if err := o.System(t).Annotate(t.Context(), current, o.Note("first")); !errors.Is(err, incidents.ErrNoNotes) {
		all = append(all, operation{"annotate", func(ctx context.Context, s incidents.System) error {
			note := o.Note("second")
			note.Mark += "-second"
			return s.Annotate(ctx, current, note)
		}})
	}
	if err := o.System(t).Draft(t.Context(), resolved, o.Note("first")); !errors.Is(err, incidents.ErrNoDrafts) {
		all = append(all, operation{"draft", func(ctx context.Context, s incidents.System) error {
			return s.Draft(ctx, resolved, o.Note("second"))
		}})
	}
	return all
}
