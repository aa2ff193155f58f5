package opsgenie

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"lapsewatch/internal/genie"
	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// bases are the addresses of the services. It is read-only.
var bases = map[string]string{
	"opsgenie":    "https://api.opsgenie.com",
	"opsgenie-eu": "https://api.eu.opsgenie.com",
}

const (
	// The service's own limits: https://docs.opsgenie.com/docs/incident-api
	maxResponders = 50
	maxTags       = 20 - 1
	maxTag        = 50
	maxName       = 100

	defaultConfirmWithin = watch.Duration(10 * time.Second)
	longestConfirmWithin = watch.Duration(time.Minute)
)

// Options configure one account.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Service           string          `yaml:"service,omitempty" jsonschema:"enum=opsgenie,enum=opsgenie-eu" jsonschema_description:"opsgenie or opsgenie-eu; url is for any other address"`
	APIKey            watch.SecretRef `yaml:"api_key" jsonschema_description:"where the key of the API integration is kept"`
	Teams             []string        `yaml:"teams,omitempty" jsonschema_description:"teams that respond to each incident, by name or id"`
	Tags              []string        `yaml:"tags,omitempty" jsonschema_description:"further tags of each incident"`
	StatusPage        bool            `yaml:"status_page,omitempty" jsonschema_description:"post on the status page of the services, where customers read it"`
	ConfirmWithin     watch.Duration  `yaml:"confirm_within,omitempty" jsonschema_description:"how long the service may take to process an accepted request, at most 1m; default 10s"`
}

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}, ConfirmWithin: defaultConfirmWithin}
}

// endpoint is the configured address, or that of the named service.
func (o Options) endpoint() httpsend.Endpoint { return o.Or(bases[o.Service]) }

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	// A missing service is told by its own name, and not as a missing URL.
	problems := []error{o.Or(cmp.Or(bases[o.Service], bases["opsgenie"])).Validate()}
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	wrong("url", wholeAddress(o.URL))
	wrong("service", o.validateService())
	wrong("api_key", o.APIKey.Validate())
	wrong("teams", atMost(len(o.Teams), maxResponders))
	for i, team := range o.Teams {
		wrong(fmt.Sprintf("teams[%d]", i), genie.OneLine(team, maxName))
	}
	wrong("tags", atMost(len(o.Tags), maxTags))
	for i, tag := range o.Tags {
		wrong(fmt.Sprintf("tags[%d]", i), genie.OneLine(tag, maxTag))
	}
	if o.ConfirmWithin <= 0 || o.ConfirmWithin > longestConfirmWithin {
		wrong("confirm_within", errors.New("want more than 0 and at most 1m"))
	}
	return errors.Join(problems...)
}

func (o Options) validateService() error {
	elsewhere := o.URL != "" || !o.URLFrom.IsZero()
	switch {
	case o.Service == "jsm":
		return errors.New("want opsgenie or opsgenie-eu: Jira Service Management publishes no interface of this kind for incidents")
	case o.Service == "" && !elsewhere:
		return errors.New("want opsgenie or opsgenie-eu; or give url instead")
	case o.Service != "" && elsewhere:
		return errors.New("want either service or url")
	case o.Service != "" && bases[o.Service] == "":
		return errors.New("want opsgenie or opsgenie-eu")
	default:
		return nil
	}
}

// wholeAddress refuses the address of a single call, which the service's pages show.
func wholeAddress(text string) error {
	address, err := url.Parse(text)
	if err == nil && strings.Contains(address.Path, "/incidents") {
		return errors.New("want the address without /v1/incidents, such as " + bases["opsgenie"])
	}
	return nil
}

func atMost(count, most int) error {
	if count > most {
		return fmt.Errorf("want at most %d", most)
	}
	return nil
}
