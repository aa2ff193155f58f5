package npm

import (
	"strings"
	"testing"
)

func FuzzListedToken(f *testing.F) {
	for _, seed := range []string{
		`{"name":"publish_token","key":"d83cf1aa-0000-4000-8000-000000000001","token":"npm_NYn6...jCq0","expiry":"2026-02-03T20:06:18.920Z","cidr":[],"bypass_2fa":true,"revoked":null,"permissions":[{"name":"package","action":"write"}]}`,
		`{"key":"***","token":"npm_NYn6…jCq0","expiry":null}`, `{"expiry":"0001-01-01T00:00:00Z"}`, `{"revoked":"x"}`, `null`, `[]`, `{"permissions":{},"readonly":"yes"}`,
	} {
		f.Add([]byte(seed), "npm_NYn6xxxxxxxxxxxxjCq0")
	}
	f.Fuzz(func(t *testing.T, raw []byte, token string) {
		found, revoked := read(raw)
		if id := found.id("ada"); !plainKey.MatchString(id) {
			t.Errorf("%q has the id %q", raw, id)
		}
		if !revoked && found.fault == nil && found.expiry.Year() == 1 && !found.expiry.IsZero() {
			t.Errorf("%q ends at %s", raw, found.expiry)
		}
		if found.matches(token) && (token == "" || strings.Contains(found.abbreviation, token)) {
			t.Errorf("%q is taken for %q", token, found.abbreviation)
		}
	})
}
