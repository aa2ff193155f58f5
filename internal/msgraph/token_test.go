package msgraph

import (
	"errors"
	"testing"
	"time"

	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

func TestATokenIsForTheResourceThatWasAskedFor(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(0))
	for resource, want := range map[string]string{"": server.GraphURL, faketenant.OutlookResource: faketenant.OutlookResource} {
		client := newWorld().open(t, at(t, server), func(env *Env) { env.Resource = resource })
		token, err := client.Token(t.Context(), watch.Secret{})
		if err != nil {
			t.Fatal(err)
		}
		if appID, got, valid := server.Issued(token.Reveal()); appID != ownApp || got != want || !valid {
			t.Errorf("a token of %s for %s, want %s", appID, got, want)
		}
		again, err := client.Token(t.Context(), watch.Secret{})
		if err != nil || again.Reveal() != token.Reveal() {
			t.Errorf("a valid token is not given again: %v", err)
		}
		fresh, err := client.Token(t.Context(), token)
		if err != nil || fresh.Reveal() == token.Reveal() {
			t.Errorf("a refused token is given again: %v", err)
		}
	}
}

func TestARefusalForOneResourceHoldsNoOther(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	server.Change(func(d *faketenant.Directory) {
		d.Applications = []faketenant.Application{{AppID: ownApp, PasswordCredentials: []faketenant.PasswordCredential{secretOf(ownSecret, today.AddDate(0, 0, -1))}}}
	})
	options := at(t, server)
	for attempt, resource := range []string{"", faketenant.OutlookResource, "", faketenant.OutlookResource} {
		_, err := where.open(t, options, func(env *Env) { env.Resource = resource }).Token(t.Context(), watch.Secret{})
		failure, _ := errors.AsType[*Failure](err)
		if failure == nil || failure.Reason != watch.AuthSecretExpired || failure.Held != (attempt > 1) || failure.RetryAt.Before(where.now.Add(time.Minute)) {
			t.Errorf("attempt %d: %+v", attempt, failure)
		}
	}
}

func TestTheClientsOwnWayTrustsItsAuthorities(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(0))
	client := newWorld().open(t, at(t, server))
	if got := client.GraphURL(); got != server.GraphURL {
		t.Errorf("Graph at %s", got)
	}
	response, err := client.HTTP().Get(server.GraphURL + "/v1.0/applications")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if requests := server.To("/applications"); len(requests) != 1 || requests[0].Authorized {
		t.Errorf("it signs what it is not asked to: %v", requests)
	}
}
