package certfiles

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/watch"
)

func TestEveryFactOfAPEMFile(t *testing.T) {
	pair := issue(t, "www.example.com", june)
	path := write(t, filepath.Join(t.TempDir(), "www.pem"), certPEM(pair.Cert.Raw))
	got := scan(t, path).credential(t, path+"#1")
	want := watch.Credential{
		Subject:   watch.Subject{ID: path + "#1", Name: path},
		Form:      watch.Certificate,
		Identity:  fingerprint(pair.Cert.Raw),
		NotBefore: june.AddDate(-1, 0, 0),
		NotAfter:  june,
		Details: map[string]any{
			"path": path, "format": "PEM", "subject": "CN=www.example.com", "issuer": "CN=Test Root",
			"serial": serialText(pair.Cert.SerialNumber.Bytes()), "dns_names": []string{"www.example.com"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPEM(t *testing.T) {
	leaf, second := issue(t, "one.example.com", june), issue(t, "two.example.com", june.AddDate(0, 1, 0))
	root := authority(t)
	one, two := certPEM(leaf.Cert.Raw), certPEM(second.Cert.Raw)
	auxiliary := slices.Concat(leaf.Cert.Raw, []byte{0x30, 0x03, 0x0c, 0x01, 'x'})
	withHeaders := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"Comment": "ours"}, Bytes: leaf.Cert.Raw}))
	encryptedKey := "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
	tests := []struct {
		name, content string
		want          []time.Time
	}{
		{"a single certificate", one, []time.Time{june}},
		{"a chain is one subject a certificate", one + certPEM(root.Cert.Raw), []time.Time{june, june.AddDate(5, 0, 0)}},
		{"a key before the certificate is stepped over", keyPEM(t, leaf) + one, []time.Time{june}},
		{"a key between two certificates is stepped over", one + keyPEM(t, leaf) + two, []time.Time{june, june.AddDate(0, 1, 0)}},
		{"an encrypted key is stepped over", encryptedKey + one, []time.Time{june}},
		{"DH parameters, a public key and a request are stepped over",
			blockPEM("DH PARAMETERS", []byte("x")) + blockPEM("PUBLIC KEY", []byte("x")) + blockPEM("CERTIFICATE REQUEST", []byte("x")) + one, []time.Time{june}},
		{"Windows line ends", strings.ReplaceAll(one+two, "\n", "\r\n"), []time.Time{june, june.AddDate(0, 1, 0)}},
		{"a byte order mark", "\ufeff" + one, []time.Time{june}},
		{"text before, between and after", "Bag Attributes\n  friendlyName: x\nsubject=CN = one\n" + one + "# next\n" + two + "the end", []time.Time{june, june.AddDate(0, 1, 0)}},
		{"no line end after the last line", strings.TrimSuffix(one, "\n"), []time.Time{june}},
		{"spaces behind the lines", strings.ReplaceAll(one, "\n", " \t\n"), []time.Time{june}},
		{"a blank line within", strings.Replace(one, "\n", "\n\n", 2), []time.Time{june}},
		{"everything on one line", "-----BEGIN CERTIFICATE-----\n" + strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(one, "-----BEGIN CERTIFICATE-----\n"), "-----END CERTIFICATE-----\n"), "\n", "") + "\n-----END CERTIFICATE-----\n", []time.Time{june}},
		{"headers within the block", withHeaders, []time.Time{june}},
		{"indented", keyPEM(t, leaf) + "  " + strings.ReplaceAll(one, "\n", "\n \t"), []time.Time{june}},
		{"a byte order mark in the middle", keyPEM(t, leaf) + "\ufeff" + one, []time.Time{june}},
		{"carriage returns alone", strings.ReplaceAll(one+two, "\n", "\r"), []time.Time{june, june.AddDate(0, 1, 0)}},
		{"no line end between two blocks", keyPEM(t, leaf) + strings.TrimSuffix(one, "\n") + two, []time.Time{june, june.AddDate(0, 1, 0)}},
		{"rulers and remarks of dashes", "-----\n-- ours --\n---------- web ----------\n" + one + "--\n", []time.Time{june}},
		{"other blocks with a known label", strings.ReplaceAll(keyPEM(t, leaf), "PRIVATE KEY", "OpenVPN Static key V1") + blockPEM("PGP MESSAGE", []byte("x")) +
			"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n" + one, []time.Time{june}},
		{"a certificate commented out", "# " + strings.ReplaceAll(two, "\n", "\n# ") + "\n" + one, []time.Time{june}},
		{"OpenSSL's trusted certificate with its settings behind it", blockPEM("TRUSTED CERTIFICATE", auxiliary), []time.Time{june}},
		{"the old label", blockPEM("X509 CERTIFICATE", leaf.Cert.Raw), []time.Time{june}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "x.pem"), test.content)
			got := scan(t, path)
			if len(got) != len(test.want) {
				t.Fatalf("%d subjects, want %d: %q", len(got), len(test.want), got.ids())
			}
			for i, notAfter := range test.want {
				got.wantDate(t, path+"#"+string(rune('1'+i)), notAfter)
			}
		})
	}
}

func TestTheFurtherCertificatesOfABundleAreNamed(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "chain.pem"), certPEM(issue(t, "a.example.com", june).Cert.Raw)+certPEM(authority(t).Cert.Raw))
	got := scan(t, path)
	if name := got.credential(t, path+"#2").Subject.Name; name != path+" #2 (CN=Test Root)" {
		t.Errorf("the second certificate is named %q", name)
	}
	if got.credential(t, path+"#2").Details["authority"] != true {
		t.Error("the root is not marked as an authority")
	}
}

func TestABrokenBlockHidesNoOther(t *testing.T) {
	good := certPEM(issue(t, "good.example.com", june).Cert.Raw)
	cut := good[:200] + "\n"
	path := write(t, filepath.Join(t.TempDir(), "mixed.pem"), cut+good+blockPEM("CERTIFICATE", []byte("no DER"))+"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n")
	got := scan(t, path)
	got.want(t, path+"#1", path+"#2", path+"#3", path+"#4")
	got.wantProblem(t, path+"#1", watch.Unparsable, true, `read certificate file `+path+`: read PEM block "CERTIFICATE": the PEM block has no matching END line`)
	got.wantDate(t, path+"#2", june)
	got.wantProblem(t, path+"#3", watch.Unparsable, true, `read certificate file `+path+`: not a DER-encoded X.509 certificate`)
	got.wantProblem(t, path+"#4", watch.Unparsable, true, `read certificate file `+path+`: read PEM block "CERTIFICATE": the PEM block is not valid base64`)
}

func TestADamagedCertificateBesideAKeyIsTold(t *testing.T) {
	leaf := issue(t, "damaged.example.com", june)
	key, one := keyPEM(t, leaf), certPEM(leaf.Cert.Raw)
	line := strings.Count(key, "\n") + 1
	last := line + strings.Count(one, "\n") - 1
	const begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
	damagedBegin := fmt.Sprintf("line %d looks like the beginning of a PEM block, but is damaged or has an unknown label", line)
	tests := []struct{ name, content, words string }{
		{"four dashes behind BEGIN", strings.Replace(one, begin, "-----BEGIN CERTIFICATE----", 1), damagedBegin},
		{"four dashes before BEGIN", strings.Replace(one, begin, "----BEGIN CERTIFICATE-----", 1), damagedBegin},
		{"no dashes before BEGIN", strings.Replace(one, begin, "BEGIN CERTIFICATE-----", 1), damagedBegin},
		{"lower case", strings.Replace(one, begin, "-----Begin Certificate-----", 1), damagedBegin},
		{"a misspelt label", strings.ReplaceAll(one, "CERTIFICATE", "CERTIFCATE"), damagedBegin},
		{"more behind BEGIN", strings.Replace(one, begin, begin+"  MIIKEYkey", 1), damagedBegin},
		{"nothing is left of BEGIN", strings.Replace(one, begin, "-----??????", 1), fmt.Sprintf("line %d ends a PEM block whose beginning is missing or damaged", last)},
		{"BEGIN is damaged and END is gone", "-----BEG?N CERTIFICATE-----\nMIIB\n", damagedBegin},
		{"a stray character before BEGIN", "x" + one, damagedBegin},
		{"END itself is damaged", strings.Replace(one, end, "----END CERTIFICATE-----", 1), `read PEM block "CERTIFICATE": the PEM block has no matching END line`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			path := write(t, filepath.Join(folder, "x.crt"), key+test.content)
			got := scan(t, folder)
			got.want(t, path+"#1")
			got.wantProblem(t, path+"#1", watch.Unparsable, true, "read certificate file "+path+": "+test.words)
			named := write(t, filepath.Join(t.TempDir(), "x"), key+test.content)
			scan(t, named).problem(t, named+"#1")
		})
	}
}

func TestDER(t *testing.T) {
	leaf, second := issue(t, "one.example.com", june), issue(t, "two.example.com", june.AddDate(0, 1, 0))
	folder := t.TempDir()
	single := write(t, filepath.Join(folder, "a.der"), leaf.Cert.Raw)
	double := write(t, filepath.Join(folder, "b.cer"), slices.Concat(leaf.Cert.Raw, second.Cert.Raw, []byte("\n")))
	list := write(t, filepath.Join(folder, "c.crl"), crl(t, june.AddDate(0, 0, 7)))
	nameless := write(t, filepath.Join(folder, "no-extension"), leaf.Cert.Raw)
	got := scan(t, folder)
	got.want(t, single+"#1", double+"#1", double+"#2", list+"#1", nameless+"#1")
	got.wantDate(t, single+"#1", june)
	got.wantDate(t, double+"#2", june.AddDate(0, 1, 0))
	got.wantDate(t, nameless+"#1", june)
	if form := got.credential(t, list+"#1").Form; form != watch.CRL {
		t.Errorf("the CRL is a %q", form)
	}
}

func crl(t testing.TB, nextUpdate time.Time) []byte {
	t.Helper()
	root := authority(t)
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(7), ThisUpdate: june.AddDate(0, 0, -1), NextUpdate: nextUpdate,
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(1), RevocationTime: june}},
	}, root.Cert, root.Key)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCRL(t *testing.T) {
	weekAfter := june.AddDate(0, 0, 7)
	der := crl(t, weekAfter)
	path := write(t, filepath.Join(t.TempDir(), "ca.crl"), blockPEM("X509 CRL", der))
	got := scan(t, path).credential(t, path+"#1")
	want := watch.Credential{
		Subject: watch.Subject{ID: path + "#1", Name: path}, Form: watch.CRL, Identity: fingerprint(der),
		NotBefore: june.AddDate(0, 0, -1), NotAfter: weekAfter,
		Details: map[string]any{"path": path, "format": "PEM", "issuer": "CN=Test Root"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestACRLWithoutNextUpdateHasNoEnd(t *testing.T) {
	var list pkix.CertificateList //nolint:staticcheck // the only type that can be written without nextUpdate
	unmarshal(t, crl(t, june), &list)
	list.TBSCertList.NextUpdate = time.Time{}
	list.TBSCertList.Raw = nil
	path := write(t, filepath.Join(t.TempDir(), "ca.crl"), marshal(t, list))
	if got := scan(t, path).credential(t, path+"#1"); !got.NotAfter.IsZero() || !got.NotBefore.Equal(june.AddDate(0, 0, -1)) {
		t.Errorf("it is dated %s to %s", got.NotBefore, got.NotAfter)
	}
}

// openssl runs the real program.
func openssl(t testing.TB, folder string, args ...string) {
	t.Helper()
	run := exec.Command("openssl", args...)
	run.Dir = folder
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("openssl %s: %v\n%s\nis openssl installed? run `make test-parts`", strings.Join(args, " "), err, out)
	}
}

func TestPKCS7ByOpenSSL(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "in.txt"), certPEM(issue(t, "seven.example.com", june).Cert.Raw)+certPEM(authority(t).Cert.Raw))
	write(t, filepath.Join(folder, "crl.txt"), blockPEM("X509 CRL", crl(t, june.AddDate(0, 0, 7))))
	for name, form := range map[string]string{"chain.p7b": "DER", "chain.pem": "PEM"} {
		openssl(t, folder, "crl2pkcs7", "-in", "crl.txt", "-certfile", "in.txt", "-outform", form, "-out", name)
		path := filepath.Join(folder, name)
		got := scan(t, path)
		got.want(t, path+"#1", path+"#2", path+"#3")
		var ends []time.Time
		for _, id := range got.ids() {
			ends = append(ends, got.credential(t, id).NotAfter)
		}
		slices.SortFunc(ends, time.Time.Compare)
		if want := []time.Time{june, june.AddDate(0, 0, 7), june.AddDate(5, 0, 0)}; !slices.EqualFunc(ends, want, time.Time.Equal) {
			t.Errorf("%s holds the dates %s, want %s", name, ends, want)
		}
	}
}

func TestOnlyDatesOfOpenSSLsTextAreTheCertificates(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "in.pem"), certPEM(issue(t, "text.example.com", june).Cert.Raw))
	openssl(t, folder, "x509", "-in", "in.pem", "-text", "-out", "out.txt")
	path := filepath.Join(folder, "out.txt")
	scan(t, folder).wantDate(t, path+"#1", june)
}

func TestWhatIsNoCertificateInAFolder(t *testing.T) {
	folder, pair := t.TempDir(), issue(t, "x.example.com", june)
	key, err := x509.MarshalPKCS8PrivateKey(pair.Key)
	public, errPublic := x509.MarshalPKIXPublicKey(pair.Key.Public())
	request, errRequest := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "x"}}, pair.Key)
	if err != nil || errPublic != nil || errRequest != nil {
		t.Fatal(err, errPublic, errRequest)
	}
	for name, content := range map[string]string{
		"privkey.pem": keyPEM(t, pair), "dhparam.pem": blockPEM("DH PARAMETERS", []byte("x")), "request.pem": blockPEM("CERTIFICATE REQUEST", request),
		"public.pem": blockPEM("PUBLIC KEY", public), "key.der": string(key), "public.der": string(public), "request.der": string(request),
		"server.key": keyPEM(t, pair) + certPEM(pair.Cert.Raw), "notes.txt": "-----BEGIN CERTIFICATE-----, it says", "random.bin": "0\x82\x01\x00garbage",
		"values.yaml": "apiVersion: v1\nkind: ConfigMap\nclusters: []\n", "broken.yaml": "apiVersion: {clusters", "empty.txt": "",
	} {
		write(t, filepath.Join(folder, name), content)
	}
	scan(t, folder).want(t)
}

func TestAFileNamedForACertificateIsNeverDroppedSilently(t *testing.T) {
	tests := []struct {
		name, file, content string
		reason              watch.Reason
		words               string
	}{
		{"text without a block", "a.pem", "hello", watch.Unparsable, "is neither PEM nor DER, nor a key store, kubeconfig or CRL that can be read"},
		{"an unknown label alone", "a.crt", "-----BEGIN CERTIFCATE-----\nAAAA\n-----END CERTIFCATE-----\n", watch.Unparsable, "line 1 looks like the beginning of a PEM block, but is damaged or has an unknown label"},
		{"random bytes", "a.der", "\x30\x82\x01\x00garbage", watch.Unparsable, "is neither PEM nor DER, nor a key store, kubeconfig or CRL that can be read"},
		{"an empty file", "a.crt", "", watch.NoCertificate, "the file is empty"},
		{"UTF-16 as PowerShell writes it", "a.cer", "\xff\xfe-\x00-\x00", watch.Unparsable, "is UTF-16 text"},
		{"a kubeconfig that is no YAML", "a.kubeconfig", "apiVersion: v1\nclusters: [\n", watch.Unparsable, "is not a well-formed kubeconfig: look at line 3"},
		{"a cut Java keystore", "a.jks", "\xfe\xed\xfe\xed\x00\x00", watch.Unparsable, "the Java keystore is cut short or malformed"},
		{"a BKS key store", "a.bks", "\x00\x00\x00\x02\x00\x00\x00\x14salt", watch.Unparsable, "is a BKS key store of Bouncy Castle, which is not read"},
		{"a BKS key store under another name", "a.truststore", "\x00\x00\x00\x01\x00\x00\x00\x14salt", watch.Unparsable, "is a BKS key store of Bouncy Castle, which is not read"},
		{"a bundle of garbage", "a.ca-bundle", "garbage", watch.Unparsable, "is neither PEM nor DER, nor a key store, kubeconfig or CRL that can be read"},
		{"a PKCS #12 file of garbage by its long name", "a.pkcs12", "garbage", watch.Unparsable, "is neither PEM nor DER, nor a key store, kubeconfig or CRL that can be read"},
		{"a malformed kubeconfig of any name", "admin.conf", "apiVersion: v1\nkind: Config\nclusters: [\n", watch.Unparsable, "is not a well-formed kubeconfig: look at line 4"},
		{"a PKCS #12 file of garbage", "a.P12", "garbage", watch.Unparsable, "is neither PEM nor DER, nor a key store, kubeconfig or CRL that can be read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			path := write(t, filepath.Join(folder, test.file), test.content)
			got := scan(t, folder)
			got.want(t, path+"#1")
			got.wantProblem(t, path+"#1", test.reason, true, "read certificate file "+path+": "+test.words)
			if got.problem(t, path+"#1").Remedy == "" {
				t.Error("the problem names no remedy")
			}
		})
	}
}

func TestAProblemHidesWhatStoodInItsPlaceBefore(t *testing.T) {
	leaf, folder := issue(t, "hidden.example.com", june), t.TempDir()
	cut := javaKeystore(storedCertificate{alias: "web", position: 1, der: leaf.Cert.Raw}, storedCertificate{alias: "mail", position: 1, der: leaf.Cert.Raw})
	tests := []struct{ name, file, content, problem, hides string }{
		{"a file that cannot be made out hides all that it held", "a.pem", "hello", "#1", "#"},
		{"an empty file does too", "b.pem", "", "#1", "#"},
		{"a keystore that is cut short does too", "c.jks", string(cut[:len(cut)-20]), "#2", "#"},
		{"a broken PKCS #7 block may have held several", "d.pem", blockPEM("PKCS7", []byte("x")), "#1", "#"},
		{"a broken PEM block hides itself alone", "e.pem", blockPEM("CERTIFICATE", []byte("x")) + certPEM(leaf.Cert.Raw), "#1", ""},
		{"a user's file that is missing hides what that user had", "f.kubeconfig",
			"apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: a\n  user:\n    client-certificate: gone.pem\n", `#user "a"1`, `#user "a"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, filepath.Join(folder, test.file), test.content)
			want := test.hides
			if want != "" {
				want = path + want
			}
			problem := scan(t, path).problem(t, path+test.problem)
			if !problem.Confined || problem.HidesPrefix != want {
				t.Errorf("it hides what begins with %q (confined: %t), want %q", problem.HidesPrefix, problem.Confined, want)
			}
		})
	}
}

func TestAFileNamedAsATargetMustHoldACertificate(t *testing.T) {
	pair := issue(t, "x.example.com", june)
	for name, content := range map[string]string{"privkey.pem": keyPEM(t, pair), "server.key": keyPEM(t, pair), "request.csr": blockPEM("CERTIFICATE REQUEST", []byte("x"))} {
		path := write(t, filepath.Join(t.TempDir(), name), content)
		scan(t, path).wantProblem(t, path+"#1", watch.NoCertificate, true, "read certificate file "+path+": holds no certificate and no CRL")
	}
	path := write(t, filepath.Join(t.TempDir(), "notes.txt"), "hello")
	scan(t, path).wantProblem(t, path+"#1", watch.Unparsable, true, "read certificate file "+path+": is neither PEM nor DER, nor a key store, kubeconfig or CRL that can be read")
}

func TestACertificateBehindMuchTextIsFoundInAFileNamedForIt(t *testing.T) {
	content := bytes.Repeat([]byte("# a comment\n"), 100_000)
	path := write(t, filepath.Join(t.TempDir(), "long.pem"), append(content, certPEM(issue(t, "long.example.com", june).Cert.Raw)...))
	scan(t, path).wantDate(t, path+"#1", june)
}
