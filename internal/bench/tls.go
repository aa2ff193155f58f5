package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"lapsewatch/internal/bench/farm"
)

const (
	inFlight      = 300
	cleanTimeout  = 5 * time.Second
	wallSlack     = time.Second
	targetPlain   = 0.65
	targetRSS     = 40
	targetPerWait = 20
)

// scan is one way to look at a list of endpoints.
type scan struct {
	concurrency int
	timeout     time.Duration
}

// program is something that reads a list of endpoints.
type program struct {
	name string
	args []string
	// ours is held to the targets; the others are what it is compared with.
	ours bool
}

func (b *bench) lapsewatch(s scan) program {
	return program{name: "lapsewatch", ours: true, args: []string{b.scanner, "scan", "-", "--output", "jsonl",
		"--concurrency", strconv.Itoa(s.concurrency), "--timeout", s.timeout.String()}}
}

func (b *bench) plain(s scan) program {
	return program{name: "plain crypto/tls", args: []string{b.self, "-role", "plain", strconv.Itoa(s.concurrency), s.timeout.String()}}
}

// look measures one program over endpoints and holds what it says against the truth.
func (b *bench) look(ctx context.Context, p program, g *grown, truth []farm.Subject) (usage, score, error) {
	list, err := b.listOf(truth)
	if err != nil {
		return usage{}, score{}, err
	}
	said := b.path("said.jsonl")
	spent, err := b.measure(ctx, command{args: p.args, env: []string{"SSL_CERT_FILE=" + g.rootFile}, stdin: list, stdout: said, core: clientCore})
	if err != nil {
		return usage{}, score{}, err
	}
	if spent.Exit != 0 && (spent.Exit != exitNothingRead || !allSilent(truth)) {
		return usage{}, score{}, fmt.Errorf("%s ended with exit code %d", p.name, spent.Exit)
	}
	result, err := judge(said, truth)
	return spent, result, err
}

// tlsEndpoints measures the TLS check: on a clean farm, and on one with bad hosts.
func (b *bench) tlsEndpoints(ctx context.Context) error {
	clean, err := b.grow(ctx, "clean", b.scale.manyEndpoints)
	if err != nil {
		return err
	}
	wall, err := b.cleanFarm(ctx, clean)
	if err := errors.Join(err, clean.stop()); err != nil {
		return err
	}
	rough, err := b.grow(ctx, "rough", b.scale.endpoints)
	if err != nil {
		return err
	}
	if err := errors.Join(b.roughFarm(ctx, rough, wall), rough.stop()); err != nil {
		return err
	}
	silent, err := b.grow(ctx, "silent", 2*b.scale.sample)
	if err != nil {
		return err
	}
	return errors.Join(b.waitingHosts(ctx, silent), silent.stop())
}

func (b *bench) cleanFarm(ctx context.Context, g *grown) (time.Duration, error) {
	wall, peak, err := b.pairedWithPlain(ctx, g)
	if err == nil {
		err = b.manyEndpoints(ctx, g, peak)
	}
	if err == nil {
		err = b.crowded(ctx, g)
	}
	if err == nil {
		err = b.tlsPeers(ctx, g)
	}
	return wall, err
}

// pairedWithPlain alternates the scanner with plain crypto/tls, each first in turn.
func (b *bench) pairedWithPlain(ctx context.Context, g *grown) (wall time.Duration, peakKiB int64, err error) {
	truth := g.truth[:b.scale.endpoints]
	how := scan{concurrency: inFlight, timeout: cleanTimeout}
	programs := []program{b.lapsewatch(how), b.plain(how)}
	spent := make([][]usage, len(programs))
	scores := make([]score, len(programs))
	for round := range b.scale.rounds {
		for turn := range programs {
			i := (round + turn) % len(programs)
			cost, result, err := b.look(ctx, programs[i], g, truth)
			if err != nil {
				return 0, 0, err
			}
			spent[i] = append(spent[i], cost)
			if round == 0 || !result.exact() {
				scores[i] = result
			}
		}
	}
	var ratios []float64
	for round := range b.scale.rounds {
		ratios = append(ratios, spent[0][round].CPU.Seconds()/spent[1][round].CPU.Seconds())
	}
	area := fmt.Sprintf("tls, %d endpoints, %d in flight", len(truth), inFlight)
	for i, p := range programs {
		b.tlsRows(area, p, spent[i], scores[i], len(truth))
	}
	b.table.add(area, "lapsewatch / plain", "CPU, paired", "%.2f %.2f", median(ratios), ratios).target("≤ 0.65", median(ratios) <= targetPlain)
	most := worst(spent[0])
	return most.Wall, most.RSSKiB, nil
}

// tlsRows prints what every TLS program is measured by.
func (b *bench) tlsRows(area string, p program, rounds []usage, result score, endpoints int) {
	var perEndpoint, rates []float64
	for _, spent := range rounds {
		perEndpoint = append(perEndpoint, spent.CPU.Seconds()*1000/float64(endpoints))
		rates = append(rates, float64(endpoints)/spent.Wall.Seconds())
	}
	b.table.add(area, p.name, "CPU per endpoint", "%.3f ms", median(perEndpoint))
	b.table.add(area, p.name, "rate", "%.0f/s", median(rates))
	b.table.addTruth(area, p, result)
	memory := b.table.add(area, p.name, "peak memory", "%.1f MiB", mib(worst(rounds).RSSKiB))
	if p.ours {
		memory.target("≤ 40 MiB", mib(worst(rounds).RSSKiB) <= targetRSS)
	}
}

// worst is the largest of each measure.
func worst(rounds []usage) usage {
	var most usage
	for _, spent := range rounds {
		most.Wall = max(most.Wall, spent.Wall)
		most.CPU = max(most.CPU, spent.CPU)
		most.RSSKiB = max(most.RSSKiB, spent.RSSKiB)
	}
	return most
}

// exitNothingRead is how lapsewatch ends where it could read nothing at all.
const exitNothingRead = 3

func allSilent(truth []farm.Subject) bool {
	return !slices.ContainsFunc(truth, func(s farm.Subject) bool { return s.Fault != farm.Silent })
}
