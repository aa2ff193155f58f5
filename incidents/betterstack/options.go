package betterstack

import (
	"errors"
	"regexp"

	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Options configure the stubs of one status page.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Page              string          `yaml:"page" jsonschema_description:"id of the status page, a number"`
	Token             watch.SecretRef `yaml:"token" jsonschema_description:"where an Uptime API token of the page's team is kept"`
}

// publicAPI is where the documentation has the API, but for making a report, for which it
// names another host as well:
// https://betterstack.com/docs/uptime/api/list-existing-reports-on-a-status-page/
const publicAPI = "https://uptime.betterstack.com"

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}
}

var pageID = regexp.MustCompile(`^[0-9]{1,20}$`)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Or(publicAPI).Validate()}
	if !pageID.MatchString(o.Page) {
		problems = append(problems, &watch.FieldError{Path: "page", Err: errors.New("want the id of a status page, such as \"123456\"")})
	}
	if err := o.Token.Validate(); err != nil {
		problems = append(problems, &watch.FieldError{Path: "token", Err: err})
	}
	return errors.Join(problems...)
}
