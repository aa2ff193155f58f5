package googlechat

import "lapsewatch/internal/httpsend"

// Options configure one webhook of a space.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Thread            bool `yaml:"thread,omitempty" jsonschema_description:"put all messages of this channel into one thread of the space, where only those who follow it are notified"`
}

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}}
}

// Validate reports every wrong value with its place.
func (o Options) Validate() error { return o.Endpoint.Validate() }
