package sqlread

import (
	"net"
	"regexp"
	"testing"
	"time"

	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
)

func TestTheClockOfAServerIsReadInUTC(t *testing.T) {
	pair, err := pki.SelfSigned(pki.Spec{Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	postgres, maria := parts.PostgreSQL(t, pair), parts.MariaDB(t, pair)
	cases := []struct {
		name, url, ahead string
		server           *regexp.Regexp
		state            string
	}{
		{"PostgreSQL", "postgres://postgres@" + postgres.Addr + "/postgres", `SELECT clock_timestamp() + interval '366 days'`, regexp.MustCompile(`^\d+\.\d+`), "recovery"},
		{"MariaDB", "mysql://root@" + maria.Addr + "/information_schema", `SELECT UTC_TIMESTAMP(6) + INTERVAL 366 DAY`, regexp.MustCompile(`^\d+\.\d+\.\d+-MariaDB`), "read_only"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			conn, err := Open(t.Context(), Database{URL: c.url, TLS: Disable}, Env{Dial: new(net.Dialer).DialContext, Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
			}()
			// It is the clock of this very machine.
			read, err := conn.Clock(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if read.Offset.Abs() > read.Uncertainty || read.Uncertainty > time.Minute || read.Uncertainty < time.Microsecond {
				t.Errorf("the offset is %v ± %v, and in truth zero", read.Offset, read.Uncertainty)
			}
			if age := time.Since(read.At); age < 0 || age > time.Minute {
				t.Errorf("it was read %v ago", age)
			}
			server, _ := read.Details["server"].(string)
			if !c.server.MatchString(server) || read.Details[c.state] != false || read.Details["clock_resolution_seconds"] != 1e-6 {
				t.Errorf("the details are %v", read.Details)
			}
			conn.dialect.clock.statement = c.ahead
			read, err = conn.Clock(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if off := read.Offset - 366*24*time.Hour; off.Abs() > read.Uncertainty {
				t.Errorf("the offset is %v ± %v, and in truth 366 days ahead", read.Offset, read.Uncertainty)
			}
		})
	}
}
