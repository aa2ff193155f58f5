package estate

import (
	"crypto/sha1" //nolint:gosec // Entra names certificates by their SHA-1 thumbprint
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lapsewatch/internal/faketenant"
)

// Tenant is the estate's Microsoft Entra tenant, and what Lapsewatch signs in to it with.
type Tenant struct {
	*faketenant.Tenant
	CAFile, SecretFile, ClientID string
	// Stories say in a clause what is to be seen at which application.
	Stories []Story
	// SignIns are those of services, with the secrets that they have.
	SignIns []SignIn
}

// Story is one application of the tenant.
type Story struct{ Application, Text string }

const (
	watchdogSecret = "est8Q~only-for-this-throw-away-tenant"
	crmSecret      = "crm8Q~only-for-this-throw-away-tenant"
	ada, bob       = "ada@estate.example", "bob@estate.example"
)

// openTenant starts the tenant, which answers a page with 429 and cuts another short, as
// Graph does.
func (e *Estate) openTenant() error {
	t := &tenantMaker{authority: e.authority}
	t.people()
	t.applications()
	t.signingCertificates()
	t.rotatedByOthers()
	running, err := faketenant.Start(faketenant.Options{Directory: t.directory, Manners: append(faketenant.DefaultManners(),
		faketenant.Manner{Name: "first page throttled", On: "/applications", Page: 1, Answer: faketenant.Throttled("1")})})
	if err != nil {
		return err
	}
	e.closers = append(e.closers, running.Close)
	e.Tenant = &Tenant{
		Tenant: running, ClientID: t.watchdog, Stories: t.stories,
		CAFile: filepath.Join(e.Folder, "tenant-ca.pem"), SecretFile: filepath.Join(e.Folder, "secrets", "watchdog-secret"),
	}
	crm := filepath.Join(e.Folder, "secrets", "crm-mail-secret")
	e.Tenant.SignIns = []SignIn{{"crm-mail", t.crm, crm, "signs in with the secret that has expired"}}
	return errors.Join(
		os.WriteFile(crm, []byte(crmSecret+"\n"), 0o600),
		os.WriteFile(e.Tenant.CAFile, running.RootPEM, 0o600),
		os.WriteFile(e.Tenant.SecretFile, []byte(watchdogSecret+"\n"), 0o600),
	)
}

// tenantMaker fills the directory, with ids that it counts.
type tenantMaker struct {
	authority *authority
	directory faketenant.Directory
	stories   []Story
	watchdog  string
	crm       string
	made      int
}

func (t *tenantMaker) id() string {
	t.made++
	return fmt.Sprintf("e57a7e00-0000-4000-8000-%012x", t.made)
}

func (t *tenantMaker) people() {
	t.directory.Users = []faketenant.User{
		{ID: t.id(), DisplayName: "Ada", UserPrincipalName: ada, Mail: ada},
		// An administrator without a mailbox.
		{ID: t.id(), DisplayName: "Bob (admin)", UserPrincipalName: "bob-adm@estate.example", OtherMails: []string{bob}},
	}
}

// owner is the id of a person: 0 is Ada, 1 is Bob.
func (t *tenantMaker) owner(person int) []string { return []string{t.directory.Users[person].ID} }

// secret is a client secret of two years that ends in so many days.
func (t *tenantMaker) secret(name string, days int) faketenant.PasswordCredential {
	end := t.authority.inDays(days)
	return faketenant.PasswordCredential{
		KeyID: t.id(), DisplayName: name, Hint: "aB3",
		StartDateTime: faketenant.At(end.AddDate(-2, 0, 0)), EndDateTime: faketenant.At(end),
	}
}

// add registers an application with its service principal, and tells its story.
func (t *tenantMaker) add(name, story string, owners []string, secrets ...faketenant.PasswordCredential) *faketenant.Application {
	app := faketenant.Application{ID: t.id(), AppID: t.id(), DisplayName: name, SignInAudience: "AzureADMyOrg", OwnerIDs: owners, PasswordCredentials: secrets}
	t.directory.Applications = append(t.directory.Applications, app)
	t.directory.ServicePrincipals = append(t.directory.ServicePrincipals, faketenant.ServicePrincipal{ID: t.id(), AppID: app.AppID, DisplayName: name, OwnerIDs: owners})
	t.stories = append(t.stories, Story{name, story})
	return &t.directory.Applications[len(t.directory.Applications)-1]
}

func (t *tenantMaker) signedIn(app *faketenant.Application, secret int, daysAgo int) {
	t.directory.SignIns = append(t.directory.SignIns, faketenant.CredentialSignIn{
		KeyID: app.PasswordCredentials[secret].KeyID, AppID: app.AppID, AppObjectID: app.ID,
		CredentialOrigin: "application", LastSignInDateTime: faketenant.At(t.authority.inDays(-daysAgo)),
	})
}

func (t *tenantMaker) applications() {
	t.add("warehouse", "has a secret with more than a year to go", t.owner(0), t.secret("2026", 400))
	app := t.add("invoices", "has a secret that expires in 12 days and is in use; Ada owns it", t.owner(0), t.secret("pipeline", 12))
	t.signedIn(app, 0, 1)
	app = t.add("crm-mail", "has a secret that expired 2 days ago while still in use, beside a newer one", t.owner(1), t.secret("2024", -3), t.secret("2026", 600))
	app.PasswordCredentials[0].SecretText, app.PasswordCredentials[0].Hint = crmSecret, crmSecret[:3]
	t.crm = app.AppID
	t.signedIn(app, 0, 4)
	app = t.add("reporting", "has a secret that nothing uses any more, beside a newer one", t.owner(0), t.secret("2024", 9), t.secret("2026", 700))
	t.signedIn(app, 0, 120)
	t.signedIn(app, 1, 1)
	t.add("badge-printer", "has a secret that expires in 20 days, and no owner", nil, t.secret("door", 20))
	t.add("legacy-fax", "has a secret that expired a year ago and was never removed", t.owner(1), t.secret("2019", -365))
	endless := t.secret("portal default", 400)
	endless.EndDateTime = "2299-12-30T23:00:00Z"
	t.add("kiosk", "has a secret that never expires", t.owner(1), endless)

	own := t.secret("cronjob", 25)
	own.SecretText, own.Hint = watchdogSecret, watchdogSecret[:3]
	app = t.add("lapsewatch", "is what Lapsewatch signs in as; its own secret expires in 25 days", t.owner(0), own)
	t.signedIn(app, 0, 1)
	t.watchdog = app.AppID
	t.directory.Grants = map[string][]string{app.AppID: {"Application.Read.All", "User.Read.All", "AuditLog.Read.All", "Policy.Read.All"}}
}

// signingCertificates makes the SAML application whose newer certificate is a trap.
func (t *tenantMaker) signingCertificates() {
	saml := faketenant.ServicePrincipal{
		ID: t.id(), AppID: t.id(), DisplayName: "travel", OwnerIDs: t.owner(0), PreferredSingleSignOnMode: "saml",
		NotificationEmailAddresses: []string{bob},
	}
	for _, signing := range []struct {
		name   string
		days   int
		active bool
	}{{"travel 2023", 18, true}, {"travel 2026", 1000, false}} {
		end := t.authority.inDays(signing.days)
		keys, password, thumbprint := faketenant.SAMLSigning(t.id(), t.id(), signing.name, sha1.Sum([]byte(signing.name)), end.Add(-3*365*day), end) //nolint:gosec // see the import
		saml.KeyCredentials = append(saml.KeyCredentials, keys...)
		saml.PasswordCredentials = append(saml.PasswordCredentials, password)
		if signing.active {
			saml.PreferredTokenSigningKeyThumbprint = thumbprint
		}
	}
	t.directory.ServicePrincipals = append(t.directory.ServicePrincipals, saml)
	t.stories = append(t.stories, Story{saml.DisplayName, "signs SAML with a certificate that expires in 18 days; a newer one waits, inactive"})
}

// rotatedByOthers makes what nobody has to rotate by hand.
func (t *tenantMaker) rotatedByOthers() {
	t.directory.ServicePrincipals = append(t.directory.ServicePrincipals, faketenant.ServicePrincipal{
		ID: t.id(), AppID: t.id(), DisplayName: "vm-backup", ServicePrincipalType: "ManagedIdentity",
		KeyCredentials: []faketenant.KeyCredential{t.certificate(30)},
	})
	sync := t.add("ConnectSyncProvisioning_DC01_0a1b2c3d4e5f", "rotates its own certificate, like the managed identity vm-backup: both are left out and counted", nil)
	sync.KeyCredentials = []faketenant.KeyCredential{t.certificate(5)}
}

// certificate is a client certificate of three months that ends in so many days.
func (t *tenantMaker) certificate(days int) faketenant.KeyCredential {
	end := t.authority.inDays(days)
	return faketenant.KeyCredential{
		KeyID: t.id(), DisplayName: "CN=Entra Connect Sync Provisioning", Type: "AsymmetricX509Cert", Usage: "Verify",
		StartDateTime: faketenant.At(end.AddDate(0, -3, 0)), EndDateTime: faketenant.At(end),
	}
}

// Misbehaved says in what ways the tenant has refused or broken off answers so far.
func (t *Tenant) Misbehaved() []string {
	var ways []string
	for _, request := range t.Requests() {
		if request.Misbehaved != "" {
			ways = append(ways, request.Misbehaved)
		}
	}
	return ways
}

// RotatedApplication is the application that gets a new secret and loses its old one in
// the demo.
const RotatedApplication = "invoices"

// Rotate gives an application a new secret of two years in place of its first one.
func (t *Tenant) Rotate(application string, now time.Time) error {
	found := false
	t.Change(func(d *faketenant.Directory) {
		for i := range d.Applications {
			if app := &d.Applications[i]; app.DisplayName == application {
				found = true
				app.PasswordCredentials = []faketenant.PasswordCredential{{
					KeyID: "e57a7e00-0000-4000-9000-000000000001", DisplayName: "rotated", Hint: "zZ9",
					StartDateTime: faketenant.At(now), EndDateTime: faketenant.At(now.AddDate(2, 0, 0)),
				}}
			}
		}
	})
	if !found {
		return fmt.Errorf("rotate the secret of %s: no such application in the tenant", application)
	}
	return nil
}
