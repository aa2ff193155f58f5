package ntp_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lapsewatch/internal/ntp"
	"lapsewatch/internal/ntp/ntptest"
	"lapsewatch/internal/parts"
)

// patience is for answers that will come; impatience for those that will not.
const (
	patience   = 30 * time.Second
	impatience = 100 * time.Millisecond
	// exact is how far an offset on this machine may be off while others keep it busy.
	exact = 200 * time.Millisecond
)

func open(t testing.TB) *ntp.Client {
	t.Helper()
	client, err := ntp.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

func within(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func addressOf(server parts.TimeServer) netip.AddrPort { return netip.MustParseAddrPort(server.NTP) }

func TestARealServerIsReportedAsItIs(t *testing.T) {
	year := 365 * 24 * time.Hour
	tests := []struct {
		name         string
		start        func(testing.TB) parts.TimeServer
		offset       time.Duration
		synchronised bool
		stratum      uint8
	}{
		{"a true one", parts.TrueTime, 0, true, 3},
		{"one that is ninety seconds ahead", shifted(90 * time.Second), 90 * time.Second, true, 4},
		{"one that is a year ahead", shifted(year), year, true, 4},
		{"one that is two years behind", shifted(-2 * year), -2 * year, true, 4},
		{"one in the next era of NTP", shifted(12 * year), 12 * year, true, 4},
	}
	client := open(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := client.Ask(within(t, patience), addressOf(test.start(t)))
			if err != nil {
				t.Fatal(err)
			}
			if got.Synchronised() != test.synchronised || got.Stratum != test.stratum || got.Kiss != "" || got.TransmitOnly {
				t.Errorf("got %+v", got)
			}
			if off := (got.Offset - test.offset).Abs(); off > exact || off > got.RootDistance()+time.Millisecond {
				t.Errorf("the offset is %v ± %v, want %v", got.Offset, got.RootDistance(), test.offset)
			}
			if off := got.ServerTime.Sub(time.Now().Add(test.offset)).Abs(); off > patience {
				t.Errorf("it shows %v", got.ServerTime)
			}
		})
	}
}

func shifted(offset time.Duration) func(testing.TB) parts.TimeServer {
	return func(t testing.TB) parts.TimeServer { return parts.ShiftedTime(t, offset) }
}

func TestARealServerThatFollowsNothingHasATimeAllTheSame(t *testing.T) {
	got, err := open(t).Ask(within(t, patience), addressOf(parts.UnsynchronisedTime(t)))
	if err != nil || got.Synchronised() || !got.Timed() || got.Leap != ntp.NotSynchronised || got.Offset.Abs() > exact {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestThousandsAskThroughOneSocket(t *testing.T) {
	client := open(t)
	ctx := within(t, patience)
	var servers []*ntptest.Server
	for i := range 10 {
		h := ntptest.True()
		h.Shift = time.Duration(i) * time.Hour
		servers = append(servers, ntptest.Serve(t, h))
	}
	var asking sync.WaitGroup
	for i := range 3000 {
		asking.Go(func() {
			got, err := client.Ask(ctx, servers[i%10].Addr)
			if want := time.Duration(i%10) * time.Hour; err != nil || (got.Offset-want).Abs() > got.RootDistance()+time.Second {
				t.Errorf("server %d: %v, %v", i%10, got.Offset, err)
			}
		})
	}
	asking.Wait()
	if strays := client.Strays(); strays != 0 {
		t.Errorf("%d strays", strays)
	}
}

func TestSilentHostsDoNotHoldTheOthers(t *testing.T) {
	client := open(t)
	silent := ntptest.Start(t, func([]byte) [][]byte { return nil })
	ctx := within(t, patience)
	waiting, leave := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for range 1000 { // more than the window
		asking.Go(func() {
			if _, err := client.Ask(waiting, silent.Addr); !errors.Is(err, ntp.ErrNoReply) || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := client.Ask(ctx, ntptest.Serve(t, ntptest.True()).Addr); err != nil {
		t.Error(err)
	}
	leave()
	asking.Wait()
}

func TestTheQuestionGivesNothingAway(t *testing.T) {
	requests := make(chan []byte, 2)
	server := ntptest.Start(t, func(request []byte) [][]byte {
		requests <- append([]byte(nil), request...)
		return [][]byte{ntptest.True().Answer(request)}
	})
	client := open(t)
	for range 2 {
		if _, err := client.Ask(within(t, patience), server.Addr); err != nil {
			t.Fatal(err)
		}
	}
	first, second := <-requests, <-requests
	if got := fmt.Sprintf("%x", first[:40]); got != "23"+strings.Repeat("00", 39) || len(first) != 48 {
		t.Errorf("the question is %x", first)
	}
	if binary.BigEndian.Uint64(first[40:]) == binary.BigEndian.Uint64(second[40:]) {
		t.Error("two questions have the same transmit timestamp")
	}
}

func TestAHostThatDoesNotAnswerSaysWhy(t *testing.T) {
	client := open(t)
	silent := ntptest.Start(t, func([]byte) [][]byte { return nil })
	closed, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	refused := ntp.ErrNoReply
	if runtime.GOOS == "linux" {
		refused = syscall.ECONNREFUSED
	}
	tests := []struct {
		name, address string
		limit         time.Duration
		want          error
		text          string
	}{
		{"silent", silent.Addr.String(), impatience, ntp.ErrNoReply, fmt.Sprintf("ask %v for its time: no answer came: context deadline exceeded", silent.Addr)},
		{"port closed", nobody.String(), patience, refused, ""},
		{"port closed, asked again", nobody.String(), patience, refused, ""},
		{"no address of one host", "0.0.0.0:123", patience, nil, "ask 0.0.0.0:123 for its time: this is not the address of one host"},
		{"multicast", "224.0.1.1:123", patience, nil, "ask 224.0.1.1:123 for its time: this is not the address of one host"},
		{"no port", "127.0.0.1:0", patience, nil, "ask 127.0.0.1:0 for its time: this is not the address of one host"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := client.Ask(within(t, test.limit), netip.MustParseAddrPort(test.address))
			if err == nil || test.want != nil && !errors.Is(err, test.want) || test.text != "" && err.Error() != test.text {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("a refusal of one host is none of another", func(t *testing.T) {
		var asking sync.WaitGroup
		good := ntptest.Serve(t, ntptest.True())
		for i := range 400 {
			asking.Go(func() {
				to, want := good.Addr, error(nil)
				if i%2 == 0 {
					to, want = nobody, refused
				}
				if _, err := client.Ask(within(t, patience), to); !errors.Is(err, want) {
					t.Errorf("asked %v: %v", to, err)
				}
			})
		}
		asking.Wait()
	})
}

func TestAMappedAddressIsAnAddressOfIPv4(t *testing.T) {
	server := ntptest.Serve(t, ntptest.True())
	mapped := netip.AddrPortFrom(netip.AddrFrom16(server.Addr.Addr().As16()), server.Addr.Port())
	if _, err := open(t).Ask(within(t, patience), mapped); err != nil {
		t.Error(err)
	}
}

func TestClosingEndsQuestionsUnderWay(t *testing.T) {
	client, err := ntp.Open()
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	silent := ntptest.Start(t, func([]byte) [][]byte {
		close(asked)
		return nil
	})
	ended := make(chan error)
	go func() {
		_, err := client.Ask(context.WithoutCancel(t.Context()), silent.Addr)
		ended <- err
	}()
	<-asked
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestAWholeAnswerHasItsExtensionFields(t *testing.T) {
	server := ntptest.Start(t, func(request []byte) [][]byte {
		return [][]byte{append(ntptest.True().Answer(request), request[48:]...)}
	})
	reply, whole, err := open(t).Exchange(within(t, patience), server.Addr, append(ntp.NewRequest(), "extension"...))
	if err != nil || reply.Stratum != 1 || len(whole) != 57 || string(whole[48:]) != "extension" {
		t.Errorf("got %+v, %q, %v", reply, whole, err)
	}
}
