package remoteclock

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"github.com/facebook/time/ntp/chrony"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// Chrony asks chronyd, by version 6 of the protocol of its command port (chronyc
// tracking), how far it thinks that the host's clock is from the source that it follows.
// A source that is wrong itself does not show that way.
type Chrony struct {
	// Address is host:port; chronyd's port is 323.
	Address string
	Dial    Dial
}

const (
	// One datagram may get lost.
	chronyAttempts = 3
	chronyPatience = time.Second
	// chronyHead is the length of the head of a reply.
	chronyHead    = 28
	chronyVersion = 6
	chronyReply   = 2
	// maxStrays bounds the datagrams that are passed over as not belonging to the question.
	maxStrays = 64
	// notSynchronised is the leap status of a clock that follows nothing (RFC 5905, 7.3).
	notSynchronised = 3
	// coefficient is how many bits of a number the protocol keeps.
	coefficient = 23
)

// Statuses of a reply, from chrony's candm.h.
const (
	statusSuccess      = 0
	statusUnauthorised = 2
	statusVersion      = 18
	statusNoAccess     = 10
)

const notChronyd = "Check the port: what answers there is not chronyd as it is known."

const allowUs = "chronyd answers only where bindcmdaddress lets it listen, and only hosts that cmdallow names."

// Read asks up to three times.
func (c Chrony) Read(ctx context.Context) (Reading, error) {
	doing := "ask chronyd at " + c.Address + " for its tracking"
	timeline := newTimeline()
	conn, err := c.Dial(ctx, "udp", c.Address)
	if err != nil {
		return Reading{}, brokenOff(ctx, doing, err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	exchange := &chronyExchange{conn: conn, ctx: ctx}
	client := chrony.Client{Connection: exchange, Sequence: rand.Uint32()}
	for range chronyAttempts {
		var answer chrony.ResponsePacket
		if answer, err = client.Communicate(chrony.NewTrackingPacket()); err == nil {
			if tracking, ok := answer.(*chrony.ReplyTracking); ok {
				return chronyReading(timeline, tracking.Tracking), nil
			}
			return Reading{}, failed(watch.Unparsable, doing, errors.New("it answered another question"), notChronyd)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
			break
		}
	}
	return Reading{}, exchange.failure(doing, err)
}

// chronyExchange carries the packets of package chrony and keeps from it what it does not
// look at itself: replies to other questions, and what is no reply at all.
type chronyExchange struct {
	conn     net.Conn
	ctx      context.Context
	sequence uint32
	command  uint16
	// status is that of the reply, once there is one.
	status  uint16
	replied bool
	// broken is why nothing came, without the words of package chrony around it.
	broken error
}

// Write sends a request, whose head package chrony has made.
func (e *chronyExchange) Write(request []byte) (int, error) {
	if len(request) < 12 {
		return 0, errors.New("a request without a head")
	}
	e.command = binary.BigEndian.Uint16(request[4:])
	e.sequence = binary.BigEndian.Uint32(request[8:])
	return e.conn.Write(request)
}

// Read waits for the reply to the request that was written last.
func (e *chronyExchange) Read(reply []byte) (int, error) {
	n, err := e.await(reply)
	e.replied, e.broken = err == nil, err
	return n, err
}

func (e *chronyExchange) await(reply []byte) (int, error) {
	deadline := time.Now().Add(chronyPatience)
	if limit, limited := e.ctx.Deadline(); limited && limit.Before(deadline) {
		deadline = limit
	}
	if err := e.conn.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	for range maxStrays {
		n, err := e.conn.Read(reply)
		if err != nil {
			return 0, err
		}
		if e.answers(reply[:n]) {
			e.status = binary.BigEndian.Uint16(reply[8:])
			return n, nil
		}
	}
	return 0, fmt.Errorf("%d datagrams came, and none answers", maxStrays)
}

func (e *chronyExchange) answers(reply []byte) bool {
	return len(reply) >= chronyHead && reply[1] == chronyReply &&
		binary.BigEndian.Uint16(reply[4:]) == e.command && binary.BigEndian.Uint32(reply[16:]) == e.sequence &&
		(reply[0] == chronyVersion || binary.BigEndian.Uint16(reply[8:]) == statusVersion)
}

func (e *chronyExchange) failure(doing string, err error) *Failure {
	if !e.replied {
		failure := brokenOff(e.ctx, doing, cmp.Or(e.broken, err))
		if failure.Reason == watch.Refused || failure.Reason == watch.TimedOut {
			failure.Remedy = allowUs
		}
		return failure
	}
	switch e.status {
	case statusSuccess:
		return failed(watch.Unparsable, doing, errors.New("the reply cannot be read: "+clean.Text(err.Error(), maxQuoted)), notChronyd)
	case statusUnauthorised, statusNoAccess:
		return failed(watch.PermissionDenied, doing, fmt.Errorf("it is not allowed (status %d)", e.status), allowUs)
	case statusVersion:
		return failed(watch.Unparsable, doing, errors.New("it speaks another version of the protocol than 6"), "Update chrony: version 6 came with chrony 2.2.")
	default:
		return failed(watch.Unreadable, doing, fmt.Errorf("it answered with status %d", e.status), "")
	}
}

// chronyReading follows the words of chronyc's manual: the error of the clock is at the
// most the correction plus the root dispersion plus half of the root delay.
func chronyReading(timeline timeline, tracking chrony.Tracking) Reading {
	offset := watch.Minus(0, seconds(tracking.CurrentCorrection))
	uncertainty := watch.Plus(seconds(tracking.RootDispersion).Abs(), seconds(tracking.RootDelay).Abs()/2)
	reading := Reading{
		Offset: offset, Uncertainty: watch.Plus(uncertainty, offset.Abs()>>coefficient+1), At: timeline.wall(timeline.now()),
		By: "its own account (chrony)", Self: true,
		Details: map[string]any{
			"reference_id": chrony.RefidAsHEX(tracking.RefID), "stratum": int(tracking.Stratum), "leap_status": int(tracking.LeapStatus),
			"frequency_ppm": finite(tracking.FreqPPM), "skew_ppm": finite(tracking.SkewPPM),
			"root_delay": seconds(tracking.RootDelay).String(), "root_dispersion": seconds(tracking.RootDispersion).String(),
			"last_offset": seconds(tracking.LastOffset).String(),
		},
	}
	if source := chronySource(tracking); source != "" {
		reading.Details["reference"] = source
	}
	if at := tracking.RefTime; at.Unix() > 0 && at.Year() <= 9999 {
		reading.Details["reference_time"] = stamp(at)
	}
	if tracking.LeapStatus == notSynchronised {
		reading.Observations = []watch.Observation{{
			Reason: watch.ClockUnsynchronised,
			Text:   "chronyd says that the clock follows no source, so that its own account of the offset means nothing",
		}}
	}
	return reading
}

// chronySource is the address of the source, or the name of a reference clock ("PPS").
func chronySource(tracking chrony.Tracking) string {
	if tracking.IPAddr != nil {
		return tracking.IPAddr.String()
	}
	if tracking.RefID == 0 {
		return ""
	}
	return clean.Text(chrony.RefidToString(tracking.RefID), maxQuoted)
}

func finite(value float64) float64 {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return 0
	}
	return value
}
