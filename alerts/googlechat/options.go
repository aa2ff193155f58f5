package googlechat

import (
	"errors"
	"net/url"
	"strings"

	"lapsewatch/internal/httpsend"
)

// Options configure one webhook of a space.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Thread            bool `yaml:"thread,omitempty" jsonschema_description:"put all messages of this channel into one thread of the space, where only those who follow it are notified"`
}

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}
}

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	return errors.Join(o.Endpoint.Validate(), o.RefuseSecretURL(isWebhook))
}

// isWebhook knows the addresses that hold the key and the token of a webhook.
func isWebhook(address *url.URL) bool {
	query := address.Query()
	return strings.EqualFold(address.Hostname(), "chat.googleapis.com") && (query.Has("key") || query.Has("token"))
}
