package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Options configure one webhook.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	SigningSecrets    []watch.SecretRef `yaml:"signing_secrets" jsonschema_description:"where the Standard Webhooks secret (whsec_…) is kept; two while rotating, the new one first"`
	Headers           []Header          `yaml:"headers,omitempty" jsonschema_description:"further request headers, such as Authorization"`
	Source            string            `yaml:"source,omitempty" jsonschema_description:"CloudEvents source, a URI reference that names this installation; default /lapsewatch"`
}

// Header is one further request header.
type Header struct {
	Name  string          `yaml:"name" jsonschema_description:"name of the header"`
	Value watch.SecretRef `yaml:"value" jsonschema_description:"where its value is kept"`
}

func defaults() Options {
	return Options{
		Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout},
		Source:   "/lapsewatch",
	}
}

// headerName is a token (RFC 9110, 5.6.2).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// own are the headers that the channel sets itself.
var own = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Content-Type", "User-Agent", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}

const maxHeaders = 20

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Endpoint.Validate()}
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	if len(o.SigningSecrets) < 1 || len(o.SigningSecrets) > 2 {
		wrong("signing_secrets", errors.New("want one secret, or two while rotating"))
	}
	for i, reference := range o.SigningSecrets {
		wrong(fmt.Sprintf("signing_secrets[%d]", i), reference.Validate())
	}
	if len(o.Headers) > maxHeaders {
		wrong("headers", fmt.Errorf("want at most %d", maxHeaders))
	}
	for i, header := range o.Headers {
		at := fmt.Sprintf("headers[%d]", i)
		switch {
		case !headerName.MatchString(header.Name):
			wrong(at+".name", errors.New("want the name of an HTTP header"))
		case slices.Contains(own, http.CanonicalHeaderKey(header.Name)):
			wrong(at+".name", fmt.Errorf("%s is set by the channel itself", header.Name))
		}
		wrong(at+".value", header.Value.Validate())
	}
	if _, err := url.Parse(o.Source); err != nil || o.Source == "" {
		wrong("source", errors.New("want a URI reference, such as /lapsewatch"))
	}
	return errors.Join(problems...)
}
