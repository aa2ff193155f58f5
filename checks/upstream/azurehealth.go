package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

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

// events is a page of Events_ListBySubscriptionId.
type events struct {
	Value []event `json:"value"`
	Next  text    `json:"nextLink"`
}

type event struct {
	Name       text `json:"name"`
	Properties *struct {
		Type    text     `json:"eventType"`
		Status  text     `json:"status"`
		Level   text     `json:"level"`
		Event   text     `json:"eventLevel"`
		Title   text     `json:"title"`
		Started text     `json:"impactStartTime"`
		Impact  []impact `json:"impact"`
	} `json:"properties"`
}

type impact struct {
	Service text `json:"impactedService"`
	Regions []struct {
		Region text `json:"impactedRegion"`
		Status text `json:"status"`
	} `json:"impactedRegions"`
}

func readAzureHealth(ctx context.Context, l *look, s Source) (reading, error) {
	entra, err := msgraph.Open(s.Azure.SignIn, msgraph.Env{
		Log: l.env.Log, HTTP: l.env.HTTP, Secrets: l.env.Secrets, Memory: l.env.Memory, Interactive: l.atOnce, Resource: managementOf(s.Azure.Cloud),
	})
	if err != nil {
		return reading{}, err
	}
	defer entra.Close()
	client, err := webclient.Open(l.setup(), webclient.Env{HTTP: entra.HTTP(), Now: l.env.Now, Timeout: l.timeout()})
	if err != nil {
		return reading{}, err
	}
	defer client.Close()
	a := &azure{look: l, source: s, entra: entra, client: client}
	if a.token, err = entra.Token(ctx, watch.Secret{}); err != nil {
		return reading{}, err
	}
	all, err := a.events(ctx)
	if err != nil {
		return reading{}, err
	}
	return readEvents(all, l.upstream.Components, l.upstream.Regions, l.now), nil
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

func parseEvents(body []byte) (events, error) {
	var page events
	if json.Unmarshal(body, &page) != nil || page.Value == nil { // its error repeats what was sent
		return events{}, notThis("list of events of Azure Service Health")
	}
	for _, one := range page.Value {
		if one.Properties == nil {
			return events{}, notThis("list of events of Azure Service Health: one has no properties")
		}
	}
	return page, nil
}

// readEvents says how the services and regions that count are, all of them if none are given.
func readEvents(all []event, services, regions []string, now time.Time) reading {
	var r reading
	for _, one := range all {
		if one.Properties.Status == "Resolved" || !one.concerns(services, regions) {
			continue
		}
		if one.Properties.Status != "Active" {
			r.strange("event's status", string(one.Properties.Status))
		}
		r.event(one, now)
	}
	return r
}

// event adds one that is not resolved. Advisories and reports about what is over are no
// outages.
func (r *reading) event(one event, now time.Time) {
	started := one.Properties.Started.moment()
	switch one.Properties.Type {
	case "HealthAdvisory", "SecurityAdvisory", "RCA", "Billing":
		return
	case "PlannedMaintenance":
		if started.IsZero() || started.After(now) {
			return
		}
		r.raise(maintenance)
	case "ServiceIssue", "EmergingIssues":
		r.raise(degraded)
		if one.grave() {
			r.raise(down)
		}
	default:
		r.strange("event's type", string(one.Properties.Type))
		return
	}
	r.incidents = append(r.incidents, incident{name: string(one.Properties.Title), status: string(one.Name), started: started})
}

func (e event) grave() bool {
	return e.Properties.Event == "Critical" || e.Properties.Event == "Error" || e.Properties.Event == "" && e.Properties.Level == "Critical"
}

// concerns reports whether an event hits a service that counts, in a region that counts,
// where it is not over. One that does not say what it hits may hit anything.
func (e event) concerns(services, regions []string) bool {
	if len(e.Properties.Impact) == 0 {
		return true
	}
	for _, hit := range e.Properties.Impact {
		if len(services) > 0 && hit.Service != "" && !among(services, string(hit.Service)) {
			continue
		}
		if len(hit.Regions) == 0 {
			return true
		}
		for _, where := range hit.Regions {
			counts := len(regions) == 0 || where.Region == "" || among(append([]string{"Global"}, regions...), string(where.Region))
			if counts && where.Status != "Resolved" {
				return true
			}
		}
	}
	return false
}
