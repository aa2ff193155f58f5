package discord

import (
	"errors"
	"net/url"
	"regexp"
	"strings"

	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Options configure one webhook of Discord.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	ThreadID          string `yaml:"thread_id,omitempty" jsonschema_description:"ID of the thread to post to, which a webhook of a forum channel needs"`
}

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}
}

// isWebhook knows the addresses of webhooks, with and without a version of the API, also
// those of Discord's test clients.
func isWebhook(address *url.URL) bool {
	host := "." + strings.ToLower(address.Hostname())
	return (strings.HasSuffix(host, ".discord.com") || strings.HasSuffix(host, ".discordapp.com")) && strings.Contains(address.Path, "/webhooks/")
}

// snowflake is Discord's form of an ID.
var snowflake = regexp.MustCompile(`^[0-9]{15,20}$`)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Endpoint.Validate(), o.RefuseSecretURL(isWebhook)}
	if o.ThreadID != "" && !snowflake.MatchString(o.ThreadID) {
		problems = append(problems, &watch.FieldError{Path: "thread_id", Err: errors.New(`want the thread's ID, a number of 15 to 20 digits in quotes ("Copy Thread ID" in Discord's developer mode)`)})
	}
	return errors.Join(problems...)
}
