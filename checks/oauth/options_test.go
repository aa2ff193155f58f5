package oauth_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/watch"
)

const leastOptions = `
sign_ins:
  - {name: crm, issuer: "https://login.example.com", client_id: crm, client_secret: {env: SECRET}}
`

// decoded reads options as configuration does.
func decoded(text string) (oauth.Options, error) {
	return watch.FillOptions(func() oauth.Options { return oauth.Options{ClockTolerance: watch.Duration(time.Minute)} }, checktest.YAML(text))
}

func TestWrongOptionsAreNamedWithTheirPlace(t *testing.T) {
	if _, err := decoded(leastOptions); err != nil {
		t.Fatalf("the least options are refused: %v", err)
	}
	const refresh = `name: a, issuer: "https://x.example", client_id: a, grant: refresh_token, life: 90d, `
	for _, row := range []struct{ name, text, want string }{
		{"nothing", `{}`, "sign_ins: there is nothing to look at: give sign_ins, introspections or refresh_tokens"},
		{"no server", `sign_ins: [{name: a, client_id: a}]`, "sign_ins[0]: name the authorization server: give issuer, or the URL of its endpoint"},
		{"an issuer over http", `sign_ins: [{name: a, client_id: a, issuer: "http://x.example"}]`, `sign_ins[0].issuer: "http://x.example" is http: anybody on the way can read and change what is sent there`},
		{"an endpoint over http", `sign_ins: [{name: a, client_id: a, token_url: "http://x.example"}]`, "sign_ins[0].token_url: want an https URL without user name or fragment"},
		{"no client", `sign_ins: [{name: a, issuer: "https://x.example"}]`, "sign_ins[0].client_id: want 1 to 2000 visible characters"},
		{"a name twice", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example"}, {name: a, client_id: a, issuer: "https://x.example"}]`, `sign_ins[1].name: "a" is the name of sign_ins[0] too`},
		{"a method that there is not", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example", client_auth: client_secret_jwt}]`, "sign_ins[0].client_auth: want client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, self_signed_tls_client_auth or none"},
		{"a method without its key", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example", client_auth: private_key_jwt}]`, "sign_ins[0].client_key: is needed by this client_auth, private_key_jwt"},
		{"a certificate without its key", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example", client_certificate: {env: A}}]`, "sign_ins[0].client_key: is needed by this client_auth, tls_client_auth"},
		{"a secret that nobody uses", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example", client_auth: none, client_secret: {env: A}}]`, "sign_ins[0].client_secret: is of no use with this client_auth, none"},
		{"an assertion's key with a secret", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example", client_secret: {env: A}, key_id: x}]`, "sign_ins[0].key_id: is of no use with this client_auth, client_secret_basic"},
		{"an algorithm", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example", client_key: {env: A}, signing_algorithm: HS256}]`, "sign_ins[0].signing_algorithm: want RS256, PS256, ES256, ES384, ES512 or EdDSA"},
		{"a grant", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example", grant: password}]`, "sign_ins[0].grant: want client_credentials or refresh_token"},
		{"a scope of two", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example", scopes: ["a b"]}]`, "sign_ins[0].scopes[0]: want a scope without spaces (RFC 6749, section 3.3)"},
		{"a resource that is none", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example", resources: [api]}]`, "sign_ins[0].resources[0]: want an absolute URI without a fragment (RFC 8707, section 2)"},
		{"a parameter that may be a secret", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example", parameters: [{name: my_password, value: x}]}]`, `sign_ins[0].parameters[0].name: "my_password" has a key of its own, or may be a secret`},
		{"the date of no secret", `sign_ins: [{name: a, client_id: a, issuer: "https://x.example", secret_expires: 2027-03-01}]`, "sign_ins[0].secret_expires: there is no client_secret"},
		{"a refresh without a store", `sign_ins: [{` + refresh + `}]`, "sign_ins[0].store: is needed with the grant refresh_token: a server that rotates answers with a new refresh token and forgets the old one, which would be lost"},
		{"a refresh token without an end", `sign_ins: [{name: a, issuer: "https://x.example", client_id: a, grant: refresh_token, store: {file: /a}}]`, "sign_ins[0].life: give life or idle: no refresh token says until when it works; the authorization server's documentation or settings do (usual ones: docs/checks/oauth.md)"},
		{"a watched one without an end", `refresh_tokens: [{name: a, token: {file: /a}}]`, "refresh_tokens[0].life: give life or idle: no refresh token says until when it works; the authorization server's documentation or settings do (usual ones: docs/checks/oauth.md)"},
		{"a store somewhere", `sign_ins: [{` + refresh + `store: {file: token}}]`, "sign_ins[0].store.file: want the whole path: two runs must mean the same file"},
		{"a command's file somewhere", `sign_ins: [{` + refresh + `refresh_token: {file: token}, store: {command: [/b]}}]`, "sign_ins[0].refresh_token.file: want the whole path: two runs must mean the same file"},
		{"two stores", `sign_ins: [{` + refresh + `store: {file: /a, command: [/b]}}]`, "sign_ins[0].store: want exactly one of file and command"},
		{"a token beside its store", `sign_ins: [{` + refresh + `refresh_token: {file: /a}, store: {file: /a}}]`, "sign_ins[0].refresh_token: is read from store.file: leave it out"},
		{"a command whose store nobody can read", `sign_ins: [{` + refresh + `store: {command: [/b]}}]`, "sign_ins[0].refresh_token: say where the token that the command has stored can be read: want {file: PATH}, since a variable of this process never changes"},
		{"a command that is looked for", `sign_ins: [{` + refresh + `refresh_token: {file: /a}, store: {command: [vault]}}]`, "sign_ins[0].store.command[0]: want the whole path of the program"},
		{"a store of two", `sign_ins: [{` + refresh + `store: {file: /a}}, {name: b, issuer: "https://x.example", client_id: a, grant: refresh_token, idle: 14d, store: {file: /./a}}]`, "sign_ins[1].store.file: is that of sign_ins[0] too: each of the two would use up the other's token"},
		{"a store for nothing", `sign_ins: [{name: a, issuer: "https://x.example", client_id: a, store: {file: /a}}]`, "sign_ins[0].store: only the grant refresh_token brings something to store"},
		{"a token that is watched twice", `{sign_ins: [{` + refresh + `store: {file: /a}}], refresh_tokens: [{name: a, token: {file: /b}, idle: 14d}]}`, `refresh_tokens[0].name: "a" is the name of sign_ins[0] too, whose refresh token is watched already`},
		{"no token", `introspections: [{name: a, issuer: "https://x.example", client_id: a}]`, "introspections[0].token: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"a hint", `introspections: [{name: a, issuer: "https://x.example", client_id: a, token: {env: A}, token_type_hint: id_token}]`, "introspections[0].token_type_hint: want access_token or refresh_token"},
		{"a variable without a date", `refresh_tokens: [{name: a, token: {env: A}, life: 90d}]`, "refresh_tokens[0].issued: is needed: an environment variable does not tell when it was set"},
		{"a tolerance of days", `{clock_tolerance: 2d, sign_ins: [{name: a, issuer: "https://x.example", client_id: a}]}`, "clock_tolerance: want more than nothing and at most 1h0m0s"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := decoded(row.text)
			if err == nil {
				t.Fatal("they are accepted")
			}
			checktest.Equal(t, "error", err.Error(), row.want)
			path, _, _ := strings.Cut(row.want, ": ")
			if !slices.Contains(checktest.Places(t, err), path) {
				t.Errorf("no FieldError leads to %s", path)
			}
		})
	}
}

func TestDatesAreDaysOrInstants(t *testing.T) {
	for text, want := range map[string]string{ // the rest is entry.Date's
		`2027-03-01`: "2027-03-01T00:00:00Z", `"2027-03-01"`: "2027-03-01T00:00:00Z", `2028-02-29`: "2028-02-29T00:00:00Z",
		`2027-03-01T12:00:00Z`: "2027-03-01T12:00:00Z", `"2027-03-01T12:00:00+02:00"`: "2027-03-01T10:00:00Z",
		`01/03/2027`: "", `20270301`: "", `tomorrow`: "",
	} {
		read, err := decoded(`sign_ins: [{name: a, issuer: "https://x.example", client_id: a, client_secret: {env: A}, secret_expires: ` + text + `}]`)
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "want a date as 2027-03-01") {
				t.Errorf("%s is read with the error %v", text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		checktest.Equal(t, text, read.SignIns[0].SecretExpires.Time().Format(time.RFC3339), want)
	}
}

func TestTheDocumentedExampleIsAccepted(t *testing.T) {
	page, err := os.ReadFile("../../docs/checks/oauth.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) == 0 {
		t.Fatal("there is none")
	}
	for _, block := range blocks {
		var file struct {
			Checks []struct {
				Name, Kind string
				Options    yaml.Node
			}
		}
		if err := yaml.Load(block[1], &file, yaml.WithKnownFields()); err != nil {
			t.Fatal(err)
		}
		for _, one := range file.Checks {
			checktest.Equal(t, "kind", one.Kind, oauth.Kind.Name())
			if _, err := oauth.Kind.Build(func(into any) error { return one.Options.Load(into, yaml.WithKnownFields()) }, newWorld(t).env); err != nil {
				t.Errorf("%s: %v", one.Name, err)
			}
		}
	}
}
