package ntp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"lapsewatch/internal/clean"
)

const (
	version    = 4
	modeClient = 3
	modeServer = 4

	headerSize = 48
	// Where the fields of the header begin (RFC 5905, figure 8).
	rootDelayAt, rootDispersionAt, referenceIDAt     = 4, 8, 12
	referenceTimeAt, originAt, receiveAt, transmitAt = 16, 24, 32, 40
)

// Leap is the leap indicator (RFC 5905, figure 9).
type Leap uint8

// The leap indicators.
const (
	NoWarning Leap = iota
	// LastMinute61 and LastMinute59: the last minute of the month has as many seconds.
	LastMinute61
	LastMinute59
	// NotSynchronised: the clock follows nothing.
	NotSynchronised
)

// Reply is what a host answered. Its fields are as the host sent them, whether or not
// they can be true.
type Reply struct {
	// Offset is the host's clock minus the own one; positive is ahead. It is exact
	// within 68 years (2³¹ s) and ambiguous by 136 years beyond. It means nothing unless
	// Timed.
	Offset time.Duration
	// Delay is the round trip less the time that the host took, never negative.
	Delay time.Duration
	// TransmitOnly: the host's receive timestamp is missing or contradicts its transmit
	// timestamp or the round trip. Only the latter counts then, and Delay is the whole
	// round trip.
	TransmitOnly bool
	Leap         Leap
	// Stratum is 1 to 15; 0 means that it is not specified (or see Kiss), 16 that the
	// clock is not synchronised.
	Stratum uint8
	// Poll and Precision are powers of two in seconds, limited to 36 h.
	Poll, Precision time.Duration
	// RootDelay and RootDispersion are the host's, to its reference clock.
	RootDelay, RootDispersion time.Duration
	ReferenceID               [4]byte
	// ReferenceTime is when the host's clock was set last, by itself, in UTC; zero if it
	// does not say.
	ReferenceTime time.Time
	// Kiss is the code of a kiss-o'-death packet (RFC 5905, 7.4), four ASCII letters or
	// digits such as DENY; empty in other packets.
	Kiss string
	// ServerTime is what the host's clock showed when it answered, in UTC.
	ServerTime time.Time
	// At is when the answer came, in UTC, by Client.Now.
	At time.Time
}

var errForm = errors.New("not an answer of an NTP server")

// form checks that a packet is an answer of a server, and no more (RFC 5905, 7.3): its
// length, its mode, and a version of which the header is known. It gives the origin
// timestamp.
func form(packet []byte) (origin uint64, err error) {
	if len(packet) < headerSize {
		return 0, errForm
	}
	mode, number := packet[0]&7, packet[0]>>3&7
	if mode != modeServer || number < 1 || number > version {
		return 0, errForm
	}
	return binary.BigEndian.Uint64(packet[originAt:]), nil
}

// newReply reads the header of an answer to a packet that was sent and came at these
// instants of the own timeline. Any header has a meaning.
func newReply(header *[headerSize]byte, sent, came time.Time) Reply {
	r := Reply{
		Leap: Leap(header[0] >> 6), Stratum: header[1],
		Poll: power(int8(header[2])), Precision: power(int8(header[3])), //nolint:gosec // they are signed
		RootDelay:      short(binary.BigEndian.Uint32(header[rootDelayAt:])),
		RootDispersion: short(binary.BigEndian.Uint32(header[rootDispersionAt:])),
		At:             came.UTC(),
	}
	copy(r.ReferenceID[:], header[referenceIDAt:])
	r.Kiss = kiss(r.Stratum, r.ReferenceID)
	stamp := func(at int) time64 { return time64(binary.BigEndian.Uint64(header[at:])) }
	r.measure(newTime64(sent), stamp(receiveAt), stamp(transmitAt), newTime64(came))
	if transmit := stamp(transmitAt); transmit != 0 {
		r.ServerTime = r.At.Add(duration(transmit.since(newTime64(came))))
		if reference := stamp(referenceTimeAt); reference != 0 {
			r.ReferenceTime = r.ServerTime.Add(duration(reference.since(transmit)))
		}
	}
	return r
}

// measure computes offset and delay (RFC 5905, 8) from differences alone, so that it does
// not matter in which eras the four timestamps lie.
func (r *Reply) measure(t1, t2, t3, t4 time64) {
	trip, taken := t4.since(t1), t3.since(t2)
	r.TransmitOnly = t2 == 0 || taken < 0 || taken > trip
	if r.TransmitOnly {
		// The transmit timestamp was read between t1 and t4.
		r.Delay = duration(trip)
		r.Offset = duration(t3.since(t4) + trip/2)
		return
	}
	r.Delay = duration(trip - taken)
	// (t2−t1 + t3−t4)/2 in a form whose sum cannot overflow.
	r.Offset = duration(t3.since(t4) + (trip-taken)/2)
}

// kiss gives the code of a kiss-o'-death packet.
func kiss(stratum uint8, id [4]byte) string {
	if stratum != 0 {
		return ""
	}
	for _, letter := range id {
		if (letter < 'A' || letter > 'Z') && (letter < '0' || letter > '9') {
			return ""
		}
	}
	return string(id[:])
}

// Timed reports whether the packet carries a time. A kiss-o'-death packet does not, but
// INIT and STEP are what a server says that is not synchronised yet, and has a clock.
func (r Reply) Timed() bool {
	return !r.ServerTime.IsZero() && (r.Kiss == "" || r.Kiss == "INIT" || r.Kiss == "STEP")
}

// Synchronised reports whether the host says that its clock follows a source.
func (r Reply) Synchronised() bool {
	return r.Leap != NotSynchronised && r.Stratum >= 1 && r.Stratum <= 15
}

// Uncertainty bounds the error of Offset as that of the host's own clock, be that right
// or wrong: half the round trip, and how finely the host reads its clock.
func (r Reply) Uncertainty() time.Duration { return r.Delay/2 + r.Precision }

// RootDistance bounds the error of Offset as that from the true time, if the host is
// right (RFC 5905, 11.1): Uncertainty, and how far the host may be from its source.
func (r Reply) RootDistance() time.Duration {
	return r.Uncertainty() + r.RootDelay/2 + r.RootDispersion
}

// Smeared reports whether the host says that it spreads leap seconds, as chronyd does
// (its reference ID is 127.127.1.255 then). Others that spread them do not say so.
func (r Reply) Smeared() bool { return r.ReferenceID == [4]byte{127, 127, 1, 255} }

// Source names what the host's clock follows, fit to be shown: the code of a reference
// clock at stratum 1 ("GPS"), and otherwise an address (which stands for a hash, where
// that is of IPv6). It is empty where the host says nothing.
func (r Reply) Source() string {
	switch {
	case r.ReferenceID == [4]byte{}:
		return ""
	case r.Stratum > 1:
		return netip.AddrFrom4(r.ReferenceID).String()
	}
	id := r.ReferenceID[:]
	for len(id) > 0 && id[len(id)-1] == 0 {
		id = id[:len(id)-1]
	}
	return clean.Text(string(id), len(r.ReferenceID))
}
