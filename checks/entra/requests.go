package entra

import (
	"context"
	"net/url"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/applications"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/serviceprincipals"

	"lapsewatch/internal/msgraph"
)

// pageSize is the largest that Graph gives (learn.microsoft.com/graph/api/application-list).
const pageSize int32 = 999

// requests makes the requests of a pass with the SDK's builders.
type requests struct{ client *msgraph.Client }

func (r requests) base() map[string]string {
	return map[string]string{"baseurl": r.client.BaseURL("v1.0")}
}

// breadth is how much of each application is asked for. Not every cloud knows everything,
// and Graph refuses the whole list for one property that it does not know.
type breadth struct{ federated, disabled bool }

// applications select nothing that is not needed: a list that selects the keys is what
// Graph allows least often. The keys themselves are never asked for.
func (r requests) applications(ctx context.Context, wanted breadth, top int32) (*abstractions.RequestInformation, error) {
	query := &applications.ApplicationsRequestBuilderGetQueryParameters{
		Select: []string{
			"id", "appId", "displayName", "createdDateTime", "signInAudience", "disabledByMicrosoftStatus",
			"notes", "serviceManagementReference", "tags", "passwordCredentials", "keyCredentials",
		},
		Top: &top,
	}
	if wanted.disabled {
		query.Select = append(query.Select, "isDisabled")
	}
	if wanted.federated {
		query.Expand = []string{"federatedIdentityCredentials"}
	}
	return applications.NewApplicationsRequestBuilderInternal(r.base(), r.client.Adapter()).
		ToGetRequestInformation(ctx, &applications.ApplicationsRequestBuilderGetRequestConfiguration{QueryParameters: query})
}

// unowned lists applications without owners, which Graph answers from its eventually
// consistent index (learn.microsoft.com/graph/aad-advanced-queries).
func (r requests) unowned(ctx context.Context) (*abstractions.RequestInformation, error) {
	filter, count, top := "owners/$count eq 0", true, pageSize
	headers := abstractions.NewRequestHeaders()
	headers.Add("ConsistencyLevel", "eventual")
	return applications.NewApplicationsRequestBuilderInternal(r.base(), r.client.Adapter()).
		ToGetRequestInformation(ctx, &applications.ApplicationsRequestBuilderGetRequestConfiguration{
			Headers: headers,
			QueryParameters: &applications.ApplicationsRequestBuilderGetQueryParameters{
				Filter: &filter, Count: &count, Top: &top, Select: []string{"id"},
			},
		})
}

// servicePrincipals come without their credentials where nobody wants those: what is left
// says which applications are disabled or published through Application Proxy.
func (r requests) servicePrincipals(ctx context.Context, credentials bool, top int32) (*abstractions.RequestInformation, error) {
	selected := []string{"id", "appId", "accountEnabled", "tags", "servicePrincipalType"}
	if credentials {
		selected = append(selected, "displayName", "preferredSingleSignOnMode",
			"preferredTokenSigningKeyThumbprint", "notificationEmailAddresses", "notes", "passwordCredentials", "keyCredentials")
	}
	return serviceprincipals.NewServicePrincipalsRequestBuilderInternal(r.base(), r.client.Adapter()).
		ToGetRequestInformation(ctx, &serviceprincipals.ServicePrincipalsRequestBuilderGetRequestConfiguration{
			QueryParameters: &serviceprincipals.ServicePrincipalsRequestBuilderGetQueryParameters{Select: selected, Top: &top},
		})
}

func ownerProperties() []string {
	return []string{"id", "displayName", "userPrincipalName", "mail", "otherMails"}
}

func (r requests) applicationOwners(ctx context.Context, objectID string) (*abstractions.RequestInformation, error) {
	return applications.NewApplicationsRequestBuilderInternal(r.base(), r.client.Adapter()).
		ByApplicationId(objectID).Owners().
		ToGetRequestInformation(ctx, &applications.ItemOwnersRequestBuilderGetRequestConfiguration{
			QueryParameters: &applications.ItemOwnersRequestBuilderGetQueryParameters{Select: ownerProperties()},
		})
}

func (r requests) principalOwners(ctx context.Context, objectID string) (*abstractions.RequestInformation, error) {
	return serviceprincipals.NewServicePrincipalsRequestBuilderInternal(r.base(), r.client.Adapter()).
		ByServicePrincipalId(objectID).Owners().
		ToGetRequestInformation(ctx, &serviceprincipals.ItemOwnersRequestBuilderGetRequestConfiguration{
			QueryParameters: &serviceprincipals.ItemOwnersRequestBuilderGetQueryParameters{Select: ownerProperties()},
		})
}

// signIns is the report of when credentials were last used. It exists in beta only.
func (r requests) signIns(top string) *abstractions.RequestInformation {
	return r.client.Get("beta", "/reports/appCredentialSignInActivities", url.Values{"$top": {top}})
}

func (r requests) managementPolicy() *abstractions.RequestInformation {
	return r.client.Get("v1.0", "/policies/defaultAppManagementPolicy", nil)
}

func readApplication(raw []byte) (models.Applicationable, error) {
	return msgraph.Model[models.Applicationable](models.CreateApplicationFromDiscriminatorValue)(raw)
}

func readServicePrincipal(raw []byte) (models.ServicePrincipalable, error) {
	return msgraph.Model[models.ServicePrincipalable](models.CreateServicePrincipalFromDiscriminatorValue)(raw)
}

func readObject(raw []byte) (models.DirectoryObjectable, error) {
	return msgraph.Model[models.DirectoryObjectable](models.CreateDirectoryObjectFromDiscriminatorValue)(raw)
}
