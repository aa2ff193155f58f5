package entra

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/faketenant"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

const (
	watchdogApp    = "11111111-0000-4000-8000-000000000001"
	watchdogSecret = "wdg~secret-of-the-watchdog"
	watchdogKey    = "11111111-0000-4000-8000-0000000000aa"

	tenantPrefix = faketenant.DefaultTenantID + "/"
)

// now is the instant that tests judge as of, and the tenant's clock.
var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

func days(n int) time.Time { return now.Add(time.Duration(n) * day) }

// watchdog is what Lapsewatch signs in as. Its secret ends after the horizon.
func watchdog() faketenant.Application {
	return faketenant.Application{
		ID: "11111111-0000-4000-8000-0000000000bb", AppID: watchdogApp, DisplayName: "Lapsewatch", SignInAudience: "AzureADMyOrg",
		PasswordCredentials: []faketenant.PasswordCredential{{
			KeyID: watchdogKey, Hint: watchdogSecret[:3], SecretText: watchdogSecret,
			StartDateTime: faketenant.At(days(-200)), EndDateTime: faketenant.At(days(165)),
		}},
		OwnerIDs: []string{userID(9)},
	}
}

func allPermissions() []string {
	return []string{"Application.Read.All", "User.ReadBasic.All", "AuditLog.Read.All", "Policy.Read.All"}
}

// numbered GUIDs, one kind a first digit.
func numbered(kind byte, n int) string {
	return fmt.Sprintf("%s-0000-4000-8000-%012x", strings.Repeat(string(kind), 8), n)
}

func appID(n int) string    { return numbered('a', n) }
func objectID(n int) string { return numbered('b', n) }
func keyIDOf(n int) string  { return numbered('c', n) }
func userID(n int) string   { return numbered('e', n) }
func spID(n int) string     { return numbered('d', n) }

func user(n int, name, mail string) faketenant.User {
	return faketenant.User{ID: userID(n), DisplayName: name, UserPrincipalName: strings.ToLower(name) + "@example.onmicrosoft.com", Mail: mail}
}

// secret is one that began a year before its end.
func secret(n int, name string, end time.Time) faketenant.PasswordCredential {
	return faketenant.PasswordCredential{
		KeyID: keyIDOf(n), DisplayName: name, Hint: "x~" + string(rune('a'+n%26)),
		StartDateTime: faketenant.At(end.AddDate(-1, 0, 0)), EndDateTime: faketenant.At(end),
	}
}

func application(n int, name string, secrets ...faketenant.PasswordCredential) faketenant.Application {
	return faketenant.Application{
		ID: objectID(n), AppID: appID(n), DisplayName: name, SignInAudience: "AzureADMyOrg",
		CreatedDateTime: faketenant.At(days(-700)), PasswordCredentials: secrets, OwnerIDs: []string{userID(1)},
	}
}

func signIn(app, key string, last time.Time) faketenant.CredentialSignIn {
	return faketenant.CredentialSignIn{AppID: app, KeyID: key, CredentialOrigin: "application", LastSignInDateTime: faketenant.At(last)}
}

// scene is a running tenant and a check of it.
type scene struct {
	tenant *faketenant.Tenant
	check  *Check
}

// begin starts a tenant that holds the directory and the watchdog.
func begin(t testing.TB, directory faketenant.Directory, configure ...func(*Options)) scene {
	t.Helper()
	return beginWith(t, faketenant.Options{Directory: directory, Manners: faketenant.WellBehaved()}, configure...)
}

func beginWith(t testing.TB, fake faketenant.Options, configure ...func(*Options)) scene {
	t.Helper()
	directory := &fake.Directory
	directory.Applications = append([]faketenant.Application{watchdog()}, directory.Applications...)
	directory.Users = append(directory.Users, user(9, "Wanda", "wanda@example.com"))
	if directory.Grants == nil {
		directory.Grants = map[string][]string{watchdogApp: allPermissions()}
	}
	fake.Now = func() time.Time { return now }
	tenant, err := faketenant.Start(fake)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tenant.Close(); err != nil {
			t.Error(err)
		}
	})
	return scene{tenant, newCheck(t, tenant, configure...)}
}

func newCheck(t testing.TB, tenant *faketenant.Tenant, configure ...func(*Options)) *Check {
	t.Helper()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, tenant.RootPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	options := defaults()
	options.SignIn = msgraph.SignIn{
		Tenant: tenant.TenantID, ClientID: watchdogApp, Method: msgraph.ClientSecret, Secret: watch.SecretRef{Env: "WATCHDOG"},
		AuthorityURL: tenant.AuthorityURL, GraphURL: tenant.GraphURL, CAFile: authority,
	}
	for _, change := range configure {
		change(&options)
	}
	if err := options.Validate(); err != nil {
		t.Fatal(err)
	}
	check, err := New(options, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	return check.(*Check)
}

func testEnv() checks.Env {
	env := checks.DefaultEnv(func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(watchdogSecret), nil })
	env.Now = func() time.Time { return now }
	env.HTTP = &http.Client{}
	return env
}

// facts are what one pass told, without the watchdog's own, by subject.
type facts struct {
	credentials []watch.Credential
	problems    []watch.Problem
	remarks     []string
}

func (s scene) collect(t testing.TB) facts {
	t.Helper()
	found, err := s.collectErr(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (s scene) collectErr(ctx context.Context) (facts, error) {
	var mu sync.Mutex
	var found facts
	err := s.check.Collect(ctx, func(fact watch.Fact) {
		mu.Lock()
		defer mu.Unlock()
		switch fact := fact.(type) {
		case watch.Credential:
			found.credentials = append(found.credentials, fact)
		case watch.Problem:
			found.problems = append(found.problems, fact)
		case watch.Remark:
			found.remarks = append(found.remarks, fact.Text)
		}
	})
	slices.SortFunc(found.credentials, func(a, b watch.Credential) int { return strings.Compare(a.Subject.ID, b.Subject.ID) })
	return found, err
}

// of is the fact of the subject whose ID ends so, behind the tenant's.
func (f facts) of(t testing.TB, id string) watch.Credential {
	t.Helper()
	for _, credential := range f.credentials {
		if credential.Subject.ID == tenantPrefix+id {
			return credential
		}
	}
	t.Fatalf("nothing is told of %s, only of %d others, such as %q", id, len(f.credentials), f.ids()[:min(len(f.credentials), 20)])
	return watch.Credential{}
}

func (f facts) ids() []string {
	var ids []string
	for _, credential := range f.credentials {
		ids = append(ids, strings.TrimPrefix(credential.Subject.ID, tenantPrefix))
	}
	return ids
}

func observed(credential watch.Credential, reason watch.Reason) string {
	for _, observation := range credential.Observations {
		if observation.Reason == reason {
			return observation.Text
		}
	}
	return ""
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Errorf("%s\n got: %v\nwant: %v", what, got, want)
	}
}
