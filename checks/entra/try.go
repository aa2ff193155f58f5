package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"

	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// Try implements watch.Trier: it signs in and asks for the least of everything that a
// pass reads.
func (c *Check) Try(ctx context.Context) []watch.Ability {
	signIn := watch.Ability{Name: "sign-in", Gives: "gets a token for tenant " + c.options.Tenant, Required: true}
	client, err := c.open(true)
	if err != nil {
		signIn.Err = err
		return []watch.Ability{signIn}
	}
	defer client.Close()
	identity, err := client.Authenticate(ctx)
	if err != nil {
		signIn.Err = err
		if failure, ok := errors.AsType[*msgraph.Failure](err); ok {
			signIn.Reason, signIn.Remedy = failure.Reason, c.options.nextStep(failure)
		}
		return []watch.Ability{signIn}
	}
	signIn.Gives = fmt.Sprintf("signs in to tenant %s as application %s", tenantID(identity, c.options.SignIn), identity.ClientID)
	ask := trial{requests{client}, &c.options}
	found := []watch.Ability{
		signIn,
		ask.applications(ctx),
		ask.servicePrincipals(ctx, c.options.ServicePrincipals || c.options.SAML),
		readsMails(identity),
		ask.one(ctx, permissionForActivity, "says which credentials that end soon are still in use (with Microsoft Entra ID P1 or P2)", ask.signIns("999")),
		ask.one(ctx, permissionForPolicy, "holds lives against the tenant's own limits", ask.managementPolicy()),
	}
	if report := &found[4]; report.Err != nil {
		report.Err, report.Remedy = fmt.Errorf("%s", activityLacks(report.Err, c.options.Cloud)), ask.remedyOf(report.Err, permissionForActivity)
	}
	return found
}

type trial struct {
	requests
	options *Options
}

func (t trial) one(ctx context.Context, permission, gives string, request *abstractions.RequestInformation) watch.Ability {
	var answer map[string]json.RawMessage
	found := watch.Ability{Name: permission, Gives: gives}
	found.Err = t.client.GetJSON(ctx, "ask for "+permission, request, &answer)
	found.Remedy = t.remedyOf(found.Err, permission)
	return found
}

func (t trial) applications(ctx context.Context) watch.Ability {
	found := watch.Ability{Name: permissionToRead, Gives: "lists application registrations with the dates of their secrets and certificates, and their owners", Required: true}
	var request *abstractions.RequestInformation
	if request, found.Err = t.requests.applications(ctx, breadth{}, 1); found.Err == nil {
		found = t.required(ctx, found, request)
	}
	return found
}

func (t trial) servicePrincipals(ctx context.Context, credentials bool) watch.Ability {
	found := watch.Ability{Name: permissionToRead, Gives: "lists service principals with their SAML signing certificates", Required: true}
	var request *abstractions.RequestInformation
	if request, found.Err = t.requests.servicePrincipals(ctx, credentials, 1); found.Err == nil {
		found = t.required(ctx, found, request)
	}
	return found
}

func (t trial) required(ctx context.Context, wanted watch.Ability, request *abstractions.RequestInformation) watch.Ability {
	found := t.one(ctx, wanted.Name, wanted.Gives, request)
	found.Required = true
	return found
}

// remedyOf names the permission where that is what is missing.
func (t trial) remedyOf(err error, permission string) string {
	failure, ok := errors.AsType[*msgraph.Failure](err)
	switch {
	case !ok:
		return ""
	case failure.Reason == watch.PermissionDenied && !needsLicence(failure):
		return fmt.Sprintf("Give the application permission %s of Microsoft Graph, with the consent of an administrator.", permission)
	default:
		return t.options.nextStep(failure)
	}
}

// mailPermissions are those of which any lets an application read users' mail addresses.
func mailPermissions() []string {
	return []string{permissionForMails, "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All", "Directory.AccessAsUser.All"}
}

// readsMails looks into the token: to ask for an owner takes an application that has one.
func readsMails(identity msgraph.Identity) watch.Ability {
	found := watch.Ability{Name: permissionForMails, Gives: "tells the mail addresses of owners"}
	has := func(name string) bool { return slices.Contains(identity.Permissions, name) }
	switch {
	case identity.Permissions == nil:
		found.Err = fmt.Errorf("the token does not say which permissions it carries")
	case !slices.ContainsFunc(mailPermissions(), has):
		found.Err = fmt.Errorf("the token carries none of %s", strings.Join(mailPermissions()[:2], ", "))
		found.Remedy = fmt.Sprintf("Give the application permission %s of Microsoft Graph, with the consent of an administrator.", permissionForMails)
	}
	return found
}
