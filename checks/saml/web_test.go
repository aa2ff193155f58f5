package saml_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/saml"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// published is a server of metadata.
type published struct{ *vendortest.Server }

func serve(t testing.TB, content []byte, encoding string, manners ...vendortest.Manner) published {
	t.Helper()
	return published{vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/samlmetadata+xml")
		if encoding != "" {
			w.Header().Set("Content-Encoding", encoding)
		}
		_, _ = w.Write(content) // a client that left needs no answer
	}), manners...)}
}

func (p published) options() saml.Options {
	o := options(saml.Metadata{Entry: entry.Entry{Name: "idp"}, URL: p.URL + "/metadata?token=not-shown"})
	o.CAFile = p.CAFile
	return o
}

func TestMetadataIsReadFromAServerOnABadDay(t *testing.T) {
	fine := entityOf(entityID, "", role("IDPSSODescriptor", "", key("signing", text(cert(t, "a", 1)))))
	s := serve(t, []byte(fine), "")
	facts := checktest.Pass(t, checkOf(t, s.options(), checktest.Env(asOf)))
	if len(facts) != 2 || len(certificates(facts)) != 1 {
		t.Fatalf("got %+v", facts)
	}
	if asked := len(s.Requests()); asked != 3 {
		t.Errorf("asked %d times, want 3", asked)
	}
	if accepted := s.Requests()[0].Header.Get("Accept"); !strings.HasPrefix(accepted, "application/samlmetadata+xml") {
		t.Errorf("asked for %s", accepted)
	}
}

func TestAServerThatFailsIsAProblemThatNamesIt(t *testing.T) {
	cases := []struct {
		name   string
		answer vendortest.Answer
		reason watch.Reason
		want   string
	}{
		{"it wants a sign-in", vendortest.Status(401, ""), watch.AuthFailed, "it answered 401 Unauthorized"},
		{"it forbids", vendortest.Status(403, ""), watch.PermissionDenied, "it answered 403 Forbidden"},
		{"it knows nothing there", vendortest.Status(404, ""), watch.NotFound, "it answered 404 Not Found"},
		{"it is asked too often", vendortest.Status(429, "600"), watch.Throttled, "it answered 429 Too Many Requests"},
		{"it is down", vendortest.Status(500, ""), watch.Unreadable, "it answered 500 Internal Server Error"},
		{"a captive portal answers", vendortest.Page(200), watch.Unparsable, ""},
		{"it never ends", vendortest.Endless(), watch.TooLarge, "the answer is larger than 1048576 bytes"},
		{"each transfer breaks off", vendortest.CutShort(), watch.Unreadable, "the server closed the connection"},
		{"it leads to plain http", vendortest.Redirect("http://127.0.0.1:1"), watch.Unreadable, "it answered 307 Temporary Redirect, which leads elsewhere and is not followed"},
	}
	fine := entityOf(entityID, "", role("IDPSSODescriptor", "", key("signing", text(cert(t, "a", 1)))))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, []byte(fine), "", vendortest.Manner{Times: vendortest.Always, Answer: c.answer})
			o := s.options()
			o.MaxBytes = 1 << 20
			found := checktest.As[watch.Problem](t, checktest.Pass(t, checkOf(t, o, checktest.Env(asOf)))[0])
			want := "read " + s.URL + ": " + c.want
			if c.want == "" {
				want = "it is a web page, and no SAML metadata"
			}
			if found.Reason != c.reason || found.Err.Error() != want {
				t.Errorf("got %s: %v\nwant %s: %s", found.Reason, found.Err, c.reason, want)
			}
			if !found.Confined || found.HidesPrefix != "idp/" || strings.Contains(fmt.Sprint(found), "not-shown") {
				t.Errorf("got %+v", found)
			}
		})
	}
}

func TestWhatIsMadeForEachReaderIsNotAboutToLapse(t *testing.T) {
	var asked atomic.Int64
	s := published{vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		until := asOf.Add(48*time.Hour + time.Duration(asked.Add(1)-1)*time.Second)
		_, _ = w.Write([]byte(entityOf(entityID, `validUntil="`+until.Format(time.RFC3339)+`" cacheDuration="PT1H"`)))
	}), vendortest.Manner{After: 1_000_000})}
	env := checktest.Env(asOf)
	first := checktest.Pass(t, checkOf(t, s.options(), env))[0].(watch.Credential)
	if asked.Load() != 2 || first.Life != 48*time.Hour {
		t.Errorf("asked %d times, and it lives for %s", asked.Load(), first.Life)
	}
	// Now that this is known, once is enough.
	if again := checktest.Pass(t, checkOf(t, s.options(), env))[0].(watch.Credential); asked.Load() != 3 || again.Life != 48*time.Hour+2*time.Second {
		t.Errorf("asked %d times, and it lives for %s", asked.Load(), again.Life)
	}
}

func TestWhatEndsSoonForEverybodyIsAskedForTwiceAndHasNoLife(t *testing.T) {
	s := serve(t, []byte(entityOf(entityID, `validUntil="2026-11-25T00:00:00Z"`)), "", vendortest.Manner{After: 1_000_000})
	if got := checktest.Pass(t, checkOf(t, s.options(), checktest.Env(asOf)))[0].(watch.Credential).Life; got != 0 || len(s.Requests()) != 2 {
		t.Errorf("asked %d times, and it lives for %s", len(s.Requests()), got)
	}
}

func TestAnAuthorityFileThatIsNotThereIsAProblemOfWhatItIsFor(t *testing.T) {
	onDisk := file(t, entityOf(entityID, "", role("IDPSSODescriptor", "", key("signing", text(cert(t, "a", 1))))))
	o := options(onDisk, saml.Metadata{Entry: entry.Entry{Name: "web"}, URL: "https://127.0.0.1:1/metadata"})
	o.CAFile = onDisk.File + ".gone"
	facts := checktest.Pass(t, checkOf(t, o, checktest.Env(asOf)))
	problems := 0
	for _, fact := range facts {
		if found, ok := fact.(watch.Problem); ok {
			problems++
			if found.Subject.ID != "web" || found.Reason != watch.NotFound {
				t.Errorf("got %+v", found)
			}
		}
	}
	if problems != 1 || len(certificates(facts)) != 1 {
		t.Errorf("got %+v", facts)
	}
}

func TestLargeDocumentsAreReadOneAfterTheOther(t *testing.T) {
	fine := []byte(entityOf(entityID, "", role("IDPSSODescriptor", "", key("signing", text(cert(t, "a", 1))))))
	var now, most atomic.Int64
	server := published{vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		at := now.Add(1)
		for before := most.Load(); at > before && !most.CompareAndSwap(before, at); before = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		now.Add(-1)
		_, _ = w.Write(fine) // a client that left needs no answer
	}), vendortest.Manner{On: "never"})}
	o := server.options()
	for i := range 5 {
		one := o.Metadata[0]
		one.Name = fmt.Sprintf("idp-%d", i)
		o.Metadata = append(o.Metadata, one)
	}
	for maxBytes, want := range map[int64]int64{64 << 20: 1, 32 << 20: 2, 1 << 20: 4} {
		o.MaxBytes = maxBytes
		most.Store(0)
		checktest.Pass(t, checkOf(t, o, checktest.Env(asOf)))
		if got := most.Load(); got > want {
			t.Errorf("of %d bytes %d were read at a time, want %d", maxBytes, got, want)
		}
	}
}

func TestTryAsksForEachDocumentOnce(t *testing.T) {
	fine := file(t, entityOf(entityID, "", role("IDPSSODescriptor", "", key("signing", text(cert(t, "a", 1))))))
	gone := saml.Metadata{Entry: entry.Entry{Name: "gone"}, File: fine.File + ".gone"}
	got := checkOf(t, options(fine, gone), checktest.Env(asOf)).(watch.Trier).Try(t.Context())
	if len(got) != 2 || got[0].Name != "gone" || got[0].Reason != watch.NotFound || got[1].Name != "idp" || got[1].Err != nil {
		t.Errorf("got %+v", got)
	}
}

func TestTheCheckKeepsItsContract(t *testing.T) {
	fine := file(t, groupOf("", entityOf("urn:a", "", role("IDPSSODescriptor", "", key("signing", text(cert(t, "a", 1))))), entityOf("urn:b", "", role("SPSSODescriptor", "", key("", "????")))), "urn:*", "urn:gone")
	broken := file(t, "<a>")
	broken.Name = "broken"
	if _, err := os.Stat(broken.File); err != nil {
		t.Fatal(err)
	}
	checktest.Run(t, checktest.Case{
		Kind: saml.Kind,
		Decode: func(into any) error {
			*into.(*saml.Options) = options(fine, broken)
			return nil
		},
		Env: checktest.Env(asOf), Readable: 2, Unreadable: 3,
	})
}
