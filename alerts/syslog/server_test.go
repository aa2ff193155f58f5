package syslog_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/syslog"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
)

func TestTheRealRsyslogReadsEachFieldAsItWasWritten(t *testing.T) {
	root, err := pki.NewRoot("rsyslog test authority")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(pki.Spec{CommonName: "rsyslog", Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, transport := range []syslog.Transport{syslog.TLS, syslog.TCP, syslog.UDP} {
		for name, message := range map[string]alerts.Message{"an ordinary message": alerttest.Message(), "F15 a hostile message": alerttest.HostileMessage()} {
			t.Run(fmt.Sprintf("%s over %s", name, transport), func(t *testing.T) {
				server := parts.Rsyslog(t, leaf)
				host, port, err := net.SplitHostPort(map[syslog.Transport]string{syslog.TLS: server.TLS, syslog.TCP: server.TCP, syslog.UDP: server.UDP}[transport])
				if err != nil {
					t.Fatal(err)
				}
				channel, err := syslog.Kind.Build(options(func(o *syslog.Options) {
					o.Host, o.Transport, o.Hostname = host, transport, "watcher.example.com"
					if o.Port, err = strconv.Atoi(port); err != nil {
						t.Fatal(err)
					}
					if transport == syslog.TLS {
						o.CAFile = caFile
					}
				}), env(quiet))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := channel.Deliver(t.Context(), message); err != nil {
					t.Fatal(err)
				}
				sent, _ := deliver(t, transport, message, nil)
				kept := server.Lines(t, len(sent))
				if len(kept) != len(sent) {
					t.Errorf("%d lines kept, want %d", len(kept), len(sent))
				}
				for i := range sent {
					if got, want := readable(t, kept[i]), readable(t, sent[i]); got != want {
						t.Errorf("rsyslog read\n%s\nwant\n%s", got, want)
					}
				}
			})
		}
	}
}

// readable are the fields of a line, one under the other.
func readable(t *testing.T, line string) string {
	t.Helper()
	message := parse(t, []byte(frame(line)))[0]
	return strings.Join([]string{
		fmt.Sprint(*message.Priority), message.Timestamp.UTC().String(), *message.Hostname, *message.Appname, *message.MsgID,
		fmt.Sprintf("%q", parameters(message)), fmt.Sprintf("%q", *message.Message),
	}, "\n")
}
