package incidents

import (
	"reflect"

	"lapsewatch/alerts"
	"lapsewatch/watch"
)

// Kind is one kind of status system, made by Define.
type Kind struct {
	name    string
	options reflect.Type
	build   func(decode watch.Decoder, env Env) (System, error)
}

// Env is all that a status system may use of the world. Its Memory is nil: what must be
// known at the next pass is kept by the runner.
type Env struct {
	alerts.Env
	// Source tells this installation's stubs from those of another at the same place.
	Source string
}

// Define makes a kind from its name, its default options and its constructor.
// Building runs defaults → strict decode → Validate → build.
func Define[O any](name string, defaults func() O, build func(O, Env) (System, error)) Kind {
	return Kind{
		name:    name,
		options: reflect.TypeFor[O](),
		build: func(decode watch.Decoder, env Env) (System, error) {
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

// Build makes a status system from configuration.
func (k Kind) Build(decode watch.Decoder, env Env) (System, error) { return k.build(decode, env) }
