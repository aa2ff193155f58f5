package entra

import (
	"encoding/json"
	"testing"
	"time"

	"lapsewatch/watch"
)

func TestLivesAreHeldAgainstTheStrictestLimit(t *testing.T) {
	var policy policyAnswer
	if err := json.Unmarshal([]byte(`{"isEnabled":true,
		"applicationRestrictions":{
			"passwordCredentials":[
				{"restrictionType":"passwordAddition","state":"enabled","maxLifetime":null},
				{"restrictionType":"passwordLifetime","state":"disabled","maxLifetime":"P1D"},
				{"restrictionType":"passwordLifetime","state":"enabled","maxLifetime":"P90D","restrictForAppsCreatedAfterDateTime":"2025-01-01T00:00:00Z"},
				{"restrictionType":"symmetricKeyLifetime","state":"enabled","maxLifetime":"P2D"}],
			"keyCredentials":[{"restrictionType":"asymmetricKeyLifetime","maxLifetime":"P4DT12H30M5S"}]},
		"servicePrincipalRestrictions":{"passwordCredentials":[{"restrictionType":"passwordLifetime","state":"enabled","maxLifetime":"P1Y"}]}}`), &policy); err != nil {
		t.Fatal(err)
	}
	limits, err := policy.lifetimes()
	if err != nil {
		t.Fatal(err)
	}
	old, recent := time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	secretOf := func(days int) item {
		return item{form: watch.ClientSecret, start: now, end: now.Add(time.Duration(days) * day)}
	}
	for _, row := range []struct {
		name string
		h    holder
		i    item
		want string
	}{
		{"within the policy", holder{created: recent}, secretOf(90), ""},
		{"beyond the policy", holder{created: recent}, secretOf(180), "has a life of 180 days, longer than the 90 days that the tenant's app management policy allows"},
		{"the policy leaves older applications alone", holder{created: old}, secretOf(180), ""},
		{"two calendar years with a leap day", holder{created: old}, secretOf(731), ""},
		{"beyond max_life", holder{created: old}, secretOf(1095), "has a life of 1095 days, longer than the 730 days that max_life allows"},
		{"a certificate", holder{created: old}, item{form: watch.ClientCertificate, start: now, end: now.Add(30 * day)}, "has a life of 30 days, longer than the 4 days that the tenant's app management policy allows"},
		{"a service principal", holder{principal: true}, secretOf(500), "has a life of 500 days, longer than the 365 days that the tenant's app management policy allows"},
		{"one that never ends is told of as such", holder{created: old}, item{form: watch.ClientSecret, start: now, end: time.Date(2299, 12, 30, 0, 0, 0, 0, time.UTC)}, ""},
		{"a signing certificate lasts three years by default", holder{principal: true}, item{form: watch.SigningCertificate, start: now, end: now.Add(1095 * day)}, ""},
		{"a life of which the beginning is not known", holder{created: old}, item{form: watch.ClientSecret, end: now.Add(5000 * day)}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			options := defaults()
			d := describer{options: &options, lifetimes: limits}
			observation, _ := d.tooLong(&row.h, &row.i)
			equal(t, "observation", observation.Text, row.want)
		})
	}
}

func TestAPolicyThatCannotBeReadIsNotTakenForNone(t *testing.T) {
	policy := policyAnswer{IsEnabled: true, Applications: policyRestrictions{Passwords: []policyRestriction{{Type: "passwordLifetime", MaxLifetime: "ninety days"}}}}
	_, err := policy.lifetimes()
	if err == nil {
		t.Fatal("no error")
	}
	equal(t, "error", err.Error(), `read the limit passwordLifetime of the app management policy: "ninety days" is no duration such as P90D`)
	policy.IsEnabled = false
	if _, err := policy.lifetimes(); err != nil {
		t.Errorf("of a policy that is switched off: %v", err)
	}
}

func TestParseSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"P90D": 90 * day, "P1Y": 365 * day, "P4DT12H30M5S": 4*day + 12*time.Hour + 30*time.Minute + 5*time.Second,
		"P6M": 180 * day, "P2W": 14 * day, "PT36H": 36 * time.Hour, "PT0.5S": 0, "P": 0, "PT": 0, "P1DT": 0, "": 0, "P1": 0, "-P1D": 0,
		"xP1D": 0, "P1Dx": 0, "P9999Y": 0, "P0D": 0, "P999999D": 0, "PT1M": time.Minute, "P1M": 30 * day,
	} {
		got, err := parseSpan(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestLenientTime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-07-16T23:59:55.212Z":  "2026-07-16T23:59:55.212Z",
		"2021-04-01T21:36:48-8:00":  "2021-04-02T05:36:48Z",
		"2021-04-01T21:36:48-08:00": "2021-04-02T05:36:48Z",
		"2021-04-01T21:36:48+0530":  "2021-04-01T16:06:48Z",
		"2021-04-01T21:36:48+2":     "2021-04-01T19:36:48Z",
		"2021-04-01T21:36:48":       "2021-04-01T21:36:48Z",
		"2021-04-01 21:36:48z":      "2021-04-01T21:36:48Z",
		"0001-01-01T00:00:00Z":      "", "1601-01-01T00:00:00Z": "", "2021-13-01T00:00:00Z": "", "yesterday": "", "": "", "2021-04-01": "",
		"2021-04-01T21:36:48-99:00": "",
	} {
		got, ok := lenientTime(text)
		if ok != (want != "") || ok && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q is %v, %v; want %s", text, got, ok, want)
		}
	}
}
