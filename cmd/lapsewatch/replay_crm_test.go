package main

import (
	"net/http"
	"testing"
	"time"

	"lapsewatch/internal/faketenant"
)

const bridgeConfig = `    public: true
    rules:
      - match: {labels: [{name: service, value: crm}]}
        at_critical: draft
        at_expiry: public
        together: label:service
    components:
      - {match: {labels: [{name: service, value: crm}]}, component: CRM mail, at_expiry: major_outage}
    affected:
      - {match: {labels: [{name: service, value: crm}]}, names: [tickets by mail, order confirmations]}
checks:
  - name: tenant
    kind: entra
    labels: [{name: service, value: crm}]
    options: {tenant: $TENANT, client_id: $WATCHDOG, sign_in: secret, secret: {file: "$FOLDER/watchdog-secret"}, authority_url: "$AUTHORITY", graph_url: "$GRAPH", ca_file: "$FOLDER/ca.pem"}
  - name: canary
    kind: mailflow
    labels: [{name: service, value: crm}]
    owners: [ada@example.com]
    options:
      flows:
        - name: CRM mail
          from: crm@example.com
          to: canary@example.com
          submit:
            graph: {tenant: $TENANT, client_id: $BRIDGE, sign_in: secret, secret: {file: "$FOLDER/bridge-secret"}, authority_url: "$AUTHORITY", graph_url: "$GRAPH", ca_file: "$FOLDER/ca.pem"}
          arrive:
            graph: {tenant: $TENANT, client_id: $WATCHDOG, sign_in: secret, secret: {file: "$FOLDER/watchdog-secret"}, authority_url: "$AUTHORITY", graph_url: "$GRAPH", ca_file: "$FOLDER/ca.pem"}
          wait: 1m
`

const (
	bridgeSecret = "br1~the-bridge-signs-in-with-this-until-14-February"
	newSecret    = "br2~the-bridge-signs-in-with-this-from-15-February"
)

// bridge is a CRM whose mail goes through an application of a tenant.
type bridge struct {
	*replay
	tenant *faketenant.Tenant
	ends   time.Time
}

func startBridge(t *testing.T, ends time.Time) *bridge {
	t.Helper()
	b := &bridge{replay: newReplay(t, "O1: the secret of a CRM's mail bridge expires, 14 February 2025"), ends: ends}
	directory := outageTenant(ends, ends.AddDate(1, 0, 0))
	directory.Applications[1].DisplayName = "CRM mail bridge"
	directory.Applications[1].PasswordCredentials = []faketenant.PasswordCredential{secretUntil(crmOld, ends, bridgeSecret)}
	directory.Users = append(directory.Users,
		faketenant.User{ID: "c2a00000-0000-4000-8000-00000000000b", DisplayName: "CRM", UserPrincipalName: "crm@example.com", Mail: "crm@example.com"},
		faketenant.User{ID: "c2a00000-0000-4000-8000-00000000000c", DisplayName: "Canary", UserPrincipalName: "canary@example.com", Mail: "canary@example.com"})
	directory.Grants[scriptClient] = append(directory.Grants[scriptClient], "Mail.ReadWrite")
	directory.Grants[crmApp] = []string{"Mail.Send"}
	var err error
	if b.tenant, err = faketenant.Start(faketenant.Options{Directory: directory, Manners: faketenant.WellBehaved(), Now: b.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.tenant.Close() })
	b.write("ca.pem", string(b.tenant.RootPEM))
	b.write("watchdog-secret", scriptSecret)
	b.write("bridge-secret", bridgeSecret)
	b.configure(bridgeConfig, "$TENANT", b.tenant.TenantID, "$WATCHDOG", scriptClient, "$BRIDGE", crmApp, "$AUTHORITY", b.tenant.AuthorityURL, "$GRAPH", b.tenant.GraphURL)
	// What a machine waits for is by its own clock, and so is when it asks again.
	b.differs(`not tried again before \S+Z`, "not tried again for AN HOUR")
	b.differs(`arrived after \S+ m?s\b`, "arrived after N s")
	b.differs(`took \d+(\.\d+)? m?s\b`, "took N s")
	b.differs(`correlation id [0-9a-f-]{36}`, "correlation id ID")
	return b
}

// uses notes that the bridge has just signed in with its old secret.
func (b *bridge) uses() {
	b.tenant.Change(func(d *faketenant.Directory) {
		d.SignIns = []faketenant.CredentialSignIn{{KeyID: crmOld, AppID: crmApp, CredentialOrigin: "application", LastSignInDateTime: faketenant.At(b.now())}}
	})
}

func (b *bridge) has(secrets ...faketenant.PasswordCredential) {
	b.tenant.Change(func(d *faketenant.Directory) { d.Applications[1].PasswordCredentials = secrets })
}

// refused counts the sign-ins that Entra refused.
func (b *bridge) refused() int {
	count := 0
	for _, request := range b.tenant.To("/token") {
		if request.Status == http.StatusUnauthorized {
			count++
		}
	}
	return count
}

// A CRM's mail stopped for 18½ hours because the secret of its app registration had
// expired while the bridge still used it, and a newer one stood beside it.
func TestO1_TheReplayWarnsAMonthAheadAndTellsOneStoryOfTheSecretAndTheMail(t *testing.T) {
	b := startBridge(t, moment(t, "2025-02-14 11:30"))
	fresh := faketenant.PasswordCredential{
		KeyID: crmNew, DisplayName: "new", Hint: newSecret[:3], SecretText: newSecret,
		StartDateTime: faketenant.At(moment(t, "2025-02-10 09:00")), EndDateTime: faketenant.At(moment(t, "2026-02-10 09:00")),
	}
	happened := "the bridge signs in with its secret every day"
	for day := moment(t, "2025-01-13 06:00"); day.Before(b.ends); day = day.AddDate(0, 0, 1) {
		if day.Format(time.DateOnly) == "2025-02-11" {
			b.has(secretUntil(crmOld, b.ends, bridgeSecret), fresh)
			happened = "a newer secret stands beside it, and the bridge still uses the old one"
		}
		b.clock.Store(&day)
		b.uses()
		b.pass(day.Format(replayTimes), happened)
	}
	if b.refused() > 0 {
		t.Errorf("Entra refused %d sign-ins before the secret expired", b.refused())
	}
	for _, at := range []string{"02-14 12:00", "02-14 13:00", "02-14 14:00", "02-14 18:00", "02-14 22:00", "02-15 02:00", "02-15 06:00"} {
		b.pass("2025-"+at, "the secret expired at 11:30, and the bridge sends no mail")
		// All these passes are one moment of the machine's clock, by which the wait is kept.
		if b.refused() != 1 {
			t.Errorf("%s: Entra refused %d sign-ins since the secret expired; want 1", at, b.refused())
		}
	}
	b.flush()
	b.line("  sign-ins that Entra refused so far: %d", b.refused())
	b.has(fresh)
	b.write("bridge-secret", newSecret)
	for _, at := range []string{"02-15 06:30", "02-15 07:30", "02-15 08:30", "02-16 06:00"} {
		b.pass("2025-"+at, "the bridge has had the new secret since 06:08, and the old one was removed")
	}
	if b.refused() != 1 {
		t.Errorf("Entra refused %d sign-ins; want 1", b.refused())
	}
	b.end("o1-mail-bridge")
}
