package upstream

import (
	"context"
	"net/url"
	"regexp"
	"strings"
)

// form is what is particular about a kind of source.
type form struct {
	// standard is its address where the options give none; empty if it has none.
	standard string
	// path is added to the address of a page, unless that names a document already.
	path string
	// query: the address may have one.
	query bool
	// keys are the options that it heeds, beside kind and url.
	keys []string
	read func(ctx context.Context, l *look, s Source) (reading, error)
}

const (
	// azureFeed is the feed that Azure's own status page links to. status.azure.com leads to
	// whichever region is near, and may be served by the one that is out.
	azureFeed  = "https://rssfeed.azure.status.microsoft/en-us/status/feed/"
	azureTitle = "Azure Status"
)

func forms() map[SourceKind]form {
	return map[SourceKind]form{
		Statuspage:  {path: "/api/v2/summary.json", read: readStatuspage},
		Instatus:    {path: "/summary.json", read: readInstatus},
		IncidentIO:  {path: "/api/v1/summary", read: readIncidentIO},
		Feed:        {query: true, keys: []string{"title", "empty_is_well", "items_for"}, read: readFeed},
		AzureRSS:    {standard: azureFeed, query: true, keys: []string{"title"}, read: readAzureFeed},
		AzureHealth: {standard: azureManagement, keys: []string{"azure"}, read: readAzureHealth},
	}
}

var (
	guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	// document is how the path of one ends, which is no page that a path is added to.
	document = regexp.MustCompile(`(\.json|/api/v[0-9]+/summary)$`)
)

// address is where the source is, as the options or its kind give it.
func (s Source) address() string {
	if s.URL != "" {
		return strings.TrimRight(s.URL, "/")
	}
	if s.Kind == AzureHealth && s.Azure != nil {
		return managementOf(s.Azure.Cloud)
	}
	return forms()[s.Kind].standard
}

// document is the address of what is read.
func (s Source) document() string {
	path := forms()[s.Kind].path
	if path == "" && s.URL != "" {
		return s.URL // a feed's may need its slash
	}
	if path == "" || document.MatchString(s.address()) {
		return s.address()
	}
	return s.address() + path
}

// page is what a person opens who wants to read the same.
func (s Source) page() string {
	if s.Kind == AzureHealth && s.address() == azureManagement {
		return "https://portal.azure.com/#view/Microsoft_Azure_Health/AzureHealthBrowseBlade/~/serviceIssues"
	}
	if s.Kind == AzureRSS {
		return "https://azure.status.microsoft/status"
	}
	address, err := url.Parse(s.address())
	if err != nil {
		return ""
	}
	return "https://" + address.Host // a path or query may hold a secret
}
