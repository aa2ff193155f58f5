package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"lapsewatch/internal/asynclog"
)

// bar is the progress bar of a pass. It is drawn on terminals only, on one line, and
// wiped at the end, so that results stand alone. A terminal that takes no output, as
// after Ctrl-S, does not hold the pass.
type bar struct {
	mu       sync.Mutex
	drawn    *progressbar.ProgressBar
	output   *asynclog.Writer
	expected int
	done     int
}

const (
	barQueue        = 64
	barWipePatience = time.Second
	barInterval     = 100 * time.Millisecond
)

func newBar(to io.Writer, draw bool) *bar {
	b := &bar{expected: 1}
	if !draw || os.Getenv("TERM") == "dumb" {
		return b
	}
	b.output = asynclog.New(to, barQueue)
	b.drawn = progressbar.NewOptions(b.expected,
		progressbar.OptionSetWriter(b.output), progressbar.OptionSetDescription("looking"), progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(barInterval), progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish())
	return b
}

// expect raises the number of subjects to come. More may turn up than was expected, so
// the bar is never full before the end.
func (b *bar) expect(subjects int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected += subjects
	b.redraw()
}

func (b *bar) seen() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done++
	b.redraw()
}

func (b *bar) redraw() {
	if b.drawn == nil {
		return
	}
	b.expected = max(b.expected, b.done+1)
	b.drawn.ChangeMax(b.expected)
	_ = b.drawn.Set(b.done) // fails only where the line cannot be drawn
}

// stop wipes the bar.
func (b *bar) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drawn == nil {
		return
	}
	_ = b.drawn.Clear() // likewise
	b.drawn = nil
	b.output.Close(barWipePatience)
}
