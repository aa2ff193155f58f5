package email_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/email"
	"lapsewatch/internal/faketenant"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

const (
	ownApp      = "11111111-2222-4333-8444-555555555555"
	ownSecret   = "Q~s-canary-secret-0123456789abcdef.zZ"
	accessToken = "canary-access-token-77ab01"
	mailbox     = "lapsewatch@example.com"
)

// tenant is one in which the application ownApp may send as the mailbox.
func tenant(t *testing.T, secretEnds time.Time) *faketenant.Tenant {
	t.Helper()
	started, err := faketenant.Start(faketenant.Options{Manners: faketenant.WellBehaved(), Directory: faketenant.Directory{
		Applications: []faketenant.Application{{
			ID: "99999999-2222-4333-8444-555555555555", AppID: ownApp, DisplayName: "lapsewatch",
			PasswordCredentials: []faketenant.PasswordCredential{{
				KeyID: "77777777-2222-4333-8444-555555555555", DisplayName: "own", Hint: ownSecret[:3], SecretText: ownSecret,
				StartDateTime: faketenant.At(secretEnds.AddDate(-1, 0, 0)), EndDateTime: faketenant.At(secretEnds),
			}},
		}},
		Users: []faketenant.User{
			{ID: "66666666-2222-4333-8444-555555555555", DisplayName: "Lapsewatch", UserPrincipalName: mailbox, Mail: mailbox},
			{ID: "66666666-2222-4333-8444-555555555556", DisplayName: "On premises", UserPrincipalName: "onprem@example.com"},
		},
		Grants: map[string][]string{ownApp: {"Mail.Send"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Close() })
	return started
}

// signIn is how the channel signs in at the tenant.
func signIn(t *testing.T, at *faketenant.Tenant) *msgraph.SignIn {
	t.Helper()
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, at.RootPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return &msgraph.SignIn{
		Tenant: at.TenantID, ClientID: ownApp, Method: msgraph.ClientSecret, Secret: watch.SecretRef{Env: "OWN_SECRET"},
		AuthorityURL: at.AuthorityURL, GraphURL: at.GraphURL, CAFile: caFile,
	}
}

func tenantEnv(memory watch.Memory) alerts.Env {
	return alerts.Env{
		Name: alerttest.ChannelName, Now: time.Now, Log: quiet, Version: "1.2.3", HTTP: &http.Client{}, Memory: memory,
		Secrets: func(reference watch.SecretRef) (watch.Secret, error) {
			if reference.Env != "OWN_SECRET" {
				return watch.Secret{}, fmt.Errorf("read secret from %s: it is not set", reference)
			}
			return watch.NewSecret(ownSecret), nil
		},
	}
}

func byGraph(t *testing.T, at *faketenant.Tenant, env alerts.Env, edit func(*email.Options)) alerts.Channel {
	t.Helper()
	channel, err := email.Kind.Build(options(func(o *email.Options) {
		o.Transport, o.Entra = email.Graph, signIn(t, at)
		if edit != nil {
			edit(o)
		}
	}), env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

// tell makes one delivery, and looks for secrets in whatever comes of it.
func tell(t *testing.T, channel alerts.Channel) (alerts.Receipt, *alerts.DeliveryError) {
	t.Helper()
	receipt, failure := new(mailServer).deliver(t.Context(), channel, alerttest.Message())
	told := receipt.Proof
	if failure != nil {
		told += failure.Error()
	}
	if strings.Contains(told, ownSecret[:12]) || strings.Contains(told, "eyJ") {
		t.Errorf("a secret is told in %s", told)
	}
	return receipt, failure
}
