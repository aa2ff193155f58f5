package entra

import (
	"slices"
	"strings"
	"testing"

	"lapsewatch/internal/faketenant"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// without is a tenant in which Lapsewatch lacks permissions.
func without(t *testing.T, permissions ...string) scene {
	directory := contoso()
	granted := slices.DeleteFunc(allPermissions(), func(name string) bool { return slices.Contains(permissions, name) })
	directory.Grants = map[string][]string{watchdogApp: granted}
	return begin(t, directory)
}

func TestEachMissingPermissionCostsOneFeature(t *testing.T) {
	inUse, billing := appID(1)+"/"+keyIDOf(10), appID(2)+"/"+keyIDOf(20)
	for _, row := range []struct {
		name, permission, remark string
		holds                    func(t *testing.T, told facts)
	}{
		{
			"the sign-in report", "AuditLog.Read.All",
			"whether credentials that end soon are still in use is unknown: the sign-in report needs the permission AuditLog.Read.All",
			func(t *testing.T, told facts) {
				equal(t, "use", told.of(t, inUse).Use, watch.Use{State: watch.UseUnknown, Text: "the sign-in report needs the permission AuditLog.Read.All"})
				equal(t, "replacement stays", told.of(t, billing).Replacement.Name, "secret new")
			},
		},
		{
			"the owners' addresses", "User.ReadBasic.All",
			"owners are known by their IDs only: the permission User.ReadBasic.All is missing, so that nobody can be told by mail",
			func(t *testing.T, told facts) {
				equal(t, "owners", len(told.of(t, inUse).Subject.Owners), 0)
				equal(t, "owner's ID", told.of(t, inUse).Details["owners_without_mail"], any([]string{userID(1)}))
				equal(t, "it is not without owner", observed(told.of(t, inUse), watch.NoOwner), "")
			},
		},
		{
			"the tenant's limits", "Policy.Read.All",
			"without the tenant's app management policy, lives are held against max_life alone: the permission Policy.Read.All is missing",
			func(t *testing.T, told facts) {
				equal(t, "life", observed(told.of(t, appID(9)+"/"+keyIDOf(90)), watch.LifetimeTooLong), "has a life of 1095 days, longer than the 730 days that max_life allows")
			},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			told := without(t, row.permission).collect(t)
			if len(told.problems) > 0 {
				t.Errorf("a problem: %v", told.problems[0].Err)
			}
			if !slices.Contains(told.remarks, row.remark) {
				t.Errorf("remarks are %q, want %q", told.remarks, row.remark)
			}
			row.holds(t, told)
		})
	}
}

func TestWithoutTheRightToReadApplicationsThePermissionIsNamed(t *testing.T) {
	told := without(t, "Application.Read.All").collect(t)
	equal(t, "credentials", len(told.credentials), 0)
	equal(t, "problems", len(told.problems), 2)
	for _, problem := range told.problems {
		equal(t, "reason", problem.Reason, watch.PermissionDenied)
		equal(t, "remedy", problem.Remedy, "Give the application that Lapsewatch signs in as the application permission Application.Read.All of Microsoft Graph, and let an administrator consent to it.")
		if problem.Confined {
			t.Errorf("%s: what cannot be listed counts as gone", problem.Subject.ID)
		}
	}
}

func TestALicenceIsNotMistakenForAPermission(t *testing.T) {
	directory := contoso()
	directory.WithoutPremium = true
	told := begin(t, directory).collect(t)
	equal(t, "use", told.of(t, appID(1)+"/"+keyIDOf(10)).Use.Text, "the sign-in report needs a licence of Microsoft Entra ID P1 or P2")
}

func TestANationalCloudHasNoSignInReport(t *testing.T) {
	for cloud, want := range map[msgraph.Cloud]string{
		msgraph.China:       "this cloud has no sign-in report; Microsoft offers it in the public cloud only",
		msgraph.PublicCloud: "the sign-in report could not be read: list the sign-in activity of credentials, page 1: ",
	} {
		s := beginWith(t, faketenant.Options{Directory: contoso(), Manners: faketenant.WellBehaved(), NationalCloud: true}, func(o *Options) { o.Cloud = cloud })
		if use := s.collect(t).of(t, appID(1)+"/"+keyIDOf(10)).Use; use.State != watch.UseUnknown || !strings.HasPrefix(use.Text, want) {
			t.Errorf("in the cloud %s the use is %+v", cloud, use)
		}
	}
}

func TestASignInReportThatBreaksOffProvesNoDisuse(t *testing.T) {
	s := beginWith(t, faketenant.Options{Directory: contoso(), Manners: []faketenant.Manner{
		{On: "/appCredentialSignInActivities", Times: faketenant.Always, Answer: faketenant.NextLink("https://graph.example.net/beta/x")},
	}})
	told := s.collect(t)
	use := told.of(t, appID(2)+"/"+keyIDOf(20)).Use
	equal(t, "state", use.State, watch.UseUnknown)
	if !strings.Contains(use.Text, "leads away from") {
		t.Errorf("it is unknown because %q", use.Text)
	}
	equal(t, "what the report did show", told.of(t, appID(1)+"/"+keyIDOf(10)).Use.State, watch.InUse)
}

func TestPartsOfTheQueryThatACloudDoesNotKnowAreLeftOut(t *testing.T) {
	refused := faketenant.Reply(400, "application/json", `{"error":{"code":"BadRequest","message":"Parsing OData Select and Expand failed."}}`)
	for _, row := range []struct {
		name      string
		times     int
		federated bool
	}{{"isDisabled", 1, true}, {"federated credentials", 2, false}} {
		t.Run(row.name, func(t *testing.T) {
			s := beginWith(t, faketenant.Options{Directory: contoso(), Manners: []faketenant.Manner{
				{On: "/applications", After: 1, Times: row.times, Answer: refused}, // the first is that of applications without owners
			}})
			told := s.collect(t)
			equal(t, "problems", len(told.problems), 0)
			told.of(t, appID(1)+"/"+keyIDOf(10))
			federated := slices.Contains(told.ids(), appID(7)+"/federated/"+numbered('f', 7))
			equal(t, "federated credentials", federated, row.federated)
			equal(t, "remark", slices.Contains(told.remarks, "without federated credentials: Microsoft Graph does not tell them here"), !row.federated)
		})
	}
}

func TestWhoHasNoOwnerIsFoundOutAnotherWay(t *testing.T) {
	s := beginWith(t, faketenant.Options{Directory: contoso(), Manners: []faketenant.Manner{
		{On: "/applications", Answer: faketenant.Reply(400, "application/json", `{"error":{"code":"Request_UnsupportedQuery","message":"Unsupported."}}`)},
	}})
	told := s.collect(t)
	equal(t, "by asking for the owners", observed(told.of(t, appID(3)+"/"+keyIDOf(30)), watch.NoOwner), "belongs to an application that has no owner in Entra, and nobody else is configured: there is nobody to tell")
	if !slices.ContainsFunc(told.remarks, func(text string) bool {
		return strings.HasPrefix(text, "which applications have no owner is known only of those with a credential that ends soon: ")
	}) {
		t.Errorf("remarks are %q", told.remarks)
	}
}

func TestOwnersThatCannotBeReadAreNotTakenForNone(t *testing.T) {
	s := beginWith(t, faketenant.Options{Directory: contoso(), Manners: []faketenant.Manner{
		{On: "/owners", Times: faketenant.Always, Answer: faketenant.Reply(403, "application/json", `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges."}}`)},
	}}, func(o *Options) { o.FallbackOwners = []string{"all@example.com"} })
	told := s.collect(t)
	credential := told.of(t, appID(1)+"/"+keyIDOf(10))
	equal(t, "owners", credential.Subject.Owners, []string{"all@example.com"})
	equal(t, "observation", observed(credential, watch.NoOwner), "")
	if text, _ := credential.Details["owners_unknown"].(string); !strings.Contains(text, "Insufficient privileges") {
		t.Errorf("details say %q", text)
	}
}

func TestWhatTheOptionsDoNotWantIsNotTold(t *testing.T) {
	s := begin(t, contoso(), func(o *Options) {
		o.ServicePrincipals, o.SAML, o.Federated, o.SelfRotating = false, false, false, true
		o.Exclude = []Filter{{Name: "legacy"}, {AppID: watchdogApp}}
	})
	told := s.collect(t)
	for _, id := range told.ids() {
		if strings.Contains(id, "/saml/") || strings.Contains(id, "/sp/") || strings.Contains(id, "/federated/") || strings.HasPrefix(id, appID(5)) {
			t.Errorf("%s is told", id)
		}
	}
	told.of(t, appID(11)+"/"+keyIDOf(110))
	equal(t, "what Lapsewatch signs in with is never left out", told.of(t, watchdogApp+"/"+watchdogKey).Self, true)
	equal(t, "remarks", told.remarks, []string{"left out by the check's filters: 1 application or service principal", "2 applications have no credentials"})
	for _, request := range s.tenant.To("/servicePrincipals") {
		if strings.Contains(request.Query.Get("$select"), "Credentials") {
			t.Error("credentials of service principals were asked for")
		}
	}
}
