package npm

import (
	"errors"

	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Options are the options of a `kind: npm` check.
type Options struct {
	Tokens   []Token `yaml:"tokens" jsonschema:"required,minItems=1" jsonschema_description:"the tokens to watch"`
	Registry string  `yaml:"registry,omitempty" jsonschema_description:"https URL of the registry; default https://registry.npmjs.org"`
	List     bool    `yaml:"list" jsonschema_description:"also list all tokens of each token's account, with their dates; default true"`
	CAFile   string  `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
}

// Token is one token to watch.
type Token = listedtoken.Token

const defaultRegistry = "https://registry.npmjs.org"

func defaults() Options { return Options{Registry: defaultRegistry, List: true} }

// Validate reports what cannot be watched, each with its place.
func (o Options) Validate() error {
	var faults []error
	wrong := func(path string, err error) {
		if err != nil {
			faults = append(faults, &watch.FieldError{Path: path, Err: err})
		}
	}
	wrong("registry", webclient.URLFault(o.Registry))
	if len(o.Tokens) == 0 {
		wrong("tokens", errors.New("there is nothing to watch: give at least one token"))
	}
	return errors.Join(append(faults, listedtoken.Faults("tokens", o.Tokens)...)...)
}
