package pagerduty

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// defaultURL is the service region US, in which most accounts are.
const defaultURL = "https://events.pagerduty.com"

// maxSource bounds the name of an installation, which stands in every event.
const maxSource = 100

// Options configure one integration of one PagerDuty service.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	RoutingKey        watch.SecretRef `yaml:"routing_key" jsonschema_description:"where the integration key (32 characters) of an Events API V2 integration is kept"`
	Source            string          `yaml:"source,omitempty" jsonschema_description:"name of this installation, where two of them send to one PagerDuty service"`
	ChangeEvents      bool            `yaml:"change_events,omitempty" jsonschema_description:"also record each renewal as a change event, which pages nobody"`
}

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}
}

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Or(defaultURL).Validate()}
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	wrong("url", wholeAddress(o.URL))
	wrong("routing_key", o.RoutingKey.Validate())
	wrong("source", nameable(o.Source))
	return errors.Join(problems...)
}

// wholeAddress refuses the address of a single call, which PagerDuty's pages show: the
// channel adds the paths itself.
func wholeAddress(text string) error {
	address, err := url.Parse(text)
	if err == nil && strings.HasSuffix(strings.TrimSuffix(address.Path, "/"), "/enqueue") {
		return errors.New("want the service's address without /v2/enqueue, such as https://events.eu.pagerduty.com")
	}
	return nil
}

func nameable(name string) error {
	if utf8.RuneCountInString(name) > maxSource || clean.Text(name, maxSource) != name || strings.TrimSpace(name) != name {
		return fmt.Errorf("want one line of at most %d visible characters", maxSource)
	}
	return nil
}
