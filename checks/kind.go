// Package checks is the contract of a check: how a kind of check is defined, what it is
// given (Env), and the helpers that every check shares. It knows no concrete kind; the
// catalog in cmd/lapsewatch does. A check collects facts and never judges them: lead
// times and severities are policy's.
package checks

import (
	"reflect"

	"lapsewatch/watch"
)

// Kind is one kind of check, made by Define.
type Kind struct {
	name      string
	options   reflect.Type
	build     func(decode watch.Decoder, env Env) (watch.Check, error)
	takes     func(target string) bool
	forTarget func(targets []string, env Env) (watch.Check, error)
	here      func(env Env) (watch.Check, error)
	clocks    bool
}

// Feature is something that a kind offers beyond configured checks.
type Feature[O any] func(*features[O])

type features[O any] struct {
	takes   func(target string) bool
	targets func(targets []string, options O) (O, error)
	here    func(env Env, options O) (O, error)
	clocks  bool
}

// Targets lets `lapsewatch scan TARGET…` use the kind: takes recognises a target,
// and fill puts the recognised ones into the default options.
func Targets[O any](takes func(target string) bool, fill func(targets []string, defaults O) (O, error)) Feature[O] {
	return func(f *features[O]) { f.takes, f.targets = takes, fill }
}

// ThisMachine lets a bare `lapsewatch scan` use the kind: find fills the default
// options with what is found on the machine without being told.
func ThisMachine[O any](find func(env Env, defaults O) (O, error)) Feature[O] {
	return func(f *features[O]) { f.here = find }
}

// ComparesClocks says that the kind can judge nothing without Env.Reference.
func ComparesClocks[O any]() Feature[O] {
	return func(f *features[O]) { f.clocks = true }
}

// Define makes a kind from its name, its default options and its constructor.
// Building runs defaults → strict decode → Validate → build.
func Define[O any](name string, defaults func() O, build func(O, Env) (watch.Check, error), extras ...Feature[O]) Kind {
	var offered features[O]
	for _, extra := range extras {
		extra(&offered)
	}
	kind := Kind{name: name, options: reflect.TypeFor[O](), takes: offered.takes, clocks: offered.clocks}
	kind.build = func(decode watch.Decoder, env Env) (watch.Check, error) {
		options, err := watch.FillOptions(defaults, decode)
		if err != nil {
			return nil, err
		}
		return build(options, env)
	}
	found := func(options O, err error, env Env) (watch.Check, error) {
		if err == nil {
			err = watch.ValidateOptions(options)
		}
		if err != nil {
			return nil, err
		}
		return build(options, env)
	}
	if offered.targets != nil {
		kind.forTarget = func(targets []string, env Env) (watch.Check, error) {
			options, err := offered.targets(targets, defaults())
			return found(options, err, env)
		}
	}
	if offered.here != nil {
		kind.here = func(env Env) (watch.Check, error) {
			options, err := offered.here(env, defaults())
			return found(options, err, env)
		}
	}
	return kind
}

// Name is the word that stands behind `kind:` in configuration.
func (k Kind) Name() string { return k.name }

// Options is the type of the kind's options, for the configuration's JSON Schema.
func (k Kind) Options() reflect.Type { return k.options }

// Build makes a check from configuration.
func (k Kind) Build(decode watch.Decoder, env Env) (watch.Check, error) { return k.build(decode, env) }

// Takes reports whether the kind watches such a target of `lapsewatch scan`.
func (k Kind) Takes(target string) bool { return k.takes != nil && k.takes(target) }

// BuildForTargets makes a check for targets that Takes accepted.
func (k Kind) BuildForTargets(targets []string, env Env) (watch.Check, error) {
	return k.forTarget(targets, env)
}

// LooksHere reports whether the kind takes part in a bare `lapsewatch scan`.
func (k Kind) LooksHere() bool { return k.here != nil }

// ComparesClocks reports whether the kind needs clocks to believe.
func (k Kind) ComparesClocks() bool { return k.clocks }

// BuildForThisMachine makes a check of what is found on this machine.
func (k Kind) BuildForThisMachine(env Env) (watch.Check, error) { return k.here(env) }
