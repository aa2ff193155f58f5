package ntp_test

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/internal/ntp"
	"lapsewatch/internal/ntp/ntptest"
)

func TestTheSampleWithTheLeastDelayIsTheBest(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := ntptest.Start(t, func(request []byte) [][]byte {
		h := ntptest.True()
		if n := asked.Add(1); n != 3 {
			// The answer is held up, by far more than a busy machine holds up the third.
			packet := h.Answer(request)
			time.Sleep(500 * time.Millisecond)
			return [][]byte{packet}
		}
		h.Stratum = 7
		return [][]byte{h.Answer(request)}
	})
	got, err := open(t).Best(within(t, patience), server.Addr, 4, 700*time.Millisecond)
	if err != nil || got.Stratum != 7 || asked.Load() != 4 {
		t.Errorf("got %+v, %v after %d packets", got, err, asked.Load())
	}
}

func TestALostSampleDoesNotHoldTheOthers(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := ntptest.Start(t, func(request []byte) [][]byte {
		if asked.Add(1) == 1 {
			return nil
		}
		return [][]byte{ntptest.True().Answer(request)}
	})
	got, err := open(t).Best(within(t, 2*time.Second), server.Addr, 3, time.Millisecond)
	if err != nil || got.Stratum != 1 || asked.Load() != 3 {
		t.Errorf("got %+v, %v after %d packets", got, err, asked.Load())
	}
}

func TestAKissEndsTheSampling(t *testing.T) {
	t.Parallel()
	server := ntptest.Serve(t, ntptest.Kiss("RATE"))
	got, err := open(t).Best(within(t, patience), server.Addr, 4, time.Hour)
	if err != nil || got.Kiss != "RATE" || server.Asked() != 1 {
		t.Errorf("got %+v, %v after %d packets", got, err, server.Asked())
	}
}

func TestSilenceEndsWithTheContext(t *testing.T) {
	t.Parallel()
	server := ntptest.Start(t, func([]byte) [][]byte { return nil })
	if _, err := open(t).Best(within(t, impatience), server.Addr, 4, time.Hour); !errors.Is(err, ntp.ErrNoReply) || server.Asked() != 1 {
		t.Errorf("got %v after %d packets", err, server.Asked())
	}
}

func TestWhatCannotBeAskedIsAskedOnce(t *testing.T) {
	t.Parallel()
	_, err := open(t).Best(within(t, patience), netip.MustParseAddrPort("224.0.1.1:123"), 4, time.Hour)
	if err == nil || err.Error() != "ask 224.0.1.1:123 for its time: this is not the address of one host" {
		t.Errorf("got %v", err)
	}
}
