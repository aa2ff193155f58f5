package remoteclock_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/internal/remoteclock"
	"lapsewatch/watch"
)

const chronyDoing = "ask chronyd at host.example:323 for its tracking: "

// tracking is a reply of version 6 to the request, for a host 90 s behind its source.
func tracking(request []byte) []byte {
	reply := make([]byte, 104)
	reply[0], reply[1] = 6, 2
	copy(reply[4:6], request[4:6])
	binary.BigEndian.PutUint16(reply[6:], 5)
	copy(reply[16:20], request[8:12])
	body := reply[28:]
	binary.BigEndian.PutUint32(body, 0x50505300)         // PPS
	binary.BigEndian.PutUint16(body[24:], 1)             // stratum
	binary.BigEndian.PutUint32(body[32:], 1_700_000_000) // reference time
	binary.BigEndian.PutUint32(body[40:], 8<<25|90<<17)  // 90 s
	return reply
}

// chronyd answers each request, which it is given with its number, with these datagrams.
func chronyd(answer func(n int, request []byte) [][]byte) (remoteclock.Dial, func()) {
	return raw(func(conn net.Conn) {
		buffer := make([]byte, 1024)
		for n := 1; ; n++ {
			length, err := conn.Read(buffer)
			if err != nil {
				return
			}
			for _, datagram := range answer(n, buffer[:length]) {
				if _, err := conn.Write(datagram); err != nil {
					return
				}
			}
		}
	})
}

func askChronyd(t *testing.T, answer func(n int, request []byte) [][]byte) (remoteclock.Reading, error) {
	t.Helper()
	dial, stop := chronyd(answer)
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return remoteclock.Chrony{Address: "host.example:323", Dial: dial}.Read(ctx)
}

func TestTheReplyToTheQuestionIsReadWhateverElseComes(t *testing.T) {
	with := func(request []byte, edit func([]byte)) []byte {
		reply := tracking(request)
		edit(reply)
		return reply
	}
	for name, answer := range map[string]func(int, []byte) [][]byte{
		"the reply alone": func(_ int, request []byte) [][]byte { return [][]byte{tracking(request)} },
		"strays before it": func(_ int, request []byte) [][]byte {
			return [][]byte{
				{1, 2, 3}, request,
				with(request, func(b []byte) { b[19]++ }),
				with(request, func(b []byte) { b[5]++ }),
				with(request, func(b []byte) { b[0] = 5 }),
				tracking(request),
			}
		},
		"the first request got lost": func(n int, request []byte) [][]byte {
			if n == 1 {
				return nil
			}
			return [][]byte{tracking(request)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reading, err := askChronyd(t, answer)
				if err != nil {
					t.Fatal(err)
				}
				covers(t, reading, -90*time.Second, 100*time.Microsecond)
				if reading.Details["reference"] != "PPS" || reading.Details["reference_time"] != "2023-11-14T22:13:20Z" {
					t.Errorf("details %v", reading.Details)
				}
			})
		})
	}
}

func TestOddRepliesOfChronydFailWithWhatIsOddAboutThem(t *testing.T) {
	editing := func(edit func([]byte) []byte) func(int, []byte) [][]byte {
		return func(_ int, request []byte) [][]byte { return [][]byte{edit(tracking(request))} }
	}
	status := func(n byte) func(int, []byte) [][]byte {
		return editing(func(b []byte) []byte { b[9] = n; return b[:28] })
	}
	tests := map[string]struct {
		answer func(int, []byte) [][]byte
		reason watch.Reason
		want   string
	}{
		"a host that does not let us ask": {status(2), watch.PermissionDenied, "it is not allowed (status 2)"},
		"no access for this host":         {status(10), watch.PermissionDenied, "it is not allowed (status 10)"},
		"another version of the protocol": {editing(func(b []byte) []byte { b[0], b[9] = 5, 18; return b[:28] }), watch.Unparsable, "it speaks another version of the protocol than 6"},
		"a failure of its own":            {status(1), watch.Unreadable, "it answered with status 1"},
		"a status that nobody knows":      {status(255), watch.Unreadable, "it answered with status 255"},
		"a reply that is cut off":         {editing(func(b []byte) []byte { return b[:50] }), watch.Unparsable, "the reply cannot be read: unexpected EOF"},
		"a reply to something else":       {editing(func(b []byte) []byte { b[7] = 2; return b }), watch.Unparsable, "it answered another question"},
		"a reply of a kind nobody knows":  {editing(func(b []byte) []byte { b[7] = 99; return b }), watch.Unparsable, "the reply cannot be read: not implemented reply type 99"},
		"nothing that answers, for ever":  {func(int, []byte) [][]byte { return slices.Repeat([][]byte{{1}}, 100) }, watch.Unreadable, "64 datagrams came, and none answers"},
		"silence":                         {func(int, []byte) [][]byte { return nil }, watch.TimedOut, "no answer in time"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := askChronyd(t, test.answer)
				failure, ok := errors.AsType[*remoteclock.Failure](err)
				if !ok || failure.Reason != test.reason || !strings.HasPrefix(failure.Error(), chronyDoing+test.want) || len(failure.Error()) > 400 {
					t.Errorf("error %v\nwant  %s%s", err, chronyDoing, test.want)
				}
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestHostileNumbersOfChronydSaturate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reading, err := askChronyd(t, func(_ int, request []byte) [][]byte {
			reply := tracking(request)
			for i := 28; i < len(reply); i++ {
				reply[i] = 0x7f
			}
			return [][]byte{reply}
		})
		if err != nil || reading.Offset.String() != "2562047h47m16.854775807s" || reading.Uncertainty.String() != "2562047h47m16.854775807s" {
			t.Errorf("reading %+v, error %v", reading, err)
		}
		if _, shown := reading.Details["reference_time"]; shown {
			t.Errorf("details %v", reading.Details)
		}
	})
}
