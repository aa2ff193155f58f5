package slack

import (
	"cmp"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// apiURL is the Web API of all workspaces but those of GovSlack.
const apiURL = "https://slack.com/api"

// Options configure one channel of Slack: an incoming webhook, or a bot.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Token             watch.SecretRef `yaml:"token,omitempty" jsonschema_description:"where the bot token (xoxb-…) is kept, to post with the Web API instead of an incoming webhook; url is then the API's, default https://slack.com/api"`
	Channel           string          `yaml:"channel,omitempty" jsonschema_description:"with token: ID of the channel to post to, such as C0123456789"`
	Thread            bool            `yaml:"thread,omitempty" jsonschema_description:"with token: put each further message into the thread of the first, and show it in the channel too"`
}

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}
}

// destination is an ID (C…, G…, D…, U…) or a name, which Slack takes for public channels.
var destination = regexp.MustCompile(`^#?[\p{L}\p{N}_-]{1,80}$`)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	var problems []error
	wrong := func(path, words string) {
		problems = append(problems, &watch.FieldError{Path: path, Err: errors.New(words)})
	}
	if o.Token.IsZero() {
		if o.URL == "" && o.URLFrom.IsZero() {
			wrong("url_from", "want url_from for an incoming webhook, or token and channel for a bot")
			o.URL = apiURL // so that the endpoint reports only what else is wrong
		}
		if o.Channel != "" {
			wrong("channel", "a webhook posts to the channel that it was made for; give token to choose one")
		}
		if o.Thread {
			wrong("thread", "it needs token and channel: a webhook does not say which message it made")
		}
		return errors.Join(append(problems, o.Endpoint.Validate(), o.RefuseSecretURL(isWebhook))...)
	}
	if err := o.Token.Validate(); err != nil {
		wrong("token", err.Error())
	}
	if !o.URLFrom.IsZero() {
		wrong("url_from", "want url_from for an incoming webhook or token for a bot, not both")
		o.URLFrom = watch.SecretRef{}
	}
	if !destination.MatchString(o.Channel) {
		wrong("channel", "want the ID of the channel to post to, such as C0123456789")
	}
	o.URL = cmp.Or(o.URL, apiURL)
	return errors.Join(append(problems, o.Endpoint.Validate(), o.RefuseSecretURL(isWebhook))...)
}

// isWebhook knows the hosts of incoming webhooks, whose paths hold nothing but secrets.
func isWebhook(address *url.URL) bool {
	host := strings.ToLower(address.Hostname())
	return host == "hooks.slack.com" || host == "hooks.slack-gov.com"
}

// endpoint is where requests go.
func (o Options) endpoint() httpsend.Endpoint {
	if o.Token.IsZero() {
		return o.Endpoint
	}
	return o.Or(apiURL)
}
