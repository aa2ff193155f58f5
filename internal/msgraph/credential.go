package msgraph

import (
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"lapsewatch/watch"
)

// signInRetries are azcore's, within one attempt: it repeats after broken connections,
// 408, 429 and 5xx only.
const signInRetries = 2

// newCredential makes azidentity's credential for one attempt. The authority is the
// cloud's own or the configured one: neither has to be looked up at Microsoft first, which
// a closed network could not.
func newCredential(options SignIn, key ownKey, witness *witness) (azcore.TokenCredential, error) {
	client := policy.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: options.endpoints().authority + "/"},
		Transport: witness,
		Retry:     policy.RetryOptions{MaxRetries: signInRetries, RetryDelay: witness.wire.signInPause},
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

// witness is the transport of one attempt, and remembers how it ended: azidentity's errors
// drop the cause.
type witness struct {
	wire *wire
	// host was asked last; empty if none was.
	host string
	got  answer
	err  error
}

// Do makes one request (policy.Transporter). Its errors that repeating cannot help are
// marked for azcore.
func (w *witness) Do(request *http.Request) (*http.Response, error) {
	w.host = request.URL.Host
	w.got, w.err = w.wire.roundTrip(request, maxTokenAnswer)
	if w.err == nil && w.got.status >= http.StatusMultipleChoices && w.got.status < http.StatusBadRequest {
		w.err = &Failure{
			Doing: "ask " + w.host, Reason: watch.Unreadable, Status: w.got.status, Lasting: true,
			Text: fmt.Sprintf("%s answers with a redirect to %s, which is not followed", w.host, target(w.got.header)),
		}
	}
	if w.err != nil {
		if !networkFailure("", w.host, w.err).soonOver() {
			return nil, hopeless{w.err}
		}
		return nil, w.err
	}
	return w.got.response(request), nil
}

// hopeless keeps azcore from trying again.
type hopeless struct{ error }

func (hopeless) NonRetriable() {}

func (h hopeless) Unwrap() error { return h.error }
