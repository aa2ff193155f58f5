package httpsend

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"lapsewatch/watch"
)

// DefaultTimeout bounds one attempt where configuration says nothing else. Standard
// Webhooks asks senders to wait 15 to 30 seconds.
const DefaultTimeout = watch.Duration(20 * time.Second)

// longestTimeout keeps one dead service from using up a whole pass.
const longestTimeout = watch.Duration(5 * time.Minute)

// Endpoint are the options of a channel that sends to one configured URL. It is meant
// to be embedded inline.
type Endpoint struct {
	URL               string          `yaml:"url,omitempty" jsonschema_description:"https URL to send to, where it is no secret"`
	URLFrom           watch.SecretRef `yaml:"url_from,omitempty" jsonschema_description:"where the URL is kept, when it is itself a secret"`
	CAFile            string          `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
	Timeout           watch.Duration  `yaml:"timeout,omitempty" jsonschema_description:"bound of one attempt, at most 5m; default 20s"`
	AllowInsecureHTTP bool            `yaml:"allow_insecure_http,omitempty" jsonschema_description:"accept an http URL, over which anybody on the way reads and changes messages"`
}

var errSecretURL = errors.New("the URL of a webhook is itself a secret: keep it in a file or an environment variable and give that in url_from")

// RefuseSecretURL reports a URL in the clear with which alone anybody could post. A
// service knows those of its own.
func (e Endpoint) RefuseSecretURL(secret func(address *url.URL) bool) error {
	address, err := e.parse(e.URL)
	if e.URL == "" || err != nil || !secret(address) {
		return nil
	}
	return &watch.FieldError{Path: "url", Err: errSecretURL}
}

// Or is the endpoint with the URL where it has none, for services with one address for
// all their customers.
func (e Endpoint) Or(url string) Endpoint {
	if e.URL == "" && e.URLFrom.IsZero() {
		e.URL = url
	}
	return e
}

// Validate reports what is wrong without repeating the URL, which may be a secret.
func (e Endpoint) Validate() error {
	var problems []error
	switch {
	case (e.URL == "") == e.URLFrom.IsZero():
		problems = append(problems, &watch.FieldError{Path: "url", Err: errors.New("want exactly one of url and url_from")})
	case e.URL != "":
		if _, err := e.parse(e.URL); err != nil {
			problems = append(problems, &watch.FieldError{Path: "url", Err: err})
		}
	default:
		if err := e.URLFrom.Validate(); err != nil {
			problems = append(problems, &watch.FieldError{Path: "url_from", Err: err})
		}
	}
	if e.Timeout <= 0 || e.Timeout > longestTimeout {
		problems = append(problems, &watch.FieldError{Path: "timeout", Err: errors.New("want more than 0 and at most 5m")})
	}
	return errors.Join(problems...)
}

// address is the URL as it is at this moment.
func (e Endpoint) address(secrets watch.SecretReader) (*url.URL, error) {
	if e.URL != "" {
		return e.parse(e.URL)
	}
	secret, err := secrets(e.URLFrom)
	if err != nil {
		return nil, fmt.Errorf("read the URL: %w", err)
	}
	address, err := e.parse(secret.Reveal())
	if err != nil {
		return nil, fmt.Errorf("the URL in %s: %w", e.URLFrom, err)
	}
	return address, nil
}

func (e Endpoint) parse(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	switch {
	case err != nil:
		// The parser's error repeats the URL.
		return nil, errors.New("it cannot be parsed")
	case address.Scheme == "http" && !e.AllowInsecureHTTP:
		return nil, errors.New("want https; allow_insecure_http accepts http")
	case address.Scheme != "https" && address.Scheme != "http":
		return nil, errors.New("want https://…")
	case address.Hostname() == "":
		return nil, errors.New("it names no host")
	case address.User != nil:
		return nil, errors.New("it holds a user name or password; send an Authorization header instead")
	}
	return address, nil
}
