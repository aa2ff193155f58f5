package alertmanager

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Options configure one Alertmanager, or the replicas of one cluster.
type Options struct {
	URLs              []string          `yaml:"urls" jsonschema_description:"base URL of each replica, never of a load balancer in front of them"`
	BearerToken       watch.SecretRef   `yaml:"bearer_token,omitempty" jsonschema_description:"where the token of an Authorization: Bearer header is kept"`
	Username          string            `yaml:"username,omitempty" jsonschema_description:"account of basic authentication"`
	Password          watch.SecretRef   `yaml:"password,omitempty" jsonschema_description:"where the account's password is kept"`
	Labels            map[string]string `yaml:"labels,omitempty" jsonschema_description:"further labels of every alert, such as cluster: production"`
	EndsAfter         watch.Duration    `yaml:"ends_after,omitempty" jsonschema_description:"how long an alert stands after the run that raised it, at most 30d; longer than the interval of runs; default 26h"`
	CAFile            string            `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
	Timeout           watch.Duration    `yaml:"timeout,omitempty" jsonschema_description:"bound of one request, at most 5m; default 20s"`
	AllowInsecureHTTP bool              `yaml:"allow_insecure_http,omitempty" jsonschema_description:"accept http URLs, over which anybody on the way reads and changes alerts"`
}

const (
	maxURLs      = 10
	maxEndsAfter = watch.Duration(30 * 24 * time.Hour)
	minEndsAfter = watch.Duration(time.Minute)
	apiPath      = "/api/v2/alerts"
)

func defaults() Options {
	return Options{Timeout: httpsend.DefaultTimeout, EndsAfter: watch.Duration(26 * time.Hour)}
}

// validName is what every version of Alertmanager takes.
var validName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// own are the labels that the channel sets itself.
var own = []string{alertLabel, checkLabel, kindLabel, findingLabel, severityLabel}

func (o Options) endpoint(url string) httpsend.Endpoint {
	return httpsend.Endpoint{URL: url, CAFile: o.CAFile, Timeout: o.Timeout, AllowInsecureHTTP: o.AllowInsecureHTTP}
}

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	var problems []error
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	if len(o.URLs) == 0 || len(o.URLs) > maxURLs {
		wrong("urls", fmt.Errorf("want 1 to %d, one for each replica", maxURLs))
	}
	for i, url := range o.URLs {
		wrong(fmt.Sprintf("urls[%d]", i), o.urlError(i))
		if strings.HasSuffix(strings.TrimRight(url, "/"), apiPath) {
			wrong(fmt.Sprintf("urls[%d]", i), fmt.Errorf("want the base URL, without %s", apiPath))
		}
	}
	// The URL stands for none: what is wrong with it is said above.
	wrong("timeout", problemOf(o.endpoint("https://alertmanager.invalid").Validate(), "timeout"))
	if o.EndsAfter < minEndsAfter || o.EndsAfter > maxEndsAfter {
		wrong("ends_after", errors.New("want 1m to 30d, and longer than the interval of runs"))
	}
	o.validateLogin(wrong)
	for _, name := range slices.Sorted(maps.Keys(o.Labels)) {
		switch {
		case !validName.MatchString(name):
			wrong("labels."+name, errors.New("want a name of letters, digits and _, which does not begin with a digit"))
		case slices.Contains(own, name):
			wrong("labels."+name, errors.New("the channel sets this label itself"))
		case o.Labels[name] == "":
			wrong("labels."+name, errors.New("want a value: Alertmanager drops an empty label"))
		}
	}
	return errors.Join(problems...)
}

func (o Options) urlError(i int) error {
	if slices.Contains(o.URLs[:i], o.URLs[i]) {
		return errors.New("it is listed twice")
	}
	return problemOf(o.endpoint(cmp.Or(o.URLs[i], "://")).Validate(), "url")
}

// problemOf picks what is wrong at the path out of joined errors.
func problemOf(err error, path string) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, problem := range joined.Unwrap() {
		if field, ok := errors.AsType[*watch.FieldError](problem); ok && field.Path == path {
			return field.Err
		}
	}
	return nil
}

func (o Options) validateLogin(wrong func(string, error)) {
	if !o.BearerToken.IsZero() {
		wrong("bearer_token", o.BearerToken.Validate())
	}
	switch {
	case o.Username == "" && !o.Password.IsZero():
		wrong("username", errors.New("a password needs the account that it belongs to"))
	case o.Username != "" && !o.BearerToken.IsZero():
		wrong("username", errors.New("want one of bearer_token and username, not both"))
	case strings.Contains(o.Username, ":"):
		wrong("username", errors.New("basic authentication allows no colon in it"))
	case o.Username != "":
		wrong("password", o.Password.Validate())
	}
}
