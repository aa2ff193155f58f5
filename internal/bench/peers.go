package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"lapsewatch/internal/bench/farm"
)

// tlsPeers measures the other programs that this machine has, each over as many
// endpoints as it gets through in reasonable time.
func (b *bench) tlsPeers(ctx context.Context, g *grown) error {
	if err := b.blackbox(ctx, g); err != nil {
		return err
	}
	return b.opensslLoop(ctx, g)
}

const exporterClients = 100

// blackbox measures the exporter's own process, once for each way to configure it.
func (b *bench) blackbox(ctx context.Context, g *grown) error {
	truth := g.truth[:b.scale.sample]
	area := fmt.Sprintf("tls, %d endpoints, %d in flight", len(truth), exporterClients)
	exporter := firstInstalled("prometheus-blackbox-exporter", "blackbox_exporter")
	if exporter == "" {
		b.table.missing(area, "blackbox_exporter", "not installed (apt-get install prometheus-blackbox-exporter)")
		return nil
	}
	for _, module := range []string{"insecure", "verify"} {
		spent, right, err := b.blackboxRun(ctx, exporter, module, g.rootFile, truth)
		if err != nil {
			return fmt.Errorf("measure blackbox_exporter (%s): %w", module, err)
		}
		program := "blackbox_exporter, " + module
		b.table.add(area, program, "CPU per endpoint", "%.3f ms", spent.CPU.Seconds()*1000/float64(len(truth)))
		b.table.add(area, program, "dates", "%d of %d", right, len(truth))
		b.table.add(area, program, "peak memory", "%.1f MiB", mib(spent.RSSKiB))
	}
	return nil
}

// firstInstalled is the path of the first of the programs that is there, or empty.
func firstInstalled(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func (b *bench) blackboxRun(ctx context.Context, exporter, module, rootFile string, truth []farm.Subject) (usage, int, error) {
	config := b.path("blackbox.yml")
	text := fmt.Sprintf(`modules:
  verify: {prober: tcp, timeout: 5s, tcp: {tls: true, tls_config: {ca_file: %[1]q}}}
  insecure: {prober: tcp, timeout: 5s, tcp: {tls: true, tls_config: {insecure_skip_verify: true}}}
`, rootFile)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return usage{}, 0, err
	}
	address, err := freeAddress()
	if err != nil {
		return usage{}, 0, err
	}
	args := b.pinned(clientCore, exporter, "--config.file="+config, "--web.listen-address="+address, "--log.level=error")
	process := exec.CommandContext(ctx, args[0], args[1:]...)
	if err := process.Start(); err != nil {
		return usage{}, 0, err
	}
	began := time.Now()
	right, err := probeAll(ctx, "http://"+address+"/probe?module="+module+"&target=", truth)
	peak, peakErr := peakMemory(process.Process.Pid)
	wall := time.Since(began)
	stopErr := process.Process.Signal(syscall.SIGTERM)
	_ = process.Wait() // it ends by the signal
	spent := spentBy(process.ProcessState, wall)
	spent.RSSKiB = peak
	return spent, right, errors.Join(err, peakErr, stopErr)
}

// peakMemory reads the peak of a running process in KiB; the figure that its end gives
// would hold the benchmark's own memory too.
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, fmt.Errorf("read peak memory: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			return strconv.ParseInt(strings.Fields(value)[0], 10, 64)
		}
	}
	return 0, errors.New("read peak memory: no VmHWM")
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// probeAll asks the exporter for every endpoint and counts the right dates.
func probeAll(ctx context.Context, probe string, truth []farm.Subject) (right int, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: exporterClients}, Timeout: 10 * time.Second}
	if err := waitUntilServed(ctx, client, probe); err != nil {
		return 0, err
	}
	endpoints, dates := make(chan farm.Subject), make(chan bool, exporterClients)
	var asking sync.WaitGroup
	for range exporterClients {
		asking.Go(func() {
			for endpoint := range endpoints {
				date, err := probedDate(ctx, client, probe+url.QueryEscape(endpoint.Name))
				dates <- err == nil && date.Equal(endpoint.NotAfter)
			}
		})
	}
	go func() {
		for _, endpoint := range truth {
			endpoints <- endpoint
		}
		close(endpoints)
		asking.Wait()
		close(dates)
	}()
	for isRight := range dates {
		if isRight {
			right++
		}
	}
	return right, nil
}

func waitUntilServed(ctx context.Context, client *http.Client, probe string) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, probe, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err == nil {
			return response.Body.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the exporter does not answer: %w", err)
		}
	}
}

func probedDate(ctx context.Context, client *http.Client, probe string) (time.Time, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, probe, nil)
	if err != nil {
		return time.Time{}, err
	}
	response, err := client.Do(request)
	if err != nil {
		return time.Time{}, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(io.LimitReader(response.Body, 1<<20))
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), "probe_ssl_earliest_cert_expiry "); found {
			seconds, err := strconv.ParseFloat(value, 64)
			return time.Unix(int64(seconds), 0), err
		}
	}
	return time.Time{}, errors.Join(lines.Err(), errors.New("no date"))
}

// opensslLoop measures the loop that many an operator still has: one process a host.
func (b *bench) opensslLoop(ctx context.Context, g *grown) error {
	truth := g.truth[:b.scale.loopSample]
	area := fmt.Sprintf("tls, %d endpoints, 20 in flight", len(truth))
	if firstInstalled("openssl") == "" {
		b.table.missing(area, "openssl s_client loop", "not installed (apt-get install openssl)")
		return nil
	}
	list, err := b.listOf(truth)
	if err != nil {
		return err
	}
	said := b.path("openssl.txt")
	const perHost = `openssl s_client -connect "$1" </dev/null 2>/dev/null | openssl x509 -noout -enddate 2>/dev/null`
	loop := []string{"xargs", "-P", "20", "-n", "1", "sh", "-c", perHost, "sh"}
	spent, err := b.measure(ctx, command{args: loop, stdin: list, stdout: said, core: clientCore})
	if err != nil {
		return err
	}
	output, err := os.ReadFile(said)
	if err != nil {
		return fmt.Errorf("read what openssl said: %w", err)
	}
	b.table.add(area, "openssl s_client loop", "CPU per endpoint", "%.1f ms", spent.CPU.Seconds()*1000/float64(len(truth)))
	b.table.add(area, "openssl s_client loop", "dates", "%d of %d", strings.Count(string(output), "notAfter="), len(truth))
	return nil
}
