package sqlread

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestSocketsThatAreClosedInTimeAreWaitedForAndOthersAreCut(t *testing.T) {
	cases := []struct {
		name string
		// closed is when the driver closes its socket.
		closed, want time.Duration
	}{
		{"closed in time", 900 * time.Millisecond, 900 * time.Millisecond},
		{"closed too late", 15 * time.Second, time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				all := newSockets(func(context.Context, string, string) (net.Conn, error) { return ours, nil })
				conn, err := all.open(t.Context(), "tcp", "db:1")
				if err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(c.closed, func() { _ = conn.Close() })
				cut := time.Duration(0)
				began := time.Now()
				go func() {
					_, _ = theirs.Read(make([]byte, 1))
					cut = time.Since(began)
				}()
				all.end()
				took := time.Since(began)
				synctest.Wait()
				if took != c.want || cut != c.want {
					t.Errorf("it took %v, and the socket was closed after %v, want %v", took, cut, c.want)
				}
				if _, err := all.open(t.Context(), "tcp", "db:1"); !errors.Is(err, net.ErrClosed) {
					t.Errorf("one is opened after the end: %v", err)
				}
				began = time.Now()
				all.end()
				if took := time.Since(began); took != 0 {
					t.Errorf("ended twice, it took %v", took)
				}
				time.Sleep(c.closed)
			})
		})
	}
}

func TestASocketThatIsOpenedTooLateIsClosedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		all := newSockets(func(context.Context, string, string) (net.Conn, error) {
			time.Sleep(2 * time.Second) // it does not heed its ctx
			return ours, nil
		})
		failed := make(chan error, 1)
		go func() {
			_, err := all.open(t.Context(), "tcp", "db:1")
			failed <- err
		}()
		synctest.Wait()
		all.end()
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
		if _, err := theirs.Read(make([]byte, 1)); err == nil {
			t.Error("it is still open")
		}
	})
}
