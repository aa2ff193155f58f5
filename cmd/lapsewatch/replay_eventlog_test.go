package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/internal/pki"
)

const eventLogConfig = `    rules:
      - match: {kind: endpoint}
    components:
      - {match: {kind: endpoint}, component: Mail processing, at_expiry: partial_outage}
    affected:
      - {match: {kind: endpoint}, names: [incoming mail]}
log: {level: debug}
checks:
  - name: apis
    kind: endpoint
    options:
      groups:
        - name: hosts
          members: [{name: mail-api, url: "$API/health", version_header: X-Host-Version}]
      timeout: 1s
      warn: 900ms
      samples: 1
      ca_file: $FOLDER/ca.pem
`

// service has a version and a certificate, and answers until its event log blocks.
type service struct {
	url     string
	version atomic.Value
	pair    atomic.Pointer[tls.Certificate]
	blocked atomic.Bool
}

func startService(t *testing.T, version string, pair pki.Pair) *service {
	t.Helper()
	s := &service{}
	s.becomes(version, pair)
	done := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if s.blocked.Load() {
			select {
			case <-done:
			case <-request.Context().Done():
			}
			return
		}
		w.Header().Set("X-Host-Version", s.version.Load().(string))
		w.WriteHeader(http.StatusOK)
	}))
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*s.pair.Load()}}, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(done) })
	s.url = server.URL
	return s
}

func (s *service) becomes(version string, pair pki.Pair) {
	certificate := pair.TLS()
	s.version.Store(version)
	s.pair.Store(&certificate)
}

// An update at night made the event log block whoever wrote to it, and an API timed out in
// the morning. What changed in the night stands in the stub. The log of Lapsewatch itself
// is read by nobody in that pass, and holds nothing up.
func TestO4_TheReplayTellsWhatChangedInTheNight(t *testing.T) {
	begins, ends := time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC), time.Now().AddDate(1, 0, 0)
	root, err := pki.SelfSigned(pki.Spec{CommonName: "Example CA", IsCA: true, NotBefore: begins, NotAfter: ends})
	if err != nil {
		t.Fatal(err)
	}
	issue := func() pki.Pair {
		pair, err := root.Issue(pki.Spec{CommonName: "mail-api", Names: []string{"127.0.0.1"}, NotBefore: begins, NotAfter: ends})
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	before, after := issue(), issue()
	api := startService(t, "4.8.1", before)
	r := newReplay(t, "O4: an update blocks the event log, 26 March 2020")
	r.configure(eventLogConfig, "$API", api.url)
	r.write("ca.pem", string(root.ChainPEM()))
	r.differs(`\d+(\.\d+)? ms`, "N ms")

	r.pass("2020-03-25 23:00", "all is well")
	api.becomes("4.9.0", after)
	r.pass("2020-03-26 03:00", "the host controller has updated itself, and has a new certificate")
	r.pass("2020-03-26 07:00", "the event log is nearly full")
	api.blocked.Store(true)
	reader, nobodyReads := io.Pipe()
	t.Cleanup(func() { _ = reader.Close() })
	r.stderr = nobodyReads
	r.pass("2020-03-26 07:20", "the API waits for its event log; nobody reads the log of Lapsewatch either")
	r.stderr = r.log
	r.pass("2020-03-26 08:00", "the API does not answer")
	r.acknowledges("2020-03-26 08:45", "ada", "hosts/mail-api", "the event log's IPC blocks since the update; rolling back")
	r.pass("2020-03-26 08:50", "ada has found the cause")
	api.blocked.Store(false)
	api.becomes("4.8.1", after)
	for _, at := range []string{"10:20", "10:40", "11:00", "11:20"} {
		r.pass("2020-03-26 "+at, "the update was rolled back")
	}
	r.end("o4-event-log")
}
