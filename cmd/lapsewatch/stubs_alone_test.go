package main

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/vendortest"
)

// The run that is at work waits, in the hands of the page, until all the others have ended.
func TestF2_TenRunsAtOnceOnOnePostgreSQLMakeOneIncident(t *testing.T) {
	t.Parallel()
	server, err := pki.SelfSigned(pki.Spec{CommonName: "localhost", NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	d := openStatusDesk(t)
	d.dsn = parts.PostgreSQL(t, server).URL
	d.configure()
	const copies = 10
	othersEnded := make(chan struct{})
	d.door.behave(func(_ *http.Request, number int) vendortest.Answer {
		if number > 1 {
			return nil
		}
		return func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
			select {
			case <-othersEnded:
				usual.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		}
	})
	codes, outputs := make([]int, copies), make([]bytes.Buffer, copies)
	var running sync.WaitGroup
	var ended atomic.Int64
	for number := range copies {
		program := d.process(&outputs[number])
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			codes[number] = exitCodeOf(program.Wait())
			if ended.Add(1) == copies-1 {
				close(othersEnded)
			}
		})
	}
	running.Wait()
	worked := 0
	for number, code := range codes {
		switch said := outputs[number].String(); {
		case code == exitDone:
			worked++
			wantSaid(t, said, "incident stub on status", "made as identified")
		case !strings.Contains(said, "another run is at work: "):
			t.Errorf("exit code %d:\n%s", code, said)
		}
	}
	if worked != 1 || d.posts() != 1 {
		t.Errorf("%d runs worked and made %d incidents; exit codes %v", worked, d.posts(), codes)
	}
	d.wantIncident("identified")
	d.wantRun(exitDone)
	d.wantIncident("identified")
}

// paused is a run that is stopped, as a paused machine is, while the page holds an answer.
type paused struct {
	*statusDesk
	said  *sharedBuffer
	ended chan error
	goOn  chan struct{}
	pid   int
}

func pauseRun(t *testing.T, holds func(*http.Request) bool) paused {
	p := paused{openStatusDesk(t), &sharedBuffer{}, make(chan error, 1), make(chan struct{}), 0}
	p.configure()
	asked, held := make(chan struct{}), false
	p.door.behave(func(r *http.Request, _ int) vendortest.Answer {
		if held || !holds(r) {
			return nil
		}
		held = true
		return func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
			close(asked)
			<-p.goOn
			usual.ServeHTTP(w, r)
		}
	})
	program := p.process(p.said)
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = program.Process.Pid
	go func() { p.ended <- program.Wait() }()
	select {
	case <-asked:
	case err := <-p.ended:
		t.Fatalf("the run ended at once: %v\n%s", err, p.said.String())
	}
	if err := syscall.Kill(p.pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// Its lease ends while it is stopped.
	execSQL(t, p.path("ledger.db"), `UPDATE leases SET expires_at = acquired_at`)
	return p
}

// wake lets the stopped run go on, to its end.
func (p paused) wake() {
	p.t.Helper()
	close(p.goOn)
	if err := syscall.Kill(p.pid, syscall.SIGCONT); err != nil {
		p.t.Fatal(err)
	}
	if code := exitCodeOf(<-p.ended); code != exitFailed {
		p.t.Errorf("the run that was stopped ended with %d:\n%s", code, p.said.String())
	}
	wantSaid(p.t, p.said.String(), "another run took over")
}

func TestF2_ARunThatWasPausedBeyondItsLeaseWritesNothingMore(t *testing.T) {
	t.Parallel()
	p := pauseRun(t, func(r *http.Request) bool { return r.Method == http.MethodGet })
	p.wantRun(exitDone)
	made := p.wantIncident("identified")
	p.wake()
	if again := p.wantIncident("identified"); p.posts() != 1 || len(again.Updates) != len(made.Updates) {
		t.Errorf("%d were made, with %d updates", p.posts(), len(again.Updates))
	}
	if _, said := p.wantRun(exitDone); strings.Contains(said, "incident stub") {
		t.Errorf("the next run says\n%s", said)
	}
	p.wantIncident("identified")
}

// The lease was looked at, and the request is under way: what stands between the two nobody
// can guard. The second run waits until lists would show what the first has asked for.
func TestF2_WhatAPausedRunHadUnderWayIsClosedByTheNextRun(t *testing.T) {
	t.Parallel()
	p := pauseRun(t, func(r *http.Request) bool { return r.Method == http.MethodPost })
	p.wantRun(exitDone)
	made := p.wantIncident("identified")
	p.wake()
	if open := p.open(); len(open) != 2 || p.posts() != 2 {
		t.Fatalf("%d incidents are open after %d requests: the request that was under way did not arrive", len(open), p.posts())
	}
	_, said := p.wantRun(exitDone)
	wantSaid(t, said, "closed as a duplicate of "+p.stubs()[0].Key)
	if open := p.open(); len(open) != 1 || open[0].ID != made.ID {
		t.Errorf("open are %+v", open)
	}
	p.certificate("web.pem", 300)
	p.wantRun(exitDone)
	if open := p.open(); len(open) != 0 {
		t.Errorf("open are %+v", open)
	}
	if p.posts() != 2 {
		t.Errorf("%d were made", p.posts())
	}
}
