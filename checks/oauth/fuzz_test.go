package oauth

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

func FuzzTokenAnswer(f *testing.F) {
	for _, seed := range []struct {
		status          int
		challenge, body string
	}{
		{200, "", `{"access_token":"a","expires_in":1e300,"scope":"a b"}`},
		{400, "", `{"error":"invalid_client","error_description":"the secret has expired"}`},
		{401, `Basic realm="x", error="invalid_client", error_description="\"`, ""},
		{200, "", `{"error":{"code":"x","message":"y"},"refresh_token":"z"}`},
		{503, `error="`, "<html>"},
		{200, "", `{"active":true,"exp":"1","scope":[1,"a"]}`},
	} {
		f.Add(seed.status, seed.challenge, seed.body)
	}
	web, err := webclient.Open(webclient.Setup{}, webclient.Env{HTTP: &http.Client{Transport: &http.Transport{}}, Now: time.Now, Timeout: time.Second})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, challenge, body string) {
		got := readAnswer(webclient.Answer{Status: status, Header: http.Header{"Www-Authenticate": {challenge}}, Body: []byte(body)})
		for _, s := range []SignIn{{}, {Grant: refreshToken, Client: Client{Method: privateKeyJWT}}, {Client: Client{Method: tlsAuth}}} {
			judged := s.judge(web, webclient.Request{Method: http.MethodPost, URL: "https://x.example/token", Private: true}, got)
			if judged.granted() != (status == http.StatusOK && got.text("access_token") != "" && judged.Reason == "") {
				t.Errorf("it is granted: %+v", judged)
			}
			if strings.ContainsAny(judged.Text+judged.Code, "\x1b\r\n\u202e\x00") || len([]rune(judged.Text)) > 1000 {
				t.Errorf("it tells %q", judged.Text)
			}
		}
		if life, malformed := got.span("expires_in"); life < 0 || life > longestLived || life > 0 && malformed != "" {
			t.Errorf("it lives for %s, %q", life, malformed)
		}
		q := question{got: got}
		for claim, at := range func() map[string]time.Time { dates, _ := q.dates(); return dates }() {
			if at.Year() > 9999 || at.Before(time.Unix(0, 0)) && !at.IsZero() {
				t.Errorf("%s is %s", claim, at)
			}
		}
		compareScopes([]string{"a"}, nil, got, map[string]any{})
	})
}

func FuzzWhatAKilledRunLeft(f *testing.F) {
	for _, seed := range [][2]string{{"old", "new\n"}, {"old\n", "ne"}, {"", "new\n\x00\x00"}, {"\uFEFFold", "\n"}, {"a b", "\x00\n"}} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, stored, rescued []byte) {
		v := &vault{path: filepath.Join(t.TempDir(), "token")}
		for path, text := range map[string][]byte{v.path: stored, v.path + rescueSuffix: rescued} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := v.load(past{Token: "x", UsedUp: fingerprint(strings.TrimSpace(string(stored)))}); err != nil {
			return
		}
		if token := []byte(v.token.Reveal()); !isToken(token) {
			t.Errorf("it would send %q", token)
		}
		if err := v.install(t.Context(), v.token, time.Time{}); err != nil {
			t.Fatal(err)
		}
		again := &vault{path: v.path}
		if err := os.Remove(v.path + rescueSuffix); err != nil {
			t.Fatal(err)
		}
		if err := again.load(past{}); err != nil || again.token.Reveal() != v.token.Reveal() {
			t.Errorf("it stored %q and reads %q, %v", v.token.Reveal(), again.token.Reveal(), err)
		}
	})
}

var _ watch.Trier = (*check)(nil)
