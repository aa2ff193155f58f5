package instatus

import (
	"errors"
	"regexp"

	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Options configure the stubs of one status page.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Page              string          `yaml:"page" jsonschema_description:"id of the status page, such as ckf01fonve9i40a32oas5b0uw"`
	APIKey            watch.SecretRef `yaml:"api_key" jsonschema_description:"where the API key of a member of the page's team is kept"`
}

// publicAPI is where Instatus has its API: https://instatus.com/help/api
const publicAPI = "https://api.instatus.com"

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}
}

var pageID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Or(publicAPI).Validate()}
	if !pageID.MatchString(o.Page) {
		problems = append(problems, &watch.FieldError{Path: "page", Err: errors.New("want the id of a status page, such as ckf01fonve9i40a32oas5b0uw")})
	}
	if err := o.APIKey.Validate(); err != nil {
		problems = append(problems, &watch.FieldError{Path: "api_key", Err: err})
	}
	return errors.Join(problems...)
}
