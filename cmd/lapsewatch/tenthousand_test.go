package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"lapsewatch/alerts"
	"lapsewatch/alerts/email"
	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/runner"
	"lapsewatch/watch"
)

// manyExpiring is a check with 10,000 credentials that expire soon, of 200 owners.
type manyExpiring struct{ now time.Time }

func (m manyExpiring) Collect(_ context.Context, sink watch.Sink) error {
	for i := range 10_000 {
		sink(watch.Credential{
			Subject: watch.Subject{ID: fmt.Sprintf("%05d", i), Name: fmt.Sprintf("application %05d: secret", i), Owners: []string{fmt.Sprintf("owner%d@example.com", i%200)}},
			Form:    watch.ClientSecret, Identity: fmt.Sprint(i),
			NotBefore: m.now.AddDate(-2, 0, 0), NotAfter: m.now.AddDate(0, 0, 1+i%30),
		})
	}
	return nil
}

// BenchmarkTenThousandFindingsAsDigests measures the way from the check to the mailboxes:
// judged, recorded, and told to the team and to each of 200 owners in one mail.
func BenchmarkTenThousandFindingsAsDigests(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{folder: b.TempDir()}, nil }))
	server.Domain = "localhost"
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { _ = server.Close() })
	now := time.Now()
	log := slog.New(slog.DiscardHandler)
	mail, err := email.Kind.Build(func(into any) error {
		options := into.(*email.Options)
		options.Host, options.Port, options.TLS = "127.0.0.1", listener.Addr().(*net.TCPAddr).Port, email.Unencrypted
		options.From, options.To, options.OwnerDomains = "lapsewatch@example.com", []string{"ops@example.com"}, []string{"example.com"}
		return nil
	}, alerts.Env{Name: "mail", Now: time.Now, Log: log, Dial: (&net.Dialer{}).DialContext, HTTP: http.DefaultClient, Version: "1"})
	if err != nil {
		b.Fatal(err)
	}
	messages := 0
	var memory runtime.MemStats
	b.ReportAllocs()
	for b.Loop() {
		kept, err := ledger.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "ledger.db"))
		if err != nil {
			b.Fatal(err)
		}
		job := runner.Job{
			Collection: runner.Collection{
				Checks: []runner.Check{{Name: "tenant", Kind: "entra", Check: manyExpiring{now}}}, Now: now, Deadline: time.Minute, Within: time.Minute, Log: log,
			},
			Delivery:     runner.Delivery{Ledger: kept, Channels: map[string]alerts.Channel{"mail": mail}, Now: time.Now, Log: log},
			Destinations: []policy.Destination{destinationOf("mail", mail)},
		}
		outcome, err := job.Run(b.Context())
		if err != nil || outcome.Undelivered > 0 {
			b.Fatalf("%d undelivered: %v", outcome.Undelivered, err)
		}
		messages = len(outcome.Told)
		runtime.ReadMemStats(&memory)
		if err := outcome.Close(); err != nil {
			b.Fatal(err)
		}
		if err := kept.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(messages), "messages")
	b.ReportMetric(float64(memory.HeapSys)/(1<<20), "heap-MiB")
}
