package faketenant

import (
	"errors"
	"strings"
	"sync"
	"testing"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/applications"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
)

// listAll is the real SDK's list of applications, page by page.
func listAll(t *testing.T, through abstractions.RequestAdapter, base string) (all []models.Applicationable, pages int, err error) {
	t.Helper()
	builder := applications.NewApplicationsRequestBuilderInternal(map[string]string{"baseurl": base + "/v1.0"}, through)
	top := int32(999)
	got, err := builder.Get(t.Context(), &applications.ApplicationsRequestBuilderGetRequestConfiguration{
		QueryParameters: &applications.ApplicationsRequestBuilderGetQueryParameters{
			Top: &top, Select: []string{"id", "appId", "displayName", "passwordCredentials", "keyCredentials"},
		},
	})
	for err == nil {
		pages++
		all = append(all, got.GetValue()...)
		next := got.GetOdataNextLink()
		if next == nil {
			return all, pages, nil
		}
		got, err = builder.WithUrl(*next).Get(t.Context(), nil)
	}
	return all, pages, err
}

func TestTheRealSDKListsEveryApplicationAndSignsInOnce(t *testing.T) {
	tenant := start(t, Options{Directory: Directory{Generated: Generated{Applications: 2_499, SecretsEach: 2, CertificatesEach: 1, From: now}}})
	through := adapter(t, tenant, bySecret(t, tenant, tenant.TenantID, watchdogApp, watchdogSecret))

	var lists sync.WaitGroup
	for range 2 {
		lists.Go(func() {
			all, pages, err := listAll(t, through, tenant.GraphURL)
			if err != nil {
				t.Error(err)
				return
			}
			ids := map[string]bool{}
			for _, app := range all {
				ids[*app.GetAppId()] = true
			}
			if len(ids) != 2_500 || pages != 3 {
				t.Errorf("the SDK read %d different applications on %d pages, want 2500 on 3", len(ids), pages)
			}
			last := all[len(all)-1]
			if name := *last.GetDisplayName(); name != "app-2498" {
				t.Errorf("the last application is %q", name)
			}
			if n := len(last.GetPasswordCredentials()); n != 2 {
				t.Errorf("the last application has %d secrets, want 2", n)
			}
			if end := last.GetKeyCredentials()[0].GetEndDateTime(); end == nil || !end.After(now) {
				t.Errorf("the last application's certificate ends %v", end)
			}
		})
	}
	lists.Wait()
	if signIns := tenant.To("/token"); len(signIns) != 1 || signIns[0].Status != 200 {
		t.Errorf("the SDK signed in with %v, want once", signIns)
	}
	for _, request := range tenant.To("/applications") {
		if !request.Authorized || request.Header.Get("Authorization") != "" {
			t.Errorf("request %v: authorized %v, header recorded %q", request.Query, request.Authorized, request.Header.Get("Authorization"))
		}
	}
}

func TestTheRealSDKReadsARefusalAsAnODataError(t *testing.T) {
	tenant := start(t, Options{Directory: Directory{Grants: map[string][]string{watchdogApp: {"User.Read.All"}}}})
	_, _, err := listAll(t, adapter(t, tenant, bySecret(t, tenant, tenant.TenantID, watchdogApp, watchdogSecret)), tenant.GraphURL)
	refused, ok := errors.AsType[*odataerrors.ODataError](err)
	if !ok {
		t.Fatalf("the SDK says %T %v", err, err)
	}
	main := refused.GetErrorEscaped()
	if refused.ResponseStatusCode != 403 || *main.GetCode() != "Authorization_RequestDenied" || !strings.Contains(*main.GetMessage(), "Insufficient privileges") {
		t.Errorf("the SDK says %d %s %s", refused.ResponseStatusCode, *main.GetCode(), *main.GetMessage())
	}
	inner := main.GetInnerError()
	if inner == nil || inner.GetRequestId() == nil || inner.GetClientRequestId() == nil || inner.GetDate() == nil {
		t.Errorf("the refusal lacks a request-id, a client-request-id or a date: %+v", inner)
	}
	if header := refused.ResponseHeaders.Get("request-id"); len(header) != 1 || header[0] != *inner.GetRequestId() {
		t.Errorf("the header request-id is %v, the body's %s", header, *inner.GetRequestId())
	}
}

func TestGrantsTakeEffectAtOnce(t *testing.T) {
	tenant := start(t, Options{})
	v := visit(t, tenant)
	if _, status := v.page("/v1.0/applications"); status != 200 {
		t.Fatalf("with the permission: %d", status)
	}
	tenant.Revoke(watchdogApp, "Application.Read.All")
	if got, status := v.page("/v1.0/applications"); status != 403 || got.Error.Code != "Authorization_RequestDenied" {
		t.Fatalf("without the permission: %d %s", status, got.Error.Code)
	}
	tenant.Grant(watchdogApp, "Directory.Read.All")
	if _, status := v.page("/v1.0/applications"); status != 200 {
		t.Fatalf("with the permission again: %d", status)
	}
}
