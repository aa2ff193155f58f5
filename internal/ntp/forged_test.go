package ntp_test

import (
	"net"
	"testing"
	"time"

	"lapsewatch/internal/ntp"
	"lapsewatch/internal/ntp/ntptest"
)

func TestF8_ForgedPacketsAnswerNothing(t *testing.T) {
	client := open(t)
	deny := ntptest.Kiss("DENY")
	forger, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer forger.Close()
	tests := []struct {
		name   string
		forged func(request []byte) []byte
	}{
		{"a kiss for another question", func([]byte) []byte { return deny.Answer(make([]byte, 48)) }},
		{"a kiss whose origin is off by one", func(request []byte) []byte {
			packet := deny.Answer(request)
			packet[31] ^= 1
			return packet
		}},
		{"a packet that is too short", func(request []byte) []byte { return deny.Answer(request)[:47] }},
		{"an echo", func(request []byte) []byte { return append([]byte(nil), request...) }},
		{"nothing", func([]byte) []byte { return []byte{} }},
		{"a broadcast", func(request []byte) []byte {
			packet := deny.Answer(request)
			packet[0] = 4<<3 | 5
			return packet
		}},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := ntptest.Start(t, func(request []byte) [][]byte {
				return [][]byte{test.forged(request), ntptest.True().Answer(request)}
			})
			got, err := client.Ask(within(t, patience), server.Addr)
			if err != nil || got.Kiss != "" || got.Stratum != 1 {
				t.Errorf("got %+v, %v", got, err)
			}
			if strays := client.Strays(); strays != uint64(i+1) {
				t.Errorf("%d strays, want %d", strays, i+1)
			}
		})
	}
	t.Run("a kiss from another port, with the right origin", func(t *testing.T) {
		before := client.Strays()
		server := ntptest.Start(t, func(request []byte) [][]byte {
			if _, err := forger.WriteToUDP(deny.Answer(request), portOf(t, client)); err != nil {
				t.Error(err)
			}
			// The forgery is on its way before the answer.
			return [][]byte{ntptest.True().Answer(request)}
		})
		got, err := client.Ask(within(t, patience), server.Addr)
		if err != nil || got.Kiss != "" || client.Strays() != before+1 {
			t.Errorf("got %+v, %v, %d strays", got, err, client.Strays()-before)
		}
	})
	t.Run("a second answer", func(t *testing.T) {
		before := client.Strays()
		server := ntptest.Start(t, func(request []byte) [][]byte {
			return [][]byte{ntptest.True().Answer(request), deny.Answer(request)}
		})
		if got, err := client.Ask(within(t, patience), server.Addr); err != nil || got.Kiss != "" {
			t.Errorf("got %+v, %v", got, err)
		}
		for deadline := time.Now().Add(patience); client.Strays() == before && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if client.Strays() != before+1 {
			t.Errorf("%d strays", client.Strays()-before)
		}
	})
}

// portOf finds out where the client sends from.
func portOf(t *testing.T, client *ntp.Client) *net.UDPAddr {
	t.Helper()
	return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(client.Port4())}
}
