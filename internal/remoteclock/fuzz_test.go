package remoteclock

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/facebook/time/ntp/chrony"
)

// sound fails on bounds that a comparison cannot have.
func sound(t *testing.T, found bounds) {
	t.Helper()
	if found.low > found.high || found.uncertainty() < 0 || found.middle() < found.low || found.middle() > found.high {
		t.Errorf("bounds %+v: %v ± %v", found, found.middle(), found.uncertainty())
	}
}

func FuzzDate(f *testing.F) {
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT")
	f.Add("Sunday, 06-Nov-94 08:49:37 GMT")
	f.Add("Sun Nov  6 08:49:37 1994")
	f.Add("Fri, 31 Dec 9999 23:59:60 GMT")
	f.Add("Mon, 01 Jan 0000 00:00:00 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		date, err := dateOf(http.Header{"Date": {value}})
		if err != nil {
			if !utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("error %q", err)
			}
			return
		}
		line := newTimeline()
		sound(t, line.compare(date, time.Second+heldBack, 0, time.Minute))
	})
}

func FuzzMetrics(f *testing.F) {
	f.Add("# HELP node_time_seconds x\nnode_time_seconds 1.7000000001234567e+09\nnode_timex_sync_status 1\n")
	f.Add("node_time_seconds -Inf\n")
	f.Add("node_time_seconds 1e309\n")
	f.Add("node_time_seconds 0x1p60\nnode_timex_maxerror_seconds 1_0\n")
	f.Fuzz(func(t *testing.T, text string) {
		found, err := readMetrics(strings.NewReader(text), func() time.Duration { return time.Second })
		if err != nil {
			return
		}
		line := newTimeline()
		sound(t, line.compare(unixTime(found.time.value), 0, 0, found.time.at))
		if _, err := json.Marshal([]float64{found.time.value, found.syncStatus.value, found.maxError.value, found.offset.value}); err != nil {
			t.Error(err)
		}
	})
}

// datagrams answers each request with the same reply, made to belong to it.
type datagrams struct {
	net.Conn
	reply   []byte
	request [12]byte
}

func (d *datagrams) SetReadDeadline(time.Time) error { return nil }

func (d *datagrams) Write(request []byte) (int, error) { return copy(d.request[:], request), nil }

func (d *datagrams) Read(into []byte) (int, error) {
	n := copy(into, d.reply)
	if n >= chronyHead {
		copy(into[4:6], d.request[4:6])
		copy(into[16:20], d.request[8:12])
	}
	return n, nil
}

func FuzzChronyReply(f *testing.F) {
	reply := make([]byte, 104)
	reply[0], reply[1], reply[7] = chronyVersion, chronyReply, 5
	f.Add(reply)
	for _, kind := range []byte{2, 3, 6, 12, 14, 16, 19, 21, 22, 23, 24, 25, 26} {
		other := append(append([]byte(nil), reply...), make([]byte, 400)...)
		other[7] = kind
		f.Add(other)
	}
	hostile := append([]byte(nil), reply...)
	for i := chronyHead; i < len(hostile); i += 4 {
		binary.BigEndian.PutUint32(hostile[i:], 0x7fffffff)
	}
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, reply []byte) {
		exchange := &chronyExchange{conn: &datagrams{reply: reply}, ctx: context.Background()}
		answer, err := (&chrony.Client{Connection: exchange, Sequence: 7}).Communicate(chrony.NewTrackingPacket())
		if err != nil {
			if said := exchange.failure("ask", err).Error(); len(said) > 1000 || !utf8.ValidString(said) || strings.ContainsAny(said, "\n\x1b") {
				t.Errorf("failure %q", said)
			}
			return
		}
		tracking, ok := answer.(*chrony.ReplyTracking)
		if !ok {
			return
		}
		reading := chronyReading(newTimeline(), tracking.Tracking)
		if _, err := json.Marshal(reading.Details); err != nil || reading.Uncertainty < 0 {
			t.Errorf("reading %+v: %v", reading, err)
		}
	})
}

func FuzzDateOutput(f *testing.F) {
	for _, seed := range []string{"1700000000.123456789\n", "1700000000.%N", "1700000000.N", "1700000000.", "-5.25", "999999999999.999999999", "1700000000.1234567890", "\x1b[2J"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, output string) {
		shown, resolution, err := parseDateOutput(output)
		if err != nil {
			if !utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("error %q", err)
			}
			return
		}
		if resolution < time.Nanosecond || resolution > time.Second {
			t.Errorf("resolution %v", resolution)
		}
		line := newTimeline()
		sound(t, line.compare(shown, resolution, 0, time.Minute))
	})
}
