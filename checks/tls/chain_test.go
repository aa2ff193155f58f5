package tls_test

import (
	"crypto/rand"
	"crypto/rsa"
	cryptotls "crypto/tls"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"lapsewatch/checks/tls"
	"lapsewatch/internal/pki"
)

// hierarchy is a small public key infrastructure, all of it valid as of 2026-06-01.
type hierarchy struct {
	root, stranger, intermediate, leaf pki.Pair
}

func newHierarchy(t testing.TB) hierarchy {
	t.Helper()
	made := hierarchy{root: newRoot(t, "Trusted Root"), stranger: newRoot(t, "Strange Root")}
	made.intermediate = authority(t, made.root, "Issuing CA", "2024-01-01", "2034-01-01")
	made.leaf = leafOf(t, made.intermediate)
	return made
}

func authority(t testing.TB, issuer pki.Pair, name, from, until string, edits ...func(*x509.Certificate)) pki.Pair {
	t.Helper()
	return made(issuer.Issue(pki.Spec{CommonName: name, IsCA: true, NotBefore: day(from), NotAfter: day(until), Edit: func(c *x509.Certificate) {
		for _, edit := range edits {
			edit(c)
		}
	}}))(t)
}

func leafOf(t testing.TB, issuer pki.Pair, edits ...func(*x509.Certificate)) pki.Pair {
	t.Helper()
	return made(issuer.Issue(pki.Spec{CommonName: "www.example", Names: []string{"www.example"}, NotBefore: day("2026-01-01"), NotAfter: day("2027-01-01"), Edit: func(c *x509.Certificate) {
		for _, edit := range edits {
			edit(c)
		}
	}}))(t)
}

// twin is a certificate for the same name and key as another, by another issuer.
func twin(t testing.TB, of, issuer pki.Pair, from, until string) pki.Pair {
	t.Helper()
	return made(issuer.Issue(pki.Spec{CommonName: of.Cert.Subject.CommonName, IsCA: true, NotBefore: day(from), NotAfter: day(until), Key: of.Key}))(t)
}

// sending is a leaf with what the server sends beside it.
func sending(leaf pki.Pair, beside ...pki.Pair) cryptotls.Certificate {
	chain := cryptotls.Certificate{Certificate: [][]byte{leaf.Cert.Raw}, PrivateKey: leaf.Key}
	for _, pair := range beside {
		chain.Certificate = append(chain.Certificate, pair.Cert.Raw)
	}
	return chain
}

type chainCase struct {
	name  string
	send  cryptotls.Certificate
	trust []pki.Pair
	// notAfter is the date that decides; decides the words for it.
	notAfter string
	decides  string
	observed []string
	// presented and verified are the earliest of either chain.
	presented, verified string
}

func chainCases(t testing.TB) []chainCase {
	e := newHierarchy(t)
	weakKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	weak := made(pki.SelfSigned(pki.Spec{CommonName: "Weak Root", IsCA: true, NotBefore: day("2000-01-01"), NotAfter: day("2040-01-01"), Key: weakKey}))(t)
	short := authority(t, e.root, "Short CA", "2024-01-01", "2026-09-01")
	lapsed := authority(t, e.root, "Lapsed CA", "2024-01-01", "2026-05-01")
	notCA := made(e.root.Issue(pki.Spec{CommonName: "No CA", NotBefore: day("2024-01-01"), NotAfter: day("2034-01-01")}))(t)
	impostor := authority(t, e.stranger, "Issuing CA", "2024-01-01", "2034-01-01")
	narrow := authority(t, e.root, "Narrow CA", "2024-01-01", "2034-01-01", func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"corp.example"}
	})
	single := authority(t, e.root, "Single CA", "2024-01-01", "2034-01-01", func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true })
	below := authority(t, single, "Below CA", "2024-01-01", "2034-01-01")
	foreign := authority(t, e.stranger, "Foreign CA", "2024-01-01", "2034-01-01")
	selfSigned := made(pki.SelfSigned(pki.Spec{CommonName: "www.example", Names: []string{"www.example"}, NotBefore: day("2026-01-01"), NotAfter: day("2027-01-01")}))(t)
	namesake := made(pki.SelfSigned(pki.Spec{CommonName: "www.example", IsCA: true}))(t)
	lapsedRoot := made(pki.SelfSigned(pki.Spec{CommonName: "Lapsed Root", IsCA: true, NotBefore: day("2000-01-01"), NotAfter: day("2026-05-01")}))(t)
	fetchable := leafOf(t, foreign, func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example/foreign.crt"} })
	lapsedLeaf := made(short.Issue(pki.Spec{CommonName: "www.example", Names: []string{"www.example"}, NotBefore: day("2025-01-01"), NotAfter: day("2026-02-01")}))(t)
	unborn := authority(t, e.root, "Unborn CA", "2026-07-01", "2034-01-01")
	elder := made(e.intermediate.Issue(pki.Spec{CommonName: "www.example", Names: []string{"www.example"}, NotBefore: day("2020-01-01"), NotAfter: day("2021-01-01")}))(t)
	return append(crossSigned(t, e), []chainCase{
		{
			name: "an intermediate that is not valid yet", send: sending(leafOf(t, unborn), unborn), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`chain_broken: has a chain whose certificate "Unborn CA" is not valid before 2026-07-01 00:00 UTC`},
		},
		{name: "an expired leaf that is older than its issuer", send: sending(elder, e.intermediate), trust: []pki.Pair{e.root}, notAfter: "2021-01-01", presented: "2021-01-01", verified: "2021-01-01"},
		{name: "a complete chain", send: sending(e.leaf, e.intermediate), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01", verified: "2027-01-01"},
		{name: "a complete chain with its root", send: sending(e.leaf, e.intermediate, e.root), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01", verified: "2027-01-01"},
		{
			name: "an intermediate that expires before the leaf decides", send: sending(leafOf(t, short), short), trust: []pki.Pair{e.root}, notAfter: "2026-09-01", presented: "2026-09-01", verified: "2026-09-01",
			decides: `the intermediate "Short CA" expires before the leaf, which is valid until 2027-01-01 00:00 UTC`,
		},
		{
			name: "an intermediate that has expired, without another way", send: sending(leafOf(t, lapsed), lapsed), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2026-05-01",
			observed: []string{`chain_broken: has a chain whose certificate "Lapsed CA" expired 2026-05-01 00:00 UTC`},
		},
		{name: "an expired leaf is not also a broken chain", send: sending(lapsedLeaf, short), trust: []pki.Pair{e.root}, notAfter: "2026-02-01", presented: "2026-02-01", verified: "2026-02-01"},
		{name: "a trusted leaf needs no chain", send: sending(selfSigned), trust: []pki.Pair{selfSigned}, notAfter: "2027-01-01", presented: "2027-01-01", verified: "2027-01-01"},
		{name: "a self-signed certificate", send: sending(selfSigned), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01", observed: []string{"self_signed: is self-signed"}},
		{
			name: "a certificate in its own name that another key signed", send: sending(made(namesake.Issue(pki.Spec{CommonName: "www.example", Names: []string{"www.example"}, NotBefore: day("2026-01-01"), NotAfter: day("2027-01-01")}))(t)), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`untrusted_issuer: is issued by "www.example", which is neither trusted here nor sent along`},
		},
		{
			name: "an unknown issuer that is not sent", send: sending(leafOf(t, e.stranger)), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`untrusted_issuer: is issued by "Strange Root", which is neither trusted here nor sent along`},
		},
		{
			name: "an unknown issuer that is sent", send: sending(leafOf(t, e.stranger), e.stranger), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`untrusted_issuer: leads to the authority "Strange Root", which is not trusted here`},
		},
		{
			name: "an unknown root above an intermediate", send: sending(leafOf(t, foreign), foreign), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`untrusted_issuer: is issued under "Strange Root", which is not trusted here`},
		},
		{
			name: "a missing intermediate that could be fetched", send: sending(fetchable), trust: []pki.Pair{e.stranger}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`chain_broken: comes without the intermediate certificate of its issuer "Foreign CA"`},
		},
		{
			name: "the wrong intermediate", send: sending(e.leaf, foreign), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`chain_broken: comes without the intermediate certificate of its issuer "Issuing CA"`},
		},
		{
			name: "an intermediate of the same name with another key", send: sending(e.leaf, impostor), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`chain_broken: has a chain in which the signature of "Issuing CA" on "www.example" does not verify`},
		},
		{
			name: "an issuer that is no authority", send: sending(leafOf(t, notCA), notCA), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`chain_broken: has a chain in which "www.example" is issued by "No CA", which is no authority (CA)`},
		},
		{
			name: "a name that the intermediate may not vouch for", send: sending(leafOf(t, narrow), narrow), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`chain_broken: has a chain that clients refuse: x509: a root or intermediate certificate is not authorized to sign for this name: DNS name "www.example" is not permitted by any constraint`},
		},
		{
			name: "more intermediates than allowed", send: sending(leafOf(t, below), below, single), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`chain_broken: has a chain with more intermediates below "Single CA" than it allows`},
		},
		{
			name: "a SHA-1 signature", send: sending(leafOf(t, weak, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }), weak), trust: []pki.Pair{weak}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`chain_broken: has a chain in which "www.example" is signed with SHA1-RSA, which clients refuse`},
		},
		{
			name: "a trusted root that has expired", send: sending(leafOf(t, lapsedRoot)), trust: []pki.Pair{lapsedRoot}, notAfter: "2027-01-01", presented: "2027-01-01",
			observed: []string{`chain_broken: leads to a trusted authority that is out of date: "Lapsed Root" is valid from 2000-01-01 00:00 UTC to 2026-05-01 00:00 UTC`},
		},
	}...)
}

// crossSigned are the cases of 30 May 2020, when a cross-certificate expired that most
// clients did not need.
func crossSigned(t testing.TB, e hierarchy) []chainCase {
	t.Helper()
	old := newRoot(t, "Old Root")
	expired := twin(t, e.root, old, "2000-01-01", "2026-05-30")
	soon := twin(t, e.root, old, "2000-01-01", "2026-06-20")
	unneeded := `unneeded_certificate_expiring: comes with "Trusted Root", which its best chain does not need and whose notAfter is `
	return []chainCase{
		{
			name: "an expired cross-certificate that the best chain does not need", send: sending(e.leaf, e.intermediate, expired), trust: []pki.Pair{e.root, old}, notAfter: "2027-01-01", presented: "2026-05-30", verified: "2027-01-01",
			observed: []string{unneeded + "2026-05-30 00:00 UTC; clients that find no other chain fail from then on"},
		},
		{
			name: "a cross-certificate that expires soon and is not needed", send: sending(e.leaf, e.intermediate, soon), trust: []pki.Pair{e.root, old}, notAfter: "2027-01-01", presented: "2026-06-20", verified: "2027-01-01",
			observed: []string{unneeded + "2026-06-20 00:00 UTC; clients that find no other chain fail from then on"},
		},
		{
			name: "a cross-certificate that expires soon and is needed", send: sending(e.leaf, e.intermediate, soon), trust: []pki.Pair{old}, notAfter: "2026-06-20", presented: "2026-06-20", verified: "2026-06-20",
			decides: `the intermediate "Trusted Root" expires before the leaf, which is valid until 2027-01-01 00:00 UTC`,
		},
		{
			name: "an expired cross-certificate that was the only way", send: sending(e.leaf, e.intermediate, expired), trust: []pki.Pair{old}, notAfter: "2027-01-01", presented: "2026-05-30",
			observed: []string{`chain_broken: has a chain whose certificate "Trusted Root" expired 2026-05-30 00:00 UTC`},
		},
		{
			name: "an unrelated expired certificate", send: sending(e.leaf, e.intermediate, authority(t, old, "Forgotten CA", "2000-01-01", "2020-01-01")), trust: []pki.Pair{e.root}, notAfter: "2027-01-01", presented: "2020-01-01", verified: "2027-01-01",
			observed: []string{`unneeded_certificate_expiring: comes with "Forgotten CA", which its best chain does not need and whose notAfter is 2020-01-01 00:00 UTC; clients that find no other chain fail from then on`},
		},
	}
}

func TestWhichDateOfAChainCounts(t *testing.T) {
	for _, test := range chainCases(t) {
		t.Run(test.name, func(t *testing.T) {
			env := testEnv()
			env.Now = func() time.Time { return day("2026-06-01") }
			options := tls.Options{Targets: []tls.Target{at("www.example", presenting(t, test.send))}, Trust: trusting(t, test.trust...)}
			credential := credentialOf(t, collect(t, env, options))
			if !credential.NotAfter.Equal(day(test.notAfter)) {
				t.Errorf("notAfter is %s, want %s", credential.NotAfter, test.notAfter)
			}
			if credential.Decides != test.decides {
				t.Errorf("decides %q, want %q", credential.Decides, test.decides)
			}
			wantObserved(t, credential, test.observed...)
			wantDate(t, credential.Details, "presented_earliest_not_after", test.presented)
			wantDate(t, credential.Details, "verified_earliest_not_after", test.verified)
		})
	}
}

func wantDate(t *testing.T, details map[string]any, key, want string) {
	t.Helper()
	if want == "" {
		if got, found := details[key]; found {
			t.Errorf("%s is %v, want none", key, got)
		}
		return
	}
	if got := details[key]; got != want+"T00:00:00Z" {
		t.Errorf("%s is %v, want %s", key, got, want)
	}
}

func TestAChainInTheWrongOrderVerifiesAndIsNoted(t *testing.T) {
	e := newHierarchy(t)
	second := authority(t, e.intermediate, "Second CA", "2024-01-01", "2034-01-01")
	leaf := leafOf(t, second)
	env := testEnv()
	env.Now = func() time.Time { return day("2026-06-01") }
	for name, chain := range map[string]cryptotls.Certificate{
		"in order": sending(leaf, second, e.intermediate), "out of order": sending(leaf, e.intermediate, second),
	} {
		t.Run(name, func(t *testing.T) {
			options := tls.Options{Targets: []tls.Target{at("www.example", presenting(t, chain))}, Trust: trusting(t, e.root)}
			credential := credentialOf(t, collect(t, env, options))
			wantObserved(t, credential)
			if noted := credential.Details["chain_out_of_order"] == true; noted != (name == "out of order") {
				t.Errorf("chain_out_of_order is %v", credential.Details["chain_out_of_order"])
			}
		})
	}
}

// TestSharedVerificationIsExact reads all chains together, several times over, so that
// each profits from what was learnt of the others, and expects what each gets alone.
func TestSharedVerificationIsExact(t *testing.T) {
	cases := chainCases(t)
	e := newHierarchy(t)
	for range 5 {
		leaf := leafOf(t, e.intermediate)
		cases = append(cases, chainCase{send: sending(leaf, e.intermediate)})
		spoiled := sending(leaf, e.intermediate)
		spoiled.Certificate = slices.Clone(spoiled.Certificate)
		spoiled.Certificate[0] = spoil(leaf.Cert.Raw)
		cases = append(cases, chainCase{send: spoiled})
	}
	trust := []pki.Pair{e.root}
	for _, c := range cases {
		trust = append(trust, c.trust...)
	}
	env := testEnv()
	env.Now = func() time.Time { return day("2026-06-01") }
	var targets []tls.Target
	for range 2 {
		for _, c := range cases {
			targets = append(targets, at("www.example", presenting(t, c.send)))
		}
	}
	store := trusting(t, trust...)
	together, err := tls.New(tls.Options{Targets: targets, Trust: store}, env)
	if err != nil {
		t.Fatal(err)
	}
	alone := map[string][]string{}
	for _, target := range targets {
		credential := credentialOf(t, collect(t, env, tls.Options{Targets: []tls.Target{target}, Trust: store}))
		alone[credential.Subject.ID] = append(observed(credential), credential.NotAfter.String(), credential.Decides)
	}
	for range 3 {
		facts, err := run(t.Context(), together)
		if err != nil {
			t.Fatal(err)
		}
		for _, fact := range facts {
			credential := asCredential(t, fact)
			got := append(observed(credential), credential.NotAfter.String(), credential.Decides)
			if want := alone[credential.Subject.ID]; !slices.Equal(got, want) {
				t.Errorf("%s: together %q, alone %q", credential.Subject.ID, got, want)
			}
		}
	}
}

// spoil changes the last byte of a certificate's signature.
func spoil(der []byte) []byte {
	spoiled := slices.Clone(der)
	spoiled[len(spoiled)-1] ^= 1
	return spoiled
}
