package msgraph

import (
	"context"
	"net/url"
	"strings"

	"golang.org/x/time/rate"

	"lapsewatch/watch"
)

// paces are the limits that Microsoft states for a tenant, with retries counted: in any
// window the rate times its length and the burst together stay at or below them.
type paces struct {
	// keys: 150 requests a minute that select keyCredentials (Graph's list applications).
	keys *rate.Limiter
	// reports: 5 requests in 10 seconds (Graph's throttling limits of identity reports).
	reports *rate.Limiter
}

func newPaces() paces {
	return paces{keys: rate.NewLimiter(2, 30), reports: rate.NewLimiter(0.3, 2)}
}

// of gives the pace for a request, nil where none is stated.
func (p paces) of(address *url.URL) *rate.Limiter {
	switch {
	case strings.Contains(strings.ToLower(address.Query().Get("$select")), "keycredentials"):
		return p.keys
	case strings.Contains(address.Path, "/reports/"):
		return p.reports
	}
	return nil
}

// keep waits for the next turn.
func keep(ctx context.Context, pace *rate.Limiter, doing string) error {
	if pace == nil {
		return nil
	}
	err := pace.Wait(ctx)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return interrupted(ctx, doing)
	}
	return &Failure{Doing: doing, Reason: watch.Throttled, Text: "the pace that Microsoft allows leaves no time for it before the deadline", Err: err}
}
