package jose_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/jose"
	"lapsewatch/internal/jose/josetest"
)

const rs256 = `{"alg":"RS256","kid":"k1","typ":"at+jwt"}`

func read(t *testing.T, token string) jose.Token {
	t.Helper()
	got, err := jose.Read([]byte(token))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestATokenIsReadWithoutItsKey(t *testing.T) {
	token := josetest.Raw(rs256, `{"iss":"https://login.example/","aud":["api","billing"],"sub":"alice@example.com","azp":"shop","scope":"read write","jti":"42","exp":1795000000,"nbf":1794990000.5,"iat":1794990000}`, "signature")
	got := read(t, token)
	want := jose.Token{
		Algorithm: "RS256", KeyID: "k1", Type: "at+jwt", Issuer: "https://login.example/", Audience: []string{"api", "billing"}, ClientID: "shop",
		Scopes:    []string{"read", "write"},
		ExpiresAt: time.Date(2026, 11, 18, 11, 6, 40, 0, time.UTC), NotBefore: time.Date(2026, 11, 18, 8, 20, 0, 5e8, time.UTC), IssuedAt: time.Date(2026, 11, 18, 8, 20, 0, 0, time.UTC),
		Fingerprint: got.Fingerprint, Holder: got.Holder,
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !strings.HasPrefix(got.Fingerprint, "sha256:") || len(got.Fingerprint) != len("sha256:")+12 || len(got.Holder) != 8 {
		t.Errorf("fingerprint %q, holder %q", got.Fingerprint, got.Holder)
	}
}

func TestWhatStandsAroundATokenIsTakenAway(t *testing.T) {
	token := josetest.Raw(rs256, `{"exp":1795000000}`, "signature")
	plain := read(t, token)
	for name, around := range map[string]string{
		"a line end": token + "\n", "a Windows line end": token + "\r\n", "a byte order mark": "\uFEFF" + token, "spaces": "  " + token + "\t ",
		"a scheme": "Bearer " + token, "a scheme in lower case": "bearer\t" + token + "\n", "spaces without width": "\u200b" + token + "\u2060", "a null": token + "\x00",
	} {
		if got := read(t, around); got.Fingerprint != plain.Fingerprint {
			t.Errorf("with %s it has another fingerprint", name)
		}
	}
}

func TestDatesThatAreNoneAreSaidToBeNone(t *testing.T) {
	tests := map[string]struct {
		exp  string
		want string
		date time.Time
	}{
		"a whole number":                   {exp: "1795000000", date: time.Unix(1795000000, 0)},
		"a number with a fraction":         {exp: "1795000000.25", date: time.Unix(1795000000, 250_000_000)},
		"a number with an exponent":        {exp: "1.795e9", date: time.Unix(1795000000, 0)},
		"zero":                             {exp: "0", date: time.Unix(0, 0)},
		"the last second of 9999":          {exp: "253402300799", date: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		"nothing":                          {exp: "null"},
		"a string":                         {exp: `"1795000000"`, want: `is the string "1795000000" and no number of seconds since 1970`},
		"a string with an escape sequence": {exp: `"\u001b[31mtomorrow\u202e"`, want: "is the string \"\uFFFD[31mtomorrow\uFFFD\" and no number of seconds since 1970"},
		"a long string":                    {exp: `"` + strings.Repeat("9", 1000) + `"`, want: `is the string "` + strings.Repeat("9", 39) + `…" and no number of seconds since 1970`},
		"a truth":                          {exp: "true", want: "is true and no number of seconds since 1970"},
		"a list":                           {exp: "[1795000000]", want: "is a list and no number of seconds since 1970"},
		"an object":                        {exp: `{"$gt":0}`, want: "is an object and no number of seconds since 1970"},
		"a negative number":                {exp: "-1", want: "is -1, which lies before 1970"},
		"a huge negative number":           {exp: "-1e300", want: "is -1e300, which lies before 1970"},
		"a negative number beyond all":     {exp: "-1e999", want: "is -1e999, which lies before 1970"},
		"a huge number":                    {exp: "1e300", want: "is 1e300, which lies after the year 9999"},
		"a number beyond all":              {exp: "1e99999999999999999999", want: "is 1e99999999999999999999, which lies after the year 9999"},
		"the largest of 64 bits":           {exp: "9223372036854775807", want: "is 9223372036854775807, which lies after the year 9999"},
		"one more than 64 bits":            {exp: "18446744073709551617", want: "is 18446744073709551617, which lies after the year 9999"},
		"the first second of 10000":        {exp: "253402300800", want: "is 253402300800, which lies after the year 9999; taken as milliseconds it is 1978-01-11 21:31 UTC"},
		"milliseconds":                     {exp: "1795000000000", want: "is 1795000000000, which lies after the year 9999; taken as milliseconds it is 2026-11-18 11:06 UTC"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := read(t, josetest.Raw(rs256, `{"exp":`+test.exp+`}`, "s"))
			if got.MalformedClaim("exp") != test.want || !got.ExpiresAt.Equal(test.date) {
				t.Errorf("%v, %q\nwant %v, %q", got.ExpiresAt, got.MalformedClaim("exp"), test.date, test.want)
			}
		})
	}
}

func TestAClaimThatIsWrittenTwiceIsNoDate(t *testing.T) {
	got := read(t, josetest.Raw(`{"alg":"none","alg":"RS256"}`, `{"exp":1,"exp":1795000000,"nbf":1,"EXP":2}`, "s"))
	want := []jose.Malformed{
		{Claim: "alg of the header", Text: "is written twice, and services differ in which of the two they take"},
		{Claim: "exp", Text: "is written twice, and services differ in which of the two they take"},
	}
	if fmt.Sprint(got.Malformed) != fmt.Sprint(want) || !got.ExpiresAt.IsZero() || got.NotBefore.Unix() != 1 {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsNoTokenIsRefusedWithoutBeingRepeated(t *testing.T) {
	const canary = "c4n4ry"
	deep := `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`
	var many strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&many, `"m%d":1,`, i)
	}
	tests := map[string]struct {
		token string
		kind  error
		want  string
	}{
		"nothing":                  {"", jose.ErrNoToken, "it is no JSON Web Token: that has three parts with dots between them"},
		"an opaque token":          {"ghp_" + canary, jose.ErrNoToken, "it is no JSON Web Token: that has three parts with dots between them"},
		"three words":              {canary + ".example.com", jose.ErrNoToken, "it is no JSON Web Token: its header is no JSON object"},
		"a header that is a list":  {josetest.Raw(`["alg"]`, `{}`, canary), jose.ErrNoToken, "it is no JSON Web Token: its header is no JSON object"},
		"a header without alg":     {josetest.Raw(`{"typ":"JWT"}`, `{}`, canary), jose.ErrNoToken, "it is no JSON Web Token: its header names no algorithm"},
		"claims that are a string": {josetest.Raw(rs256, `"`+canary+`"`, canary), jose.ErrDamaged, "it is no JSON Web Token, though it begins like one: its payload is no JSON object"},
		"claims with a second end": {josetest.Raw(rs256, `{}{}`, canary), jose.ErrDamaged, "it is no JSON Web Token, though it begins like one: its payload is no JSON object"},
		"claims that are deep":     {josetest.Raw(rs256, deep, canary), jose.ErrDamaged, "it is no JSON Web Token, though it begins like one: its payload is nested deeper than 32 levels"},
		"many claims":              {josetest.Raw(rs256, "{"+many.String()+`"z":1}`, canary), jose.ErrDamaged, "it is no JSON Web Token, though it begins like one: its payload has more than 1000 members"},
		"a signature with padding": {josetest.Raw(rs256, `{}`, "") + "YQ==", jose.ErrDamaged, "it is no JSON Web Token, though it begins like one: its signature is not base64url"},
		"two tokens, one a line":   {josetest.Raw(rs256, `{}`, canary) + "\r\n" + josetest.Raw(rs256, `{}`, canary), jose.ErrSeveral, "it is more than one token"},
		"two tokens with schemes":  {"Bearer " + josetest.Raw(rs256, `{}`, canary) + " Bearer " + josetest.Raw(rs256, `{}`, canary), jose.ErrSeveral, "it is more than one token"},
		"a token and two words":    {josetest.Raw(rs256, `{}`, canary) + "\n" + canary + ".example.com", jose.ErrDamaged, "it is no JSON Web Token, though it begins like one: one of its five parts is not base64url"},
		"a line end within":        {strings.Replace(josetest.Raw(rs256, `{"iss":"`+canary+`"}`, canary), ".", ".\n", 1), jose.ErrDamaged, "it is no JSON Web Token, though it begins like one: its payload is not base64url"},
		"an encrypted token":       {josetest.Raw(`{"alg":"RSA-OAEP","enc":"A256GCM"}`, canary, canary) + ".YQ.YQ", jose.ErrEncrypted, "it is an encrypted token (JWE, RFC 7516): only its recipient can read its dates"},
		"a huge one":               {josetest.Raw(rs256, `{"a":"`+strings.Repeat("a", 65536)+`"}`, canary), jose.ErrTooLarge, "it is larger than the 64 KiB that a token may have"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := jose.Read([]byte(test.token))
			if !errors.Is(err, test.kind) || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}

func TestTheHolderOutlastsARenewalAndTheFingerprintDoesNot(t *testing.T) {
	token := func(exp int, subject, audience, signature string) jose.Token {
		return read(t, josetest.Raw(rs256, fmt.Sprintf(`{"iss":"i","aud":%s,"sub":%q,"exp":%d}`, audience, subject, exp), signature))
	}
	first, renewed := token(1, "alice", `["a","b"]`, "s1"), token(2, "alice", `["b","a"]`, "s2")
	if first.Holder != renewed.Holder || first.Fingerprint == renewed.Fingerprint {
		t.Errorf("%+v\n%+v", first, renewed)
	}
	if token(1, "bob", `["a","b"]`, "s").Holder == first.Holder || token(1, "alice", `["a"]`, "s").Holder == first.Holder {
		t.Error("another subject or audience has the same holder")
	}
}

func TestTheFingerprintOfAnUnsignedTokenTellsNothingOfItsSubject(t *testing.T) {
	unsigned := func(subject string, exp int) string {
		return read(t, josetest.Raw(`{"alg":"none"}`, fmt.Sprintf(`{"iss":"i","sub":%q,"exp":%d}`, subject, exp), "")).Fingerprint
	}
	if unsigned("alice", 1) != unsigned("bob", 1) || unsigned("alice", 1) == unsigned("alice", 2) {
		t.Error("want a fingerprint of issuer, audience and dates alone")
	}
	if !read(t, josetest.Raw(`{"alg":"nOnE"}`, `{}`, "")).Unsigned() {
		t.Error("alg nOnE is taken for a signature")
	}
}

func FuzzRead(f *testing.F) {
	for _, claims := range []string{`{"exp":1795000000}`, `{"exp":1e300,"nbf":-1,"iat":"x"}`, `{"exp":1,"exp":2}`, `{"aud":["a",1,null],"scp":["b"]}`, `[]`, `{"a":{"a":{}}}`} {
		f.Add([]byte(josetest.Raw(rs256, claims, "s")))
		f.Add([]byte(josetest.Raw(rs256, claims, "s") + "\n" + josetest.Raw(rs256, claims, "t")))
		f.Add([]byte("Bearer " + josetest.Raw(`{"alg":"none"}`, claims, "") + "\n"))
	}
	f.Fuzz(func(t *testing.T, token []byte) {
		got, err := jose.Read(token)
		if err != nil {
			if !errors.Is(err, jose.ErrNoToken) && !errors.Is(err, jose.ErrEncrypted) && !errors.Is(err, jose.ErrTooLarge) && !errors.Is(err, jose.ErrSeveral) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		for _, date := range []time.Time{got.ExpiresAt, got.NotBefore, got.IssuedAt} {
			if _, err := json.Marshal(date); err != nil || !date.IsZero() && date.Before(time.Unix(0, 0)) {
				t.Errorf("the date %v: %v", date, err)
			}
		}
		again, err := jose.Read(jose.Bare(token))
		if err != nil || again.Fingerprint != got.Fingerprint {
			t.Errorf("read again it is %+v, %v", again, err)
		}
	})
}

func FuzzNumericDate(f *testing.F) {
	for _, seed := range []string{"1795000000", "1e300", "-1", "1.5", `"x"`, "253402300799.9999999", "1e-999", "null", "00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, number string) {
		got, err := jose.Read([]byte(josetest.Raw(rs256, `{"exp":`+number+`}`, "s")))
		if err == nil && !got.ExpiresAt.IsZero() && (got.ExpiresAt.Year() < 1970 || got.ExpiresAt.Year() > 9999) {
			t.Errorf("%q is %v", number, got.ExpiresAt)
		}
	})
}
