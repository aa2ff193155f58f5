package certdates_test

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/certdates"
	"lapsewatch/internal/pki"
)

func TestDatesAloneDoNotStandInTheWay(t *testing.T) {
	date := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	made := func(pair pki.Pair, err error) pki.Pair {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	span := func(name, from, to string, isCA bool) pki.Spec {
		return pki.Spec{CommonName: name, Names: []string{name}, NotBefore: date(from), NotAfter: date(to), IsCA: isCA}
	}
	root := made(pki.SelfSigned(span("Root", "2020-01-01", "2030-01-01", true)))
	other := made(pki.SelfSigned(span("Other", "2020-01-01", "2030-01-01", true)))
	leaf := made(root.Issue(span("time.example", "2025-01-01", "2026-01-01", false)))
	backwards := made(root.Issue(span("time.example", "2026-01-01", "2025-01-01", false)))
	outlives := made(root.Issue(span("time.example", "2025-01-01", "2031-01-01", false)))
	precedes := made(root.Issue(span("time.example", "2019-01-01", "2026-01-01", false)))
	stranger := made(root.Issue(span("other.example", "2025-01-01", "2026-01-01", false)))
	const noted = "valid from 2025-01-01T00:00:00Z to 2026-01-01T00:00:00Z, and verified as of then"
	tests := []struct {
		name       string
		chain      []*x509.Certificate
		roots      *x509.CertPool
		now        string
		note, want string
	}{
		{"as of now", leaf.Chain, root.Pool(), "2025-06-01", "", ""},
		{"expired", leaf.Chain, root.Pool(), "2026-06-01", noted, ""},
		{"not valid yet", leaf.Chain, root.Pool(), "1970-01-01", noted, ""},
		{"by a clock that is after the end of the root", leaf.Chain, root.Pool(), "2031-01-01", noted, ""},
		{"outlives its root", outlives.Chain, root.Pool(), "2032-01-01", "valid from 2025-01-01T00:00:00Z to 2031-01-01T00:00:00Z, and verified as of then", ""},
		{"is older than its root", precedes.Chain, root.Pool(), "2027-01-01", "valid from 2019-01-01T00:00:00Z to 2026-01-01T00:00:00Z, and verified as of then", ""},
		{"ends before it begins", backwards.Chain, root.Pool(), "2025-06-01", "", "current time 2025-06-01T00:00:00Z is "},
		{"another authority", leaf.Chain, other.Pool(), "2025-06-01", "", "signed by unknown authority"},
		{"expired, of another authority", leaf.Chain, other.Pool(), "2026-06-01", "", "signed by unknown authority"},
		{"another name", stranger.Chain, root.Pool(), "2025-06-01", "", "valid for other.example, not time.example"},
		{"expired, for another name", stranger.Chain, root.Pool(), "2026-06-01", "", "valid for other.example, not time.example"},
		{"none at all", nil, root.Pool(), "2025-06-01", "", "the server has presented no certificate"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := certdates.Verify(tls.ConnectionState{PeerCertificates: test.chain}, test.roots, "time.example", date(test.now))
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				return
			}
			if err != nil || got.Note() != test.note || (got.Refusal != nil) != (test.note != "") {
				t.Errorf("got %q, %v, %v; want %q", got.Note(), got.Refusal, err, test.note)
			}
		})
	}
}

func TestAnotherTimeIsCheckedWithAllOfTheChain(t *testing.T) {
	at := func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
	root, err := pki.SelfSigned(pki.Spec{CommonName: "Root", IsCA: true, NotBefore: at(2020), NotAfter: at(2030)})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(pki.Spec{CommonName: "time.example", Names: []string{"time.example"}, NotBefore: at(2025), NotAfter: at(2035)})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := certdates.Verify(tls.ConnectionState{PeerCertificates: leaf.Chain}, root.Pool(), "time.example", at(2040))
	if err != nil {
		t.Fatal(err)
	}
	for year, valid := range map[int]bool{2024: false, 2025: true, 2030: true, 2031: false, 2035: false, 2036: false} {
		if err := chain.ValidAt(at(year)); (err == nil) != valid {
			t.Errorf("in %d: %v", year, err)
		}
	}
}
