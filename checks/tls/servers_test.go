package tls_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/checks/tls"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// The servers of this file are the real ones; what they serve has dates of its own.
var (
	judgedAsOf    = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	estateFrom    = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	leafUntil     = time.Date(2027, 2, 3, 4, 5, 6, 0, time.UTC)
	issuerUntil   = time.Date(2035, 6, 7, 8, 9, 10, 0, time.UTC)
	rootUntil     = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	expiredOn     = time.Date(2026, 9, 10, 11, 12, 13, 0, time.UTC)
	notBeforeRoot = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
)

// estate is a private authority, as a company would have one.
type estate struct{ root, issuer pki.Pair }

func newEstate(t testing.TB) estate {
	t.Helper()
	root := made(pki.SelfSigned(pki.Spec{CommonName: "Estate Root", IsCA: true, NotBefore: notBeforeRoot, NotAfter: rootUntil}))(t)
	issuer := made(root.Issue(pki.Spec{CommonName: "Estate Issuer", IsCA: true, NotBefore: notBeforeRoot, NotAfter: issuerUntil}))(t)
	return estate{root, issuer}
}

func (e estate) leaf(t testing.TB, spec pki.Spec) pki.Pair {
	t.Helper()
	spec.NotBefore = estateFrom
	if spec.NotAfter.IsZero() {
		spec.NotAfter = leafUntil
	}
	if spec.CommonName == "" {
		spec.CommonName = "localhost"
	}
	spec.Names = []string{spec.CommonName}
	return made(e.issuer.Issue(spec))(t)
}

// looking is the target "localhost" at the server's address.
func looking(address, protocol string) tls.Target {
	target := at("localhost", netip.MustParseAddrPort(address))
	target.StartTLS = protocol
	return target
}

func readAsOf(t *testing.T, trust tls.Trust, targets ...tls.Target) []watch.Fact {
	t.Helper()
	env := testEnv()
	env.Now = func() time.Time { return judgedAsOf }
	return collect(t, env, tls.Options{Targets: targets, Trust: trust})
}

func TestRealServersOfEveryProtocolAreRead(t *testing.T) {
	tests := map[string]func(*testing.T, pki.Pair) []tls.Target{
		"nginx": func(t *testing.T, pair pki.Pair) []tls.Target {
			return []tls.Target{looking(parts.Nginx(t, pair), "")}
		},
		"nginx as a mail proxy": func(t *testing.T, pair pki.Pair) []tls.Target {
			mail := parts.NginxMail(t, pair)
			return []tls.Target{looking(mail.SMTP, "smtp"), looking(mail.IMAP, "imap"), looking(mail.POP3, "pop3")}
		},
		"dovecot": func(t *testing.T, pair pki.Pair) []tls.Target {
			mail := parts.Dovecot(t, pair)
			return []tls.Target{looking(mail.IMAP, "imap"), looking(mail.IMAPS, ""), looking(mail.POP3, "pop3"), looking(mail.POP3S, "")}
		},
		"postfix": func(t *testing.T, pair pki.Pair) []tls.Target {
			mail := parts.Postfix(t, pair)
			return []tls.Target{looking(mail.SMTP, "smtp"), looking(mail.SMTPS, "")}
		},
		"slapd": func(t *testing.T, pair pki.Pair) []tls.Target {
			ldap, ldaps := parts.Slapd(t, pair)
			return []tls.Target{looking(ldap, "ldap"), looking(ldaps, "")}
		},
		"vsftpd": func(t *testing.T, pair pki.Pair) []tls.Target {
			return []tls.Target{looking(parts.Vsftpd(t, pair), "ftp")}
		},
		"prosody": func(t *testing.T, pair pki.Pair) []tls.Target {
			chat := parts.Prosody(t, pair)
			return []tls.Target{looking(chat.Client, "xmpp"), looking(chat.Server, "xmpp-server"), looking(chat.Direct, "")}
		},
		"postgresql": func(t *testing.T, pair pki.Pair) []tls.Target {
			return []tls.Target{looking(parts.PostgreSQL(t, pair).Addr, "postgres")}
		},
		"mariadb": func(t *testing.T, pair pki.Pair) []tls.Target {
			return []tls.Target{looking(parts.MariaDB(t, pair).Addr, "mysql")}
		},
	}
	for name, start := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			estate := newEstate(t)
			pair := estate.leaf(t, pki.Spec{})
			for _, target := range start(t, pair) {
				trusted := credentialOf(t, readAsOf(t, trusting(t, estate.root), target))
				wantLeafOf(t, trusted, pair, target.StartTLS)
				wantObserved(t, trusted)
				stranger := credentialOf(t, readAsOf(t, trusting(t, newRoot(t, "Another Root")), target))
				wantObserved(t, stranger, `untrusted_issuer: is issued under "Estate Root", which is not trusted here`)
			}
		})
	}
}

func wantLeafOf(t *testing.T, got watch.Credential, pair pki.Pair, protocol string) {
	t.Helper()
	want := map[string]any{
		"leaf_not_before": "2026-01-02T03:04:05Z", "leaf_not_after": "2027-02-03T04:05:06Z",
		"presented_earliest_not_after": "2027-02-03T04:05:06Z", "presented_earliest_subject": "localhost",
		"verified_earliest_not_after": "2027-02-03T04:05:06Z", "verified_earliest_subject": "localhost",
		"subject": "CN=localhost", "issuer": "CN=Estate Issuer", "serial": pair.Cert.SerialNumber.Text(16),
	}
	if protocol != "" {
		want["starttls"] = protocol
	}
	shown := map[string]any{}
	for key := range want {
		shown[key] = got.Details[key]
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("%s %s (-want +got):\n%s", got.Subject.Name, protocol, diff)
	}
	if !got.NotAfter.Equal(leafUntil) || !got.NotBefore.Equal(estateFrom) {
		t.Errorf("%s is valid from %s to %s", got.Subject.Name, got.NotBefore, got.NotAfter)
	}
}

func TestOldAndUnwillingServersOfOpenSSLAreRead(t *testing.T) {
	type details = map[string]any
	tests := []struct {
		name    string
		rsa     bool
		options []string
		want    details
	}{
		{"TLS 1.0 only", false, []string{"-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"},
			details{"tls_version": "TLS 1.0", "cipher_suite": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "client_certificate": nil}},
		{"TLS 1.1 only", false, []string{"-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"},
			details{"tls_version": "TLS 1.1", "cipher_suite": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "client_certificate": nil}},
		{"RSA key exchange only", true, []string{"-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"},
			details{"tls_version": "TLS 1.2", "cipher_suite": "TLS_RSA_WITH_AES_128_CBC_SHA", "client_certificate": nil}},
		{"RSA key exchange over TLS 1.0", true, []string{"-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0"},
			details{"tls_version": "TLS 1.0", "cipher_suite": "TLS_RSA_WITH_AES_128_CBC_SHA", "client_certificate": nil}},
		{"finite-field Diffie-Hellman only, which crypto/tls has not", true, []string{"-tls1_2", "-cipher", "DHE-RSA-AES256-SHA:@SECLEVEL=0"},
			details{"tls_version": "TLS 1.2", "cipher_suite": "0x0039", "client_certificate": nil}},
		{"a client certificate wanted in TLS 1.2", false, []string{"-tls1_2", "-verify", "1"},
			details{"tls_version": "TLS 1.2", "client_certificate": "requested"}},
		{"a client certificate required in TLS 1.2", false, []string{"-tls1_2", "-Verify", "1"},
			details{"tls_version": "TLS 1.2", "client_certificate": "required"}},
		{"a client certificate required in TLS 1.3", false, []string{"-tls1_3", "-Verify", "1"},
			details{"tls_version": "TLS 1.3", "client_certificate": "requested"}},
		{"X25519 only in TLS 1.3", false, []string{"-tls1_3", "-groups", "X25519"},
			details{"tls_version": "TLS 1.3", "client_certificate": nil}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			estate := newEstate(t)
			var spec pki.Spec
			if test.rsa {
				key, err := rsa.GenerateKey(rand.Reader, 2048)
				if err != nil {
					t.Fatal(err)
				}
				spec.Key = key
			}
			pair := estate.leaf(t, spec)
			address := parts.OpenSSL(t, pair, test.options...)
			got := credentialOf(t, readAsOf(t, trusting(t, estate.root), looking(address, "")))
			wantLeafOf(t, got, pair, "")
			wantObserved(t, got)
			for key, want := range test.want {
				if got.Details[key] != want {
					t.Errorf("%s is %v, want %v", key, got.Details[key], want)
				}
			}
		})
	}
}

func TestAnExpiredCertificateOfARealServerStillYieldsItsDates(t *testing.T) {
	estate := newEstate(t)
	address := parts.OpenSSL(t, estate.leaf(t, pki.Spec{NotAfter: expiredOn}))
	got := credentialOf(t, readAsOf(t, trusting(t, estate.root), looking(address, "")))
	if !got.NotAfter.Equal(expiredOn) || got.Details["leaf_not_after"] != "2026-09-10T11:12:13Z" {
		t.Errorf("notAfter is %s (%v)", got.NotAfter, got.Details["leaf_not_after"])
	}
	wantObserved(t, got)
}

func TestARealServerShowsEachNameItsOwnCertificate(t *testing.T) {
	estate := newEstate(t)
	until := map[string]time.Time{
		"default.example": time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		"shop.example":    time.Date(2027, 5, 5, 0, 0, 0, 0, time.UTC),
	}
	leaf := func(name string) pki.Pair {
		return estate.leaf(t, pki.Spec{CommonName: name, NotAfter: until[name]})
	}
	address := netip.MustParseAddrPort(parts.Nginx(t, leaf("default.example"), parts.Site{Name: "shop.example", Pair: leaf("shop.example")}))
	trust := trusting(t, estate.root)
	for name, want := range until {
		got := credentialOf(t, readAsOf(t, trust, at(name, address)))
		if !got.NotAfter.Equal(want) {
			t.Errorf("%s ends %s, want %s", name, got.NotAfter, want)
		}
		wantObserved(t, got)
	}
	withoutSNI := at("shop.example", address)
	withoutSNI.SNI = new(string)
	got := credentialOf(t, readAsOf(t, trust, withoutSNI))
	wantObserved(t, got, "name_mismatch: is not valid for shop.example, only for default.example")
}

func TestARealServerThatDoesNotStartTLSIsReportedInItsOwnWords(t *testing.T) {
	pair := newEstate(t).leaf(t, pki.Spec{})
	chat := netip.MustParseAddrPort(parts.Prosody(t, pair).Client)
	stranger := at("stranger.example", chat)
	stranger.StartTLS = "xmpp"
	mail := parts.NginxMail(t, pair)
	tests := []struct {
		name   string
		target tls.Target
		reason watch.Reason
		want   string
	}{
		{"prosody that does not serve the name", stranger, watch.StartTLSRefused,
			"start TLS with " + chat.String() + " (xmpp): the xmpp server grants no TLS: host-unknown This server does not serve stranger.example"},
		{"IMAP where SMTP was expected", looking(mail.IMAP, "smtp"), watch.HandshakeFailed,
			"start TLS with " + mail.IMAP + ` (smtp): the server does not follow the smtp protocol: its reply starts with "* O"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := problemOf(t, readAsOf(t, tls.Trust{System: true}, test.target))
			if got.Reason != test.reason || got.Err.Error() != test.want {
				t.Errorf("got %s: %v\nwant %s: %s", got.Reason, got.Err, test.reason, test.want)
			}
		})
	}
}
