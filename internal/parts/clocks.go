package parts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lapsewatch/internal/pki"
)

// ChronydOptions say what sort of time server chronyd is to be. The zero value is one
// that serves this machine's time, as true as that is, at stratum 3.
type ChronydOptions struct {
	// Offset shifts the time that it serves, to the microsecond: positive is ahead. Such
	// a server follows a true one, which is started for it, and is at stratum 4.
	Offset time.Duration
	// Unsynchronised: it answers, and says that its clock follows nothing (leap indicator
	// 3, stratum 0). It has no Offset.
	Unsynchronised bool
	// NTS is the certificate of a server that also authenticates (RFC 8915); nil for one
	// that does not.
	NTS *pki.Pair
	// Command opens the port that chronyc asks, to everybody on this machine.
	Command bool
}

// TimeServer is where a chronyd listens, each as 127.0.0.1:port.
type TimeServer struct {
	// NTP and Command are UDP; Command is empty unless it was asked for.
	NTP, Command string
	// KeyExchange is TCP, for NTS; empty unless it was asked for.
	KeyExchange string
}

// Chronyd starts chronyd, which leaves the clock of this machine alone, and waits until
// it serves what was asked for.
func Chronyd(t testing.TB, options ChronydOptions) TimeServer {
	t.Helper()
	path := program(t, "chronyd", "chrony")
	p := newPart(t, certificateFor(t, options.NTS))
	p.listenOnUDP("ntp", "command")
	server := TimeServer{NTP: p.address("ntp")}
	data := struct {
		*part
		Command, NTS, Unsynchronised bool
		Follows, Offset              string
	}{part: p, Command: options.Command, NTS: options.NTS != nil, Unsynchronised: options.Unsynchronised}
	if options.Command {
		server.Command = p.address("command")
	}
	if options.NTS != nil {
		server.KeyExchange = p.address("nts")
	}
	if options.Offset != 0 {
		_, data.Follows, _ = strings.Cut(TrueTime(t).NTP, ":")
		data.Offset = strconv.FormatFloat(options.Offset.Seconds(), 'f', 6, 64)
	}
	p.start(syscall.SIGKILL, func() error { return serving(server, options) }, path, "-x", "-d", "-U", "-f", p.configure("chronyd.conf", data))
	return server
}

// TrueTime starts a server of this machine's time.
func TrueTime(t testing.TB) TimeServer {
	t.Helper()
	return Chronyd(t, ChronydOptions{})
}

// ShiftedTime starts a server whose time is off; positive is ahead.
func ShiftedTime(t testing.TB, offset time.Duration) TimeServer {
	t.Helper()
	return Chronyd(t, ChronydOptions{Offset: offset})
}

// UnsynchronisedTime starts a server that says of itself that it is not synchronised.
func UnsynchronisedTime(t testing.TB) TimeServer {
	t.Helper()
	return Chronyd(t, ChronydOptions{Unsynchronised: true})
}

// NTSTime starts a server of this machine's time that also authenticates, with that
// certificate.
func NTSTime(t testing.TB, pair pki.Pair) TimeServer {
	t.Helper()
	return Chronyd(t, ChronydOptions{NTS: &pair})
}

// certificateFor is the given certificate, or one for the files that every part has.
func certificateFor(t testing.TB, given *pki.Pair) pki.Pair {
	t.Helper()
	if given != nil {
		return *given
	}
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "localhost"})
	if err != nil {
		t.Fatalf("make a certificate for chronyd: %v", err)
	}
	return pair
}

// listenOnUDP gives each purpose a port that is free for UDP, and "nts" one that is free
// for TCP. They lie where those of listenOn do, for the same reason.
func (p *part) listenOnUDP(purposes ...string) {
	p.t.Helper()
	p.listenOn("nts")
	const lowest, outgoing = 10_000, 32_768
	for _, purpose := range purposes {
		for p.Ports[purpose] == 0 {
			port := lowest + rand.IntN(outgoing-lowest)
			socket, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				continue
			}
			defer socket.Close()
			p.Ports[purpose] = port
		}
	}
}

// serving reports when the server answers with the time and the state that are wanted.
func serving(server TimeServer, options ChronydOptions) error {
	offset, synchronised, err := sntp(server.NTP)
	if err != nil {
		return err
	}
	if synchronised == options.Unsynchronised {
		return fmt.Errorf("synchronised: %t", synchronised)
	}
	// A second is more than a busy machine adds and less than anybody shifts in vain.
	if off := (offset - options.Offset).Abs(); !options.Unsynchronised && off > time.Second {
		return fmt.Errorf("it is %v away from the time that it should serve", off)
	}
	if server.KeyExchange != "" {
		conn, err := net.DialTimeout("tcp", server.KeyExchange, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return nil
}

// sntp asks once (RFC 4330), to some milliseconds, for servers within 68 years of now.
func sntp(address string) (offset time.Duration, synchronised bool, err error) {
	conn, err := net.DialTimeout("udp", address, time.Second)
	if err != nil {
		return 0, false, err
	}
	defer conn.Close()
	asked := time.Now()
	if err := conn.SetDeadline(asked.Add(time.Second)); err != nil {
		return 0, false, err
	}
	packet := make([]byte, 48)
	packet[0] = 4<<3 | 3
	if _, err := conn.Write(packet); err != nil {
		return 0, false, err
	}
	if n, err := conn.Read(packet); err != nil || n < len(packet) {
		return 0, false, errors.Join(fmt.Errorf("%d bytes came", n), err)
	}
	const epoch = 2_208_988_800 // 1900 to 1970
	ahead := int32(binary.BigEndian.Uint32(packet[40:]) - uint32(asked.Unix()+epoch))
	fraction := time.Duration(binary.BigEndian.Uint32(packet[44:])) * time.Second >> 32
	offset = time.Duration(ahead)*time.Second + fraction - time.Duration(asked.Nanosecond())
	return offset, packet[0]>>6 != 3 && packet[1] != 0, nil
}
