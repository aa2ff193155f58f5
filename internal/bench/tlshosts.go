package main

import (
	"context"
	"fmt"
	"time"

	"lapsewatch/internal/bench/farm"
)

// manyEndpoints shows whether memory grows with the list.
func (b *bench) manyEndpoints(ctx context.Context, g *grown, peakKiB int64) error {
	ours := b.lapsewatch(scan{inFlight, cleanTimeout})
	spent, result, err := b.look(ctx, ours, g, g.truth)
	if err != nil {
		return err
	}
	area := fmt.Sprintf("tls, %d endpoints, %d in flight", len(g.truth), inFlight)
	growth := float64(spent.RSSKiB) / float64(peakKiB)
	b.table.add(area, ours.name, "CPU per endpoint", "%.3f ms", spent.CPU.Seconds()*1000/float64(len(g.truth)))
	b.table.addTruth(area, ours, result)
	b.table.add(area, ours.name, "peak memory", "%.1f MiB, %.2f of the shorter list's", mib(spent.RSSKiB), growth).target("flat: ≤ 1.25", growth <= 1.25)
	return nil
}

// crowded asks for far more at once than one core can do in time: hosts that answer
// must not be called silent because the scanner starved itself.
func (b *bench) crowded(ctx context.Context, g *grown) error {
	truth := g.truth[:b.scale.endpoints]
	how := scan{concurrency: b.scale.endpoints / 2, timeout: 2 * time.Second}
	area := fmt.Sprintf("tls, crowded: %d in flight, timeout %s", how.concurrency, how.timeout)
	for _, p := range []program{b.lapsewatch(how), b.plain(how)} {
		spent, result, err := b.look(ctx, p, g, truth)
		if err != nil {
			return err
		}
		b.table.add(area, p.name, "wall", "%.1f s", spent.Wall.Seconds())
		b.table.addTruth(area, p, result)
	}
	return nil
}

// roughFarm measures how long bad hosts hold the rest up.
func (b *bench) roughFarm(ctx context.Context, g *grown, cleanWall time.Duration) error {
	for _, part := range []struct {
		truth []farm.Subject
		how   scan
		limit time.Duration
	}{
		{g.truth[:min(b.scale.sample, len(g.truth))], scan{inFlight, b.scale.patience}, b.scale.patience + wallSlack},
		{g.truth, scan{1000, b.scale.patience}, cleanWall + b.scale.patience + wallSlack},
	} {
		area := fmt.Sprintf("tls, %d endpoints, 5 %% black holes, %d in flight", len(part.truth), part.how.concurrency)
		for _, p := range []program{b.lapsewatch(part.how), b.plain(part.how)} {
			spent, result, err := b.look(ctx, p, g, part.truth)
			if err != nil {
				return err
			}
			wall := b.table.add(area, p.name, "wall", "%.2f s", spent.Wall.Seconds())
			b.table.addTruth(area, p, result)
			if p.ours {
				wall.target(fmt.Sprintf("≤ %.1f s", part.limit.Seconds()), spent.Wall <= part.limit)
			}
		}
	}
	return nil
}

// waitingHosts measures what a host that never answers costs in memory while it is waited for.
func (b *bench) waitingHosts(ctx context.Context, g *grown) error {
	idle, err := b.measure(ctx, command{args: []string{b.scanner, "version"}, core: clientCore})
	if err != nil {
		return err
	}
	how := scan{concurrency: len(g.truth), timeout: 3 * time.Second}
	area := fmt.Sprintf("tls, %d silent hosts at once", len(g.truth))
	for _, p := range []program{b.lapsewatch(how), b.plain(how)} {
		spent, _, err := b.look(ctx, p, g, g.truth)
		if err != nil {
			return err
		}
		perHost := float64(spent.RSSKiB-idle.RSSKiB) / float64(len(g.truth))
		memory := b.table.add(area, p.name, "memory per waiting host", "%.1f KiB", perHost)
		if p.ours {
			memory.target("≤ 20 KiB", perHost <= targetPerWait)
		}
	}
	return nil
}
