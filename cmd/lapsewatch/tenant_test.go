package main

import (
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lapsewatch/internal/faketenant"
)

const (
	scriptClient = "5c219700-0000-4000-8000-000000000001"
	scriptSecret = "5cr~the-watchdog-of-a-script-signs-in-with-this"
	wrongSecret  = "not-the-right-one-at-all"
)

// tenant starts an Entra tenant in which the watchdog may read everything and the
// application `invoices`, which Ada owns, has a secret that ends in 12 days. TENANT and
// TENANT_URL say where, tenant-ca.pem is its authority, watchdog-secret opens it.
// `tenant revoke PERMISSION` takes a permission away, `tenant ends DAYS` moves the end of
// the secret of `invoices`, `tenant accept` makes the wrong
// secret of the scripts the right one, and `tenant tokens N` wants that many requests for a
// token so far.
func startTenant(ts *testscript.TestScript, _ bool, args []string) {
	running, _ := ts.Value("tenant").(**faketenant.Tenant)
	switch {
	case len(args) == 2 && args[0] == "revoke":
		(*running).Revoke(scriptClient, args[1])
		return
	case len(args) == 2 && args[0] == "ends":
		days, err := strconv.Atoi(args[1])
		ts.Check(err)
		changeSecret(*running, 1, func(secret *faketenant.PasswordCredential) {
			secret.EndDateTime = faketenant.At(time.Now().AddDate(0, 0, days).Add(12 * time.Hour))
		})
		return
	case len(args) == 1 && args[0] == "accept":
		changeSecret(*running, 0, func(secret *faketenant.PasswordCredential) {
			secret.SecretText, secret.Hint = wrongSecret, wrongSecret[:3]
		})
		return
	case len(args) == 2 && args[0] == "tokens":
		want, err := strconv.Atoi(args[1])
		ts.Check(err)
		if got := len((*running).To("/token")); got != want {
			ts.Fatalf("%d requests for a token, want %d", got, want)
		}
		return
	}
	now := time.Now()
	started, err := faketenant.Start(faketenant.Options{Directory: scriptDirectory(now)})
	ts.Check(err)
	ts.Defer(func() { ts.Check(started.Close()) })
	*running = started
	ts.Setenv("TENANT", started.TenantID)
	ts.Setenv("TENANT_URL", started.GraphURL)
	ts.Setenv("CLIENT", scriptClient)
	ts.Check(os.WriteFile(ts.MkAbs("tenant-ca.pem"), started.RootPEM, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("watchdog-secret"), []byte(scriptSecret), 0o600))
}

// changeSecret changes the first secret of the application at the index.
func changeSecret(tenant *faketenant.Tenant, at int, change func(*faketenant.PasswordCredential)) {
	tenant.Change(func(d *faketenant.Directory) {
		application := d.Applications[at]
		application.PasswordCredentials = slices.Clone(application.PasswordCredentials)
		change(&application.PasswordCredentials[0])
		d.Applications[at] = application
	})
}

func scriptDirectory(now time.Time) faketenant.Directory {
	secret := func(id string, days int, text string) faketenant.PasswordCredential {
		end := now.AddDate(0, 0, days).Add(12 * time.Hour)
		return faketenant.PasswordCredential{
			KeyID: id, DisplayName: "pipeline", Hint: "5cr", SecretText: text,
			StartDateTime: faketenant.At(end.AddDate(-1, 0, 0)), EndDateTime: faketenant.At(end),
		}
	}
	const ada = "5c219700-0000-4000-8000-00000000000a"
	return faketenant.Directory{
		Users: []faketenant.User{{ID: ada, DisplayName: "Ada", UserPrincipalName: "ada@example.com", Mail: "ada@example.com"}},
		Applications: []faketenant.Application{
			{ID: "5c219700-0000-4000-8000-000000000002", AppID: scriptClient, DisplayName: "watchdog", OwnerIDs: []string{ada},
				PasswordCredentials: []faketenant.PasswordCredential{secret("5c219700-0000-4000-8000-000000000003", 300, scriptSecret)}},
			{ID: "5c219700-0000-4000-8000-000000000004", AppID: "5c219700-0000-4000-8000-000000000005", DisplayName: "invoices", OwnerIDs: []string{ada},
				PasswordCredentials: []faketenant.PasswordCredential{secret("5c219700-0000-4000-8000-000000000006", 12, "")}},
		},
		Grants: map[string][]string{scriptClient: {"Application.Read.All", "User.ReadBasic.All", "AuditLog.Read.All", "Policy.Read.All"}},
	}
}
