// Package heartbeat tells a dead man's switch that a run has begun, has ended well or has
// failed, in the way of healthchecks.io (https://healthchecks.io/docs/http_api/): a POST
// to the configured URL for success, to URL/start and to URL/fail, with one run id. That
// service alarms when it hears nothing: no job can report its own absence. A ping that
// fails is logged; it holds no run and fails none.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Options are the `heartbeat` section of the configuration.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	NoStart           bool `yaml:"no_start,omitempty" jsonschema_description:"do not ping URL/start, for services that do not know it"`
}

// Defaults are the options that configuration leaves out.
func Defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: watch.Duration(10 * time.Second)}}
}

const (
	attempts = 3
	pause    = time.Second
	// patience bounds one signal with all its attempts: Kubernetes leaves a pod that it
	// stops 30 seconds.
	patience = 20 * time.Second
	// maxBody is what healthchecks.io keeps of a ping's body.
	maxBody = 10_000
)

// Pinger pings for one run. The nil Pinger pings nobody.
type Pinger struct {
	sender  *httpsend.Sender
	env     alerts.Env
	noStart bool
	run     string
	// Pause waits between attempts; nil means a timer.
	Pause func(ctx context.Context, wait time.Duration)
}

// New makes a pinger for one run.
func New(options Options, env alerts.Env) *Pinger {
	env.Name = "heartbeat"
	return &Pinger{sender: httpsend.New(env, options.Endpoint), env: env, noStart: options.NoStart, run: uuid.NewString()}
}

// Start says that the run has begun. It returns at once; wait ends when the ping has.
func (p *Pinger) Start(ctx context.Context) (wait func()) {
	if p == nil || p.noStart {
		return func() {}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.signal(ctx, "/start", "")
	}()
	return func() { <-ended }
}

// Success says that the run has done all that was due; what is a summary for people.
func (p *Pinger) Success(ctx context.Context, what string) {
	if p != nil {
		p.signal(ctx, "", what)
	}
}

// Fail says that the run has failed, and why.
func (p *Pinger) Fail(ctx context.Context, why string) {
	if p != nil {
		p.signal(ctx, "/fail", why)
	}
}

// signal outlives ctx: a run that was stopped is what the switch must hear of.
func (p *Pinger) signal(ctx context.Context, path, body string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var err error
	for attempt := range attempts {
		if attempt > 0 {
			p.wait(ctx, pause<<attempt)
		}
		if err = p.ping(ctx, path, body); err == nil {
			return
		}
		if failure, ok := errors.AsType[*alerts.DeliveryError](err); !ok || !failure.Retryable {
			break
		}
	}
	p.env.Log.Warn("the heartbeat was not heard", "signal", "ping"+path, "error", err)
}

func (p *Pinger) ping(ctx context.Context, path, body string) error {
	response, err := p.sender.Send(ctx, httpsend.Request{
		Path: path, Query: url.Values{"rid": {p.run}}, Body: []byte(body[:min(len(body), maxBody)]),
		Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
	})
	if err != nil {
		return err
	}
	// A ping that the service knows nothing of, or comes too often, is answered with 200
	// and "OK (not found)" or "OK (rate limited)".
	if said := strings.TrimSpace(string(response.Body)); strings.HasPrefix(said, "OK (") {
		return fmt.Errorf("the service answered %q: the ping was not recorded", clean.Text(said, 100))
	}
	return nil
}

func (p *Pinger) wait(ctx context.Context, wait time.Duration) {
	if p.Pause != nil {
		p.Pause(ctx, wait)
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
