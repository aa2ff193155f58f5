package tls_test

import (
	"crypto"
	"crypto/rsa"
	cryptotls "crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/tls"
	"lapsewatch/internal/pki"
)

// anyKey has a public key that somebody made up; nobody can sign with it.
type anyKey struct{ crypto.PublicKey }

func (k anyKey) Public() crypto.PublicKey { return k.PublicKey }

func (anyKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { panic("never asked to") }

// madeUpRSA is an RSA public key of so many bits.
func madeUpRSA(bits int) crypto.Signer {
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return anyKey{&rsa.PublicKey{N: modulus.SetBit(modulus, 0, 1), E: 1<<31 - 1}}
}

// impostors are authorities that bear a name and hold keys of their own.
func impostors(t testing.TB, count int, name string, by pki.Pair, key func() crypto.Signer) []pki.Pair {
	t.Helper()
	var all []pki.Pair
	for range count {
		all = append(all, made(by.Issue(pki.Spec{CommonName: name, IsCA: true, NotBefore: day("2024-01-01"), NotAfter: day("2034-01-01"), Key: key()}))(t))
	}
	return all
}

func TestA9_AChainThatIsMadeToBeExpensiveIsVerifiedWithinLimits(t *testing.T) {
	e := newHierarchy(t)
	ordinary := func() crypto.Signer { return nil }
	with := func(first, then []pki.Pair) cryptotls.Certificate {
		return sending(e.leaf, slices.Concat(first, then)...)
	}
	genuine := []pki.Pair{e.intermediate}
	unverified := `chain_broken: has a chain in which the signature of "Issuing CA" on "www.example" does not verify`
	tests := []struct {
		name string
		send cryptotls.Certificate
		want []string
	}{
		{"a hundred huge keys under the issuer's name are never tried", with(impostors(t, 100, "Issuing CA", e.stranger, func() crypto.Signer { return madeUpRSA(16384) }), nil),
			[]string{`chain_broken: has a chain in which the RSA key of "Issuing CA" has 16384 bits, more than many clients accept`}},
		{"a huge key beside the true issuer is no harm", with(impostors(t, 1, "Issuing CA", e.root, func() crypto.Signer { return madeUpRSA(8193) }), genuine), nil},
		{"seven of the issuer's name before the true one", with(impostors(t, 7, "Issuing CA", e.stranger, ordinary), genuine), nil},
		{"more of the issuer's name than are tried", with(impostors(t, 8, "Issuing CA", e.stranger, ordinary), genuine), []string{unverified}},
		{"a certificate that is sent over and over counts once", with(slices.Repeat(impostors(t, 1, "Issuing CA", e.stranger, ordinary), 50), genuine), nil},
		{"a bundle of other authorities before the true one", with(strangers(t, e, 31), genuine), nil},
		{"a bundle beyond the limit", with(strangers(t, e, 32), genuine),
			[]string{`chain_broken: comes without the intermediate certificate of its issuer "Issuing CA"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env := testEnv()
			env.Now = func() time.Time { return day("2026-06-01") }
			credential := credentialOf(t, collect(t, env, tls.Options{Targets: []tls.Target{at("www.example", presenting(t, test.send))}, Trust: trusting(t, e.root)}))
			said := slices.DeleteFunc(observed(credential), func(text string) bool { return strings.HasPrefix(text, "unneeded_certificate_expiring: ") })
			if !slices.Equal(said, append([]string{}, test.want...)) || !credential.NotAfter.Equal(day("2027-01-01")) {
				t.Errorf("notAfter %s, observed %q, want %q", credential.NotAfter, said, test.want)
			}
		})
	}
}

func strangers(t testing.TB, e hierarchy, count int) []pki.Pair {
	t.Helper()
	var all []pki.Pair
	for i := range count {
		all = append(all, authority(t, e.stranger, fmt.Sprintf("Bundled CA %d", i), "2024-01-01", "2034-01-01"))
	}
	return all
}

func TestA9_ASerialNumberIsBoundedInDetails(t *testing.T) {
	root := newRoot(t, "test root")
	for octets, want := range map[uint]string{64: "8" + strings.Repeat("0", 127), 65: "(65 bytes)", 50_000: "(50000 bytes)"} {
		leaf := made(root.Issue(pki.Spec{Names: []string{"odd.example"}, Edit: func(c *x509.Certificate) {
			c.SerialNumber = new(big.Int).Lsh(big.NewInt(1), 8*octets-1)
		}}))(t)
		credential := credentialOf(t, collect(t, testEnv(), tls.Options{Targets: []tls.Target{at("odd.example", presenting(t, leaf.TLS()))}, Trust: trusting(t, root)}))
		if credential.Details["serial"] != want {
			t.Errorf("a serial number of %d octets is shown as %.80v", octets, credential.Details["serial"])
		}
		wantObserved(t, credential)
	}
}
