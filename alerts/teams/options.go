package teams

import (
	"errors"
	"net/url"
	"strings"

	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Options configure one workflow.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
}

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}
}

var (
	errRetired = errors.New("this is the URL of an Office 365 connector, which Microsoft has retired: in Teams choose … beside the channel, " +
		"then Workflows, then \"Send webhook alerts to a channel\", and give the URL that it shows in url_from")
	errSigned = errors.New("the URL of a workflow is itself a secret: keep it in a file or an environment variable and give that in url_from")
)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Endpoint.Validate()}
	switch {
	case retired(o.URL):
		problems = append(problems, &watch.FieldError{Path: "url", Err: errRetired})
	case signed(o.URL):
		problems = append(problems, &watch.FieldError{Path: "url", Err: errSigned})
	}
	return errors.Join(problems...)
}

// retired reports whether the URL is one of an Office 365 connector.
// https://devblogs.microsoft.com/microsoft365dev/retirement-of-office-365-connectors-within-microsoft-teams/
func retired(text string) bool {
	address, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return false
	}
	switch host := strings.ToLower(strings.TrimSuffix(address.Hostname(), ".")); host {
	case "outlook.office.com", "outlook.office365.com":
		return strings.HasPrefix(strings.ToLower(address.Path), "/webhook")
	default:
		return strings.HasSuffix("."+host, ".webhook.office.com")
	}
}

// signed reports whether the URL holds the signature with which anybody can trigger the
// workflow.
func signed(text string) bool {
	address, err := url.Parse(text)
	return err == nil && address.Query().Has("sig")
}
