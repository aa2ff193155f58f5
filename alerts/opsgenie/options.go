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

const (
	jsm        = "jsm"
	opsgenie   = "opsgenie"
	opsgenieEU = "opsgenie-eu"
)

// bases are the addresses of the services; what follows is the same for all. It is
// read-only.
var bases = map[string]string{
	jsm:        "https://api.atlassian.com/jsm/ops/integration/v2",
	opsgenie:   "https://api.opsgenie.com/v2",
	opsgenieEU: "https://api.eu.opsgenie.com/v2",
}

const (
	// maxTeams, maxTags, maxTag and maxSource are the services' own limits:
	// https://docs.opsgenie.com/docs/alert-api#create-alert
	maxTeams  = 50
	maxTags   = 20 - ownTags
	maxTag    = 50
	maxSource = 100

	defaultConfirmWithin = watch.Duration(10 * time.Second)
	longestConfirmWithin = watch.Duration(time.Minute)
)

// Options configure one API integration.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Service           string          `yaml:"service,omitempty" jsonschema:"enum=jsm,enum=opsgenie,enum=opsgenie-eu" jsonschema_description:"jsm, opsgenie or opsgenie-eu; url is for any other address"`
	APIKey            watch.SecretRef `yaml:"api_key" jsonschema_description:"where the key of the API integration is kept"`
	Teams             []string        `yaml:"teams,omitempty" jsonschema_description:"teams to make responsible, by name in Opsgenie and by id in Jira Service Management, besides the integration's own"`
	Tags              []string        `yaml:"tags,omitempty" jsonschema_description:"further tags of each alert"`
	Source            string          `yaml:"source,omitempty" jsonschema_description:"name of this installation, where two of them send to one account"`
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
	problems := []error{o.Or(cmp.Or(bases[o.Service], bases[jsm])).Validate()}
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	wrong("url", wholeAddress(o.URL))
	wrong("service", o.validateService())
	wrong("api_key", o.APIKey.Validate())
	if len(o.Teams) > maxTeams {
		wrong("teams", fmt.Errorf("want at most %d", maxTeams))
	}
	for i, team := range o.Teams {
		wrong(fmt.Sprintf("teams[%d]", i), genie.OneLine(team, maxSource))
	}
	if len(o.Tags) > maxTags {
		wrong("tags", fmt.Errorf("want at most %d", maxTags))
	}
	for i, tag := range o.Tags {
		wrong(fmt.Sprintf("tags[%d]", i), genie.OneLine(tag, maxTag))
	}
	if o.Source != "" {
		wrong("source", genie.OneLine(o.Source, maxSource))
	}
	if o.ConfirmWithin <= 0 || o.ConfirmWithin > longestConfirmWithin {
		wrong("confirm_within", errors.New("want more than 0 and at most 1m"))
	}
	return errors.Join(problems...)
}

func (o Options) validateService() error {
	elsewhere := o.URL != "" || !o.URLFrom.IsZero()
	switch {
	case o.Service == "" && !elsewhere:
		return errors.New("want jsm, opsgenie or opsgenie-eu; or give url instead")
	case o.Service != "" && elsewhere:
		return errors.New("want either service or url")
	case o.Service != "" && bases[o.Service] == "":
		return errors.New("want jsm, opsgenie or opsgenie-eu")
	default:
		return nil
	}
}

// wholeAddress refuses the address of a single call, which the services' pages show: the
// channel adds the paths itself.
func wholeAddress(text string) error {
	address, err := url.Parse(text)
	if err == nil && strings.HasSuffix(strings.TrimSuffix(address.Path, "/"), "/alerts") {
		return errors.New("want the address without /alerts, such as " + bases[jsm])
	}
	return nil
}
