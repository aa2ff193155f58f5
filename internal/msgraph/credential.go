package msgraph

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// once keeps azcore from repeating anything: when to try again is the gate's to say.
const once = -1

// newCredential makes azidentity's credential for one attempt. The authority is the
// cloud's own or the configured one: neither has to be looked up at Microsoft first, which
// a closed network could not.
func newCredential(options SignIn, key ownKey, witness *witness) (azcore.TokenCredential, error) {
	client := policy.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: options.endpoints().authority + "/"},
		Transport: witness,
		Retry:     policy.RetryOptions{MaxRetries: once},
	}
	const authorityKnown = true
	switch options.method() {
	case ClientSecret:
		return azidentity.NewClientSecretCredential(options.Tenant, options.ClientID, key.secret.Reveal(),
			&azidentity.ClientSecretCredentialOptions{ClientOptions: client, DisableInstanceDiscovery: authorityKnown})
	case ClientCert:
		return azidentity.NewClientCertificateCredential(options.Tenant, options.ClientID, key.chain, key.signer,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: client, DisableInstanceDiscovery: authorityKnown})
	case ManagedIdentity:
		identity := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: client}
		if options.ClientID != "" {
			identity.ID = azidentity.ClientID(options.ClientID)
		}
		return azidentity.NewManagedIdentityCredential(identity)
	case AzureCLI:
		return azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: options.Tenant})
	case DefaultChain:
		return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
			ClientOptions: client, DisableInstanceDiscovery: authorityKnown, TenantID: options.Tenant})
	default:
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: client, DisableInstanceDiscovery: authorityKnown,
			TenantID: options.Tenant, ClientID: options.ClientID, TokenFilePath: key.tokenFile})
	}
}
