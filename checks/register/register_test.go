package register_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/register"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// asOf is the instant that the tests judge as of.
var asOf = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

func build(t *testing.T, text string) (watch.Check, error) {
	t.Helper()
	return register.Kind.Build(checktest.YAML(text), checktest.Env(asOf))
}

func collect(t *testing.T, text string) []watch.Fact {
	t.Helper()
	check, err := build(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return checktest.Pass(t, check)
}

func TestACredentialIsWhatIsWrittenDown(t *testing.T) {
	got := collect(t, `
credentials:
  - name: report-designer
    expires: 2027-03-01
    form: licence
    owners: [ada@example.com]
    link: https://shop.example.com/licences/7
    issued: 2026-03-01T09:30:00+01:00
    remedy: Order by mail to sales@example.com.
    note: contract 4711
    labels: [{name: team, value: billing}]
  - name: old-feed
    expires: never
`)
	want := []watch.Fact{
		watch.Credential{
			Subject: watch.Subject{
				ID: "report-designer", Name: "report-designer", Owners: []string{"ada@example.com"},
				Link: "https://shop.example.com/licences/7", Labels: map[string]string{"team": "billing"},
			},
			Form: "licence", Identity: "expires 2027-03-01T00:00:00Z",
			NotBefore: time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC), NotAfter: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC),
			Details: map[string]any{"expires": "2027-03-01", "issued": "2026-03-01T09:30:00+01:00", "note": "contract 4711"},
			Remedy:  "Order by mail to sales@example.com.",
		},
		watch.Credential{
			Subject: watch.Subject{ID: "old-feed", Name: "old-feed"}, Form: "credential", Identity: "never",
			Details: map[string]any{"expires": "never"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestAnIssueThatLiesAheadIsNoFault(t *testing.T) {
	got := collect(t, "credentials: [{name: a, issued: 2027-01-01, expires: 2028-01-01}, {name: b, issued: 2027-01-01, expires: never}]")
	for i, life := range []time.Duration{365 * 24 * time.Hour, 0} {
		fact := got[i].(watch.Credential)
		if !fact.NotBefore.IsZero() || fact.Life != life || fact.Details["issued"] != "2027-01-01" {
			t.Errorf("got %+v", fact)
		}
	}
	finding := policy.Judge{}.Finding(policy.Origin{Check: "c"}, got[0], asOf)
	if finding.Severity != watch.OK {
		t.Errorf("got %s: %s", finding.Severity, finding.Message)
	}
}

func TestWithoutARemedyTheNextStepNamesTheConfiguration(t *testing.T) {
	got := collect(t, "credentials: [{name: a, expires: 2027-03-01}]")[0].(watch.Credential).Remedy
	if want := "Renew it, then write its new date into the configuration of this check, which is all that Lapsewatch knows of it."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestANewDateIsARenewalOfTheSameSubject(t *testing.T) {
	before := collect(t, "credentials: [{name: a, expires: 2027-03-01}]")[0].(watch.Credential)
	after := collect(t, "credentials: [{name: a, expires: 2028-03-01}]")[0].(watch.Credential)
	if before.Subject.ID != after.Subject.ID || before.Identity == after.Identity {
		t.Errorf("got %s %q and %s %q", before.Subject.ID, before.Identity, after.Subject.ID, after.Identity)
	}
}

func TestADateReadsAsPeopleWriteIt(t *testing.T) {
	utc := func(year int, month time.Month, day, hour, minute, second, nano int) time.Time {
		return time.Date(year, month, day, hour, minute, second, nano, time.UTC)
	}
	const form = "want a date as 2027-03-01, or a time as 2027-03-01T17:00:00Z or 2027-03-01T17:00:00+01:00, or the word never"
	const noDay = "there is no such day or time in the calendar"
	cases := []struct {
		name, written string
		want          time.Time
		refused       string
	}{
		{"a bare date is the beginning of its day in UTC", "2027-03-01", utc(2027, 3, 1, 0, 0, 0, 0), ""},
		{"a date in quotes is the same", `"2027-03-01"`, utc(2027, 3, 1, 0, 0, 0, 0), ""},
		{"a time in UTC", "2027-03-01T17:00:00Z", utc(2027, 3, 1, 17, 0, 0, 0), ""},
		{"a time in quotes", `'2027-03-01T17:00:00Z'`, utc(2027, 3, 1, 17, 0, 0, 0), ""},
		{"a time in a zone", "2027-03-01T00:30:00+01:00", utc(2027, 2, 28, 23, 30, 0, 0), ""},
		{"a time west of Greenwich", "2027-12-31T20:00:00-08:00", utc(2028, 1, 1, 4, 0, 0, 0), ""},
		{"a fraction of a second", "2027-03-01T17:00:00.5Z", utc(2027, 3, 1, 17, 0, 0, 5e8), ""},
		{"a leap day", "2028-02-29", utc(2028, 2, 29, 0, 0, 0, 0), ""},
		{"the last day that is one", "9999-12-31", utc(9999, 12, 31, 0, 0, 0, 0), ""},
		{"a leap day of a year that has none", "2027-02-29", time.Time{}, `"2027-02-29": ` + noDay},
		{"a century without a leap day", "2100-02-29", time.Time{}, `"2100-02-29": ` + noDay},
		{"30 February", "2027-02-30", time.Time{}, `"2027-02-30": ` + noDay},
		{"30 February in quotes", `"2027-02-30"`, time.Time{}, `"2027-02-30": ` + noDay},
		{"the hour 25", "2027-03-01T25:00:00Z", time.Time{}, `"2027-03-01T25:00:00Z": ` + noDay},
		{"a zone of 25 hours", "2027-03-01T00:00:00+25:00", time.Time{}, `"2027-03-01T00:00:00+25:00": ` + noDay},
		{"day, month and year", "01/03/2027", time.Time{}, `"01/03/2027": ` + form},
		{"days with dots", "1.3.2027", time.Time{}, `"1.3.2027": ` + form},
		{"a bare number", "20270301", time.Time{}, `"20270301": ` + form},
		{"a number of seconds", "1803859200", time.Time{}, `"1803859200": ` + form},
		{"a number with a fraction", "2027.5", time.Time{}, `"2027.5": ` + form},
		{"a month without its zero", "2027-3-1", time.Time{}, `"2027-3-1": ` + form},
		{"a time without a zone", "2027-03-01T17:00:00", time.Time{}, `"2027-03-01T17:00:00": ` + form},
		{"a time after a space", "2027-03-01 17:00:00Z", time.Time{}, `"2027-03-01 17:00:00Z": ` + form},
		{"a comma in place of the point", `"2027-03-01T17:00:00,5Z"`, time.Time{}, `"2027-03-01T17:00:00,5Z": ` + form},
		{"true", "true", time.Time{}, `"true": ` + form},
		{"Never with a capital", "Never", time.Time{}, `"Never": ` + form},
		{"a year of two digits", "0027-03-01", time.Time{}, `"0027-03-01": want a year from 1970 on`},
		{"text that would turn a line round", `"2027\u202e"`, time.Time{}, `"2027�": ` + form},
		{"an essay", strings.Repeat("x", 500), time.Time{}, `"` + strings.Repeat("x", 39) + `…": ` + form},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			check, err := build(t, "credentials: [{name: a, expires: "+c.written+"}]")
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("got %v, want %s", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			_ = check.Collect(t.Context(), func(fact watch.Fact) {
				if got := fact.(watch.Credential).NotAfter; !got.Equal(c.want) || got.Location() != time.UTC {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		})
	}
}

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"nothing to watch", "credentials: []", "credentials: there is nothing to watch: give at least one credential"},
		{"no date", "credentials: [{name: a}]", "credentials[0].expires: is missing: want a date as 2027-03-01, or the word never"},
		{"no name", "credentials: [{expires: 2027-03-01}]", "credentials[0].name: want a name of 1 to 200 characters that can be seen"},
		{"a name twice", "credentials: [{name: a, expires: never}, {name: a, expires: never}]", `credentials[1].name: "a" is the name of credentials[0] too`},
		{"a link without TLS", "credentials: [{name: a, expires: never, link: http://example.com}]", "credentials[0].link: want an https URL without user name or password"},
		{"issued after it expires", "credentials: [{name: a, expires: 2027-03-01, issued: 2027-03-02}]", "credentials[0].issued: it would have been issued after it expires"},
		{"a form that policy takes for dateless", "credentials: [{name: a, expires: 2027-03-01, form: Federated credential}]", "credentials[0].form: a federated credential has no date that it could lapse on"},
		{"a form of two lines", `credentials: [{name: a, expires: 2027-03-01, form: "a\nb"}]`, "credentials[0].form: want one line of at most 60 characters that can be seen"},
		{"a label that no rule could name", "credentials: [{name: a, expires: never, labels: [{name: a b, value: c}]}]", "credentials[0].labels[0].name: want at most 63 of A-Z a-z 0-9 . _ - and a letter or digit first"},
		{"a label without a value", "credentials: [{name: a, expires: never, labels: [{name: team}]}]", "credentials[0].labels[0].value: want one line of 1 to 200 characters that can be seen"},
		{"a label twice", "credentials: [{name: a, expires: never, labels: [{name: t, value: a}, {name: t, value: b}]}]", `credentials[0].labels[1].name: label "t" is given twice`},
		{"too many", "credentials:\n" + strings.Repeat("- {name: a, expires: never}\n", 10_001), "credentials: 10001 entries are more than 10000"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := build(t, c.text)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestWhatCannotBeDecodedIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"a misspelt key":             "credentials: [{name: a, expires: never, expiry: 2027-03-01}]",
		"an issue date that is none": "credentials: [{name: a, expires: 2027-03-01, issued: never}]",
	} {
		if _, err := build(t, text); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestThousandsAreRead(t *testing.T) {
	var text strings.Builder
	text.WriteString("credentials:\n")
	for i := range 10_000 {
		text.WriteString("- {name: n" + time.Unix(int64(i), 0).UTC().Format("150405") + ", expires: 2027-03-01}\n")
	}
	if facts := collect(t, text.String()); len(facts) != 10_000 {
		t.Errorf("got %d facts", len(facts))
	}
}

func TestTheCheckKeepsItsContract(t *testing.T) {
	checktest.Run(t, checktest.Case{
		Kind: register.Kind, Decode: checktest.YAML("credentials: [{name: a, expires: 2027-03-01}, {name: b, expires: never}]"),
		Env: checktest.Env(asOf), Readable: 2, AllReadable: true,
	})
}

func TestAPassThatIsCutShortSaysSo(t *testing.T) {
	check, err := build(t, "credentials: [{name: a, expires: never}]")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = check.Collect(ctx, func(fact watch.Fact) { t.Errorf("got %+v", fact) })
	if !errors.Is(err, context.Canceled) || err.Error() != "the pass over the register was cut short: context canceled" {
		t.Errorf("got %v", err)
	}
}
