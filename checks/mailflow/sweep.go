package mailflow

import (
	"context"
	"fmt"
	"slices"

	"lapsewatch/watch"
)

// outOfTime says how far a pass came whose time is over.
func outOfTime(ctx context.Context, err error, looked, of int) error {
	if ctx.Err() == nil {
		return err
	}
	return &fault{reason: watch.TimedOut, text: fmt.Sprintf("no time left after %d of %d canaries", looked, of), err: ctx.Err()}
}

// find looks for canaries in all folders.
func (p *pass) find(ctx context.Context, s *story, box mailbox, ids []string) (map[string][]arrival, error) {
	copies := map[string][]arrival{}
	if len(ids) == 0 {
		return copies, nil
	}
	var wanted []sought
	for _, id := range ids {
		wanted = append(wanted, sought{id: id, messageID: messageID(id, s.flow), late: s.record.late(id)})
	}
	for _, folder := range s.flow.folders() {
		some, err := box.find(ctx, folder, wanted)
		if err != nil {
			return nil, err
		}
		for _, one := range some {
			copies[one.id] = append(copies[one.id], one)
		}
	}
	return copies, nil
}

func (p *pass) remove(ctx context.Context, s *story, box mailbox, copies []arrival) error {
	// What is removed must not be looked for again, even if the pass ends now.
	if err := p.keep(ctx, s.flow, s.record); err != nil {
		return err
	}
	gone, err := box.remove(ctx, copies)
	s.marked = s.marked || err == nil && !gone
	return err
}

// sweep removes what arrived in earlier passes, but for the newest that are to be left. A
// pass that nothing remembers removes none: the next one would miss them.
func (p *pass) sweep(ctx context.Context, s *story, box mailbox) error {
	excess := len(s.record.Left) - s.flow.Keep
	if !p.env.Keeps || excess <= 0 {
		return nil
	}
	ids := slices.Clone(s.record.Left[:excess])
	copies, err := p.find(ctx, s, box, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if len(copies[id]) > 0 {
			if err := p.remove(ctx, s, box, copies[id]); err != nil {
				return err
			}
		}
		s.record.Left = s.record.Left[1:]
		s.record.Past = append(s.record.Past, id)
	}
	return nil
}
