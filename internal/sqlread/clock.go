package sqlread

import (
	"context"
	"fmt"
	"math"
	"time"

	"lapsewatch/internal/clean"
)

// Clock is how the clock of a database server stood.
type Clock struct {
	// Offset is the server's clock minus this machine's: positive is ahead. It saturates
	// at 292 years. Uncertainty bounds its error, plus or minus.
	Offset, Uncertainty time.Duration
	// At is when it was read, by this machine's clock.
	At time.Time
	// Details are facts for a report: server (its version), and where it says so, recovery
	// (a PostgreSQL standby) or read_only (MySQL, SQL Server), and the
	// clock_resolution_seconds.
	Details map[string]any
}

// clockSource is how a server tells its time, always as UTC: functions of the local zone
// would fake an offset of hours.
type clockSource struct {
	statement string
	// resolution is the step in which the server's clock advances.
	resolution time.Duration
	// state tells of standbys, as a number, under a name.
	state, stateName string
}

// clockReadings: the one with the shortest way there and back counts.
const clockReadings = 3

const maxVersion = 100

// Clock reads the server's clock. A step of the own clock meanwhile does not bend it.
func (c *Conn) Clock(ctx context.Context) (Clock, error) {
	source := c.dialect.clock
	read := Clock{Uncertainty: math.MaxInt64, Details: map[string]any{
		"server":                   clean.Text(c.version, maxVersion),
		"clock_resolution_seconds": source.resolution.Seconds(),
	}}
	doing := "read the clock of " + c.address.String()
	err := c.Read(ctx, func(ctx context.Context, tx *Tx) error {
		anchor := time.Now()
		for range clockReadings {
			var remote time.Time
			sent := time.Since(anchor)
			err := tx.Query(ctx, doing, func(scan func(...any) error) error { return scan(&remote) }, source.statement)
			if err != nil {
				return err
			}
			received := time.Since(anchor)
			if off := (received-sent)/2 + source.resolution; off < read.Uncertainty {
				read.At = anchor.Add((sent + received) / 2).Round(0)
				read.Offset, read.Uncertainty = remote.Sub(read.At), off
			}
		}
		var state int64
		err := tx.Query(ctx, doing, func(scan func(...any) error) error { return scan(&state) }, source.state)
		if err == nil {
			read.Details[source.stateName] = state != 0
		}
		return err
	})
	if err != nil {
		return Clock{}, err
	}
	return read, nil
}

// milliseconds and seconds write limits for servers, never zero: that would mean none.
func milliseconds(limit time.Duration) string { return fmt.Sprint(max(1, limit.Milliseconds())) }

func seconds(limit time.Duration) string {
	return fmt.Sprint(max(1, int64(math.Ceil(limit.Seconds()))))
}
