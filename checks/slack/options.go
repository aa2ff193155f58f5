package slack

import (
	"errors"

	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Options are the options of a `kind: slack` check.
type Options struct {
	Tokens []Token `yaml:"tokens" jsonschema:"required,minItems=1" jsonschema_description:"the tokens to watch"`
	URL    string  `yaml:"url,omitempty" jsonschema_description:"https URL of Slack's Web API; default https://slack.com/api, for GovSlack https://slack-gov.com/api"`
	CAFile string  `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
}

// Token is one token to watch.
type Token = listedtoken.Token

const defaultURL = "https://slack.com/api"

func defaults() Options { return Options{URL: defaultURL} }

// Validate reports what cannot be watched, each with its place.
func (o Options) Validate() error {
	var faults []error
	wrong := func(path string, err error) {
		if err != nil {
			faults = append(faults, &watch.FieldError{Path: path, Err: err})
		}
	}
	wrong("url", webclient.URLFault(o.URL))
	if len(o.Tokens) == 0 {
		wrong("tokens", errors.New("there is nothing to watch: give at least one token"))
	}
	return errors.Join(append(faults, listedtoken.Faults("tokens", o.Tokens)...)...)
}
