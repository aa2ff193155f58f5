package entra

import (
	"fmt"

	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// nextStep is what to do about a failure where this check's options have more to say than
// the reason alone; empty otherwise.
func (o *Options) nextStep(failure *msgraph.Failure) string {
	switch {
	case failure.Proxy:
		return "Check proxy and proxy_credentials, or HTTPS_PROXY and NO_PROXY, and that the proxy lets this machine through."
	case failure.Reason == watch.UntrustedIssuer:
		return "If a private authority or a TLS-inspecting proxy stands in between, give its root certificate by ca_file (with the system's own, if other connections need those)."
	case failure.Reason == watch.Unparsable:
		return "See what answers there: a proxy, a firewall or a sign-in page may stand in between; check graph_url and authority_url if they are given."
	case failure.Code == "AADSTS500011":
		return "Check graph_url and cloud: the tenant does not know Microsoft Graph under that name."
	case failure.Reason == watch.AuthUnavailable:
		return o.missingIdentity()
	default:
		return ""
	}
}

// missingIdentity is what the method of signing in needs on this machine.
func (o *Options) missingIdentity() string {
	switch o.Method {
	case msgraph.ClientSecret:
		return "Put the client secret where secret refers to."
	case msgraph.ClientCert:
		return "Put a certificate with its RSA key, as PEM or PKCS #12, where certificate refers to, and its password where certificate_password refers to."
	case msgraph.ManagedIdentity:
		return "Give this machine a managed identity, with client_id if it is user-assigned; outside Azure, sign in by workload_identity or certificate."
	case msgraph.AzureCLI:
		return fmt.Sprintf("Install the Azure CLI and sign in: `az login --tenant %s --allow-no-subscriptions`.", o.Tenant)
	case msgraph.DefaultChain:
		return "Set what one of the methods needs, or name the method in sign_in."
	default:
		return "Run it in a pod that the workload identity webhook serves (label azure.workload.identity/use, annotated service account), or give client_id and token_file."
	}
}
