// Package syslog writes events to a syslog receiver (RFC 5424) over TLS, TCP or UDP. It
// makes one attempt: retrying and remembering are the runner's. It writes to no local
// socket, and it cannot know what a receiver does with what it has read: syslog has no
// word for that.
package syslog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/digest"
)

// Kind is the syslog channel.
var Kind = alerts.Define("syslog", defaults, New)

// maxEvents bounds one message; the least urgent that are too many are counted.
const maxEvents = 1000

var errNoEvents = errors.New("the message holds no events")

type channel struct {
	options  Options
	env      alerts.Env
	hostname string
}

// New makes a syslog channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	// A machine without a name stands in the messages as one.
	hostname, _ := os.Hostname()
	return &channel{options: options, env: env, hostname: field(cmp.Or(options.Hostname, hostname), maxHostname)}, nil
}

// Recipients is the single receiver.
func (c *channel) Recipients() []string { return []string{""} }

// Deliver writes one line for each event. The proof is that the receiver closed the
// connection in order after it had been given everything; for UDP there is none. Every
// failure is retryable, because syslog cannot refuse in words, except that of a file or a
// key of this machine which cannot be read.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	if len(message.Events) == 0 {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: errNoEvents}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.options.Timeout))
	defer cancel()
	ends, _ := ctx.Deadline()
	try := &attempt{options: c.options, env: c.env, within: time.Until(ends)}
	if err := try.prepare(); err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("write to syslog receiver %s: %w", c.options.address(), err)}
	}
	lines := c.lines(message)
	proof, err := try.send(ctx, lines)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Retryable: true, Err: fmt.Errorf("write to syslog receiver %s: %w", c.options.address(), err)}
	}
	return alerts.Receipt{Proof: fmt.Sprintf("%s written to %s by %s%s", counted(len(lines)), c.options.address(), c.options.Transport, proof)}, nil
}

func (c *channel) lines(message alerts.Message) []string {
	limit := maxStream
	if c.options.Transport == UDP {
		limit = maxDatagram
	}
	shown := message.Events[:min(len(message.Events), maxEvents)]
	format := formatter{
		options: c.options, message: message, digest: digest.New(message, c.env, len(shown)),
		hostname: c.hostname, limit: limit,
	}
	lines := make([]string, 0, len(shown)+1)
	for _, event := range shown {
		lines = append(lines, format.event(event))
	}
	if format.digest.LeftOut > 0 {
		lines = append(lines, format.rest())
	}
	return lines
}

func counted(lines int) string {
	if lines == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", lines)
}
