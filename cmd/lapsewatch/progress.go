package main

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// bar is the progress bar of a pass. It is drawn on terminals only and wiped at the
// end, so that results stand alone.
type bar struct {
	writer   progress.Writer
	tracker  *progress.Tracker
	expected atomic.Int64
	drawn    chan struct{}
}

const barWipePatience = time.Second

func newBar(to io.Writer, draw bool) *bar {
	b := &bar{tracker: &progress.Tracker{Message: "looking", AutoStopDisabled: true, RemoveOnCompletion: true}}
	if !draw {
		return b
	}
	b.writer = progress.NewWriter()
	b.writer.SetOutputWriter(to)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	b.writer.SetStyle(progress.StyleBlocks)
	b.writer.Style().Visibility.TrackerOverall = false
	b.writer.AppendTracker(b.tracker)
	b.drawn = make(chan struct{})
	go func() {
		defer close(b.drawn)
		b.writer.Render()
	}()
	return b
}

func (b *bar) expect(subjects int) { b.tracker.UpdateTotal(b.expected.Add(int64(subjects))) }

func (b *bar) seen() { b.tracker.Increment(1) }

// stop wipes the bar. A terminal that does not take the output holds it for a second
// at the most.
func (b *bar) stop() {
	if b.writer == nil {
		return
	}
	b.tracker.MarkAsDone()
	b.writer.Stop()
	select {
	case <-b.drawn:
	case <-time.After(barWipePatience):
	}
}
