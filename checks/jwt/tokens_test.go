package jwt_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/jwt"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/watch"
)

const header = `{"alg":"RS256","kid":"k1","typ":"at+jwt"}`

// claims are those of a token, with dates in seconds from asOf.
func claims(format string, of ...any) string { return fmt.Sprintf(format, of...) }

func in(d time.Duration) int64 { return asOf.Add(d).Unix() }

const (
	hour = time.Hour
	day  = 24 * hour
)

func TestATokenTellsItsDatesAndItsHolder(t *testing.T) {
	token := josetest.Raw(header, claims(`{"iss":"https://login.example/","aud":["api","billing"],"sub":"alice@example.com","jti":"j-1","azp":"shop","scope":"read write","exp":%d,"nbf":%d,"iat":%d}`, in(90*day), in(-hour), in(-2*hour)), "signature")
	fact, ok := newDesk().one(t, token+"\n", jwt.Options{}).(watch.Credential)
	if !ok {
		t.Fatalf("%+v", fact)
	}
	if fact.Subject.ID != "token:token" || fact.Subject.Name != "token" || fact.Form != watch.AccessToken || !strings.HasPrefix(fact.Identity, "sha256:") ||
		!fact.NotAfter.Equal(asOf.Add(90*day)) || !fact.NotBefore.Equal(asOf.Add(-hour)) || fact.Life != 90*day+2*hour || fact.Observations != nil {
		t.Errorf("%+v", fact)
	}
	fact.Details["place"] = "-"
	want := fmt.Sprintf("map[algorithm:RS256 audience:[api billing] client_id:shop holder:%s issued_at:2026-11-22T04:00:00Z issuer:https://login.example/ key_id:k1 not_before:2026-11-22T05:00:00Z place:- scopes:2 type:at+jwt]", fact.Details["holder"])
	if got := fmt.Sprint(fact.Details); got != want {
		t.Errorf("details %s\nwant    %s", got, want)
	}
}

func TestWhatAnOperatorIsToldOfATokensDates(t *testing.T) {
	tests := map[string]struct{ claims, want string }{
		"a long life":                     {claims(`{"iat":%d,"exp":%d}`, in(-30*day), in(90*day)), "ok : access token expires 2027-02-20 06:00 UTC, in 90 days"},
		"a month left":                    {claims(`{"iat":%d,"exp":%d}`, in(-335*day), in(20*day)), "warning expires_soon: access token expires 2026-12-12 06:00 UTC, in 20 days"},
		"a token that was not renewed":    {claims(`{"iat":%d,"exp":%d}`, in(-55*time.Minute), in(5*time.Minute)), "warning renewal_overdue: access token should have been renewed by now (life of 60 min): expires 2026-11-22 06:05 UTC, in 5 min"},
		"a token that lives for an hour":  {claims(`{"iat":%d,"exp":%d}`, in(-30*time.Minute), in(30*time.Minute)), "ok : access token expires 2026-11-22 06:30 UTC, in 30 min"},
		"a fraction of a second":          {claims(`{"exp":%d.5}`, in(-hour)), "critical expired: access token expired 2026-11-22 05:00 UTC, 1 h ago"},
		"no end":                          {`{"iss":"i"}`, "notice never_expires: access token has no expiry date"},
		"an end that is null":             {`{"exp":null}`, "notice never_expires: access token has no expiry date"},
		"a start within the tolerance":    {claims(`{"nbf":%d,"iat":%d,"exp":%d}`, in(59*time.Second), in(59*time.Second), in(90*day)), "ok : access token expires 2027-02-20 06:00 UTC, in 90 days"},
		"a start that lies ahead":         {claims(`{"nbf":%d,"exp":%d}`, in(2*hour), in(90*day)), "critical not_yet_valid: access token is not valid before 2026-11-22 08:00 UTC, in 2 h; it expires 2027-02-20 06:00 UTC, in 90 days"},
		"an issuer whose clock is ahead":  {claims(`{"iat":%d,"exp":%d}`, in(hour+5*time.Second), in(90*day)), "warning clock_drift: access token was issued at 2026-11-22 07:00:05 UTC, 1 h 5 s from now: the clock of its issuer is ahead, or that of this machine behind; it expires 2027-02-20 06:00 UTC, in 90 days"},
		"the same with a start":           {claims(`{"iat":%d,"nbf":%d,"exp":%d}`, in(hour), in(hour), in(90*day)), "critical not_yet_valid: access token is not valid before 2026-11-22 07:00 UTC, in 1 h; it expires 2027-02-20 06:00 UTC, in 90 days | warning clock_drift: was issued at 2026-11-22 07:00:00 UTC, 1 h from now: the clock of its issuer is ahead, or that of this machine behind"},
		"an end before the start":         {claims(`{"nbf":%d,"exp":%d}`, in(-day), in(-2*day)), "critical invalid_dates: access token is never valid: its notAfter, 2026-11-20 06:00 UTC, lies before its notBefore, 2026-11-21 06:00 UTC"},
		"issued after the end":            {claims(`{"iat":%d,"exp":%d}`, in(-time.Minute), in(-hour)), "critical expired: access token expired 2026-11-22 05:00 UTC, 1 h ago"},
		"an end that is a string":         {`{"exp":"1795000000"}`, `warning claims_malformed: access token has a claim exp that is the string "1795000000" and no number of seconds since 1970; nobody can say when it lapses`},
		"an end in milliseconds":          {`{"exp":1795000000000}`, "warning claims_malformed: access token has a claim exp that is 1795000000000, which lies after the year 9999; taken as milliseconds it is 2026-11-18 11:06 UTC; nobody can say when it lapses"},
		"an end that is negative":         {`{"exp":-1}`, "warning claims_malformed: access token has a claim exp that is -1, which lies before 1970; nobody can say when it lapses"},
		"an end beyond all":               {`{"exp":1e300}`, "warning claims_malformed: access token has a claim exp that is 1e300, which lies after the year 9999; nobody can say when it lapses"},
		"an end that is written twice":    {claims(`{"exp":%d,"exp":9999999999}`, in(-day)), "warning claims_malformed: access token has a claim exp that is written twice, and services differ in which of the two they take; nobody can say when it lapses"},
		"a start that is no date":         {claims(`{"nbf":true,"exp":%d}`, in(90*day)), "warning claims_malformed: access token has a claim nbf that is true and no number of seconds since 1970; it expires 2027-02-20 06:00 UTC, in 90 days"},
		"hostile words in place of dates": {`{"exp":"\u001b]0;x\u0007\u202e<script>"}`, "warning claims_malformed: access token has a claim exp that is the string \"\uFFFD]0;x\uFFFD<script>\" and no number of seconds since 1970; nobody can say when it lapses"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := told(newDesk().one(t, josetest.Raw(header, test.claims, "s"), jwt.Options{}), asOf); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestUnexpectedClaimsAreTold(t *testing.T) {
	expecting := jwt.Options{Issuer: "https://login.example", Audience: "api"}
	tests := map[string]struct{ claims, want string }{
		"as expected":      {`{"iss":"https://login.example","aud":["x","api"]}`, "notice never_expires: access token has no expiry date"},
		"another issuer":   {`{"iss":"https://login.example/","aud":"api"}`, `warning claims_unexpected: access token is of the issuer "https://login.example/", where "https://login.example" is expected; it has no expiry date | notice never_expires: has no expiry date`},
		"another audience": {`{"iss":"https://login.example","aud":["x","y"]}`, `warning claims_unexpected: access token is for the audience "x, y", where "api" is expected; it has no expiry date | notice never_expires: has no expiry date`},
		"neither": {`{}`, `warning claims_unexpected: access token names no issuer, where "https://login.example" is expected; it has no expiry date | ` +
			`warning claims_unexpected: names no audience, where "api" is expected | notice never_expires: has no expiry date`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := told(newDesk().one(t, josetest.Raw(header, test.claims, "s"), expecting), asOf); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
