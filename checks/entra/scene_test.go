package entra

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

// contoso is a tenant with one of everything.
func contoso() faketenant.Directory {
	print1, print2 := [20]byte{0x3f, 0x2a, 1}, [20]byte{0x77, 0x10, 2}
	oldKeys, oldPassword, preferred := faketenant.SAMLSigning(keyIDOf(70), keyIDOf(71), "Microsoft Azure Federated SSO Certificate", print1, days(-1080), days(15))
	newKeys, newPassword, _ := faketenant.SAMLSigning(keyIDOf(72), keyIDOf(73), "Microsoft Azure Federated SSO Certificate", print2, days(-10), days(1085))
	superseded := application(2, "billing", secret(20, "old", days(10)), secret(21, "new", days(300)))
	orphan := application(3, "abandoned-bot", secret(30, "", days(5)))
	orphan.OwnerIDs = nil
	noted := application(4, "noted", secret(40, "upload", days(20)))
	noted.OwnerIDs, noted.Notes = nil, "Team B\nNotifyEmail=team-b@example.com, oncall@example.com\nsince 2021"
	endless := application(5, "legacy", secret(50, "forever", time.Date(2299, 12, 30, 23, 0, 0, 0, time.UTC)))
	endless.PasswordCredentials = append(endless.PasswordCredentials, faketenant.PasswordCredential{KeyID: keyIDOf(51), DisplayName: "no end", StartDateTime: faketenant.At(days(-900))})
	leftover := application(6, "cleanup", secret(60, "ancient", days(-400)))
	federated := application(7, "pipeline")
	federated.FederatedIdentityCredentials = []faketenant.FederatedIdentityCredential{{
		ID: numbered('f', 7), Name: "github-main", Issuer: "https://token.actions.githubusercontent.com", Subject: "repo:example/app:ref:refs/heads/main", Audiences: []string{"api://AzureADTokenExchange"},
	}}
	byPipeline := application(8, "owned-by-pipeline", secret(80, "deploy", days(3)))
	byPipeline.OwnerIDs = []string{spID(8)}
	certificate := application(9, "certificate-app")
	certificate.KeyCredentials = []faketenant.KeyCredential{{
		KeyID: keyIDOf(90), DisplayName: "CN=certificate-app", Type: "AsymmetricX509Cert", Usage: "Verify", StartDateTime: faketenant.At(days(-1090)), EndDateTime: faketenant.At(days(5)),
		CustomKeyIdentifier: base64.StdEncoding.EncodeToString(slices.Repeat([]byte{0xab}, 20)),
	}}
	disabled := application(10, "switched-off", secret(100, "main", days(2)))
	proxied := application(11, "intranet", faketenant.PasswordCredential{KeyID: keyIDOf(110), DisplayName: "CWAP_AuthSecret", StartDateTime: faketenant.At(days(-360)), EndDateTime: faketenant.At(days(5))})
	return faketenant.Directory{
		Users: []faketenant.User{user(1, "Ada", "ada@example.com"), user(2, "Bob", "")},
		Applications: []faketenant.Application{
			application(1, "crm-mail", secret(10, "mail sending", days(-2))), superseded, orphan, noted, endless, leftover, federated, byPipeline, certificate, disabled, proxied,
			application(12, "without-credentials"),
		},
		ServicePrincipals: []faketenant.ServicePrincipal{
			{ID: spID(6), AppID: numbered('9', 6), DisplayName: "payroll", PreferredSingleSignOnMode: "saml", PreferredTokenSigningKeyThumbprint: preferred,
				NotificationEmailAddresses: []string{"sso@example.com"}, OwnerIDs: []string{userID(1)},
				KeyCredentials: append(oldKeys, newKeys...), PasswordCredentials: []faketenant.PasswordCredential{oldPassword, newPassword}},
			{ID: spID(8), AppID: numbered('9', 8), DisplayName: "release-pipeline", OwnerIDs: []string{userID(1), userID(2)},
				PasswordCredentials: []faketenant.PasswordCredential{secret(88, "own", days(6))}},
			{ID: spID(10), AppID: appID(10), DisplayName: "switched-off", AccountDisabled: true},
			{ID: spID(11), AppID: appID(11), DisplayName: "intranet", Tags: []string{"WindowsAzureActiveDirectoryOnPremApp"}},
			{ID: spID(12), AppID: numbered('9', 12), DisplayName: "vm-1", ServicePrincipalType: "ManagedIdentity", KeyCredentials: []faketenant.KeyCredential{{
				KeyID: keyIDOf(120), Usage: "Verify", StartDateTime: faketenant.At(days(-80)), EndDateTime: faketenant.At(days(10)),
			}}},
		},
		SignIns: []faketenant.CredentialSignIn{
			signIn(appID(1), keyIDOf(10), days(-2).Add(-time.Hour)),
			signIn(appID(2), keyIDOf(20), days(-90)), signIn(appID(2), keyIDOf(21), days(-1)),
			{AppID: numbered('9', 8), KeyID: keyIDOf(88), CredentialOrigin: "servicePrincipal", LastSignInDateTime: "2026-11-20T21:36:48-8:00"},
		},
	}
}

func TestTheTenantIsToldAsAnOperatorReadsIt(t *testing.T) {
	s := begin(t, contoso(), func(o *Options) {
		o.FallbackOwners = []string{"platform@example.com"}
	})
	told := s.collect(t)
	var text strings.Builder
	for _, credential := range told.credentials {
		text.WriteString(rendered(t, credential))
	}
	for _, problem := range told.problems {
		fmt.Fprintf(&text, "PROBLEM %s %s: %v\n", problem.Subject.ID, problem.Reason, problem.Err)
	}
	for _, remark := range told.remarks {
		fmt.Fprintf(&text, "REMARK %s\n", remark)
	}
	got := strings.ReplaceAll(text.String(), s.tenant.GraphURL, "https://graph.microsoft.com")
	const path = "testdata/contoso.golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the tenant is told otherwise than in %s; see with git diff after go test -run %s ./checks/entra -update", path, t.Name())
	}
}

// rendered shows everything that a fact says.
func rendered(t *testing.T, c watch.Credential) string {
	t.Helper()
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	line("%s", strings.TrimPrefix(c.Subject.ID, tenantPrefix))
	line("  name: %s", c.Subject.Name)
	line("  form: %s, identity %s", c.Form, c.Identity)
	line("  from %s to %s%s", stampOf(c.NotBefore), stampOf(c.NotAfter), map[bool]string{true: " (endless)"}[c.Endless])
	if !c.LeftOverFrom.IsZero() && c.LeftOverFrom.Before(now) {
		line("  left over from %s", stampOf(c.LeftOverFrom))
	}
	if c.Use.State != "" {
		line("  use: %s %s %s", c.Use.State, stampOf(c.Use.LastUsed), c.Use.Text)
	}
	if c.Replacement != nil {
		line("  replacement: %s until %s", c.Replacement.Name, stampOf(c.Replacement.NotAfter))
	}
	for _, o := range c.Observations {
		line("  %s: %s %s", o.Reason, o.Text, stampOf(o.NotAfter))
	}
	line("  owners: %v, self: %v", c.Subject.Owners, c.Self)
	line("  labels: %v", c.Subject.Labels)
	details, err := json.Marshal(c.Details)
	if err != nil {
		t.Fatal(err)
	}
	line("  details: %s", details)
	line("  link: %s", c.Subject.Link)
	line("  remedy: %s", c.Remedy)
	return text.String()
}

func stampOf(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}
