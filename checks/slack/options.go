package slack

import (
	"errors"
	"fmt"

	"lapsewatch/internal/entry"
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
type Token struct {
	entry.Entry `yaml:",inline"`
	Token       watch.SecretRef `yaml:"token" jsonschema:"required" jsonschema_description:"where the token is kept: {file: PATH} or {env: NAME}"`
}

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
	for i, token := range o.Tokens {
		wrong(fmt.Sprintf("tokens[%d].token", i), token.Token.Validate())
	}
	return errors.Join(append(faults, entry.ListFaults("tokens", o.Tokens)...)...)
}
