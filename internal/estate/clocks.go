package estate

import (
	"encoding/binary"
	"fmt"
	"net"
	"time"
)

// Clock is a host of the estate that answers by NTP.
type Clock struct {
	Name, Address string
	// Story says in a clause what is to be seen there.
	Story string
	// ahead is the host's clock minus that of this machine.
	ahead time.Duration
}

func (e *Estate) openClocks() error {
	e.References = []Clock{{Name: "ntp1" + domain}, {Name: "ntp2" + domain}, {Name: "ntp3" + domain}, {Name: "ntp4" + domain, ahead: 5 * time.Second}}
	e.Clocks = []Clock{
		{Name: "crm" + domain, Story: "its clock is right"},
		{Name: "billing" + domain, Story: "its clock is right", ahead: 3 * time.Millisecond},
		{Name: "archive" + domain, Story: "drifts: 4 s behind", ahead: -4 * time.Second},
		{Name: "messaging" + domain, Story: "its date moved into the next year", ahead: 365 * 24 * time.Hour},
	}
	for _, clocks := range [][]Clock{e.References, e.Clocks} {
		for i := range clocks {
			if err := e.openClock(&clocks[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Estate) openClock(clock *Clock) error {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("open the clock of %s: %w", clock.Name, err)
	}
	e.closers = append(e.closers, conn.Close)
	clock.Address = conn.LocalAddr().String()
	ahead := clock.ahead
	go func() {
		request := make([]byte, 128)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(request)
			if err != nil {
				return // closed
			}
			if n >= ntpHeader {
				_, _ = conn.WriteToUDPAddrPort(ntpAnswer(request, time.Now().Add(ahead)), from) // whoever asked may be gone
			}
		}
	}()
	return nil
}

const ntpHeader = 48

// ntpAnswer is that of a stratum 1 server (RFC 5905, figure 8).
func ntpAnswer(request []byte, now time.Time) []byte {
	answer := make([]byte, ntpHeader)
	answer[0], answer[1], answer[3] = 4<<3|4, 1, 0xEC // version 4, server; stratum 1; a precision of a microsecond
	copy(answer[12:], "GPS")
	copy(answer[24:32], request[40:48])
	const from1900To1970 = 2_208_988_800
	for _, at := range []int{16, 32, 40} {
		binary.BigEndian.PutUint32(answer[at:], uint32(now.Unix()+from1900To1970)) //nolint:gosec // eras wrap
		binary.BigEndian.PutUint32(answer[at+4:], uint32(uint64(now.Nanosecond())<<32/1e9))
	}
	return answer
}
