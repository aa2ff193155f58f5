package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	azureManagement = "https://management.azure.com"
	// azureVersion is that of the contract that answers are read by
	// (Azure/azure-rest-api-specs, Microsoft.ResourceHealth/stable/2022-10-01).
	azureVersion = "2022-10-01"
	// azureDays is how far back events are asked for: without it Azure leaves out what was
	// last updated more than three days ago, whether or not it is over.
	azureDays     = 30
	maxAzurePages = 20
	maxEvents     = 10_000
)

// managementOf is Azure Resource Manager, which is also what the token is for.
func managementOf(cloud msgraph.Cloud) string {
	national := map[msgraph.Cloud]string{
		msgraph.USGovernment: "https://management.usgovcloudapi.net", msgraph.USGovernmentDoD: "https://management.usgovcloudapi.net",
		msgraph.China: "https://management.chinacloudapi.cn",
	}
	if address, found := national[cloud]; found {
		return address
	}
	return azureManagement
}

func readAzureHealth(ctx context.Context, l *look, s Source) (reading, error) {
	as, err := l.accounts.open(l, s)
	if err != nil {
		return reading{}, err
	}
	a := &azure{look: l, source: s, entra: as.entra, client: as.client}
	if a.token, err = a.entra.Token(ctx, watch.Secret{}); err != nil {
		return reading{}, err
	}
	all, err := a.events(ctx)
	if err != nil {
		return reading{}, err
	}
	return readEvents(all, l.upstream.Components, l.upstream.Regions, l.now), nil
}

// account is one sign-in for one service.
type account struct {
	entra  *msgraph.Client
	client *webclient.Client
}

// accounts are those of a pass: each signs in once, however many sources there are for it,
// since a wrong secret that is sent many times locks its application out.
type accounts struct {
	mu   sync.Mutex
	made map[string]account
}

func (a *accounts) open(l *look, s Source) (account, error) {
	resource := managementOf(s.Azure.Cloud)
	options, err := json.Marshal(s.Azure.SignIn)
	if err != nil {
		return account{}, fmt.Errorf("tell sign-ins to Azure apart: %w", err)
	}
	key := resource + " " + string(options)
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, has := a.made[key]; has {
		return known, nil
	}
	var made account
	made.entra, err = msgraph.Open(s.Azure.SignIn, msgraph.Env{
		Log: l.env.Log, HTTP: l.env.HTTP, Secrets: l.env.Secrets, Memory: l.env.Memory, Interactive: l.atOnce, Resource: resource,
	})
	if err != nil {
		return account{}, err
	}
	made.client, err = webclient.Open(l.setup(), webclient.Env{HTTP: made.entra.HTTP(), Now: l.env.Now, Timeout: l.timeout()})
	if err != nil {
		made.entra.Close()
		return account{}, err
	}
	if a.made == nil {
		a.made = map[string]account{}
	}
	a.made[key] = made
	return made, nil
}

// close lets go of idle connections.
func (a *accounts) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.made {
		one.client.Close()
		one.entra.Close()
	}
}

// azure reads the events of one subscription with one sign-in.
type azure struct {
	*look
	source Source
	entra  *msgraph.Client
	client *webclient.Client
	token  watch.Secret
}

// events walks through the pages of the list.
func (a *azure) events(ctx context.Context) ([]event, error) {
	from := a.now.AddDate(0, 0, -azureDays)
	query := url.Values{"api-version": {azureVersion}, "queryStartTime": {from.Format("1/2/2006")}}
	list := a.source.address() + "/subscriptions/" + a.source.Azure.Subscription + "/providers/Microsoft.ResourceHealth/events"
	var all []event
	asked := map[string]bool{}
	for next := list + "?" + query.Encode(); next != ""; {
		switch {
		case asked[next]:
			return nil, incomplete("its pages lead in a circle")
		case len(asked) == maxAzurePages:
			return nil, incomplete(fmt.Sprintf("it has more than %d pages", maxAzurePages))
		case !a.below(next):
			return nil, incomplete("a page of it lies elsewhere, where the token must not go")
		}
		asked[next] = true
		body, err := a.get(ctx, next)
		if err != nil {
			return nil, err
		}
		page, err := parseEvents(body)
		if err != nil {
			return nil, err
		}
		if all = append(all, page.Value...); len(all) > maxEvents {
			return nil, incomplete(fmt.Sprintf("it has more than %d events", maxEvents))
		}
		next = string(page.Next)
	}
	return all, nil
}

func incomplete(text string) error { return &unread{reason: watch.Incomplete, text: text} }

// below reports whether a link is one to Azure Resource Manager, which the token is for.
func (a *azure) below(link string) bool {
	own, err := url.Parse(a.source.address())
	address, fault := url.Parse(link)
	return err == nil && fault == nil && address.Scheme == "https" && strings.EqualFold(address.Host, own.Host) && address.User == nil
}

// get asks signed in, and once more with a fresh token if Azure does not take this one.
func (a *azure) get(ctx context.Context, address string) ([]byte, error) {
	for renewed := false; ; renewed = true {
		request := webclient.Request{
			URL: address, Secrets: []watch.Secret{a.token},
			Header: http.Header{"Authorization": {"Bearer " + a.token.Reveal()}, "Accept": {"application/json"}},
		}
		answer, err := a.client.Once(ctx, request)
		if err != nil {
			return nil, err
		}
		if answer.Status == http.StatusOK {
			return answer.Body, nil
		}
		if answer.Status != http.StatusUnauthorized || renewed {
			return nil, a.refused(request, answer)
		}
		if a.token, err = a.entra.Token(ctx, a.token); err != nil {
			return nil, err
		}
	}
}

func (a *azure) refused(request webclient.Request, answer webclient.Answer) error {
	var said struct {
		Error struct {
			Code    text `json:"code"`
			Message text `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(answer.Body, &said) // what else the body is, Refusal says
	failure := a.client.Refusal(request, answer, strings.TrimSpace(string(said.Error.Code)+" "+string(said.Error.Message)))
	remedies := map[watch.Reason]string{
		watch.AuthFailed:       "Check azure.tenant: the subscription may belong to another one.",
		watch.PermissionDenied: fmt.Sprintf("Give the identity that signs in the role Reader (Microsoft.ResourceHealth/events/read) on subscription %s; an application permission of Microsoft Graph does not give it.", a.source.Azure.Subscription),
		watch.NotFound:         "Check azure.subscription: it is in another tenant, or there is none of this ID.",
	}
	return &webclient.Trouble{Err: failure, Remedy: remedies[failure.Reason]}
}
