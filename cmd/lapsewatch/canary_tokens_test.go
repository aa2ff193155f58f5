package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lapsewatch/internal/pki"
)

// withoutTokens are the kinds that hold no token, with why they need no canary here.
var withoutTokens = map[string]string{
	"tls": "it has no secret", "saml": "it has no secret", "domain": "it has no secret", "register": "it has no secret",
	"certfiles": "its passphrases are its own tests' business", "clock": "its passwords are its own tests' business",
	"records": "its password is internal/sqlread's tests' business", "schema": "its password is internal/sqlread's tests' business",
	"mailflow": "its logins are not by HTTP: its own tests' business",
}

// jwt makes a token of which every part is a canary, and a reference to its file.
func (c canaries) jwt(name string) string {
	secret := "cAnArY" + rand.Text()
	encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	payload := encoded(fmt.Sprintf(`{"iss":"https://login.example","aud":"api","sub":%q,"jti":%q,"exp":4000000000,"iat":1700000000}`, secret, secret+"-id"))
	signature := encoded("signature-" + secret)
	c.values[name+"'s subject"], c.values[name+"'s payload"], c.values[name+"'s signature"] = secret, payload, signature
	return fmt.Sprintf("{file: %q}", c.write("secrets/"+name, encoded(`{"alg":"RS256","kid":"1"}`)+"."+payload+"."+signature))
}

// key makes a private key; nil makes one of an elliptic curve.
func (c canaries) key(name string, key crypto.Signer) string {
	_, private := c.pair(name, key)
	return fmt.Sprintf("{file: %q}", c.write("secrets/"+name, private))
}

// certificate makes an RSA key with a certificate of its own.
func (c canaries) certificate(name string) string {
	chain, private := c.pair(name, c.rsa())
	return fmt.Sprintf("{file: %q}", c.write("secrets/"+name, chain+private))
}

func (c canaries) rsa() crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		c.t.Fatal(err)
	}
	return key
}

func (c canaries) pair(name string, key crypto.Signer) (chain, private string) {
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "client", Key: key})
	if err != nil {
		c.t.Fatal(err)
	}
	pem, err := pair.KeyPEM()
	if err != nil {
		c.t.Fatal(err)
	}
	c.values[name] = strings.Split(string(pem), "\n")[1]
	return string(pair.ChainPEM()), string(pem)
}

// checks are the options of checks of each kind, which use every token that there is.
func (c canaries) checks() map[string]string {
	options := func(format string, args ...any) string { return fmt.Sprintf(format, args...) }
	folder := filepath.Join(c.folder, "secrets", "mounted")
	if err := os.Mkdir(folder, 0o700); err != nil {
		c.t.Fatal(err)
	}
	c.jwt("mounted/token")
	client := func(name string) string {
		return options("token_url: %q, client_id: app, client_secret: %s", c.at+"/token", c.file(name, "", ""))
	}
	return map[string]string{
		"jwt":  options("tokens: [{name: one, token: %s}], paths: [%q], keys: {url: %q}, ca_file: %q", c.jwt("jwt"), folder, c.at+"/keys", c.authority),
		"oidc": options("issuers: [{name: one, issuer: %q, tokens: [%s]}], ca_file: %q", c.at, c.jwt("oidc"), c.authority),
		"oauth": options(`ca_file: %q, sign_ins: [
      {name: basic, %s}, {name: post, client_auth: client_secret_post, %s},
      {name: assertion, token_url: %q, client_id: app, client_key: %s},
      {name: refresh, grant: refresh_token, life: 90d, store: %s, %s}],
    introspections: [{name: asked, introspection_url: %q, client_id: app, client_secret: %s, token: %s}],
    refresh_tokens: [{name: reckoned, token: %s, life: 90d}]`,
			c.authority, client("basic"), client("post"), c.at+"/token", c.key("assertion", nil), c.file("refresh", "", ""), client("refresher"),
			c.at+"/introspect", c.file("introspector", "", ""), c.file("asked", "", ""), c.file("reckoned", "", "")),
		"github": options(`api_url: %q, ca_file: %q, tokens: [{name: one, token: %s}, {name: inst, token: %s}], apps: [{name: app, app_id: 7, private_key: %s}],
    organizations: [{name: by app, organization: acme, sso: true, app: {app_id: 7, private_key: %s}}, {name: by token, organization: acme, sso: true, token: %s}]`,
			c.at, c.authority, c.file("github-token", "ghp_", ""), c.file("github-installation", "ghs_", ""), c.key("github-app", c.rsa()), c.key("github-lister-app", c.rsa()), c.file("github-lister", "ghp_", "")),
		"gitlab": options("url: %q, ca_file: %q, tokens: [{name: one, token: %s}], token: %s, projects: [{name: shop, project: platform/shop}]",
			c.at, c.authority, c.file("gitlab-token", "glpat-", ""), c.file("gitlab-lister", "glpat-", "")),
		"azuredevops": options(`organization: acme, url: %q, ca_file: %q, tokens: [{name: one, token: %s, expires: 2030-01-31}],
    list: {tenant: contoso.onmicrosoft.com, client_id: 7e4a0000-0000-4000-8000-000000000003, sign_in: certificate, certificate: %s, authority_url: %q, url: %q, ca_file: %q}`,
			c.at, c.authority, c.file("pat", "", ""), c.certificate("azuredevops"), c.at, c.at, c.authority),
		"endpoint": options("ca_file: %q, groups: [{name: rings, members: [{name: ring-1, url: %q, headers: [{name: Authorization, value: %s}]}]}]", c.authority, c.at+"/ring-1", c.file("ring", "", "")),
		"upstream": options(`ca_file: %q, upstreams: [{name: cloud, sources: [{kind: azure_health, url: %q, azure: {subscription: 7e4a0000-0000-4000-8000-000000000009,
      tenant: contoso.onmicrosoft.com, client_id: 7e4a0000-0000-4000-8000-000000000004, sign_in: secret, secret: %s, authority_url: %q}}]}]`, c.authority, c.at, c.file("azure-health", "", ""), c.at),
		"npm":   options("registry: %q, ca_file: %q, tokens: [{name: one, token: %s}]", c.at, c.authority, c.file("npm", "npm_", "")),
		"slack": options("url: %q, ca_file: %q, tokens: [{name: one, token: %s}]", c.at+"/api/", c.authority, c.file("slack", "xoxb-", "")),
		"entra": options("tenant: contoso.onmicrosoft.com, client_id: 7e4a0000-0000-4000-8000-000000000002, sign_in: secret, secret: %s, authority_url: %q, graph_url: %q, ca_file: %q",
			c.file("entra", "", ""), c.at, c.at, c.authority),
	}
}

// tokenEchoes are services that take what they are sent for good, or lie about it.
func tokenEchoes() map[string]http.HandlerFunc {
	all := echoes()
	said := func(r *http.Request) string {
		body, _ := io.ReadAll(r.Body)
		return strings.Map(func(r rune) rune {
			if r == '"' || r == '\\' || r < ' ' {
				return ' '
			}
			return r
		}, r.Header.Get("Authorization")+" "+r.Header.Get("Private-Token")+" "+string(body))
	}
	all["an OAuth refusal"] = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"ok":false,"error":"invalid_client","error_description":"%s","error_uri":"%s","message":"%s"}`, said(r), said(r), said(r))
	}
	all[repeating] = func(w http.ResponseWriter, r *http.Request) { repeat(w, r, said(r)) }
	return all
}

// A14: nothing of a token stands in any stream, file or database, whatever services repeat.
func TestF15_NoPartOfATokenIsShownOrKept(t *testing.T) {
	for name, handler := range tokenEchoes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lookForTokens(t, handler, name == repeating)
		})
	}
}

// lookForTokens looks for them in all that checks of each kind show and keep. obliging: the
// services let each check get to its last question.
func lookForTokens(t *testing.T, handler http.HandlerFunc, obliging bool) {
	c := canaries{installation: newInstallation(t), values: map[string]string{}}
	if err := os.Mkdir(c.path("secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	var asked paths
	c.at, c.authority = c.serveTLS(func(w http.ResponseWriter, r *http.Request) {
		asked.add(r.URL.Path)
		handler(w, r)
	})
	c.values["what a service mints"] = minted
	options := c.checks()
	var checks []string
	for _, kind := range catalog().Checks {
		its, has := options[kind.Name()]
		if _, excused := withoutTokens[kind.Name()]; has == excused {
			t.Errorf("the kind %s has no canary: give it one, with all of its tokens, or say why it needs none", kind.Name())
		}
		if has {
			checks = append(checks, fmt.Sprintf("{name: %s, kind: %s, options: {%s}}", kind.Name(), kind.Name(), its))
		}
	}
	told := c.write("tell", "#!/bin/sh\ncat >>\"$(dirname \"$0\")/told-$$\"\n")
	if err := os.Chmod(told, 0o700); err != nil {
		t.Fatal(err)
	}
	c.write("lapsewatch.yaml", fmt.Sprintf(`
checks:
  - %s
alerts:
  - {name: told, kind: exec, options: {command: [%q]}}
ledger: {dsn: "sqlite:%s"}
log: {level: debug}
limits: {deadline: 2m}
`, strings.Join(checks, "\n  - "), told, c.path("ledger.db")))
	for _, output := range []string{"table", "json", "jsonl", "csv", "html", "ics", "markdown"} {
		_, stdout, stderr := c.lapsewatch("run", "--output", output)
		c.lookIn("stdout as "+output, stdout)
		c.lookIn("stderr", stderr)
	}
	_, stdout, stderr := c.lapsewatch("config", "check", "--online")
	c.lookIn("config check --online", stdout+stderr)
	c.lookInFiles()
	if files, err := filepath.Glob(c.path("told-*")); err != nil || len(files) == 0 {
		t.Errorf("nobody was told of anything: %v\n%s", err, stderr)
	}
	asked.want(t, obliging)
	if len(c.values) < 25 {
		t.Errorf("only %d canaries: %v", len(c.values), c.values)
	}
}
