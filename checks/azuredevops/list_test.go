package azuredevops_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/azuredevops"
	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakedevops"
	"lapsewatch/internal/faketenant"
	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestTheTokensOfAllUsersAreListedWithTheirDatesAndOwners(t *testing.T) {
	s := begin(t, fabrikam(), vendortest.DefaultManners()...)
	s.lists(t, "")
	facts := s.collect(t)
	if len(facts) != 4 {
		t.Errorf("%d facts: %v", len(facts), facts)
	}
	checktest.WantCondition(t, facts["list"], "", "3 personal access tokens are listed")
	release, ok := facts["pat/"+adaID+"/"+releaseGUID].(watch.Credential)
	if !ok || !release.NotAfter.Equal(time.Date(2026, time.December, 2, 6, 0, 0, 0, time.UTC)) || release.Life != 90*24*time.Hour || release.Identity != releaseGUID || release.Form != watch.AccessToken {
		t.Errorf("%+v", facts)
	}
	want := watch.Subject{ID: "pat/" + adaID + "/" + releaseGUID, Name: "release of ada@example.com", Owners: []string{"ada@example.com"}, Link: "https://dev.azure.com/fabrikam/_usersSettings/tokens"}
	if !reflect.DeepEqual(release.Subject, want) {
		t.Errorf("got  %+v\nwant %+v", release.Subject, want)
	}
	if details := map[string]any{"scope": "vso.code_write", "all_organizations": false, "user": "ada@example.com"}; !reflect.DeepEqual(release.Details, details) {
		t.Errorf("%v", release.Details)
	}
	if old := facts["pat/"+adaID+"/"+oldGUID].(watch.Credential); !old.NotAfter.Equal(days(-2)) || !old.LeftOverFrom.Equal(days(28)) {
		t.Errorf("%+v", old)
	}
	work := facts["pat/"+graceID+"/"+strings.ToLower(workGUID)].(watch.Credential)
	if work.Subject.Name != "personal access token "+strings.ToLower(workGUID)+" of Grace" || work.Subject.Owners != nil {
		t.Errorf("%+v", work.Subject)
	}
}

func TestEveryPageOfEveryListIsRead(t *testing.T) {
	organization := fabrikam()
	organization.PageSize = 2
	for i := range 9 {
		user := fakedevops.User{Descriptor: fmt.Sprintf("aad.dXNlcg%d", i), Mail: fmt.Sprintf("u%d@example.com", i)}
		for j := range 5 {
			user.PATs = append(user.PATs, fakedevops.PAT{AuthorizationID: fmt.Sprintf("00000000-0000-4000-8000-0000000%02d%03d", i, j), DisplayName: "x", From: days(-1), To: days(j + 1)})
		}
		organization.Users = append(organization.Users, user)
	}
	s := begin(t, organization, vendortest.DefaultManners()...)
	s.lists(t, azuredevops.Everybodys)
	checktest.WantCondition(t, s.collect(t)["list"], "", "48 personal access tokens are listed")
}

func TestOwnTokensAreListedWithThoseThatHaveExpired(t *testing.T) {
	organization := fabrikam()
	organization.PageSize = 1
	s := begin(t, organization)
	s.lists(t, azuredevops.Own)
	facts := s.collect(t)
	if len(facts) != 3 {
		t.Errorf("%v", facts)
	}
	checktest.WantCondition(t, facts["list"], "", "2 personal access tokens are listed")
	if release := facts["pat/own/"+releaseGUID].(watch.Credential); release.Subject.Name != "release" || !release.NotAfter.Equal(days(10)) || release.Details["user"] != nil {
		t.Errorf("%+v", release)
	}
	if _, ok := facts["pat/own/"+oldGUID].(watch.Credential); !ok {
		t.Error("an expired token counts as removed")
	}
	organization.Change(func(o *fakedevops.Organization) { o.SignedIn = -1 })
	problem := checktest.WantProblem(t, s.collect(t)["list"], watch.AuthFailed, "401 Unauthorized")
	if problem.HidesPrefix != "pat/" || !strings.HasSuffix(problem.Remedy, "whose: own needs a user's sign-in.") {
		t.Errorf("%+v", problem)
	}
}

func TestAManagedIdentitySignsInForAzureDevOps(t *testing.T) {
	const client = "11111111-0000-4000-8000-00000000d0d0"
	tenant, err := faketenant.Start(faketenant.Options{
		Directory: faketenant.Directory{ServicePrincipals: []faketenant.ServicePrincipal{{ID: "5", AppID: client, ServicePrincipalType: "ManagedIdentity"}}},
		Manners:   faketenant.WellBehaved(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tenant.Close() })
	organization := fabrikam()
	organization.Accepts = func(token string) bool {
		appID, resource, valid := tenant.Issued(token)
		return valid && appID == client && resource == "499b84ac-1321-427f-aa17-267ca6975798"
	}
	s := begin(t, organization)
	s.lists(t, "")
	authorities := filepath.Join(t.TempDir(), "both.pem")
	own, err := os.ReadFile(s.server.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(authorities, append(own, tenant.RootPEM...), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IDENTITY_ENDPOINT", tenant.ManagedIdentityURL())
	t.Setenv("IDENTITY_HEADER", tenant.ManagedIdentityHeader())
	s.options.List.SignIn = msgraph.SignIn{Tenant: tenant.TenantID, Method: msgraph.ManagedIdentity, ClientID: client, CAFile: authorities}
	s.configure(t)
	checktest.WantCondition(t, s.collect(t)["list"], "", "3 personal access tokens are listed")
}

func TestASecretThatEntraRefusesHidesTheListAndIsHeld(t *testing.T) {
	tenant, err := faketenant.Start(faketenant.Options{Manners: faketenant.WellBehaved()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tenant.Close() })
	authority := filepath.Join(t.TempDir(), "tenant.pem")
	if err := os.WriteFile(authority, tenant.RootPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	s := begin(t, fabrikam())
	s.Put("secret", "CANARY-secret-of-the-watchdog")
	s.options.Organization = "fabrikam"
	s.options.List = &azuredevops.List{URL: s.server.URL + "/fabrikam", SignIn: msgraph.SignIn{
		Tenant: tenant.TenantID, ClientID: "11111111-0000-4000-8000-000000000001", Method: msgraph.ClientSecret, Secret: watch.SecretRef{Env: "secret"},
		AuthorityURL: tenant.AuthorityURL, GraphURL: tenant.GraphURL, CAFile: authority,
	}}
	s.configure(t)
	for range 2 {
		facts := s.collect(t)
		if problem := facts["list"].(watch.Problem); problem.HidesPrefix != "pat/" || !problem.Confined || !strings.HasPrefix(string(problem.Reason), "auth_") {
			t.Errorf("%+v", problem)
		}
		checktest.WantCondition(t, facts["token/release"], "", "the token works, as Ada; no API tells its date, so give it as expires, from the page of the user's personal access tokens")
	}
	if signIns := len(tenant.To("/token")); signIns != 1 {
		t.Errorf("%d sign-ins", signIns)
	}
	for _, ability := range s.check.(watch.Trier).Try(t.Context()) {
		if (ability.Err == nil) != (ability.Name == "release") {
			t.Errorf("tried: %+v", ability)
		}
	}
}

func TestAListThatCannotBeReadIsNeverAnEmptyOne(t *testing.T) {
	s := begin(t, fabrikam())
	s.lists(t, "")
	for name, c := range map[string]struct {
		on     string
		answer vendortest.Answer
		id     string
		reason watch.Reason
		hides  string
	}{
		"users as a web page":       {"/users", vendortest.Page(200), "list", watch.Unparsable, "pat/"},
		"a page with 401":           {"/users", vendortest.Page(401), "list", watch.Unparsable, "pat/"},
		"no list of users":          {"/users", vendortest.Reply(200, "application/json", `{"count":0}`), "list", watch.Unparsable, "pat/"},
		"a user without descriptor": {"/users", vendortest.Reply(200, "application/json", `{"value":[{"descriptor":"../../x"}]}`), "list", watch.Unparsable, "pat/"},
		"users that are denied":     {"/users", vendortest.Status(403, ""), "list", watch.PermissionDenied, "pat/"},
		"the sign-in page":          {"/users", vendortest.Page(203), "list", watch.AuthFailed, "pat/"},
		"users without end":         {"/users", vendortest.Endless(), "list", watch.TooLarge, "pat/"},
		"users that are not there":  {"/users", vendortest.Status(404, ""), "list", watch.NotFound, "pat/"},
		"users in a circle": {"/users", func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
			w.Header().Set("X-MS-ContinuationToken", "again")
			usual.ServeHTTP(w, r)
		}, "list", watch.Incomplete, "pat/"},
		"no list of tokens":     {"/" + adaID, vendortest.Reply(200, "application/json", `{"value":null}`), "pat/" + adaID, watch.Unparsable, "pat/" + adaID + "/"},
		"tokens as a web page":  {"/" + adaID, vendortest.Page(200), "pat/" + adaID, watch.Unparsable, "pat/" + adaID + "/"},
		"a token without an ID": {"/" + adaID, vendortest.Reply(200, "application/json", `{"value":[{"displayName":"x"}]}`), "pat/" + adaID, watch.Unparsable, "pat/" + adaID + "/"},
		"tokens that are cut":   {"/" + adaID, vendortest.CutShort(), "pat/" + adaID, watch.Unreadable, "pat/" + adaID + "/"},
		"tokens that echo":      {"/" + adaID, vendortest.Echo(400), "pat/" + adaID, watch.Unreadable, "pat/" + adaID + "/"},
		"tokens that are busy":  {"/" + adaID, vendortest.Status(429, "3600"), "pat/" + adaID, watch.Throttled, "pat/" + adaID + "/"},
		"tokens that lead away": {"/" + adaID, vendortest.Redirect("https://192.0.2.1"), "pat/" + adaID, watch.Unreadable, "pat/" + adaID + "/"},
		"tokens in a circle":    {"/" + adaID, vendortest.Reply(200, "application/json", `{"value":[],"continuationToken":"again"}`), "pat/" + adaID, watch.Incomplete, "pat/" + adaID + "/"},
	} {
		s.server.Misbehave(vendortest.Manner{On: c.on, Times: vendortest.Always, Answer: c.answer})
		problem, ok := s.collect(t)[c.id].(watch.Problem)
		if !ok || problem.Reason != c.reason || problem.HidesPrefix != c.hides || !problem.Confined {
			t.Errorf("%s: %+v", name, problem)
		}
	}
}

func TestWhatIsOddInAListHidesNothingElse(t *testing.T) {
	organization := fabrikam()
	raw := func(text string) fakedevops.PAT { return fakedevops.PAT{Raw: text} }
	organization.Users[0].Mail = "ada@example.com>, <eve@example.net"
	organization.Users[0].PATs = append(organization.Users[0].PATs,
		raw(`{"authorizationId":"00000000-0000-4000-8000-000000000001","validTo":"soon"}`),
		raw(`{"authorizationId":"00000000-0000-4000-8000-000000000002","validTo":null}`),
		raw(`{"authorizationId":"00000000-0000-4000-8000-000000000003","validTo":"2027-01-31T00:00:00Z","targetAccounts":7}`),
		raw(`{"authorizationId":"00000000-0000-4000-8000-000000000004","validTo":"2027-01-31T00:00:00Z","displayName":"a\u001b[31m\r\nb\u202e`+strings.Repeat("x", 5000)+`"}`),
		raw(`{"authorizationId":"`+releaseGUID+`","validTo":"2027-01-31T00:00:00Z"}`),
	)
	s := begin(t, organization)
	s.lists(t, "")
	facts := s.collect(t)
	for _, n := range []string{"1", "2", "3"} {
		checktest.WantProblem(t, facts["pat/"+adaID+"/00000000-0000-4000-8000-00000000000"+n], watch.Unparsable, "its dates cannot be read")
	}
	hostile := facts["pat/"+adaID+"/00000000-0000-4000-8000-000000000004"].About()
	if strings.ContainsAny(hostile.Name, "\x1b\r\n\u202e") || len(hostile.Name) > 500 || hostile.Owners != nil {
		t.Errorf("%+v", hostile)
	}
	if first := facts["pat/"+adaID+"/"+releaseGUID].(watch.Credential); !first.NotAfter.Equal(days(10)) {
		t.Errorf("%+v", first)
	}
}

func TestTheCertificateThatLapsewatchSignsInWithIsToldOf(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "Lapsewatch", Key: key, NotBefore: days(-300), NotAfter: days(20)})
	if err != nil {
		t.Fatal(err)
	}
	private, err := pair.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	s := begin(t, fabrikam())
	s.lists(t, "")
	s.Put("certificate", string(pair.ChainPEM())+string(private))
	s.options.List.SignIn = msgraph.SignIn{
		Tenant: "7e4a0000-0000-4000-8000-000000000001", ClientID: "11111111-0000-4000-8000-000000000001", Method: msgraph.ClientCert, Certificate: watch.SecretRef{Env: "certificate"},
		AuthorityURL: s.server.URL, CAFile: s.server.CAFile, // which is no authority: the sign-in fails
	}
	s.configure(t)
	facts := s.collect(t)
	own, ok := facts["own-certificate"].(watch.Credential)
	if !ok || !own.Self || own.Form != watch.ClientCertificate || !own.NotAfter.Equal(days(20)) || own.Identity != "until:2026-12-12T06:00:00Z" {
		t.Errorf("%+v", facts)
	}
	if problem, ok := facts["list"].(watch.Problem); !ok || problem.HidesPrefix != "pat/" {
		t.Errorf("%+v", facts["list"])
	}

	for text, words := range map[string]string{"": "read when the certificate ends: ", string(private): "read when the certificate ends: "} {
		s.Put("certificate", text)
		problem := checktest.WantProblem(t, s.collect(t)["own-certificate"], watch.Unreadable, words)
		if problem.Remedy != "Put the certificate and its key where they are referred to (environment variable certificate)." {
			t.Errorf("%q: %+v", text, problem)
		}
	}
}
