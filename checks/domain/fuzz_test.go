package domain

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"lapsewatch/internal/entry"
	"lapsewatch/internal/webclient"
)

var asOfTheTest = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"objectClassName":"domain","ldhName":"a.example","events":[{"eventAction":"expiration","eventDate":"2027-01-01T00:00:00Z"}],"status":["client hold"]}`,
		`{"objectClassName":"domain","ldhName":"a.example","entities":[{"roles":["registrar"],"vcardArray":["vcard",[["fn",{},"text","x"]]]}],"secureDNS":{"delegationSigned":"x"}}`,
		`{"errorCode":404}`, `{"objectClassName":7}`, `[]`, `{"objectClassName":"domain","unicodeName":"\u202e"}`, "\x00",
	} {
		f.Add(seed)
	}
	a := asked{Domain: Domain{Entry: entry.Entry{Name: "a.example"}}, ascii: "a.example"}
	f.Fuzz(func(t *testing.T, body string) {
		_ = registryAnswered(webclient.Answer{Body: []byte(body)})
		_ = words([]byte(body))
		found, err := decode([]byte(body), a.ascii)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q is shown", err)
			}
			return
		}
		if found.expires.IsZero() && !found.later.IsZero() || !found.later.IsZero() && found.later.Before(found.expires) {
			t.Errorf("the earliest of %s and %s is said to be the first", found.expires, found.later)
		}
		if fact := a.fact(found, "rdap.example", asOfTheTest); fact.About().ID != "example/a.example" {
			t.Errorf("got %+v", fact)
		}
	})
}

func FuzzRegistrable(f *testing.F) {
	for _, seed := range []string{"example.com", "a.b.co.uk", "bücher.de", "com", ".", "..", "xn--", "github.io", "a\u200db.com", "1.2.3.4", "[::1]", strings.Repeat("a.", 300)} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, name string, private bool) {
		ascii, err := registrable(name, private)
		if err != nil {
			return
		}
		if again, err := registrable(ascii, private); err != nil || again != ascii {
			t.Errorf("%q is %q, and that is %q, %v", name, ascii, again, err)
		}
		if strings.ContainsAny(ascii, "/?#%@: ") || !strings.Contains(ascii, ".") || len(ascii) > 253 {
			t.Errorf("%q is asked for as %q", name, ascii)
		}
	})
}
