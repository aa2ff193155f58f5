// Package remoteclock reads the clock of another host: by the Date header of its web
// server, by node_exporter, by chrony's command port and by SSH. Each way gives the
// host's clock minus this machine's, with bounds that hold whatever the network did
// meanwhile, or chrony's own account of it.
//
// It judges nothing, keeps nothing between two readings, and does not know whether this
// machine's clock is right: that is the caller's to find out. It does not speak NTP.
package remoteclock

import (
	"context"
	"net"
	"time"

	"lapsewatch/watch"
)

// Way is one way to read one host's clock; it is safe for concurrent use. ctx bounds
// all of a reading. Every error is a *Failure.
type Way interface {
	Read(ctx context.Context) (Reading, error)
}

// Dial opens a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Reading is what a host's clock showed.
type Reading struct {
	// Offset is the host's clock minus this machine's: positive is ahead. It saturates at
	// what a time.Duration holds, 292 years.
	Offset time.Duration
	// Uncertainty bounds the error of Offset, plus or minus.
	Uncertainty time.Duration
	// At is when it was read, by this machine's clock, in UTC.
	At time.Time
	// By names the way: "the Date header", "node_exporter", "SSH", "its own account (chrony)".
	By string
	// Self: Offset is not a comparison with this machine. It is how far the host says that
	// it is from the source that it follows, which may itself be wrong.
	Self bool
	// Details are as those of a watch.Clock: snake_case, with scalars and lists of text.
	Details map[string]any
	// Observations are conditions other than the offset, such as watch.ClockUnsynchronised.
	Observations []watch.Observation
}
