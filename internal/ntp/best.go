package ntp

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Best asks up to n times, each time so long after the last whether or not that was
// answered, and gives the reply with the least delay, whose offset is the most exact: what
// queues add to the way one packet takes they do not add to the other's. It ends with ctx
// and gives what has come by then. The first reply that carries no time ends it, and is
// given; so does an error other than ErrNoReply, unless a reply has come before.
//
// RFC 8633 asks for no more than a few packets to servers of others, and for seconds
// between them.
func (c *Client) Best(ctx context.Context, to netip.AddrPort, n int, every time.Duration) (Reply, error) {
	type outcome struct {
		reply Reply
		err   error
	}
	// Whoever ends early leaves nobody waiting.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outcomes := make(chan outcome, max(n, 1))
	ask := func() {
		reply, err := c.Ask(ctx, to)
		outcomes <- outcome{reply, err}
	}
	next := time.NewTicker(max(every, time.Microsecond))
	defer next.Stop()
	go ask()
	asked, limit, ended := 1, n, 0
	var best *Reply
	var failed error
	for ended < asked || asked < limit {
		ticks, done := next.C, ctx.Done()
		if asked >= limit {
			ticks, done = nil, nil
		}
		select {
		case <-done:
			limit = asked
		case <-ticks:
			asked++
			go ask()
		case got := <-outcomes:
			ended++
			switch {
			case got.err != nil:
				failed = got.err
				if !errors.Is(failed, ErrNoReply) {
					limit = asked
				}
			case !got.reply.Timed():
				return got.reply, nil
			case best == nil || got.reply.Delay < best.Delay:
				best = &got.reply
			}
		}
	}
	if best == nil {
		return Reply{}, failed
	}
	return *best, nil
}

// AskTwice sends a second packet where the first is not answered within the given time: one
// that was lost says nothing of the host. The first answer counts, to whichever packet.
func (c *Client) AskTwice(ctx context.Context, to netip.AddrPort, after time.Duration) (Reply, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		reply Reply
		err   error
	}
	outcomes := make(chan outcome, 2)
	ask := func() {
		reply, err := c.Ask(ctx, to)
		outcomes <- outcome{reply, err}
	}
	go ask()
	again := time.NewTimer(after)
	defer again.Stop()
	for waiting := 1; ; {
		select {
		case <-again.C:
			waiting++
			go ask()
		case got := <-outcomes:
			if waiting--; got.err == nil || waiting == 0 || !errors.Is(got.err, ErrNoReply) {
				return got.reply, got.err
			}
		}
	}
}
