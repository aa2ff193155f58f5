package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/ledger"
)

// posts keeps the ids under which each path was posted to.
type posts struct {
	mu  sync.Mutex
	ids map[string][]string
}

func (p *posts) note(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ids == nil {
		p.ids = map[string][]string{}
	}
	p.ids[r.URL.Path] = append(p.ids[r.URL.Path], r.Header.Get("Webhook-Id"))
}

// take empties what came to the path.
func (p *posts) take(path string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := p.ids[path]
	delete(p.ids, path)
	return ids
}

// A service may have taken a message and say so in no way, or in a wrong one. Nothing but
// its proof counts, and it can tell what comes again by its id.
func TestF3_WhatWasTakenWithoutProofIsSentAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	i, posted := newInstallation(t), &posts{}
	var mended bool
	url, authority := i.serveTLS(func(w http.ResponseWriter, r *http.Request) {
		posted.note(r)
		switch {
		case mended && r.URL.Path == "/slack":
			_, _ = io.WriteString(w, "ok")
		case mended:
		case r.URL.Path == "/lost":
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/gateway":
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == "/slack":
			_, _ = io.WriteString(w, "no_active_hooks")
		}
	})
	i.configure(i.hook("lost", url+"/lost", authority), i.hook("gateway", url+"/gateway", authority),
		fmt.Sprintf("{name: slack, kind: slack, options: {url: %q, ca_file: %q}}", url+"/slack", authority))
	_, stderr := i.wantRun(exitFailed)
	before := i.deliveries()
	first := map[string][]string{}
	for _, name := range []string{"lost", "gateway", "slack"} {
		owed := before[name]
		if first[name] = posted.take("/" + name); len(first[name]) == 0 || len(owed) != 1 || !owed[0].SentAt.IsZero() || owed[0].Dead {
			t.Errorf("%s took %d posts; the ledger says %+v", name, len(first[name]), owed)
		}
		if !strings.Contains(stderr, "not delivered to "+name) {
			t.Errorf("the run does not say that %s was not told:\n%s", name, stderr)
		}
	}
	mended = true
	i.wantRun(exitDone)
	after := i.deliveries()
	for _, name := range []string{"lost", "gateway", "slack"} {
		// The second message tells of the channel that refused.
		again := posted.take("/" + name)
		if len(again) != 2 || again[0] != first[name][0] {
			t.Errorf("%s took %q, and then %q", name, first[name], again)
		}
		if owed := after[name]; len(owed) != 2 || owed[1].ID != before[name][0].ID || owed[1].SentAt.IsZero() {
			t.Errorf("%s: the ledger says %+v", name, owed)
		}
	}
}

// Of six services one never answers, one answers a byte a second, one never ends its
// answer, and one resets the connection.
func TestF4_DeadTargetHoldsNobody(t *testing.T) {
	i, room, posted := newInstallation(t), openMailRoom(t), &posts{}
	base := runtime.NumGoroutine()
	ended := make(chan struct{})
	silent, silentCA := i.serveRaw(func(*tls.Conn) { <-ended })
	slow, slowCA := i.serveRaw(func(conn *tls.Conn) { slowly(conn, ended) })
	reset, resetCA := i.serveRaw(func(conn *tls.Conn) {
		_ = conn.Handshake()
		_ = conn.NetConn().(*net.TCPConn).SetLinger(0)
	})
	endless, endlessCA := i.serveTLS(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		for chunk := make([]byte, 64<<10); ; {
			if _, err := w.Write(chunk); err != nil || r.Context().Err() != nil {
				return
			}
		}
	})
	good, goodCA := i.serveTLS(func(_ http.ResponseWriter, r *http.Request) { posted.note(r) })
	i.configure(i.hook("silent", silent, silentCA), i.hook("slow", slow, slowCA), i.hook("reset", reset, resetCA),
		i.hook("endless", endless, endlessCA), i.hook("good", good+"/good", goodCA), mailAlert(room.port))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, stderr := i.wantRun(exitFailed)
	runtime.ReadMemStats(&after)
	close(ended)
	if len(posted.take("/good")) != 1 || len(room.take()) != 1 {
		t.Errorf("the two good services were not told once each:\n%s", stderr)
	}
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 256<<20 {
		t.Errorf("the run took %d MiB", grown>>20)
	}
	sent := map[string]bool{"good": true, "mail": true}
	for name, owed := range i.deliveries() {
		if len(owed) != 1 || owed[0].SentAt.IsZero() == sent[name] || owed[0].Dead {
			t.Errorf("%s: the ledger says %+v", name, owed)
		}
	}
	wantGoroutines(t, base)
}

// slowly answers a byte a second.
func slowly(conn *tls.Conn, until <-chan struct{}) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for _, octet := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") {
		if _, err := conn.Write([]byte{octet}); err != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-until:
			return
		}
	}
}

// wantGoroutines waits for what the run began to end. The servers of the test go on.
func wantGoroutines(t *testing.T, base int) {
	t.Helper()
	const serving = 30
	for range 100 {
		if runtime.NumGoroutine() <= base+serving {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), base, stacks[:runtime.Stack(stacks, true)])
}

// Services say in five ways how long they want to be left alone.
func TestF5_AWaitIsKeptOverRunsAndCapped(t *testing.T) {
	t.Parallel()
	i, posted := newInstallation(t), &posts{}
	waits := map[string]func() string{
		"seconds":  func() string { return "300" },
		"date":     func() string { return time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat) },
		"absent":   func() string { return "" },
		"negative": func() string { return "-5" },
		"huge":     func() string { return "1000000000" },
	}
	url, authority := i.serveTLS(func(w http.ResponseWriter, r *http.Request) {
		posted.note(r)
		if after := waits[strings.Trim(r.URL.Path, "/")](); after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(http.StatusTooManyRequests)
	})
	var alerts []string
	for name := range waits {
		alerts = append(alerts, i.hook(name, url+"/"+name, authority))
	}
	i.configure(alerts...)
	began := time.Now()
	i.wantRun(exitFailed)
	i.wantWaits(began, posted)
	_, stderr := i.wantRun(exitFailed)
	if !strings.Contains(stderr, "3 messages still owed: the service asked for a wait that is not over") {
		t.Errorf("the next run does not say what is owed:\n%s", stderr)
	}
	for name, again := range map[string]bool{"seconds": false, "date": false, "huge": false, "absent": true, "negative": true} {
		if ids := posted.take("/" + name); (len(ids) > 0) != again {
			t.Errorf("%s was posted to %d times by the next run", name, len(ids))
		}
	}
	due, err := i.ledger().Due(t.Context(), time.Now().Add(time.Hour+time.Minute))
	if err != nil || len(due) != len(waits) {
		t.Errorf("after an hour %d messages are due, want %d: %v", len(due), len(waits), err)
	}
}

// wantWaits compares when the ledger wants to try again with what the services asked for.
func (i installation) wantWaits(began time.Time, posted *posts) {
	i.t.Helper()
	asked := map[string]time.Duration{"seconds": 5 * time.Minute, "date": 10 * time.Minute, "huge": time.Hour}
	after := i.deliveries()
	for _, name := range []string{"seconds", "date", "huge", "absent", "negative"} {
		owed, ids := after[name], posted.take("/"+name)
		if len(owed) != 1 || owed[0].Dead || !owed[0].SentAt.IsZero() {
			i.t.Errorf("%s: the ledger says %+v", name, owed)
			continue
		}
		earliest := began.Add(asked[name] - 2*time.Second) // an HTTP date has whole seconds
		if next := owed[0].NextAttempt; next.Before(earliest) || next.After(time.Now().Add(asked[name]+time.Second)) {
			i.t.Errorf("%s: the next attempt is at %s, %s after the run began", name, next, next.Sub(began))
		}
		if waits := asked[name] > 0; waits && len(ids) != 1 || !waits && len(ids) < 2 {
			i.t.Errorf("%s was posted to %d times by the first run", name, len(ids))
		}
	}
}

// Nobody reads the output and the log any more: people are told, the ledger says so, and
// the next run is not held up.
func TestF6_BlockedOutputHoldsNoDelivery(t *testing.T) {
	i, room := newInstallation(t), openMailRoom(t)
	i.configure(mailAlert(room.port))
	reader, blocked := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- app{stdout: blocked, stderr: blocked}.execute(t.Context(), []string{"run", "--config", i.path("lapsewatch.yaml")})
	}()
	var sent []ledger.Delivered
	for range 600 {
		if _, err := os.Stat(i.path("ledger.db")); err == nil {
			if sent = i.deliveries()["mail"]; len(sent) == 1 && !sent[0].SentAt.IsZero() {
				break
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	if len(sent) != 1 || sent[0].SentAt.IsZero() || len(room.take()) != 1 {
		t.Fatalf("with its output blocked, the run delivered %+v", sent)
	}
	// The other run may come before the first has let go of the ledger.
	code, stderr := exitFailed, ""
	for range 100 {
		if code, _, stderr = i.lapsewatch("run"); code == exitDone {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if code != exitDone || len(room.take()) != 0 {
		t.Errorf("the next run ends with %d:\n%s", code, stderr)
	}
	_ = reader.Close()
	if code := <-ended; code == exitDone {
		t.Error("a run that could not write its results ends with 0")
	}
}
