// Package asynclog is a writer for logs that never blocks whoever logs: lines wait in
// a bounded queue, and what does not fit is dropped and counted. It does not format,
// rotate or filter; log/slog stands before it.
package asynclog

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Writer passes lines on to a writer that may block for as long as it likes.
type Writer struct {
	lines   chan []byte
	dropped atomic.Int64
	closing sync.Once
	stop    chan struct{}
	stopped chan struct{}
}

// New starts a writer that lets at most queued lines wait for the one behind it.
func New(to io.Writer, queued int) *Writer {
	w := &Writer{lines: make(chan []byte, queued), stop: make(chan struct{}), stopped: make(chan struct{})}
	go w.pass(to)
	return w
}

// Write takes a copy of one line, or drops it; it never fails and never waits.
func (w *Writer) Write(line []byte) (int, error) {
	select {
	case w.lines <- append([]byte(nil), line...):
	default:
		w.dropped.Add(1)
	}
	return len(line), nil
}

// Dropped is how many lines did not fit.
func (w *Writer) Dropped() int64 { return w.dropped.Load() }

// Close passes on what still waits, for at most patience, and reports whether all of
// it got through. Lines written later are dropped.
func (w *Writer) Close(patience time.Duration) bool {
	w.closing.Do(func() { close(w.stop) })
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.stopped:
		return w.Dropped() == 0
	case <-timer.C:
		return false
	}
}

func (w *Writer) pass(to io.Writer) {
	defer close(w.stopped)
	for {
		select {
		case line := <-w.lines:
			w.put(to, line)
		case <-w.stop:
			for {
				select {
				case line := <-w.lines:
					w.put(to, line)
				default:
					return
				}
			}
		}
	}
}

func (w *Writer) put(to io.Writer, line []byte) {
	if _, err := to.Write(line); err != nil {
		w.dropped.Add(1)
	}
}
