package alerts

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"time"

	"lapsewatch/watch"
)

// Kind is one kind of channel, made by Define.
type Kind struct {
	name    string
	options reflect.Type
	build   func(decode watch.Decoder, env Env) (Channel, error)
}

// Env is all that a channel may use of the world.
type Env struct {
	// Name is the channel's name in the configuration.
	Name string
	Now  func() time.Time
	// Log never blocks.
	Log *slog.Logger
	// TLSTime is the time that certificates are verified as of, for connections that are
	// not HTTP; nil means the own clock.
	TLSTime func() time.Time
	// Dial opens connections that are not HTTP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// HTTP follows no redirects.
	HTTP    *http.Client
	Secrets watch.SecretReader
	// Memory is what the channel keeps between passes: the service's ids of what it
	// made there. It outlasts the run.
	Memory watch.Memory
	// ReportURL is where people find the whole report; empty if nowhere.
	ReportURL string
	// Instance is how this installation calls itself, shown at the foot of messages;
	// empty if it has no name.
	Instance string
	// Version of Lapsewatch, for user agents.
	Version string
}

// Define makes a kind from its name, its default options and its constructor.
// Building runs defaults → strict decode → Validate → build.
func Define[O any](name string, defaults func() O, build func(O, Env) (Channel, error)) Kind {
	return Kind{
		name:    name,
		options: reflect.TypeFor[O](),
		build: func(decode watch.Decoder, env Env) (Channel, error) {
			options, err := watch.FillOptions(defaults, decode)
			if err != nil {
				return nil, err
			}
			return build(options, env)
		},
	}
}

// Name is the word that stands behind `kind:` in configuration.
func (k Kind) Name() string { return k.name }

// Options is the type of the kind's options, for the configuration's JSON Schema.
func (k Kind) Options() reflect.Type { return k.options }

// Build makes a channel from configuration.
func (k Kind) Build(decode watch.Decoder, env Env) (Channel, error) {
	return k.build(decode, env)
}
