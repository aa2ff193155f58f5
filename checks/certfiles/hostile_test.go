package certfiles

import (
	"bytes"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"software.sslmate.com/src/go-pkcs12"

	"lapsewatch/watch"
)

// samples are good files of every format.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	leaf := issue(t, "sample.example.com", june)
	store, err := pkcs12.Modern2023.Encode(leaf.Key, leaf.Cert, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"pem": []byte(keyPEM(t, leaf) + certPEM(leaf.Cert.Raw) + certPEM(authority(t).Cert.Raw)),
		"der": leaf.Cert.Raw,
		"crl": crl(t, june),
		"p12": store,
		"jks": javaKeystore(storedCertificate{alias: "web", position: 1, der: leaf.Cert.Raw}),
		"kubeconfig": []byte("apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: a\n  user:\n    client-certificate-data: " +
			"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==\n"),
	}
}

// javaKeystore writes a JKS file of trusted certificates, without its digest.
func javaKeystore(trusted ...storedCertificate) []byte {
	file := binary.BigEndian.AppendUint32([]byte(magicJKS+"\x00\x00\x00\x02"), uint32(len(trusted)))
	for _, certificate := range trusted {
		file = append(file, 0, 0, 0, tagTrusted)
		file = append(binary.BigEndian.AppendUint16(file, uint16(len(certificate.alias))), certificate.alias...)
		file = append(file, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5)
		file = append(file, "X.509"...)
		file = append(binary.BigEndian.AppendUint32(file, uint32(len(certificate.der))), certificate.der...)
	}
	return file
}

// TestF14_HostileFilesEachYieldAFinding spoils good files of every format at random.
func TestF14_HostileFilesEachYieldAFinding(t *testing.T) {
	folder := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	files := 0
	for extension, good := range samples(t) {
		for range 350 {
			spoilt := bytes.Clone(good)
			for range 1 + random.IntN(8) {
				spoilt[random.IntN(len(spoilt))] = byte(random.UintN(256))
			}
			if random.IntN(3) == 0 {
				spoilt = spoilt[:1+random.IntN(len(spoilt))]
			}
			write(t, filepath.Join(folder, fmt.Sprintf("%04d.%s", files, extension)), spoilt)
			files++
		}
	}
	got := scan(t, folder)
	byFile := map[string]bool{}
	for id, fact := range got {
		path, _, _ := strings.Cut(id, "#")
		byFile[path] = true
		if problem, ok := fact.(watch.Problem); ok && (problem.Reason == watch.InternalError || !problem.Confined) {
			t.Errorf("%s gave %s: %v", id, problem.Reason, problem.Err)
		}
	}
	all, err := filepath.Glob(folder + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if !byFile[path] && !holdsNothingDated(t, path) {
			t.Errorf("nothing is told of %s", path)
		}
	}
	if files < 2000 {
		t.Errorf("only %d files were tried", files)
	}
}

// holdsNothingDated reports whether a spoilt file may be passed over: a PEM file in which
// no line is left that says BEGIN or CERTIFICATE, as it was cut within the key that it
// begins with, and a kubeconfig that lists no certificate.
func holdsNothingDated(t *testing.T, path string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	switch filepath.Ext(path) {
	case ".pem":
		return !bytes.Contains(data, []byte("-BEGIN C")) && !bytes.Contains(data, []byte("CERTIFICATE-----"))
	case ".kubeconfig":
		entries, err := openKubeconfig(path, data)
		return err == nil && len(entries) == 0
	}
	return false
}

func TestA9_HugeAndBrokenNamesAreBounded(t *testing.T) {
	huge := strings.Repeat("x", 64<<10) + "\x00\x1b[31m\xff\u202e"
	name := func(value string) asn1.RawValue {
		pair := marshal(t, struct {
			ID    asn1.ObjectIdentifier
			Value asn1.RawValue
		}{asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(value)}})
		set := marshal(t, asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: bytes.Repeat(pair, 2)})
		return asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: bytes.Repeat(set, 3)}
	}
	der := odd(t, func(c *tbs) {
		c.Subject, c.Issuer = name(huge), name("\x1b]0;owned\x07\r\nBcc: x\u202e\xff\x00")
		altNames(t, slices.Repeat([]asn1.RawValue{dnsName(huge)}, 30)...)(c)
	})
	folder := t.TempDir()
	write(t, filepath.Join(folder, "a\n\x1b[31m\u202e.pem"), certPEM(der)+certPEM(der))
	write(t, filepath.Join(folder, "b.jks"), javaKeystore(storedCertificate{alias: huge[:60_000], position: 1, der: der}))
	got := scan(t, folder)
	if len(got) != 3 {
		t.Fatalf("the subjects are %q", got.ids())
	}
	for id, fact := range got {
		credential := got.credential(t, id)
		shown := []string{fact.About().Name}
		for key, value := range credential.Details {
			if key == "dns_names" && len(value.([]string)) > maxDNSNames {
				t.Errorf("%d DNS names are listed", len(value.([]string)))
			}
			shown = append(shown, fmt.Sprint(value))
		}
		for _, text := range shown {
			if strings.ContainsAny(text, "\r\n\x00\x1b\u202e") || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxDNSNames*(maxNameRunes+1)+maxPathRunes {
				t.Errorf("%d runes are shown: %.100q", utf8.RuneCountInString(text), text)
			}
		}
	}
}

func TestFilesMadeToHoldTheReaderEndSoon(t *testing.T) {
	size := int(defaults().MaxFileSize)
	fill := func(unit string) string { return strings.Repeat(unit, size/len(unit)) }
	attribute := "\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01x"
	tests := []struct{ name, file, content string }{
		{"BEGIN lines without end", "a.pem", fill("-----BEGIN CERTIFICATE-----\n")},
		{"END lines without begin", "a.pem", fill("-----END CERTIFICATE-----\n")},
		{"empty blocks", "a.pem", fill("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")},
		{"the beginning of BEGIN lines", "a.pem", fill("\n-----BEGIN ")},
		{"opening brackets in a kubeconfig", "a.kubeconfig", "apiVersion: v1\nclusters: " + strings.Repeat("[", size/2)},
		{"aliases in a kubeconfig", "a.kubeconfig", aliasBomb()},
		{"a keystore of empty chains", "a.jks", magicJKS + "\x00\x00\x00\x02\xff\xff\xff\xff" + fill("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")[:size-12]},
		{"a keystore of empty certificates", "a.jks", magicJKS + "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff" + strings.Repeat("\x00", size/2)},
		{"a name of a million parts", "a.der", string(odd(t, func(c *tbs) {
			c.Subject = asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: bytes.Repeat([]byte(attribute), size/2/len(attribute))}
		}))},
		{"sequences within sequences", "a.p12", nested(size / 8)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			write(t, filepath.Join(folder, test.file), test.content)
			if got := scan(t, folder); len(got) == 0 || len(got) > maxItems+1 {
				t.Errorf("%d facts are told", len(got))
			}
		})
	}
}

func aliasBomb() string {
	bomb := "apiVersion: v1\nclusters: []\na0: &a0 [x]\n"
	for i := range 30 {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i, i)
	}
	return bomb + "kind: *a30\n"
}

// nested is a PKCS #12 file whose MAC parameters are sequences within sequences.
func nested(depth int) string {
	var content []byte
	for level := depth; level > 0; level-- {
		content = binary.BigEndian.AppendUint32(append(content, 0x30, 0x84), uint32(6*(level-1)))
	}
	version, _ := asn1.Marshal(3)
	safe, _ := dataContent([]byte{0x30, 0})
	data, _ := asn1.Marshal(safe)
	file, _ := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: slices.Concat(version, data, content)})
	return string(file)
}

func TestAPKCS12FileThatDemandsHoursOfKeyDerivationIsRefused(t *testing.T) {
	leaf := issue(t, "slow.example.com", june)
	store, err := pkcs12.Modern2023.WithIterations(2).Encode(leaf.Key, leaf.Cert, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	var file pfx
	unmarshal(t, store, &file)
	var rounds struct {
		Mac        asn1.RawValue
		Salt       []byte
		Iterations int
	}
	unmarshal(t, file.MacData.FullBytes, &rounds)
	rounds.Iterations = 1 << 40
	file.MacData = asn1.RawValue{FullBytes: marshal(t, rounds)}
	path := write(t, filepath.Join(t.TempDir(), "slow.p12"), marshal(t, file))
	scan(t, path).wantProblem(t, path+"#1", watch.Unparsable, true, "read certificate file "+path+
		": the PKCS #12 file demands more than 5000000 rounds of key derivation or has more than 64 safes")
}

func TestAFileOfMoreCertificatesThanAreTakenSaysSo(t *testing.T) {
	der := odd(t, func(c *tbs) { c.Extensions = nil })
	path := write(t, filepath.Join(t.TempDir(), "many.der"), bytes.Repeat(der, maxItems+5))
	got := scan(t, path)
	if len(got) != maxItems+1 {
		t.Fatalf("%d facts are told", len(got))
	}
	last := fmt.Sprintf("%s#%d", path, maxItems+1)
	got.wantProblem(t, last, watch.TooLarge, true, "read certificate file "+path+": holds more than 10000 certificates: the rest was not read")
}

func TestFactsKeepNoFileInMemory(t *testing.T) {
	folder := t.TempDir()
	padding := strings.Repeat("# padding\n", 100_000)
	for i := range 40 {
		write(t, fmt.Sprintf("%s/%02d.pem", folder, i), padding+certPEM(issue(t, "x", june).Cert.Raw))
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	check := newCheck(t, nil, folder)
	before := heap()
	got := collect(t, check)
	if grown := int64(heap()) - int64(before); grown > 8<<20 {
		t.Errorf("40 facts hold %d bytes", grown)
	}
	if len(got) != 40 {
		t.Errorf("%d facts are told", len(got))
	}
	runtime.KeepAlive(check)
}

func TestAParserThatPanicsHidesNoOtherFile(t *testing.T) {
	folder := estate(t, "1.pem", "2.pem", "3.pem")
	var mu sync.Mutex
	var problems []watch.Problem
	read := 0
	err := newCheck(t, nil, folder).Collect(t.Context(), func(fact watch.Fact) {
		mu.Lock()
		defer mu.Unlock()
		if problem, ok := fact.(watch.Problem); ok {
			problems = append(problems, problem)
			return
		}
		if read++; fact.About().ID == folder+"/2.pem#1" {
			panic("boom")
		}
	})
	if err != nil || read != 3 || len(problems) != 1 || problems[0].Reason != watch.InternalError || problems[0].Subject.ID != folder+"/2.pem#1" {
		t.Errorf("%d were read, with the problems %+v and %v", read, problems, err)
	}
}

func TestReasonsOfFilesThatCannotBeRead(t *testing.T) {
	if got := reasonOf(errors.New("input/output error")); got != watch.Unreadable {
		t.Errorf("an I/O error is %s", got)
	}
}
