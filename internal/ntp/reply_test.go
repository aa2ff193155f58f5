package ntp

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"
	"unicode/utf8"
)

// header is that of a good answer with these timestamps; zero times are absent.
func header(receive, transmit time.Time) *[headerSize]byte {
	var h [headerSize]byte
	h[0], h[1] = version<<3|modeServer, 1
	h[3] = 0xEC // 2⁻²⁰ s
	for field, t := range map[int]time.Time{receiveAt: receive, transmitAt: transmit} {
		if !t.IsZero() {
			binary.BigEndian.PutUint64(h[field:], uint64(newTime64(t)))
		}
	}
	return &h
}

func TestAReplyIsReportedAsItIs(t *testing.T) {
	sent := at(t, "2026-11-22T12:00:00Z")
	came := sent.Add(4 * time.Millisecond)
	hour := sent.Add(time.Hour)
	tests := []struct {
		name  string
		edit  func(*[headerSize]byte)
		check func(Reply) bool
	}{
		{"a clock that follows nothing has a time all the same", func(h *[headerSize]byte) { h[0] |= 3 << 6; h[1] = 0 },
			func(r Reply) bool { return r.Timed() && !r.Synchronised() && r.Leap == NotSynchronised && r.Kiss == "" }},
		{"stratum 16 is not synchronised", func(h *[headerSize]byte) { h[1] = 16 },
			func(r Reply) bool { return r.Timed() && !r.Synchronised() && r.Stratum == 16 }},
		{"stratum 15 is synchronised", func(h *[headerSize]byte) { h[1] = 15 }, Reply.Synchronised},
		{"an announced leap second is synchronised", func(h *[headerSize]byte) { h[0] |= 1 << 6 },
			func(r Reply) bool { return r.Synchronised() && r.Leap == LastMinute61 }},
		{"DENY carries no time", func(h *[headerSize]byte) { h[1] = 0; copy(h[12:], "DENY") },
			func(r Reply) bool { return r.Kiss == "DENY" && !r.Timed() && !r.Synchronised() }},
		{"INIT says that the clock is not synchronised yet, and carries a time", func(h *[headerSize]byte) { h[1] = 0; copy(h[12:], "INIT") },
			func(r Reply) bool { return r.Kiss == "INIT" && r.Timed() && !r.Synchronised() }},
		{"a reference ID is no kiss at stratum 1", func(h *[headerSize]byte) { copy(h[12:], "DENY") },
			func(r Reply) bool { return r.Kiss == "" && r.Source() == "DENY" }},
		{"a code with a control character is no kiss", func(h *[headerSize]byte) { h[1] = 0; copy(h[12:], "DE\x1bY") },
			func(r Reply) bool { return r.Kiss == "" && r.Source() == "DE\uFFFDY" }},
		{"an upstream server is an address", func(h *[headerSize]byte) { h[1] = 2; copy(h[12:], "\xC0\x00\x02\x01") },
			func(r Reply) bool { return r.Source() == "192.0.2.1" && !r.Smeared() }},
		{"chronyd's smear has a reference ID of its own", func(h *[headerSize]byte) { h[1] = 2; copy(h[12:], "\x7f\x7f\x01\xff") }, Reply.Smeared},
		{"without a transmit timestamp there is no time", func(h *[headerSize]byte) { clear(h[transmitAt:]) },
			func(r Reply) bool { return !r.Timed() && r.ServerTime.IsZero() }},
		{"a reference time in the far future is a fact", func(h *[headerSize]byte) {
			binary.BigEndian.PutUint64(h[referenceTimeAt:], uint64(newTime64(sent.AddDate(30, 0, 0))))
		}, func(r Reply) bool { return r.ReferenceTime.Equal(sent.AddDate(30, 0, 0)) && r.Timed() }},
		{"root delay and dispersion are 16.16 fixed point", func(h *[headerSize]byte) {
			binary.BigEndian.PutUint32(h[rootDelayAt:], 0x0000_8000)
			binary.BigEndian.PutUint32(h[rootDispersionAt:], 0xFFFF_FFFF)
		}, func(r Reply) bool {
			return r.RootDelay == 500*time.Millisecond && r.RootDispersion == 65535*time.Second+999984741
		}},
		{"poll and precision are powers of two", func(h *[headerSize]byte) { h[2], h[3] = 10, 0xFA },
			func(r Reply) bool { return r.Poll == 1024*time.Second && r.Precision == 15625*time.Microsecond }},
		{"uncertainty leaves the root out, root distance has it", func(h *[headerSize]byte) {
			h[3] = 0xF6 // 2⁻¹⁰ s = 976 562 ns
			binary.BigEndian.PutUint32(h[rootDelayAt:], 0x0000_8000)
			binary.BigEndian.PutUint32(h[rootDispersionAt:], 0x0000_4000)
		}, func(r Reply) bool {
			return r.Uncertainty() == 2*time.Millisecond+976562 && r.RootDistance() == 502*time.Millisecond+976562
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := header(hour, hour)
			test.edit(h)
			if got := newReply(h, sent, came); !test.check(got) || !got.At.Equal(came) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestContradictoryTimestampsLeaveTheTransmitTimestamp(t *testing.T) {
	sent := at(t, "2036-02-07T06:28:15.999Z")
	came := sent.Add(4 * time.Millisecond)
	transmit := sent.Add(time.Hour + 2*time.Millisecond)
	tests := []struct {
		name    string
		receive time.Time
		only    bool
	}{
		{"none is missing, and the wrap between them is none of theirs", transmit.Add(-time.Millisecond), false},
		{"received at the very instant of sending", transmit, false},
		{"received after it was answered", transmit.Add(time.Second), true},
		{"the host says that it took longer than the round trip", transmit.Add(-5 * time.Millisecond), true},
		{"there is no receive timestamp", time.Time{}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := newReply(header(test.receive, transmit), sent, came)
			if got.TransmitOnly != test.only || (got.Offset-time.Hour).Abs() > time.Millisecond {
				t.Errorf("transmit only %t, offset %v", got.TransmitOnly, got.Offset)
			}
			if test.only && got.Delay != 4*time.Millisecond {
				t.Errorf("the delay is %v, want the whole round trip", got.Delay)
			}
		})
	}
}

func TestOnlyAnswersOfServersAreAnswers(t *testing.T) {
	good := header(time.Now(), time.Now())[:]
	tests := []struct {
		name   string
		packet []byte
		want   error
	}{
		{"a header", good, nil},
		{"a header with extension fields", append(append([]byte(nil), good...), make([]byte, 100)...), nil},
		{"nothing", nil, errForm},
		{"a byte less than a header", good[:47], errForm},
		{"version 1", edited(good, 1<<3|modeServer), nil},
		{"version 3", edited(good, 3<<3|modeServer), nil},
		{"version 0", edited(good, modeServer), errForm},
		{"version 5", edited(good, 5<<3|modeServer), errForm},
		{"a broadcast", edited(good, version<<3|5), errForm},
		{"a question", edited(good, version<<3|modeClient), errForm},
		{"a control message", edited(good, 2<<3|6), errForm},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := form(test.packet); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func edited(packet []byte, first byte) []byte {
	return append([]byte{first}, packet[1:]...)
}

func TestF7_AStepOfTheOwnClockBendsNoTimeline(t *testing.T) {
	start := time.Now()
	// The clock that the timeline carries on was an hour behind when it began.
	line := timeline{start: start, wall: start.Round(0).Add(-time.Hour)}
	sent, read := start.Add(time.Second), start.Add(time.Second+10*time.Millisecond)
	wall := read.Round(0)
	tests := []struct {
		name    string
		stamped time.Time
		want    time.Duration
	}{
		{"the kernel's stamp counts", wall.Add(-7 * time.Millisecond), time.Second + 3*time.Millisecond},
		{"without one the time of reading does", time.Time{}, time.Second + 10*time.Millisecond},
		{"the clock was set back after the stamp", wall.Add(time.Hour), time.Second + 10*time.Millisecond},
		{"the clock was set ahead after the stamp", wall.Add(-time.Hour), time.Second + 10*time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := line.arrival(answer{stamped: test.stamped, read: read}, sent).Sub(line.wall)
			if got != test.want {
				t.Errorf("it came at %v, want %v", got, test.want)
			}
		})
	}
}

func FuzzReply(f *testing.F) {
	f.Add(header(time.Now(), time.Now())[:], int64(time.Millisecond))
	f.Add(make([]byte, headerSize), int64(0))
	f.Add([]byte("\xe4\x00\x06\xec\xff\xff\xff\xff\xff\xff\xff\xffDENY\x80\x00\x00\x00\x00\x00\x00\x00abcdefgh\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), int64(1<<40))
	f.Fuzz(func(t *testing.T, packet []byte, trip int64) {
		if _, err := form(packet); err != nil {
			return
		}
		sent := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		// A question ends within an hour.
		r := newReply((*[headerSize]byte)(packet), sent, sent.Add(time.Duration(uint64(trip)%uint64(time.Hour))))
		const edge = 1 << 31 * time.Second
		if r.Delay < 0 || r.Delay > time.Hour || r.Uncertainty() < 0 || r.RootDistance() < r.Uncertainty() {
			t.Errorf("delay %v, uncertainty %v, root distance %v", r.Delay, r.Uncertainty(), r.RootDistance())
		}
		if r.Offset > edge || r.Offset < -edge {
			t.Errorf("the offset is %v", r.Offset)
		}
		if source := r.Source(); !utf8.ValidString(source) || len(source) > 15 || r.Kiss != "" && len(r.Kiss) != 4 {
			t.Errorf("source %q, kiss %q", source, r.Kiss)
		}
	})
}
