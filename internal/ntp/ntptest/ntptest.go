// Package ntptest answers NTP packets in the process of a test, for answers that no real
// server can be made to give: kisses, forgeries, leap seconds. What real servers can do
// is asked of chronyd (package parts). It is imported by tests only.
package ntptest

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Header is what an answer says. The zero value is a kiss-o'-death packet without a code.
type Header struct {
	// Leap and Stratum are as on the wire.
	Leap, Stratum uint8
	// ID has up to four bytes.
	ID string
	// RootDelay and RootDispersion are in 2⁻¹⁶ s.
	RootDelay, RootDispersion uint32
	// Shift is the clock that is served minus this machine's.
	Shift time.Duration
	// Set is how long ago the clock was set; zero if it was not.
	Set time.Duration
}

// True is the header of a server of this machine's time that follows a GPS receiver.
func True() Header { return Header{Stratum: 1, ID: "GPS", RootDispersion: 10, Set: time.Minute} }

// Kiss is the header of a kiss-o'-death packet.
func Kiss(code string) Header { return Header{Leap: 3, ID: code} }

// Answer is the answer to a request that has come just now.
func (h Header) Answer(request []byte) []byte {
	packet := make([]byte, 48)
	packet[0] = h.Leap<<6 | 4<<3 | 4
	packet[1] = h.Stratum
	packet[3] = 0xE9 // a precision of 2⁻²³ s
	binary.BigEndian.PutUint32(packet[4:], h.RootDelay)
	binary.BigEndian.PutUint32(packet[8:], h.RootDispersion)
	copy(packet[12:16], h.ID)
	copy(packet[24:32], request[40:48])
	now := time.Now().Add(h.Shift)
	if h.Set != 0 {
		putTime(packet[16:], now.Add(-h.Set))
	}
	putTime(packet[32:], now)
	putTime(packet[40:], now)
	return packet
}

func putTime(field []byte, t time.Time) {
	const epoch = 2_208_988_800 // 1900 to 1970
	binary.BigEndian.PutUint32(field, uint32(t.Unix()+epoch))
	binary.BigEndian.PutUint32(field[4:], uint32(uint64(t.Nanosecond())<<32/1e9))
}

// Server answers on a port of 127.0.0.1.
type Server struct {
	Addr  netip.AddrPort
	asked atomic.Int64
}

// Asked is how many packets have come.
func (s *Server) Asked() int { return int(s.asked.Load()) }

// Start answers every request with the packets that answer gives, one after the other,
// until the test ends.
func Start(t testing.TB, answer func(request []byte) [][]byte) *Server {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatalf("listen for NTP: %v", err)
	}
	s := &Server{Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
	var serving sync.WaitGroup
	serving.Go(func() {
		request := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(request)
			if err != nil {
				return // closed
			}
			s.asked.Add(1)
			if n < 48 {
				continue
			}
			for _, packet := range answer(request[:n]) {
				_, _ = conn.WriteToUDPAddrPort(packet, from) // whoever asked may be gone
			}
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		serving.Wait()
	})
	return s
}

// Serve answers every request with that header.
func Serve(t testing.TB, h Header) *Server {
	t.Helper()
	return Start(t, func(request []byte) [][]byte { return [][]byte{h.Answer(request)} })
}
