package endpoint

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzVersion(f *testing.F) {
	for _, seed := range []struct{ document, pointer string }{
		{`{"build":{"version":"7.1"}}`, "/build/version"}, {`[1,2]`, "/1"}, {`{"a/b":{"~":"x"}}`, "/a~1b/~0"}, {`{"":0}`, "/"},
		{`[[[[`, "/0/0"}, {`1e400`, "/"}, {"{\"x\":\"\x1b[31m\u202e\"}", "/x"}, {`{}`, "/~"}, {`[0]`, "/00"}, {`[0]`, "/4294967296"},
	} {
		f.Add([]byte(seed.document), seed.pointer)
	}
	f.Fuzz(func(t *testing.T, document []byte, pointer string) {
		m := &member{Member: Member{VersionJSON: pointer}}
		version, missing := m.version(nil, document, nil)
		if version != "" && missing != "" {
			t.Errorf("%q at %q is %q, and yet %q", document, pointer, version, missing)
		}
		if utf8.RuneCountInString(version) > maxVersion || strings.ContainsAny(version+missing, "\x1b\r\n\u202e") {
			t.Errorf("%q at %q is shown as %q, %q", document, pointer, version, missing)
		}
	})
}

func FuzzFinder(f *testing.F) {
	f.Add([]byte("the shop is ready"), []byte("ready"), uint8(3))
	f.Add([]byte("aaab"), []byte("aab"), uint8(1))
	f.Fuzz(func(t *testing.T, text, wanted []byte, size uint8) {
		if len(wanted) == 0 {
			return
		}
		found := &finder{wanted: wanted}
		for rest := text; len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			if wrote, err := found.Write(rest[:n]); wrote != n || err != nil {
				t.Fatalf("wrote %d of %d, %v", wrote, n, err)
			}
			rest = rest[n:]
		}
		if want := strings.Contains(string(text), string(wanted)); found.found != want || len(found.tail) >= len(wanted) {
			t.Errorf("%q in %q by %d: %v, want %v; %d kept", wanted, text, size, found.found, want, len(found.tail))
		}
	})
}

func FuzzStatuses(f *testing.F) {
	for _, seed := range []string{"", "200", "200-299,401", "2xx", "299-200", "-", ",", "+200", "200-", strings.Repeat("200,", 30)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, err := parseStatuses(text)
		if (err == nil) == (len(read) == 0) {
			t.Errorf("%q is %v, %v", text, read, err)
		}
		for _, one := range read {
			if one[0] < 200 || one[1] > 599 || one[0] > one[1] || !read.have(one[0]) || !read.have(one[1]) {
				t.Errorf("%q has %v", text, one)
			}
		}
	})
}
