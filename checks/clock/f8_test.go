package clock_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"lapsewatch/checks/clock"
	"lapsewatch/internal/ntp/ntptest"
	"lapsewatch/watch"
)

// fleet is 1,000 hosts on addresses of 127.83.0.0/16, most of them within 20 ms.
func fleet(t testing.TB, odd map[int]ntptest.Header) (targets []string) {
	t.Helper()
	random := rand.New(rand.NewPCG(8, 1000)) //nolint:gosec // offsets that are the same each time
	for i := range 1000 {
		header, is := odd[i]
		if !is {
			header = ntptest.True()
			header.Shift = time.Duration(random.IntN(40)-20) * time.Millisecond
		}
		targets = append(targets, "ntp://"+serveAt(t, net.IPv4(127, 83, byte(i>>8), byte(i)), header))
	}
	return targets
}

func serveAt(t testing.TB, ip net.IP, header ntptest.Header) (address string) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-ended })
	go func() {
		defer close(ended)
		request := make([]byte, 512)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(request)
			if err != nil {
				return // closed
			}
			_, _ = conn.WriteToUDPAddrPort(header.Answer(request[:n]), from)
		}
	}()
	return conn.LocalAddr().String()
}

func TestF8_OfAThousandHostsExactlyTheBadOnesAreNamedWithTheirClass(t *testing.T) {
	shifted := func(by time.Duration) ntptest.Header { return ntptest.Header{Stratum: 2, ID: "GPS", Shift: by} }
	bad := map[int]struct {
		header ntptest.Header
		severity, reason,
		class string
	}{
		17:  {shifted(365 * day), "critical", "clock_drift", "year"},
		333: {shifted(9*time.Hour - time.Second), "critical", "clock_drift", "time_zone"},
		500: {shifted(-90 * time.Second), "critical", "clock_drift", ""},
		501: {shifted(-3 * time.Second), "warning", "clock_drift", ""},
		640: {ntptest.Header{Leap: 3, Shift: -730 * day}, "critical", "clock_drift", "year"},
		777: {ntptest.Header{Leap: 3, Stratum: 16}, "warning", "clock_unsynchronised", ""},
		901: {ntptest.Kiss("DENY"), "unknown", "kiss_of_death", ""},
	}
	odd := map[int]ntptest.Header{}
	for i, each := range bad {
		odd[i] = each.header
	}
	targets := fleet(t, odd)
	o := clock.Options{Samples: 4, Interval: watch.Duration(2 * time.Second)}
	for i, target := range targets {
		o.Targets = append(o.Targets, clock.Target{URL: target, Name: fmt.Sprintf("host-%03d", i)})
	}
	seen := 0
	for _, found := range findings(t, built(t, o, believing(0))) {
		seen++
		if found.Name == "all hosts together" {
			if want := "994 of 999 hosts are within their limits of 4 references"; found.Message != want {
				t.Errorf("of all together %q is said, want %q", found.Message, want)
			}
			continue
		}
		var number int
		_, _ = fmt.Sscanf(found.Name, "host-%d", &number)
		want, isBad := bad[number]
		if !isBad {
			want.severity = "ok"
		}
		class, _ := found.Details["clock_error"].(string)
		if string(found.Severity) != want.severity || string(found.Reason) != want.reason || class != want.class {
			t.Errorf("%s is %s, %s (%s), want %s, %s (%s)", found.Name, found.Severity, found.Reason, class, want.severity, want.reason, want.class)
		}
		offset, read := found.Details["offset_seconds"].(float64)
		if isBad && read && (time.Duration(offset*float64(time.Second))-want.header.Shift).Abs() > 50*time.Millisecond {
			t.Errorf("%s is read as %v s off, want %v", found.Name, offset, want.header.Shift)
		}
	}
	if seen != len(targets)+1 {
		t.Errorf("%d findings on %d hosts", seen, len(targets))
	}
}
