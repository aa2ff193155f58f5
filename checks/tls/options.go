package tls

import (
	"errors"
	"fmt"

	"lapsewatch/watch"
)

// Options are the options of a `kind: tls` check.
type Options struct {
	Targets     []Target       `yaml:"targets" jsonschema:"required,minItems=1" jsonschema_description:"the TLS services to read; every address of each name is read"`
	Trust       Trust          `yaml:"trust,omitempty" jsonschema_description:"the authorities that chains may end at"`
	Timeout     watch.Duration `yaml:"timeout,omitempty" jsonschema_description:"limit of one look at one address, such as 5s; default: that of the run"`
	Concurrency int            `yaml:"concurrency,omitempty" jsonschema:"minimum=1" jsonschema_description:"most addresses that are asked at a time, not counting those that stay silent; default: that of the run"`

	// listeners are the sockets that a bare scan found on this machine; nil if it
	// was not asked to find any.
	listeners []listener
}

// Trust is the store of trusted authorities.
type Trust struct {
	System bool     `yaml:"system" jsonschema_description:"trust the authorities that this machine trusts; default true"`
	Files  []string `yaml:"files,omitempty" jsonschema_description:"PEM files of further authorities, such as a private CA"`
}

// maxTargets bounds one check; its addresses are not held in memory.
const maxTargets = 1 << 20

// Validate reports what cannot be watched, each with its place.
func (o Options) Validate() error {
	var problems []error
	wrong := func(path string, err error) { problems = append(problems, &watch.FieldError{Path: path, Err: err}) }
	if len(o.Targets) == 0 && o.listeners == nil {
		wrong("targets", errors.New("there is nothing to watch: give at least one target"))
	}
	if len(o.Targets) > maxTargets {
		wrong("targets", fmt.Errorf("%d targets are more than %d", len(o.Targets), maxTargets))
	}
	if o.Concurrency < 0 {
		wrong("concurrency", fmt.Errorf("%d: want at least 1", o.Concurrency))
	}
	if !o.Trust.System && len(o.Trust.Files) == 0 {
		wrong("trust", errors.New("nothing is trusted: give files, or leave system at true"))
	}
	_, err := o.services()
	return errors.Join(append(problems, err)...)
}

// services makes the targets ready to be looked at. Errors are *watch.FieldError.
func (o Options) services() ([]*service, error) {
	services := make([]*service, 0, len(o.Targets)+len(o.listeners))
	places := make(map[string]int, len(o.Targets))
	var problems []error
	for i, target := range o.Targets {
		made, err := target.service()
		if fault, ok := errors.AsType[*watch.FieldError](err); ok {
			problems = append(problems, &watch.FieldError{Path: joinPath(fmt.Sprintf("targets[%d]", i), fault.Path), Err: fault.Err})
			continue
		}
		if first, repeated := places[made.key()]; repeated {
			problems = append(problems, &watch.FieldError{Path: fmt.Sprintf("targets[%d]", i), Err: fmt.Errorf("repeats targets[%d]", first)})
			continue
		}
		places[made.key()] = i
		services = append(services, made)
	}
	for _, found := range o.listeners {
		services = append(services, found.service())
	}
	return services, errors.Join(problems...)
}

func joinPath(parent, child string) string {
	if child == "" {
		return parent
	}
	return parent + "." + child
}
