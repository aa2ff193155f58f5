package ntfy

import (
	"errors"
	"net/url"
	"regexp"

	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// publicServer is where messages go when no other server is configured.
const publicServer = "https://ntfy.sh"

// Options configure one topic of one server.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Topic             string          `yaml:"topic,omitempty" jsonschema_description:"topic to publish to, where its name is no secret"`
	TopicFrom         watch.SecretRef `yaml:"topic_from,omitempty" jsonschema_description:"where the topic's name is kept: without access control whoever knows it can read and write"`
	Token             watch.SecretRef `yaml:"token,omitempty" jsonschema_description:"where an access token (tk_…) is kept"`
	Username          string          `yaml:"username,omitempty" jsonschema_description:"account to log in with instead of a token"`
	Password          watch.SecretRef `yaml:"password,omitempty" jsonschema_description:"where the account's password is kept"`
}

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}
}

// endpoint is the configured server, or the public one.
func (o Options) endpoint() httpsend.Endpoint { return o.Or(publicServer) }

// topicName is what servers take for a topic.
// https://docs.ntfy.sh/publish/#publish-as-json
var topicName = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

var (
	errTopic = errors.New("want 1 to 64 letters, digits, - and _")
	// ntfy cannot be served below a path: base-url in its configuration refuses one.
	errPath = errors.New("want the root of the server, such as " + publicServer + ": the topic has an option of its own")
)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.endpoint().Validate()}
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	if address, err := url.Parse(o.URL); err == nil && address.Path != "" && address.Path != "/" {
		wrong("url", errPath)
	}
	switch {
	case (o.Topic == "") == o.TopicFrom.IsZero():
		wrong("topic", errors.New("want exactly one of topic and topic_from"))
	case o.Topic == "":
		wrong("topic_from", o.TopicFrom.Validate())
	case !topicName.MatchString(o.Topic):
		wrong("topic", errTopic)
	}
	switch {
	case !o.Token.IsZero() && (o.Username != "" || !o.Password.IsZero()):
		wrong("token", errors.New("want either token, or username and password"))
	case !o.Token.IsZero():
		wrong("token", o.Token.Validate())
	case (o.Username == "") != o.Password.IsZero():
		wrong("password", errors.New("want username and password together"))
	case o.Username != "":
		wrong("password", o.Password.Validate())
	}
	return errors.Join(problems...)
}
