package cachet

import (
	"errors"

	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Options configure one installation of Cachet.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Version           string          `yaml:"version" jsonschema:"enum=2,enum=3" jsonschema_description:"\"2\" for Cachet 2.4, \"3\" for Cachet 3"`
	Token             watch.SecretRef `yaml:"token" jsonschema_description:"where the API key of a user is kept: of version 2 the key of the user's profile, of version 3 a token with the abilities incidents.manage and incident-updates.manage"`
}

// apis are where the API of each version stands below the page. It is read-only.
var apis = map[string]string{"2": "/api/v1", "3": "/api"}

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}
}

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Endpoint.Validate()}
	if _, known := apis[o.Version]; !known {
		problems = append(problems, &watch.FieldError{Path: "version", Err: errors.New("want \"2\" or \"3\"")})
	}
	if err := o.Token.Validate(); err != nil {
		problems = append(problems, &watch.FieldError{Path: "token", Err: err})
	}
	return errors.Join(problems...)
}
