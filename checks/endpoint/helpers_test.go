package endpoint_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/endpoint"
	"lapsewatch/internal/entry"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// world is a network in which nothing takes time but what a service does. It is for bubbles
// of synctest.
type world struct {
	services map[string]service
	mu       sync.Mutex
	requests []string
}

// service answers one connection, the nth to its address, from 0 on.
type service func(conn net.Conn, nth int)

// after answers each request with the status and the body once the wait is over.
func after(wait time.Duration, status int, body string, header ...string) service {
	return func(conn net.Conn, _ int) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		time.Sleep(wait)
		lines := ""
		for _, line := range header {
			lines += line + "\r\n"
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d x\r\nContent-Length: %d\r\n%s\r\n%s", status, len(body), lines, body)
	}
}

// quick is what is in order.
func quick(wait time.Duration) service { return after(wait, 200, "fine") }

// never takes connections and says nothing.
func never(conn net.Conn, _ int) { _, _ = io.Copy(io.Discard, conn) }

// breaks closes each connection once the request is there.
func breaks(conn net.Conn, _ int) { _, _ = http.ReadRequest(bufio.NewReader(conn)) }

// inTurn behaves otherwise at each connection, and as the last one from then on.
func inTurn(each ...service) service {
	return func(conn net.Conn, nth int) { each[min(nth, len(each)-1)](conn, nth) }
}

// dial leads to a service by its name without the port. What is not there has no name; nil is
// a host that answers no packet.
func (w *world) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	serve, known := w.services[host]
	w.mu.Lock()
	nth := 0
	for _, earlier := range w.requests {
		if earlier == host {
			nth++
		}
	}
	w.requests = append(w.requests, host)
	w.mu.Unlock()
	if !known {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	if serve == nil {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	client, server := net.Pipe()
	go func() {
		defer func() { _ = server.Close() }()
		serve(server, nth)
	}()
	return client, nil
}

func (w *world) env() checks.Env {
	env := checktest.Env(time.Now())
	env.Now, env.Dial, env.Timeout = time.Now, w.dial, 5*time.Second
	env.HTTP = &http.Client{Transport: &http.Transport{}}
	return env
}

// usual are the default options with one group, whose members are http://NAME/.
func usual(members ...string) endpoint.Options {
	group := endpoint.Group{Entry: entry.Entry{Name: "rings"}}
	for _, name := range members {
		group.Members = append(group.Members, endpoint.Member{Entry: entry.Entry{Name: name}, URL: "http://" + name + "/"})
	}
	return endpoint.Options{
		Groups: []endpoint.Group{group}, Warn: watch.Duration(time.Second), Samples: 3,
		Peers: endpoint.Peers{Factor: 3, AtLeast: watch.Duration(200 * time.Millisecond)},
	}
}

// told is what an operator reads of each subject, in the order of their names.
func told(facts []watch.Fact) string {
	var lines []string
	for _, fact := range facts {
		finding := policy.Judge{}.Finding(policy.Origin{Check: "edge", Kind: "endpoint"}, fact, time.Now())
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s: %s %s", finding.Name, finding.Severity, finding.Reason))+": "+finding.Message)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func wantTold(t testing.TB, facts []watch.Fact, want ...string) {
	t.Helper()
	if got := told(facts); got != strings.Join(want, "\n") {
		t.Errorf("told\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func pass(t testing.TB, options endpoint.Options, env checks.Env) []watch.Fact {
	t.Helper()
	if err := options.Validate(); err != nil {
		t.Fatal(err)
	}
	return checktest.Pass(t, checktest.Build(t, endpoint.Kind, options, env))
}

// recheck is a second look at subjects.
func recheck(t testing.TB, check watch.Check, ids ...string) []watch.Fact {
	t.Helper()
	var mu sync.Mutex
	var facts []watch.Fact
	err := check.(watch.Rechecker).Recheck(t.Context(), ids, func(fact watch.Fact) {
		mu.Lock()
		defer mu.Unlock()
		facts = append(facts, fact)
	})
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func clientOnly(certificate *x509.Certificate) {
	certificate.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
}

// quiet is a log for servers whose clients leave in the middle.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
