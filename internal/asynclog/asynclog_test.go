package asynclog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestLinesArriveInOrder(t *testing.T) {
	var got bytes.Buffer
	w := New(&got, 100)
	for i := range 50 {
		fmt.Fprintf(w, "line %d\n", i)
	}
	if !w.Close(time.Second) {
		t.Fatal("not all lines got through")
	}
	if lines := bytes.Count(got.Bytes(), []byte("\n")); lines != 50 || !bytes.HasPrefix(got.Bytes(), []byte("line 0\nline 1\n")) {
		t.Errorf("%d lines arrived: %.40q", lines, got.String())
	}
}

// A reader that has stopped reading must not stop whoever logs: this is how a blocked
// event log once took a whole service down.
func TestF6_ABlockedLogBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, blocked := io.Pipe()
		w := New(blocked, 8)
		log := slog.New(slog.NewTextHandler(w, nil))
		for i := range 10000 {
			log.Info("delivered", "message", i)
		}
		if w.Dropped() < 9000 {
			t.Errorf("%d lines were dropped and counted, want at least 9000", w.Dropped())
		}
		if w.Close(time.Minute) {
			t.Error("Close reports that all lines got through")
		}
		reader.Close()
		synctest.Wait()
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestLinesThatCannotBeWrittenAreCounted(t *testing.T) {
	w := New(failing{}, 8)
	fmt.Fprintln(w, "lost")
	if w.Close(time.Second) || w.Dropped() != 1 {
		t.Errorf("%d lines were counted as dropped, want 1", w.Dropped())
	}
}
