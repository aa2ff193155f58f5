package faketenant

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/microsoft/kiota-abstractions-go/serialization"
	kiotajson "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

// everything is a directory in which each property has a value, and another in which it
// has none.
func everything() Directory {
	keys, password, preferred := SAMLSigning("33333333-0000-4000-8000-0000000000a1", "33333333-0000-4000-8000-0000000000a2", "sso", [20]byte{1, 2, 3}, now, now.AddDate(3, 0, 0))
	return Directory{
		Applications: []Application{{
			ODataType: "#microsoft.graph.application",
			ID:        "22222222-0000-4000-8000-0000000000aa", AppID: "11111111-0000-4000-8000-0000000000aa", DisplayName: "a \"quoted\" <näme>\n",
			CreatedDateTime: At(now), SignInAudience: "AzureADMyOrg", Notes: "NotifyEmail=ops@example.com", ServiceManagementReference: "CMDB-7",
			DisabledByMicrosoftStatus: "NotDisabled", Disabled: true, Tags: []string{"prod", "team:payments"},
			PasswordCredentials: []PasswordCredential{password, {KeyID: "33333333-0000-4000-8000-0000000000a3"}},
			KeyCredentials:      keys,
			FederatedIdentityCredentials: []FederatedIdentityCredential{{
				ID: "55555555-0000-4000-8000-0000000000aa", Name: "cluster", Issuer: "https://issuer.example", Subject: "s", Audiences: []string{FederationAudience},
			}},
			OwnerIDs: []string{"cccccccc-0000-4000-8000-000000000001", "44444444-0000-4000-8000-0000000000aa"},
		}},
		ServicePrincipals: []ServicePrincipal{{
			ID: "44444444-0000-4000-8000-0000000000aa", AppID: "11111111-0000-4000-8000-0000000000aa", DisplayName: "sso", AccountDisabled: true,
			AppOwnerOrganizationID: DefaultTenantID, ServicePrincipalType: "Application", PreferredSingleSignOnMode: "saml",
			PreferredTokenSigningKeyThumbprint: preferred, NotificationEmailAddresses: []string{"ops@example.com"}, Notes: "n",
			Tags: []string{"WindowsAzureActiveDirectoryIntegratedApp"}, AlternativeNames: []string{"isExplicit=True"},
			PasswordCredentials: []PasswordCredential{password}, KeyCredentials: keys, OwnerIDs: []string{"cccccccc-0000-4000-8000-000000000001"},
		}, {ID: "44444444-0000-4000-8000-0000000000ab"}},
		Users: people(),
		Policy: &ManagementPolicy{Enabled: true,
			Applications: Restrictions{
				PasswordCredentials: []Restriction{{RestrictionType: "passwordLifetime", MaxLifetime: "P90D", RestrictForAppsCreatedAfterDateTime: At(now)}, {RestrictionType: "passwordAddition"}},
				KeyCredentials:      []Restriction{{RestrictionType: "asymmetricKeyLifetime", MaxLifetime: "P365D", State: "disabled"}},
			},
		},
		Grants: map[string][]string{watchdogApp: {"Directory.Read.All", "Policy.Read.All"}},
	}
}

// answers are what the tenant sends of each type: the address, and the type's factory in
// the SDK.
func answers() map[string]serialization.ParsableFactory {
	const app, principal = "/v1.0/applications/22222222-0000-4000-8000-0000000000aa", "/v1.0/servicePrincipals/44444444-0000-4000-8000-0000000000aa"
	return map[string]serialization.ParsableFactory{
		"/v1.0/applications":                               models.CreateApplicationCollectionResponseFromDiscriminatorValue,
		"/v1.0/applications?$expand=owners":                models.CreateApplicationCollectionResponseFromDiscriminatorValue,
		"/v1.0/applications?$top=1&$select=keyCredentials": models.CreateApplicationCollectionResponseFromDiscriminatorValue,
		app: models.CreateApplicationFromDiscriminatorValue,
		app + "?$expand=federatedIdentityCredentials": models.CreateApplicationFromDiscriminatorValue,
		app + "/owners":                             models.CreateDirectoryObjectCollectionResponseFromDiscriminatorValue,
		app + "/federatedIdentityCredentials":       models.CreateFederatedIdentityCredentialCollectionResponseFromDiscriminatorValue,
		"/v1.0/servicePrincipals":                   models.CreateServicePrincipalCollectionResponseFromDiscriminatorValue,
		principal:                                   models.CreateServicePrincipalFromDiscriminatorValue,
		principal + "/owners":                       models.CreateDirectoryObjectCollectionResponseFromDiscriminatorValue,
		"/v1.0/policies/defaultAppManagementPolicy": models.CreateTenantAppManagementPolicyFromDiscriminatorValue,
		"/v1.0/organization":                        models.CreateOrganizationCollectionResponseFromDiscriminatorValue,
	}
}

func TestTheRealSDKReadsEveryAnswerWithoutLoss(t *testing.T) {
	v := visit(t, start(t, Options{Directory: everything()}))
	for address, factory := range answers() {
		t.Run(address, func(t *testing.T) {
			_, body, err := v.ask(address)
			if err != nil {
				t.Fatal(err)
			}
			node, err := kiotajson.NewJsonParseNode([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := node.GetObjectValue(factory)
			if err != nil {
				t.Fatalf("the SDK cannot read %s: %v", body, err)
			}
			for unknown := range parsed.(serialization.AdditionalDataHolder).GetAdditionalData() {
				if unknown != "@odata.context" {
					t.Errorf("the SDK does not know the property %s", unknown)
				}
			}
			writer := kiotajson.NewJsonSerializationWriter()
			if err := writer.WriteObjectValue("", parsed); err != nil {
				t.Fatal(err)
			}
			again, err := writer.GetSerializedContent()
			if err != nil {
				t.Fatal(err)
			}
			if sent, kept := comparison(t, []byte(body)), comparison(t, again); !reflect.DeepEqual(sent, kept) {
				t.Errorf("the tenant sent\n%v\nand the SDK kept\n%v", sent, kept)
			}
		})
	}
}

// comparison is JSON without nulls, empty lists and the @odata.type that the SDK adds.
func comparison(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("read %s: %v", text, err)
	}
	return withoutNulls(value)
}

func withoutNulls(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, element := range value {
			if element = withoutNulls(element); element != nil && name != "@odata.type" {
				kept[name] = element
			}
		}
		return kept
	case []any:
		if len(value) == 0 {
			return nil
		}
		kept := make([]any, len(value))
		for i, element := range value {
			kept[i] = withoutNulls(element)
		}
		return kept
	}
	return value
}

func nameList[T any](properties []property[T]) []string {
	var all []string
	for _, property := range properties {
		all = append(all, property.name)
	}
	return all
}

func TestEveryPropertyIsOneOfTheSDKsModel(t *testing.T) {
	for name, test := range map[string]struct {
		model   serialization.Parsable
		written []string
	}{
		"application":                     {models.NewApplication(), append(nameList(applicationProperties), "owners", "federatedIdentityCredentials")},
		"servicePrincipal":                {models.NewServicePrincipal(), append(nameList(servicePrincipalProperties), "owners")},
		"owner":                           {models.NewServicePrincipal(), nameList(ownerPrincipalProperties)},
		"user":                            {models.NewUser(), nameList(userProperties)},
		"passwordCredential":              {models.NewPasswordCredential(), nameList(passwordProperties)},
		"keyCredential":                   {models.NewKeyCredential(), nameList(keyProperties)},
		"federatedIdentityCredential":     {models.NewFederatedIdentityCredential(), nameList(federatedProperties)},
		"passwordCredentialConfiguration": {models.NewPasswordCredentialConfiguration(), slices.Collect(maps.Keys(Restriction{}.body()))},
		"keyCredentialConfiguration":      {models.NewKeyCredentialConfiguration(), slices.Collect(maps.Keys(Restriction{}.body()))},
		"appManagementConfiguration":      {models.NewAppManagementConfiguration(), slices.Collect(maps.Keys(Restrictions{}.body()))},
	} {
		modelled := test.model.GetFieldDeserializers()
		for _, written := range test.written {
			if modelled[written] == nil {
				t.Errorf("%s has no property %s in the SDK", name, written)
			}
		}
		if len(test.written) == 0 {
			t.Errorf("nothing of %s was looked at", name)
		}
	}
}
