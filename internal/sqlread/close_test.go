package sqlread_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/internal/parts"
	"lapsewatch/internal/sqlread"
)

// witness sees the second connection, on which the driver asks the server to end the
// statement that was given up.
type witness struct {
	dialled atomic.Int64
	// second makes it.
	second func(ctx context.Context) (net.Conn, error)
	begun  chan struct{}
	// ctx is that of the second one.
	ctx context.Context //nolint:containedctx // it is what is looked at
}

func (w *witness) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if w.dialled.Add(1) == 1 {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	w.ctx = ctx
	close(w.begun)
	return w.second(ctx)
}

// closing counts how often a connection was closed.
type closing struct {
	net.Conn
	times atomic.Int64
}

func (c *closing) Close() error {
	c.times.Add(1)
	return c.Conn.Close()
}

// whileSleeping returns once the statement of a session runs.
func whileSleeping(t *testing.T, db *sql.DB, pid int64) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var sleeping bool
		err := db.QueryRowContext(t.Context(), `SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $1 AND wait_event IS NOT NULL`, pid).Scan(&sleeping)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			t.Error(err)
			return
		}
		if sleeping {
			return
		}
	}
	t.Error("the statement does not run")
}

func TestNothingGoesOnOnceTheConnectionIsClosed(t *testing.T) {
	_, leaf := authority(t)
	part := parts.PostgreSQL(t, leaf)
	db := administrator(t, part.URL)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	deaf := &closing{Conn: ours}
	cases := []struct {
		name   string
		second func(context.Context) (net.Conn, error)
		ended  func(*witness) bool
	}{
		{"while it is opened", func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, func(w *witness) bool { return w.ctx.Err() != nil }},
		{"while nobody answers on it", func(context.Context) (net.Conn, error) { return deaf, nil },
			func(*witness) bool { return deaf.times.Load() > 0 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := &witness{second: c.second, begun: make(chan struct{})}
			env := testEnv("")
			env.Dial = w.dial
			conn := opened(t, sqlread.Database{URL: "postgres://postgres@" + part.Addr + "/postgres", TLS: sqlread.Disable}, env)
			ctx, cancel := context.WithCancel(t.Context())
			err := conn.Read(ctx, func(ctx context.Context, tx *sqlread.Tx) error {
				var pid int64
				if err := tx.Query(ctx, "ask", func(scan func(...any) error) error { return scan(&pid) }, `SELECT pg_backend_pid()`); err != nil {
					return err
				}
				go func() {
					whileSleeping(t, db, pid)
					cancel()
				}()
				return tx.Query(ctx, "wait", func(func(...any) error) error { return nil }, `SELECT pg_sleep(600)`)
			})
			if failed := asFailure(t, err); !errors.Is(failed, context.Canceled) {
				t.Errorf("got %v", failed)
			}
			select {
			case <-w.begun:
			case <-time.After(time.Minute):
				t.Fatal("the driver does not ask the server to end the statement")
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			if !c.ended(w) {
				t.Error("it goes on")
			}
		})
	}
}
