package faketenant

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// names are the display names of a page.
func names(p page) []string {
	var all []string
	for _, object := range p.Value {
		name, _ := object["displayName"].(string)
		all = append(all, name)
	}
	return all
}

// fill makes applications app-0, app-1, …; every third has no owner.
func fill(n int) []Application {
	var apps []Application
	for i := range n {
		app := Application{ID: fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", i), AppID: fmt.Sprintf("bbbbbbbb-0000-4000-8000-%012d", i), DisplayName: fmt.Sprintf("app-%d", i)}
		if i%3 != 0 {
			app.OwnerIDs = []string{"cccccccc-0000-4000-8000-000000000001"}
		}
		apps = append(apps, app)
	}
	return apps
}

func people() []User {
	return []User{{ID: "cccccccc-0000-4000-8000-000000000001", DisplayName: "Ada", UserPrincipalName: "ada@example.com", Mail: "ada@example.com", OtherMails: []string{"ada@home.example"}}}
}

func TestPagesFollowOneAnotherAndLoseNothing(t *testing.T) {
	tenant := start(t, Options{Directory: Directory{Applications: fill(9)}})
	v := visit(t, tenant)
	var all []string
	address, pages := "/v1.0/applications?$top=4&$select=displayName&$count=true", 0
	for address != "" {
		got, status := v.page(address, "ConsistencyLevel", "eventual")
		if status != 200 {
			t.Fatalf("GET %s: %d", address, status)
		}
		if pages++; (got.Count != nil) != (pages == 1) {
			t.Errorf("page %d: @odata.count is %v, want it on the first page only", pages, got.Count)
		}
		if len(got.Value[0]) != 1 {
			t.Errorf("$select=displayName gives %v", got.Value[0])
		}
		if got.Next != "" && !strings.HasPrefix(got.Next, tenant.GraphURL+"/v1.0/applications?") {
			t.Errorf("the next link is %s", got.Next)
		}
		all, address = append(all, names(got)...), got.Next
	}
	if want := []string{"Lapsewatch", "app-0", "app-1", "app-2", "app-3", "app-4", "app-5", "app-6", "app-7", "app-8"}; !slices.Equal(all, want) || pages != 3 {
		t.Errorf("%d pages held %v, want 3 pages of %v", pages, all, want)
	}
}

func TestAFilterByNumberOfOwnersNeedsItsHeaderOnEveryPage(t *testing.T) {
	tenant := start(t, Options{Directory: Directory{Applications: fill(9), Users: people()}})
	v := visit(t, tenant)
	const address = "/v1.0/applications?$top=2&$count=true&$filter=owners/$count%20eq%200"
	if got, status := v.page(address); status != 400 || got.Error.Code != "Request_UnsupportedQuery" {
		t.Errorf("without the header: %d %s", status, got.Error.Code)
	}
	first, _ := v.page(address, "ConsistencyLevel", "eventual")
	if *first.Count != 4 || !slices.Equal(names(first), []string{"Lapsewatch", "app-0"}) {
		t.Errorf("the first page holds %v of %d", names(first), *first.Count)
	}
	if got, status := v.page(first.Next); status != 400 || got.Error.Code != "Request_UnsupportedQuery" {
		t.Errorf("page 2 without the header: %d %s", status, got.Error.Code)
	}
	if second, _ := v.page(first.Next, "ConsistencyLevel", "eventual"); !slices.Equal(names(second), []string{"app-3", "app-6"}) || second.Next != "" {
		t.Errorf("the second page holds %v and leads to %q", names(second), second.Next)
	}
}

func TestWhatGraphRefusesToDo(t *testing.T) {
	v := visit(t, start(t, Options{Directory: Directory{Applications: fill(1)}}))
	for address, want := range map[string]string{
		"/v1.0/applications?$top=1000":                                          "Invalid page size",
		"/v1.0/applications?$select=secrets":                                    "property named 'secrets'",
		"/v1.0/applications?$expand=owners,federatedIdentityCredentials":        "Only one property",
		"/v1.0/applications?$expand=owners($select=id),appRoles":                "Only one property",
		"/v1.0/applications?$filter=notes%20eq%20%27x%27":                       "query filter clause",
		"/v1.0/applications?$skiptoken=x":                                       "skip token",
		"/v1.0/reports/appCredentialSignInActivities":                           "segment 'reports'",
		"/v1.0/applications/ffffffff-0000-4000-8000-000000000000":               "does not exist",
		"/v1.0/applications/ffffffff-0000-4000-8000-000000000000/owners":        "does not exist",
		"/v1.0/servicePrincipals(appId='ffffffff-0000-4000-8000-000000000000')": "does not exist",
	} {
		if got, status := v.page(address); status != 400 && status != 404 || !strings.Contains(got.Error.Message, want) {
			t.Errorf("GET %s: %d %q, want %q", address, status, got.Error.Message, want)
		}
	}
	v.token = "eyJ.forged"
	if got, status := v.page("/v1.0/applications"); status != 401 || got.Error.Code != "InvalidAuthenticationToken" {
		t.Errorf("with a forged token: %d %s", status, got.Error.Code)
	}
}

func TestObjectsAreFoundByEitherID(t *testing.T) {
	tenant := start(t, Options{Directory: Directory{
		Applications:      fill(2),
		ServicePrincipals: []ServicePrincipal{{ID: "dddddddd-0000-4000-8000-000000000001", AppID: "bbbbbbbb-0000-4000-8000-000000000001", DisplayName: "principal"}},
		Generated:         Generated{Applications: 100_000, SecretsEach: 1, From: now},
	}})
	v := visit(t, tenant)
	last := Generated{Applications: 100_000}.application(99_999, &scratch{})
	for address, want := range map[string]string{
		"/v1.0/applications/aaaaaaaa-0000-4000-8000-000000000001":               "app-1",
		"/v1.0/applications(appId='bbbbbbbb-0000-4000-8000-000000000001')":      "app-1",
		"/beta/servicePrincipals/dddddddd-0000-4000-8000-000000000001":          "principal",
		"/v1.0/servicePrincipals(appId='bbbbbbbb-0000-4000-8000-000000000001')": "principal",
		"/v1.0/applications/" + last.ID:                                         "app-99999",
		"/v1.0/applications(appId='" + last.AppID + "')":                        "app-99999",
	} {
		if got := v.object(address); got["displayName"] != want {
			t.Errorf("GET %s is %v, want %s", address, got, want)
		}
	}
}

func TestNoAnswerHoldsAKey(t *testing.T) {
	tenant := start(t, Options{Directory: Directory{Generated: Generated{Applications: 1, CertificatesEach: 1, From: now}}})
	_, body, err := visit(t, tenant).ask("/v1.0/applications")
	if err != nil || strings.Contains(body, watchdogSecret) || !strings.Contains(body, `"key":null`) || !strings.Contains(body, `"secretText":null`) {
		t.Errorf("the list is %s %v", body, err)
	}
}

func TestOwnersAreUsersAndServicePrincipalsAndShowWhatTheCallerMaySee(t *testing.T) {
	apps := fill(2)
	apps[1].OwnerIDs = []string{"cccccccc-0000-4000-8000-000000000001", "dddddddd-0000-4000-8000-000000000001", "gone"}
	for i := range 30 {
		apps[0].OwnerIDs = append(apps[0].OwnerIDs, fmt.Sprintf("cccccccc-0000-4000-8000-1%011d", i))
	}
	directory := Directory{
		Applications: apps, Users: people(),
		ServicePrincipals: []ServicePrincipal{{ID: "dddddddd-0000-4000-8000-000000000001", AppID: "x", DisplayName: "deployer"}},
	}
	for _, id := range apps[0].OwnerIDs {
		directory.Users = append(directory.Users, User{ID: id})
	}
	tenant := start(t, Options{Directory: directory})
	v := visit(t, tenant)
	const owners = "/v1.0/applications/aaaaaaaa-0000-4000-8000-000000000001/owners"
	hidden, _ := v.page(owners)
	if user := hidden.Value[0]; user["@odata.type"] != "#microsoft.graph.user" || user["id"] != "cccccccc-0000-4000-8000-000000000001" || user["mail"] != nil || user["displayName"] != nil {
		t.Errorf("without a permission to read users, the owner is %v", user)
	}
	if principal := hidden.Value[1]; principal["@odata.type"] != "#microsoft.graph.servicePrincipal" || principal["displayName"] != "deployer" || len(hidden.Value) != 2 {
		t.Errorf("the owners are %v", hidden.Value)
	}
	tenant.Grant(watchdogApp, "User.ReadBasic.All")
	if basics, _ := v.page(owners + "?$select=mail,otherMails"); basics.Value[0]["mail"] != "ada@example.com" || len(basics.Value[0]["otherMails"].([]any)) != 0 {
		t.Errorf("with the permission to read the basics of users, the owner is %v", basics.Value[0])
	}
	tenant.Grant(watchdogApp, "User.Read.All")
	if all, _ := v.page(owners); fmt.Sprint(all.Value[0]["otherMails"]) != "[ada@home.example]" {
		t.Errorf("with the permission to read users, the owner is %v", all.Value[0])
	}
	expanded, _ := v.page("/v1.0/applications?$expand=owners&$filter=displayName%20eq%20%27app-0%27")
	if got := expanded.Value[0]["owners"].([]any); len(got) != 20 {
		t.Errorf("$expand gives %d of 30 owners, want 20", len(got))
	}
	paged, _ := v.page("/v1.0/applications/" + apps[0].ID + "/owners?$top=25")
	if len(paged.Value) != 25 || paged.Next == "" {
		t.Errorf("the page of 25 owners holds %d and leads to %q", len(paged.Value), paged.Next)
	}
}

func TestTheReportOfSignInsNeedsALicenceAPermissionAndTheGlobalCloud(t *testing.T) {
	const report = "/beta/reports/appCredentialSignInActivities"
	tenant := start(t, Options{Directory: Directory{
		WithoutPremium: true,
		SignIns:        []CredentialSignIn{{KeyID: "k1", AppID: watchdogApp, CredentialOrigin: "application", LastSignInDateTime: "2021-04-01T00:00:00-8:00"}, {KeyID: "k2"}},
	}})
	v := visit(t, tenant)
	if got, status := v.page(report); status != 403 || got.Error.Code != "Authentication_MSGraphPermissionMissing" {
		t.Errorf("without the permission: %d %s", status, got.Error.Code)
	}
	tenant.Grant(watchdogApp, "AuditLog.Read.All")
	if got, status := v.page(report); status != 403 || got.Error.Code != "Authentication_RequestFromNonPremiumTenantOrB2CTenant" {
		t.Errorf("without the licence: %d %s", status, got.Error.Code)
	}
	tenant.Change(func(d *Directory) { d.WithoutPremium = false })
	got, _ := v.page(report + "?$filter=keyId%20eq%20%27k1%27")
	if len(got.Value) != 1 || fmt.Sprint(got.Value[0]["signInActivity"]) != "map[lastSignInDateTime:2021-04-01T00:00:00-8:00 lastSignInRequestId:<nil>]" {
		t.Errorf("the report is %v", got.Value)
	}
	national := start(t, Options{NationalCloud: true})
	if got, status := visit(t, national).page(report); status != 400 || got.Error.Message != "Resource not found for the segment 'reports'." {
		t.Errorf("in a national cloud: %d %s", status, got.Error.Message)
	}
}

func TestAnAccessTokenEndsWithItsLifetime(t *testing.T) {
	var passed atomic.Int64
	tenant := start(t, Options{Now: func() time.Time { return now.Add(time.Duration(passed.Load())) }, TokenLifetime: time.Minute})
	v := visit(t, tenant)
	passed.Store(int64(time.Minute - time.Second))
	if _, status := v.page("/v1.0/applications"); status != 200 {
		t.Errorf("before its end: %d", status)
	}
	passed.Store(int64(time.Minute))
	if _, status := v.page("/v1.0/applications"); status != 401 {
		t.Errorf("at its end: %d", status)
	}
}

func TestSAMLSigningMakesThreeObjectsOfOneCertificate(t *testing.T) {
	keys, password, preferred := SAMLSigning("k1", "k2", "sso", [20]byte{0xab, 0xcd}, now, now.AddDate(3, 0, 0))
	if len(keys) != 2 || keys[0].Usage != "Sign" || keys[1].Usage != "Verify" || keys[0].KeyID == keys[1].KeyID {
		t.Errorf("the keys are %+v", keys)
	}
	if password.KeyID != keys[0].KeyID || password.CustomKeyIdentifier != keys[1].CustomKeyIdentifier || keys[0].CustomKeyIdentifier != "q80AAAAAAAAAAAAAAAAAAAAAAAA=" {
		t.Errorf("the password is %+v beside the keys %+v", password, keys)
	}
	if preferred != "ABCD000000000000000000000000000000000000" {
		t.Errorf("the preferred thumbprint is %s", preferred)
	}
}

func TestListsOfKeyCredentialsAreThrottled(t *testing.T) {
	tenant := start(t, Options{})
	v := visit(t, tenant)
	for n := range keyCredentialReadsPerMinute {
		if _, status := v.page("/v1.0/applications?$select=keyCredentials"); status != 200 {
			t.Fatalf("request %d: %d", n+1, status)
		}
	}
	response, _, err := v.ask("/v1.0/servicePrincipals?$select=keyCredentials")
	if err != nil || response.StatusCode != 429 || response.Header.Get("Retry-After") == "" {
		t.Errorf("one more: %v %v, want 429 with Retry-After", response.Status, err)
	}
	if _, status := v.page("/v1.0/applications?$select=id"); status != 200 {
		t.Errorf("a list without keyCredentials: %d", status)
	}
}
