package reference_test

import (
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
