package farm

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

const slowness = time.Second

var everyFault = Mix{
	{Soon, 100}, {Expired, 100}, {SelfSigned, 100}, {WrongHost, 100},
	{Slow, 100}, {Silent, 100}, {Swallowed, 100}, {Refused, 100},
}

func TestEveryEndpointShowsTheFaultAndTheDateThatTheTruthTells(t *testing.T) {
	const size = 10
	grown, err := Start(size, everyFault, slowness, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := grown.Close(); err != nil {
			t.Error(err)
		}
	})
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(grown.RootPEM) {
		t.Fatal("the farm gave no root")
	}
	seen := map[Fault]int{}
	for _, endpoint := range grown.Subjects {
		seen[endpoint.Fault]++
		t.Run(string(endpoint.Fault)+" "+endpoint.Name, func(t *testing.T) {
			t.Parallel()
			checkEndpoint(t, endpoint, roots)
		})
	}
	for _, share := range everyFault {
		if seen[share.Fault] != 1 {
			t.Errorf("%d endpoints are %s, want 1 of %d", seen[share.Fault], share.Fault, size)
		}
	}
}

func checkEndpoint(t *testing.T, endpoint Subject, roots *x509.CertPool) {
	timeout := 500 * time.Millisecond
	if endpoint.Fault.Answers() {
		timeout = 20 * time.Second
	}
	began := time.Now()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: timeout}, "tcp", endpoint.Name, &tls.Config{RootCAs: roots})
	leaf := leafOf(conn, err)
	if !endpoint.Fault.Answers() {
		assertNoAnswer(t, endpoint, err)
		return
	}
	if leaf == nil {
		t.Fatalf("no certificate could be read: %v", err)
	}
	if !leaf.NotAfter.Equal(endpoint.NotAfter) {
		t.Errorf("notAfter is %s, the truth says %s", leaf.NotAfter, endpoint.NotAfter)
	}
	if took := time.Since(began); endpoint.Fault == Slow && took < slowness {
		t.Errorf("a slow endpoint answered after %s", took)
	}
	wantVerdict(t, endpoint.Fault, err)
}

func leafOf(conn *tls.Conn, err error) *x509.Certificate {
	if err == nil {
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0]
	}
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return refused.UnverifiedCertificates[0]
	}
	return nil
}

func assertNoAnswer(t *testing.T, endpoint Subject, err error) {
	t.Helper()
	if !endpoint.NotAfter.IsZero() {
		t.Errorf("the truth gives the date %s to an endpoint that shows none", endpoint.NotAfter)
	}
	if endpoint.Fault == Refused {
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v, want a refused connection", err)
		}
		return
	}
	if wait, ok := errors.AsType[net.Error](err); !ok || !wait.Timeout() {
		t.Errorf("got %v, want a timeout", err)
	}
}

func wantVerdict(t *testing.T, fault Fault, err error) {
	t.Helper()
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, isHostname := errors.AsType[x509.HostnameError](err)
	got := map[Fault]bool{
		Expired:    isInvalid && invalid.Reason == x509.Expired,
		SelfSigned: isUnknown,
		WrongHost:  isHostname,
		Soon:       err == nil,
		Healthy:    err == nil,
		Slow:       err == nil,
	}
	if !got[fault] {
		t.Errorf("a %s endpoint gave: %v", fault, err)
	}
}

func TestTruthIsReadAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "truth.jsonl")
	want := []Subject{
		{Name: "127.64.0.0:1", Fault: Healthy, NotAfter: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)},
		{Name: "127.64.0.1:2", Fault: Silent},
	}
	if err := WriteTruth(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadTruth(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}

func TestAnAddressOutsideTheFarmIsNobodys(t *testing.T) {
	const size = 100_000
	for _, i := range []int{0, 255, 256, 65_535, 65_536, size - 1} {
		if got, known := indexOf(hostOf(i), size); !known || got != i {
			t.Errorf("endpoint %d at %s is found as %d, %v", i, hostOf(i), got, known)
		}
	}
	for _, i := range []int{size, -1} {
		if _, known := indexOf(hostOf(i), size); known {
			t.Errorf("%s is taken for an endpoint", hostOf(i))
		}
	}
}
