package domain_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/domain"
	"lapsewatch/internal/fakerdap"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestARegistrationIsReadOnABadDay(t *testing.T) {
	w := begin(t, fakerdap.New(shop()))
	o := w.options("Shop.Example.")
	o.Domains[0].Owners, o.Domains[0].Link = []string{"ada@example.com"}, "https://registrar.example/shop"
	got := one(t, o, checktest.Env(asOf))
	want := watch.Credential{
		Subject: watch.Subject{ID: "example/shop.example", Name: "Shop.Example.", Owners: []string{"ada@example.com"}, Link: "https://registrar.example/shop"},
		Form:    watch.DomainRegistration, Identity: "expires 2027-08-13T04:00:00Z",
		NotBefore: day(1995, time.August, 14), NotAfter: day(2027, time.August, 13),
		Details: map[string]any{
			"domain": "shop.example", "server": strings.TrimPrefix(w.URL, "https://"), "registrar": "Example Registrar, Inc.", "registrar_iana_id": "9999",
			"registered": "1995-08-14T04:00:00Z", "last_changed": "2025-01-14T07:01:38Z", "as_of": "2026-11-22T05:59:00Z",
			"status": []string{"client delete prohibited", "client transfer prohibited"}, "nameservers": []string{"ns1.shop.example", "ns2.shop.example"}, "dnssec": true,
		},
		Remedy: "Renew the registration at its registrar before that date, or check that it renews it by itself and that the payment works.",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if accepted := w.To("/domain/shop.example")[0].Header.Get("Accept"); accepted != "application/rdap+json, application/json;q=0.9" {
		t.Errorf("asked for %s", accepted)
	}
}

func TestTheDateThatCountsIsTheEarliest(t *testing.T) {
	cases := []struct {
		name    string
		events  map[string]string
		want    time.Time
		decides string
	}{
		{"a leap day", map[string]string{"expiration": "2028-02-29T23:59:59Z"}, time.Date(2028, 2, 29, 23, 59, 59, 0, time.UTC), ""},
		{"a time in a zone", map[string]string{"expiration": "2027-01-01T00:30:00+02:00"}, time.Date(2026, 12, 31, 22, 30, 0, 0, time.UTC), ""},
		{"a time without a zone", map[string]string{"expiration": "2027-01-01T00:30:00.0"}, time.Date(2027, 1, 1, 0, 30, 0, 0, time.UTC), ""},
		{"a date alone", map[string]string{"expiration": "2027-01-01"}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), ""},
		{"a capital letter", map[string]string{"Expiration": "2027-01-01"}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), ""},
		{"the registrar's is earlier", map[string]string{"expiration": "2028-01-01", "registrar expiration": "2027-01-01"}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), "the registrar's own date; the registry's is 2028-01-01"},
		{"the registry's is earlier", map[string]string{"expiration": "2027-01-01", "registrar expiration": "2028-01-01"}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), "the registry's date; the registrar's own is 2028-01-01"},
		{"the registry gives two", map[string]string{"expiration": "2028-01-01", "Expiration": "2027-01-01"}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), "the earliest of several that are given; the latest is 2028-01-01"},
		{"the registry's cannot be read", map[string]string{"expiration": "soon\u202e", "registrar expiration": "2027-01-01"}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), "the registrar's own date; the registry's is \"soon\ufffd\", which is no date"},
		{"the registrar's cannot be read", map[string]string{"expiration": "2027-01-01", "registrar expiration": "soon"}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), "the registry's date; the registrar's own is \"soon\", which is no date"},
		{"both are the same", map[string]string{"expiration": "2027-01-01", "registrar expiration": "2027-01-01T00:00:00Z"}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), ""},
	}
	w := begin(t, fakerdap.New(), fine)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w.Put(fakerdap.Domain{Name: "shop.example", Events: c.events})
			got := one(t, w.options("shop.example"), checktest.Env(asOf)).(watch.Credential)
			if !got.NotAfter.Equal(c.want) || got.NotAfter.Location() != time.UTC || got.Decides != c.decides {
				t.Errorf("got %s (%s), want %s (%s)", got.NotAfter, got.Decides, c.want, c.decides)
			}
		})
	}
}

func TestARegistrationThatSeemsToLieAheadIsValid(t *testing.T) {
	w := begin(t, fakerdap.New(fakerdap.Registered("shop.example", asOf.Add(3*time.Hour), asOf.AddDate(1, 0, 0).Add(3*time.Hour))), fine)
	got := one(t, w.options("shop.example"), checktest.Env(asOf)).(watch.Credential)
	if !got.NotBefore.IsZero() || got.Life != 365*24*time.Hour || got.Details["registered"] != "2026-11-22T09:00:00Z" {
		t.Errorf("got %+v", got)
	}
}

func TestARegistryWithoutADateIsAProblemThatNamesTheWayOut(t *testing.T) {
	w := begin(t, fakerdap.New(fakerdap.Domain{Name: "shop.example", Status: []string{"active"}}), fine)
	found := problem(t, one(t, w.options("shop.example"), checktest.Env(asOf)))
	if found.Reason != watch.Unreadable || found.Err.Error() != "it is registered, but its registry gives no expiration date" ||
		found.Remedy != "Write the date that the registrar tells into a check of kind register: this registry does not publish it." {
		t.Errorf("got %+v", found)
	}
	w.Put(fakerdap.Domain{Name: "shop.example", Events: map[string]string{"expiration": "soon\u202e"}})
	found = problem(t, one(t, w.options("shop.example"), checktest.Env(asOf)))
	if found.Reason != watch.Unparsable || found.Err.Error() != "its expiration date is \"soon\ufffd\": want a time as 2027-03-01T17:00:00Z" {
		t.Errorf("got %+v", found)
	}
}

func TestASuspendedDomainIsSeenWhateverItsDate(t *testing.T) {
	const hold = "Ask the registrar at once why it is on hold: an unpaid bill, unverified contact data, a dispute, or abuse."
	const restore = "Ask the registrar at once to restore it: once it is deleted, anybody may register it."
	cases := []struct {
		name   string
		status []string
		text   string
		remedy string
	}{
		{"in good order", []string{"active", "auto renew period", "server transfer prohibited"}, "", ""},
		{"on hold by its registrar", []string{"client hold"}, "is on hold by its registrar (client hold), so that no name of it resolves", hold},
		{"in the spelling of EPP", []string{"serverHold"}, "is on hold by its registry (server hold), so that no name of it resolves", hold},
		{"deleted, and restorable", []string{"redemption period"}, "was deleted, and can be restored for some days only (redemption period)", restore},
		{"deleted, in two words", []string{"pending delete", "Redemption Period"},
			"was deleted, and can be restored for some days only (redemption period); it is about to be deleted by its registry (pending delete)", restore},
	}
	w := begin(t, fakerdap.New(), fine)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dated := shop()
			dated.Status = c.status
			w.Put(dated)
			var want []watch.Observation
			if c.text != "" {
				want = []watch.Observation{{Reason: watch.DomainSuspended, Text: c.text, Remedy: c.remedy}}
			}
			if got := one(t, w.options("shop.example"), checktest.Env(asOf)).(watch.Credential).Observations; !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if c.text == "" {
				return
			}
			w.Put(fakerdap.Domain{Name: "shop.example", Status: c.status})
			condition := one(t, w.options("shop.example"), checktest.Env(asOf)).(watch.Condition)
			if condition.Reason != watch.DomainSuspended || condition.Text != "the domain "+c.text+"; its registry gives no expiration date" || condition.Remedy != c.remedy {
				t.Errorf("got %+v", condition)
			}
		})
	}
}

func TestADomainThatNobodyHasRegisteredIsAFinding(t *testing.T) {
	w := begin(t, fakerdap.New(), fine)
	want := watch.Condition{
		Subject: watch.Subject{ID: "example/gone.example", Name: "gone.example"}, Reason: watch.DomainSuspended,
		Text:    "the domain is not registered: it has lapsed, and anybody may register it, or the name is misspelt",
		Details: map[string]any{"domain": "gone.example", "server": strings.TrimPrefix(w.URL, "https://")},
		Remedy:  "Check the spelling; if the domain is yours, register it again at once.",
	}
	if got := one(t, w.options("gone.example"), checktest.Env(asOf)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	w.Misbehave(vendortest.Manner{On: "gone.example", Answer: vendortest.Reply(404, "application/rdap+json; charset=utf-8", "")})
	if got := one(t, w.options("gone.example"), checktest.Env(asOf)); !reflect.DeepEqual(got, want) {
		t.Errorf("of an empty answer: got %+v", got)
	}
}

func TestA404OfWhateverElseStandsThereIsNoProof(t *testing.T) {
	w := begin(t, fakerdap.New(shop()), fine)
	for _, answer := range []vendortest.Answer{vendortest.Page(404), vendortest.Reply(404, "application/json", `{"error":"no route"}`), vendortest.Reply(404, "text/plain", "not found"), vendortest.Status(404, ""), vendortest.Reply(404, "application/json", "")} {
		w.Misbehave(vendortest.Manner{On: "shop.example", Times: vendortest.Always, Answer: answer})
		if found := problem(t, one(t, w.options("shop.example"), checktest.Env(asOf))); found.Reason != watch.NotFound || found.Remedy != "Correct server or bootstrap_url: no RDAP service answers there." {
			t.Errorf("got %+v", found)
		}
	}
}

func TestInternationalNamesAreAskedForInALabels(t *testing.T) {
	books := fakerdap.Registered("xn--bcher-kva.example", day(2020, time.May, 1), day(2027, time.May, 1))
	books.Unicode = "bücher.example"
	w := begin(t, fakerdap.New(books), fine)
	got := one(t, w.options("Bücher.example"), checktest.Env(asOf)).(watch.Credential)
	if got.Subject.ID != "example/xn--bcher-kva.example" || got.Subject.Name != "Bücher.example" || got.Details["unicode_name"] != "bücher.example" {
		t.Errorf("got %+v", got)
	}
}

func TestAnAnswerThatIsNotAboutTheDomainIsAProblem(t *testing.T) {
	cases := []struct{ name, body, want string }{
		{"nothing", "", "the answer is no JSON object"},
		{"a web page", vendortest.HostilePage, "the answer is no JSON object"},
		{"a list", "[]", "the answer is no JSON object"},
		{"an empty object", "{}", "the answer is about something else than a domain"},
		{"a nameserver", `{"objectClassName":"nameserver","ldhName":"shop.example"}`, "the answer is about something else than a domain"},
		{"an error with status 200", `{"errorCode":429}`, "the answer is about something else than a domain"},
		{"another domain", `{"objectClassName":"domain","ldhName":"other.example"}`, `the answer is about another domain, "other.example"`},
		{"a name that turns the line round", `{"objectClassName":"domain","ldhName":"a\u202eb\r\n"}`, "the answer is about another domain, \"a\ufffdb\ufffd\""},
		{"no name", `{"objectClassName":"domain"}`, `the answer is about another domain, ""`},
		{"deep nesting", strings.Repeat(`{"entities":[`, 20_000), "the answer is no JSON object"},
	}
	w := begin(t, fakerdap.New(shop()), fine)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w.Misbehave(vendortest.Manner{On: "shop.example", Answer: vendortest.Reply(200, "application/rdap+json", c.body)})
			found := problem(t, one(t, w.options("shop.example"), checktest.Env(asOf)))
			if want := "read " + w.URL + ": " + c.want; found.Reason != watch.Unparsable || found.Err.Error() != want {
				t.Errorf("got %s: %v, want %s", found.Reason, found.Err, want)
			}
		})
	}
}

func TestWhatARegistrySaysIsShownAsOneLine(t *testing.T) {
	evil := shop()
	evil.Registrar, evil.RegistrarID = "Evil \x1b[31m\r\nBcc: x\u202e", "<script>\x00"
	evil.Status = append(evil.Status, strings.Repeat("x\n", 200))
	evil.Nameservers = []string{"ns\u202e.example", strings.Repeat("n", 500)}
	w := begin(t, fakerdap.New(evil), fine)
	got := fmt.Sprint(one(t, w.options("shop.example"), checktest.Env(asOf)).(watch.Credential).Details)
	if strings.ContainsAny(got, "\x1b\r\n\x00\u202e") || len(got) > 1000 {
		t.Errorf("got %q", got)
	}
}

func TestAHostileCardLeavesTheHandle(t *testing.T) {
	w := begin(t, fakerdap.New(), fine)
	w.Misbehave(vendortest.Manner{On: "shop.example", Answer: vendortest.Reply(200, "application/rdap+json", `{"objectClassName":"domain","ldhName":"shop.example",
		"events":[{"eventAction":"expiration","eventDate":"2027-01-01"},{"eventAction":7,"eventDate":{}},null,"x"],"status":"active","nameservers":{"a":1},
		"entities":[null,{"roles":["registrar"],"handle":"292","vcardArray":["vcard",[["fn",{},"text",[[[[[["x"]]]]]]]]],"publicIds":[{"type":"IANA Registrar ID","identifier":292}]}]}`)})
	got := one(t, w.options("shop.example"), checktest.Env(asOf)).(watch.Credential)
	if got.Details["registrar"] != "292" || got.Details["registrar_iana_id"] != "292" || got.NotAfter != time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) {
		t.Errorf("got %+v", got)
	}
}

func TestTheCheckKeepsItsContract(t *testing.T) {
	w := begin(t, fakerdap.New(shop(), fakerdap.Domain{Name: "undated.example"}), fine)
	checktest.Run(t, checktest.Case{
		Kind: domain.Kind,
		Decode: func(into any) error {
			*into.(*domain.Options) = w.options("shop.example", "gone.example", "undated.example", "nowhere.test")
			return nil
		},
		Env: checktest.Env(asOf), Readable: 2, Unreadable: 2,
	})
}
