package statuspage

import (
	"errors"
	"regexp"

	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Options configure one page of Atlassian Statuspage.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Page              string          `yaml:"page" jsonschema_description:"id of the page, such as kctbh9vrtdwd; it stands in the address of the page's settings"`
	Token             watch.SecretRef `yaml:"token" jsonschema_description:"where the API key of a user is kept who may manage the page's incidents"`
}

// publicAPI is the API of all pages.
const publicAPI = "https://api.statuspage.io/v1"

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}
}

var pageID = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Or(publicAPI).Validate()}
	if !pageID.MatchString(o.Page) {
		problems = append(problems, &watch.FieldError{Path: "page", Err: errors.New("want the id of the page: letters and digits, such as kctbh9vrtdwd")})
	}
	if err := o.Token.Validate(); err != nil {
		problems = append(problems, &watch.FieldError{Path: "token", Err: err})
	}
	return errors.Join(problems...)
}
