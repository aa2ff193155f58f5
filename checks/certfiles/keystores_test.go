package certfiles

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"lapsewatch/watch"
)

const openSesame = "open sesame"

// withPassphrase configures openSesame for every file.
func withPassphrase(t *testing.T, value string) func(*Options) {
	t.Setenv("KEYSTORE_PASSPHRASE", value)
	return func(o *Options) {
		o.Passphrases = []Passphrase{{Path: "**", Passphrase: watch.SecretRef{Env: "KEYSTORE_PASSPHRASE"}}}
	}
}

func TestPKCS12ByOpenSSL(t *testing.T) {
	leaf := issue(t, "twelve.example.com", june)
	tests := []struct {
		name  string
		args  []string
		input string
		count int
	}{
		{"today's ciphers", nil, keyPEM(t, leaf) + certPEM(leaf.Cert.Raw), 1},
		{"with its chain", nil, keyPEM(t, leaf) + certPEM(leaf.Cert.Raw) + certPEM(authority(t).Cert.Raw), 2},
		{"RC2 and 3DES of old Windows", []string{"-legacy"}, keyPEM(t, leaf) + certPEM(leaf.Cert.Raw), 1},
		{"3DES alone", []string{"-legacy", "-descert"}, keyPEM(t, leaf) + certPEM(leaf.Cert.Raw), 1},
		{"128-bit RC2", []string{"-legacy", "-certpbe", "PBE-SHA1-RC2-128"}, keyPEM(t, leaf) + certPEM(leaf.Cert.Raw), 1},
		{"certificates alone", []string{"-nokeys"}, certPEM(leaf.Cert.Raw) + certPEM(authority(t).Cert.Raw), 2},
		{"certificates in the clear", []string{"-certpbe", "NONE"}, keyPEM(t, leaf) + certPEM(leaf.Cert.Raw), 1},
		{"without a MAC", []string{"-nomac"}, keyPEM(t, leaf) + certPEM(leaf.Cert.Raw), 1},
		{"a million rounds", []string{"-iter", "1000000", "-keypbe", "NONE"}, keyPEM(t, leaf) + certPEM(leaf.Cert.Raw), 1},
	}
	for _, test := range tests {
		for _, passphrase := range []string{openSesame, "", "pässwörd"} {
			t.Run(fmt.Sprintf("%s, passphrase %q", test.name, passphrase), func(t *testing.T) {
				folder := t.TempDir()
				write(t, filepath.Join(folder, "in.txt"), test.input)
				openssl(t, folder, append([]string{"pkcs12", "-export", "-in", "in.txt", "-out", "store.p12", "-passout", "pass:" + passphrase}, test.args...)...)
				path := filepath.Join(folder, "store.p12")
				got := collect(t, newCheck(t, withPassphrase(t, passphrase), path))
				if len(got) != test.count {
					t.Fatalf("it holds %q, want %d", got, test.count)
				}
				got.wantDate(t, path+"#1", june)
				if format := got.credential(t, path+"#1").Details["format"]; format != "PKCS #12" {
					t.Errorf("its format is %s", format)
				}
			})
		}
	}
}

func TestPKCS12ByGo(t *testing.T) {
	leaf := issue(t, "twelve.example.com", june)
	root := []*x509.Certificate{authority(t).Cert}
	for name, encoder := range map[string]*pkcs12.Encoder{"RC2": pkcs12.LegacyRC2, "3DES": pkcs12.LegacyDES, "AES": pkcs12.Modern2023, "PBMAC1": pkcs12.Modern2026} {
		keys, err := encoder.Encode(leaf.Key, leaf.Cert, root, openSesame)
		if err != nil {
			t.Fatal(err)
		}
		trust, err := encoder.EncodeTrustStore(root, openSesame)
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		keyStore := write(t, filepath.Join(folder, "keys.p12"), keys)
		trustStore := write(t, filepath.Join(folder, "trust.pfx"), trust)
		got := collect(t, newCheck(t, withPassphrase(t, openSesame), folder))
		got.want(t, keyStore+"#1", keyStore+"#2", trustStore+"#1")
		got.wantDate(t, keyStore+"#1", june)
		got.wantDate(t, trustStore+"#1", june.AddDate(5, 0, 0))
		if t.Failed() {
			t.Fatalf("%s failed", name)
		}
	}
}

func TestAPasswordlessTrustStoreNeedsNoPassphrase(t *testing.T) {
	store, err := pkcs12.Passwordless.EncodeTrustStore([]*x509.Certificate{authority(t).Cert}, "")
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, filepath.Join(t.TempDir(), "trust.p12"), store)
	scan(t, path).wantDate(t, path+"#1", june.AddDate(5, 0, 0))
	collect(t, newCheck(t, withPassphrase(t, openSesame), path)).wantDate(t, path+"#1", june.AddDate(5, 0, 0))
}

func TestPKCS12PassphraseProblems(t *testing.T) {
	leaf := issue(t, "twelve.example.com", june)
	store, err := pkcs12.Modern2023.Encode(leaf.Key, leaf.Cert, nil, openSesame)
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, filepath.Join(t.TempDir(), "store.p12"), store)
	t.Run("none is configured", func(t *testing.T) {
		scan(t, path).wantProblem(t, path+"#1", watch.PassphraseMissing, true,
			"read certificate file "+path+": is protected by a passphrase and none is configured for it")
		const want = "Name the passphrase by reference in the check's option passphrases (in a configuration; docs/checks/certfiles.md shows one)."
		if got := scan(t, path).problem(t, path+"#1").Remedy; got != want {
			t.Errorf("the remedy is %q, want %q", got, want)
		}
	})
	t.Run("the wrong one is configured", func(t *testing.T) {
		got := collect(t, newCheck(t, withPassphrase(t, "close sesame"), path))
		got.wantProblem(t, path+"#1", watch.PassphraseWrong, true,
			"read certificate file "+path+": none of the configured passphrases opens it")
	})
	t.Run("the configured one cannot be read", func(t *testing.T) {
		got := collect(t, newCheck(t, func(o *Options) {
			o.Passphrases = []Passphrase{{Path: path, Passphrase: watch.SecretRef{Env: "NOT_SET_ANYWHERE"}}}
		}, path))
		got.wantProblem(t, path+"#1", watch.PassphraseMissing, true,
			"read certificate file "+path+": read its passphrase: read secret from environment variable NOT_SET_ANYWHERE: not set")
	})
	t.Run("one is configured for other files", func(t *testing.T) {
		t.Setenv("KEYSTORE_PASSPHRASE", openSesame)
		got := collect(t, newCheck(t, func(o *Options) {
			o.Passphrases = []Passphrase{{Path: "/elsewhere/**", Passphrase: watch.SecretRef{Env: "KEYSTORE_PASSPHRASE"}}}
		}, path))
		got.problem(t, path+"#1")
	})
	t.Run("a rotated one is read anew in the next pass", func(t *testing.T) {
		check := newCheck(t, withPassphrase(t, "close sesame"), path)
		collect(t, check).problem(t, path+"#1")
		t.Setenv("KEYSTORE_PASSPHRASE", openSesame)
		collect(t, check).wantDate(t, path+"#1", june)
	})
}

func TestAnOddCertificateInAPKCS12FileHidesNoOtherSafe(t *testing.T) {
	strange := odd(t, func(c *tbs) { c.Extensions = append(c.Extensions, c.Extensions[0]) })
	encrypted, err := pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{{Raw: strange}}, openSesame)
	if err != nil {
		t.Fatal(err)
	}
	_, safes, err := parsePFX(encrypted)
	if err != nil {
		t.Fatal(err)
	}
	bag := func(der []byte) safeBag {
		return safeBag{ID: oidCertBag, Value: explicit(marshal(t, certBag{ID: oidX509CertBag, Data: der}))}
	}
	clear, err := dataContent(marshal(t, []safeBag{bag(strange), {ID: oidCertBag, Value: explicit([]byte{5, 0})}, bag(issue(t, "clear.example.com", june).Cert.Raw)}))
	if err != nil {
		t.Fatal(err)
	}
	store, err := wrapSafes(append(safes, clear), openSesame)
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, filepath.Join(t.TempDir(), "store.p12"), store)
	got := collect(t, newCheck(t, withPassphrase(t, openSesame), path))
	got.want(t, path+"#1", path+"#2", path+"#3")
	got.wantDate(t, path+"#1", june)
	got.wantDate(t, path+"#2", june)
	if irregular := got.credential(t, path+"#1").Details["irregular"]; irregular != "an extension appears twice" {
		t.Errorf("the odd certificate in the clear is %v", irregular)
	}
	got.wantProblem(t, path+"#3", watch.Unparsable, true, "read certificate file "+path+": read an encrypted PKCS #12 safe: x509: certificate contains duplicate extension with OID \"2.5.29.15\"")
	if problem := got.problem(t, path+"#3"); problem.HidesPrefix != path+"#" || !strings.Contains(problem.Remedy, "openssl pkcs12 -in FILE -nokeys -out NEW.pem") {
		t.Errorf("it hides %q and the remedy is %q", problem.HidesPrefix, problem.Remedy)
	}
}

func TestAPassphraseIsInNoFact(t *testing.T) {
	leaf := issue(t, "twelve.example.com", june)
	store, err := pkcs12.Modern2023.Encode(leaf.Key, leaf.Cert, nil, openSesame)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write(t, filepath.Join(folder, "good.p12"), store)
	write(t, filepath.Join(folder, "cut.p12"), store[:len(store)-10])
	got := collect(t, newCheck(t, withPassphrase(t, openSesame), folder))
	if printed := fmt.Sprintf("%+v", got); len(got) != 2 || strings.Contains(printed, openSesame) {
		t.Errorf("the facts are %s", printed)
	}
}

// TestJavaKeyStores reads what keytool wrote: see testdata/keystores/README.md.
func TestJavaKeyStores(t *testing.T) {
	end := func(second int) time.Time { return time.Date(2126, 10, 29, 6, 28, second, 0, time.UTC) }
	folder := filepath.Join("testdata", "keystores")
	got := collect(t, newCheck(t, withPassphrase(t, "changeit"), folder))
	var jks, jceks, secret, p12 = filepath.Join(folder, "keytool.jks"), filepath.Join(folder, "keytool.jceks"), filepath.Join(folder, "keytool-secret.jceks"), filepath.Join(folder, "keytool.p12")
	got.want(t,
		jks+`#alias "web"1`, jks+`#alias "trusted"1`, jceks+`#alias "web"1`, jceks+`#alias "trusted"1`,
		secret+`#alias "web"1`, secret+`#alias "trusted"1`, secret+"#3",
		p12+"#1", p12+"#2", p12+"#3")
	got.wantDate(t, jks+`#alias "web"1`, end(47))
	got.wantDate(t, jceks+`#alias "web"1`, end(45))
	got.wantDate(t, p12+"#1", end(50))
	if name := got.credential(t, jks+`#alias "web"1`).Subject.Name; name != jks+` alias "web"` {
		t.Errorf("the subject is named %s", name)
	}
	var subjects []string
	for _, id := range []string{p12 + "#1", p12 + "#2", p12 + "#3"} {
		subjects = append(subjects, fmt.Sprint(got.credential(t, id).Details["subject"]))
	}
	slices.Sort(subjects)
	if want := []string{"CN=other.p12.example.com,O=Lapsewatch tests", "CN=web.jks.example.com,O=Lapsewatch tests", "CN=web.p12.example.com,O=Lapsewatch tests"}; !slices.Equal(subjects, want) {
		t.Errorf("the PKCS #12 key store with two keys, a secret key and a trusted certificate holds %q", subjects)
	}
	got.wantProblem(t, secret+"#3", watch.Unparsable, true, "read certificate file "+secret+
		": entries behind a secret key cannot be found: its length is not recorded in the JCEKS format")
}

func TestJKSByGoNeedsNoPassphrase(t *testing.T) {
	leaf := issue(t, "jks.example.com", june)
	key, err := x509.MarshalPKCS8PrivateKey(leaf.Key)
	if err != nil {
		t.Fatal(err)
	}
	store := keystore.New()
	err = store.SetPrivateKeyEntry("web", keystore.PrivateKeyEntry{
		CreationTime: june, PrivateKey: key,
		CertificateChain: []keystore.Certificate{{Type: "X509", Content: leaf.Cert.Raw}, {Type: "X509", Content: authority(t).Cert.Raw}},
	}, []byte(openSesame))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := store.Store(&file, []byte(openSesame)); err != nil {
		t.Fatal(err)
	}
	path := write(t, filepath.Join(t.TempDir(), "store.jks"), file.Bytes())
	got := scan(t, path)
	got.want(t, path+`#alias "web"1`, path+`#alias "web"2`)
	got.wantDate(t, path+`#alias "web"1`, june)
	if name := got.credential(t, path+`#alias "web"2`).Subject.Name; name != path+` alias "web" #2 (CN=Test Root)` {
		t.Errorf("the second certificate of the chain is named %s", name)
	}
}

func TestKubeconfig(t *testing.T) {
	folder := t.TempDir()
	client, referenced := issue(t, "admin", june), issue(t, "dev", june.AddDate(0, 1, 0))
	write(t, filepath.Join(folder, "tls", "dev.crt"), certPEM(referenced.Cert.Raw))
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	path := write(t, filepath.Join(folder, "config"), `apiVersion: v1
kind: Config
clusters:
- name: prod
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority-data: `+encode(certPEM(authority(t).Cert.Raw))+`
- name: lab
  cluster: {server: "https://10.0.0.2", insecure-skip-tls-verify: true}
contexts:
- {name: prod, context: {cluster: prod, user: admin}}
- {name: prod-ro, context: {cluster: prod, user: viewer}}
- {name: blue, context: {cluster: prod, user: admin}}
current-context: prod
users:
- name: admin
  user:
    client-certificate-data: `+encode(certPEM(client.Cert.Raw))+`
    client-key-data: `+encode(keyPEM(t, client))+`
- name: dev
  user: {client-certificate: tls/dev.crt, client-key: tls/dev.key}
- name: gone
  user: {client-certificate: tls/gone.crt}
- name: viewer
  user: {token: secret-token-canary}
- name: broken
  user: {client-certificate-data: "!!!"}
`)
	got := scan(t, path)
	got.want(t, path+`#user "admin"1`, path+`#user "dev"1`, path+`#user "gone"1`, path+`#user "broken"1`, path+`#cluster "prod"1`)
	got.wantDate(t, path+`#user "admin"1`, june)
	got.wantDate(t, path+`#user "dev"1`, june.AddDate(0, 1, 0))
	got.wantDate(t, path+`#cluster "prod"1`, june.AddDate(5, 0, 0))
	admin := got.credential(t, path+`#user "admin"1`)
	if admin.Subject.Name != path+` user "admin" (contexts: blue, prod)` || fmt.Sprint(admin.Details["contexts"]) != "[blue prod]" {
		t.Errorf("the client certificate is named %s with the contexts %s", admin.Subject.Name, admin.Details["contexts"])
	}
	if file := got.credential(t, path+`#user "dev"1`).Details["referenced_file"]; file != filepath.Join(folder, "tls", "dev.crt") {
		t.Errorf("the referenced certificate stands in %s", file)
	}
	got.wantProblem(t, path+`#user "gone"1`, watch.NotFound, true, "read certificate file "+path+": read certificate file "+
		filepath.Join(folder, "tls", "gone.crt")+": no such file or directory")
	got.wantProblem(t, path+`#user "broken"1`, watch.Unparsable, true, "read certificate file "+path+
		`: decode the embedded certificate of user "broken": illegal base64 data at input byte 0`)
	if printed := fmt.Sprintf("%+v", got); strings.Contains(printed, "canary") || strings.Contains(printed, "PRIVATE") {
		t.Error("a token or key is in the facts")
	}
}

func TestAMalformedKubeconfigQuotesNoToken(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "x.kubeconfig"), "apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- {name: a, user: {client-certificate: [secret-token-canary]}}\n")
	got := scan(t, path)
	got.wantProblem(t, path+"#1", watch.Unparsable, true, "read certificate file "+path+": is not a well-formed kubeconfig: look at line 5")
	if strings.Contains(fmt.Sprintf("%+v", got), "canary") {
		t.Error("the token is in the facts")
	}
}

func TestEveryDocumentOfAKubeconfigIsRead(t *testing.T) {
	document := func(kind, user string) string {
		return "apiVersion: v1\nkind: " + kind + "\nclusters: []\nusers:\n- name: " + user + "\n  user:\n    client-certificate-data: " +
			base64.StdEncoding.EncodeToString([]byte(certPEM(issue(t, user, june).Cert.Raw))) + "\n"
	}
	folder := t.TempDir()
	several := write(t, filepath.Join(folder, "several.conf"), "---\n"+document("Config", "a")+"---\n"+document("Other", "b")+"---\n"+document("Config", "c"))
	foreign := write(t, filepath.Join(folder, "foreign.conf"), document("Config", "a")+"---\nfoo: bar\n")
	broken := write(t, filepath.Join(folder, "broken.conf"), document("Config", "a")+"---\nclusters: [\n")
	misfit := write(t, filepath.Join(folder, "misfit.conf"), document("Config", "a")+"contexts: text\n")
	many := write(t, filepath.Join(folder, "many.conf"), document("Config", "a")+strings.Repeat("---\nfoo: bar\n", maxDocuments))
	got := scan(t, folder)
	got.want(t, several+`#user "a"1`, several+`#user "c"1`, foreign+`#user "a"1`, broken+`#user "a"1`, broken+"#2", misfit+`#user "a"1`, misfit+"#2", many+`#user "a"1`, many+"#2")
	got.wantDate(t, several+`#user "c"1`, june)
	got.wantProblem(t, broken+"#2", watch.Unparsable, true, "read certificate file "+broken+": is not a well-formed kubeconfig: look at line 10")
	got.wantProblem(t, many+"#2", watch.Unparsable, true, "read certificate file "+many+": holds more than 100 YAML documents: the rest was not read")
}
