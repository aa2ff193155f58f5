package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
)

// token FILE key=value… writes a JSON Web Token: iss, aud, alg=none, from= and to= (RFC
// 3339) for iat and exp, or exp= for a number as it is.
func makeToken(ts *testscript.TestScript, _ bool, args []string) {
	claims := jwt.MapClaims{"sub": "secret-subject", "jti": "secret-id"}
	var method jwt.SigningMethod = jwt.SigningMethodHS256
	var key any = []byte("a key that nobody needs to read dates")
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "alg":
			method, key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType
		case "from", "to":
			date, err := time.Parse(time.RFC3339, value)
			ts.Check(err)
			claims[map[string]string{"from": "iat", "to": "exp"}[name]] = date.Unix()
		case "exp":
			number, err := strconv.ParseInt(value, 10, 64)
			ts.Check(err)
			claims[name] = number
		default:
			claims[name] = value
		}
	}
	signed, err := jwt.NewWithClaims(method, claims).SignedString(key)
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o700))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(signed+"\n"), 0o600))
}

// day VARIABLE N puts the date that begins N days after today (UTC) into VARIABLE.
func setDay(ts *testscript.TestScript, _ bool, args []string) {
	days, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Setenv(args[0], time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly))
}

// A service's secret is replaced at the authorization server and not in its file: people
// are told by the next run, the server is left alone, and a mended secret is tried at once.
func TestO1_ASignInThatFailsIsToldAtOnceAndNotHammered(t *testing.T) {
	root, err := pki.NewRoot("authority")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := root.Issue(pki.Spec{CommonName: "127.0.0.1", Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	server := parts.OAuth(t, root, pair, parts.OAuthOptions{})
	i := newInstallation(t)
	secret, ca := i.write("crm-secret", "basic-secret\n"), i.write("ca.pem", string(root.ChainPEM()))
	told := i.write("tell", "#!/bin/sh\ncat >>\"$(dirname \"$0\")/told\"\n")
	if err := os.Chmod(told, 0o700); err != nil {
		t.Fatal(err)
	}
	i.write("lapsewatch.yaml", fmt.Sprintf(`
checks:
  - name: sign-ins
    kind: oauth
    options:
      ca_file: %q
      sign_ins: [{name: crm-mail, issuer: %q, client_id: basic, client_secret: {file: %q}, owners: [crm@example.com]}]
alerts: [{name: told, kind: exec, options: {command: [%q]}}]
ledger: {dsn: "sqlite:%s"}
`, ca, server.Issuer, secret, told, i.path("ledger.db")))
	run := func() (severity, reason, message, news string) {
		t.Helper()
		_ = os.Remove(i.path("told"))
		code, stdout, stderr := i.lapsewatch("run", "--output", "json")
		var report struct {
			Findings []struct{ Check, Severity, Reason, Message string }
		}
		if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitDone {
			t.Fatalf("exit code %d, %v:\n%s%s", code, err, stdout, stderr)
		}
		heard, _ := os.ReadFile(i.path("told")) // not there where nobody was told
		for _, finding := range report.Findings {
			if finding.Check == "sign-ins" {
				return finding.Severity, finding.Reason, finding.Message, string(heard)
			}
		}
		t.Fatalf("no finding of the sign-in:\n%s", stdout)
		return "", "", "", ""
	}
	if severity, _, message, news := run(); severity != "ok" || !strings.HasPrefix(message, "signs in: answered in ") || news != "" {
		t.Errorf("with the right secret it is %s, %s; told: %s", severity, message, news)
	}
	i.write("crm-secret", "the secret of last year")
	severity, reason, message, news := run()
	want := "cannot sign in at " + server.Issuer + " as client basic: its client is refused (invalid_client: client authentication failed)"
	if severity != "critical" || reason != "sign_in_client_refused" || message != want || !strings.Contains(news, "crm-mail") {
		t.Errorf("with a wrong secret it is %s %s, %s; told: %s\nwant %s", severity, reason, message, news, want)
	}
	if severity, reason, message, news = run(); severity != "critical" || reason != "sign_in_client_refused" || !strings.Contains(message, "not asked again before ") || news != "" {
		t.Errorf("in the next run it is %s %s, %s; told: %s", severity, reason, message, news)
	}
	i.write("crm-secret", "basic-secret")
	if severity, _, message, news = run(); severity != "ok" || !strings.Contains(news, "resolved") {
		t.Errorf("with the right secret again it is %s, %s; told: %s", severity, message, news)
	}
}
