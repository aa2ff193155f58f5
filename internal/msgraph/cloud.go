package msgraph

import (
	"errors"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
)

// Cloud is one of Microsoft's separate clouds. A tenant lives in exactly one.
type Cloud string

// The clouds. The zero value is the public one.
const (
	PublicCloud     Cloud = "public"
	USGovernment    Cloud = "usgovernment"
	USGovernmentDoD Cloud = "usgovernment_dod"
	China           Cloud = "china"
)

// endpoints are what has to change together: the authority that issues tokens, and Graph,
// which is also what the token is for.
type endpoints struct{ authority, graph string }

// clouds are the endpoints by cloud (learn.microsoft.com/graph/deployments).
var clouds = map[Cloud]endpoints{
	PublicCloud:     {cloud.AzurePublic.ActiveDirectoryAuthorityHost, "https://graph.microsoft.com"},
	USGovernment:    {cloud.AzureGovernment.ActiveDirectoryAuthorityHost, "https://graph.microsoft.us"},
	USGovernmentDoD: {cloud.AzureGovernment.ActiveDirectoryAuthorityHost, "https://dod-graph.microsoft.us"},
	China:           {cloud.AzureChina.ActiveDirectoryAuthorityHost, "https://microsoftgraph.chinacloudapi.cn"},
}

// endpoints of the options, without a slash at the end.
func (s SignIn) endpoints() endpoints {
	found := clouds[s.cloud()]
	if s.AuthorityURL != "" {
		found.authority = s.AuthorityURL
	}
	if s.GraphURL != "" {
		found.graph = s.GraphURL
	}
	return endpoints{strings.TrimRight(found.authority, "/"), strings.TrimRight(found.graph, "/")}
}

func (s SignIn) cloud() Cloud {
	if s.Cloud == "" {
		return PublicCloud
	}
	return s.Cloud
}

// origin checks that text is https and names a host and nothing else.
func origin(text string) error {
	address, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("it cannot be parsed as a URL: want https://HOST")
	case address.Scheme != "https":
		return errors.New("want https://HOST: tokens are sent there")
	case address.Hostname() == "":
		return errors.New("it names no host")
	case address.User != nil:
		return errors.New("it holds a user name or password")
	case strings.Trim(address.Path, "/") != "" || address.RawQuery != "" || address.Fragment != "":
		return errors.New("want https://HOST and nothing after it")
	}
	return nil
}
