package reference_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/reference"
	"lapsewatch/watch"
)

func TestNTSIsAuthenticatedOrFails(t *testing.T) {
	root, err := pki.NewRoot("Time Root")
	if err != nil {
		t.Fatal(err)
	}
	issue := func(spec pki.Spec) pki.Pair {
		t.Helper()
		pair, err := root.Issue(spec)
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	good := parts.NTSTime(t, issue(pki.Spec{CommonName: "good", Names: []string{"time.example"}}))
	expired := parts.NTSTime(t, issue(pki.Spec{CommonName: "expired", Names: []string{"time.example"},
		NotBefore: time.Now().AddDate(0, 0, -90), NotAfter: time.Now().AddDate(0, 0, -1)}))
	misnamed := parts.NTSTime(t, issue(pki.Spec{CommonName: "misnamed", Names: []string{"other.example"}}))
	trusted := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(trusted, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	url := func(address string) string {
		return "nts://time.example" + address[strings.LastIndexByte(address, ':'):]
	}
	plain := parts.TrueTime(t)
	ask := func(t *testing.T, trustFiles []string, address string) watch.Reference {
		t.Helper()
		e := env(patience)
		e.Resolver = zone{"time.example": {netip.MustParseAddr("127.0.0.1")}}
		e.TrustFiles = trustFiles
		return reference.New(sources(t, url(address)), e).Ask(t.Context())
	}
	t.Run("it is authenticated", func(t *testing.T) {
		got := ask(t, []string{trusted}, good.KeyExchange)
		expect(t, got, `1 asked, 1 answered, 1 agree, majority true "": agrees`)
		if !got.Each[0].Authenticated || got.Each[0].Details["address"] != good.NTP {
			t.Errorf("got %+v", got.Each[0])
		}
	})
	tests := []struct {
		name, address string
		trust         []string
		want          []string
	}{
		{"an authority that is not known", good.KeyExchange, nil, []string{"has a certificate that is not to be trusted: ", "unknown authority"}},
		{"another name", misnamed.KeyExchange, []string{trusted}, []string{"has a certificate that is not to be trusted: ", "not time.example"}},
		{"dates that this machine's clock contradicts", expired.KeyExchange, []string{trusted}, []string{"has a certificate that is not valid as of this machine's clock, ", "expired"}},
		{"a server that has no key exchange", plain.NTP, []string{trusted}, []string{"does not listen there: ", "connection refused"}},
		{"a file of authorities that is missing", good.KeyExchange, []string{"/nonexistent/ca.pem"}, []string{"could not be asked: read CA file: open /nonexistent/ca.pem: no such file or directory"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := ask(t, test.trust, test.address)
			expect(t, got, `1 asked, 0 answered, 0 agree, majority false "the only reference gave no time": failed`)
			for _, want := range test.want {
				if !strings.Contains(got.Each[0].Err.Error(), want) {
					t.Errorf("got %v, want %q", got.Each[0].Err, want)
				}
			}
			if got.Each[0].Authenticated {
				t.Error("it counts as authenticated")
			}
		})
	}
}

// TestF8_ReferencesAreAuthenticatedAlsoByAWrongClock has chronyd servers stand for the true
// time, and this machine's clock for one that is 350 days ahead of it or behind.
func TestF8_ReferencesAreAuthenticatedAlsoByAWrongClock(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now().UTC().Truncate(time.Second)
	root, err := pki.SelfSigned(pki.Spec{CommonName: "Time Root", IsCA: true, NotBefore: now.Add(-1000 * day), NotAfter: now.Add(1000 * day)})
	if err != nil {
		t.Fatal(err)
	}
	trusted := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(trusted, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	// start gives URLs of servers that all have a certificate of these dates.
	start := func(t *testing.T, from, to time.Duration, offsets ...time.Duration) (urls []string) {
		t.Helper()
		leaf, err := root.Issue(pki.Spec{CommonName: "time", Names: []string{"127.0.0.1"}, NotBefore: now.Add(from), NotAfter: now.Add(to)})
		if err != nil {
			t.Fatal(err)
		}
		for _, offset := range offsets {
			urls = append(urls, "nts://"+parts.Chronyd(t, parts.ChronydOptions{NTS: &leaf, Offset: offset}).KeyExchange)
		}
		return urls
	}
	ask := func(t *testing.T, urls []string) watch.Reference {
		t.Helper()
		e := env(patience)
		e.TrustFiles = []string{trusted}
		return reference.New(sources(t, urls...), e).Ask(t.Context())
	}
	dates := func(from, to time.Duration) string {
		return fmt.Sprintf("valid from %s to %s, and verified as of then", now.Add(from).Format(time.RFC3339), now.Add(to).Format(time.RFC3339))
	}
	for _, test := range []struct {
		name             string
		from, to, offset time.Duration
	}{
		{"a clock that is ahead, by which all have expired", -400 * day, -300 * day, -350 * day},
		{"a clock that is behind, by which none is valid yet", 300 * day, 400 * day, 350 * day},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ask(t, start(t, test.from, test.to, test.offset, test.offset, test.offset))
			expect(t, got, `3 asked, 3 answered, 3 agree, majority true "": agrees, agrees, agrees`)
			if off := got.Offset + test.offset; off.Abs() > exact || !got.Contradicts() || !got.Overrules() {
				t.Errorf("this machine is off by %v ± %v", got.Offset, got.Uncertainty)
			}
			for _, each := range got.Each {
				if note := dates(test.from, test.to); !each.Authenticated || each.Details["certificate_dates"] != note {
					t.Errorf("got %+v, want %q", each, note)
				}
			}
		})
	}
	t.Run("a certificate that has expired by the clock of its own server", func(t *testing.T) {
		got := ask(t, start(t, -400*day, -300*day, 0, -401*day))
		expect(t, got, `2 asked, 0 answered, 0 agree, majority false "none of 2 references answered": failed, failed`)
		for _, each := range got.Each {
			said, noted := each.Err.Error(), each.Details["certificate_dates"]
			if !strings.HasPrefix(said, "has a certificate that is not valid as of this machine's clock, ") || !strings.Contains(said, "certificate has expired or is not yet valid") || each.Authenticated || noted != nil {
				t.Errorf("got %+v", each)
			}
		}
	})
}
