package ntp_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	beevik "github.com/beevik/ntp"
	"golang.org/x/net/ipv4"

	"lapsewatch/internal/ntp/ntptest"
	"lapsewatch/internal/parts"
)

// farmVariable makes a process of this test a farm of hosts and nothing else, so that
// what they cost does not count.
const farmVariable = "LAPSEWATCH_TEST_NTP_FARM"

func TestMain(m *testing.M) {
	if os.Getenv(farmVariable) == "" {
		os.Exit(m.Run())
	}
	if err := farm(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// farm answers on every address of 127.0.0.0/8, by the address that was asked, and
// writes its port to stdout.
func farm() error {
	conn, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		return err
	}
	hosts := ipv4.NewPacketConn(conn)
	if err := hosts.SetControlMessage(ipv4.FlagDst, true); err != nil {
		return err
	}
	_ = conn.(*net.UDPConn).SetReadBuffer(4 << 20)
	fmt.Println(conn.LocalAddr().(*net.UDPAddr).Port)
	request := make([]byte, 2048)
	for {
		n, asked, from, err := hosts.ReadFrom(request)
		if err != nil {
			return err
		}
		if n >= 48 {
			_, _ = hosts.WriteTo(ntptest.True().Answer(request[:n]), &ipv4.ControlMessage{Src: asked.Dst}, from)
		}
	}
}

func startFarm(b *testing.B) (port uint16) {
	b.Helper()
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	command := exec.Command(program)
	command.Env = append(os.Environ(), farmVariable+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	if _, err := fmt.Sscan(strings.TrimSpace(line), &port); err != nil {
		b.Fatal(err)
	}
	return port
}

const (
	hosts   = 1000
	workers = 50
)

// BenchmarkThousandHosts asks each of them once, and compares the processor time of a
// query with that of a well-kept library, which opens a socket for each.
func BenchmarkThousandHosts(b *testing.B) {
	port := startFarm(b)
	client := open(b)
	peers := map[string]func(netip.AddrPort) error{
		"ours": func(to netip.AddrPort) error {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_, err := client.Ask(ctx, to)
			return err
		},
		"beevik": func(to netip.AddrPort) error {
			_, err := beevik.QueryWithOptions(to.String(), beevik.QueryOptions{Timeout: patience})
			return err
		},
	}
	for _, name := range []string{"ours", "beevik"} {
		b.Run(name, func(b *testing.B) {
			before, queries := cpu(b), 0
			for b.Loop() {
				askAll(b, port, peers[name])
				queries += hosts
			}
			b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(queries)/1e3, "µs-cpu/query")
		})
	}
}

func askAll(b *testing.B, port uint16, ask func(netip.AddrPort) error) {
	b.Helper()
	next := make(chan int)
	var asking sync.WaitGroup
	for range workers {
		asking.Go(func() {
			for i := range next {
				to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 78, byte(i >> 8), byte(i)}), port)
				if err := ask(to); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range hosts {
		next <- i + 1
	}
	close(next)
	asking.Wait()
}

// cpu is what this process has used so far.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkOffsetError asks a chronyd that serves this machine's own time, so that every
// offset is an error.
func BenchmarkOffsetError(b *testing.B) {
	server := addressOf(parts.TrueTime(b))
	client := open(b)
	ctx := context.Background()
	ours := func(samples int) (time.Duration, error) {
		reply, err := client.Best(ctx, server, samples, time.Millisecond)
		return reply.Offset, err
	}
	peer := func(samples int) (offset time.Duration, err error) {
		least := time.Hour
		for range samples {
			reply, err := beevik.QueryWithOptions(server.String(), beevik.QueryOptions{Timeout: patience})
			if err != nil {
				return 0, err
			}
			if reply.RTT < least {
				least, offset = reply.RTT, reply.ClockOffset
			}
			time.Sleep(time.Millisecond)
		}
		return offset, nil
	}
	for _, samples := range []int{1, 4} {
		for _, name := range []string{"ours", "beevik"} {
			measure := map[string]func(int) (time.Duration, error){"ours": ours, "beevik": peer}[name]
			b.Run(fmt.Sprintf("%s/best-of-%d", name, samples), func(b *testing.B) {
				var errors []time.Duration
				for b.Loop() {
					offset, err := measure(samples)
					if err != nil {
						b.Fatal(err)
					}
					errors = append(errors, offset.Abs())
				}
				slices.Sort(errors)
				b.ReportMetric(float64(errors[len(errors)/2].Nanoseconds()), "ns-p50")
				b.ReportMetric(float64(errors[len(errors)*99/100].Nanoseconds()), "ns-p99")
			})
		}
	}
}
