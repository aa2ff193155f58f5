package config

import (
	"errors"
	"fmt"
	"time"

	"go.yaml.in/yaml/v4"

	"lapsewatch/internal/reference"
	"lapsewatch/watch"
)

// Clock is the `clock` section: whose time is believed.
type Clock struct {
	References reference.Sources `yaml:"references,omitempty" jsonschema_description:"the time servers to believe, as ntp://HOST or nts://HOST (authenticated); four or more that do not depend on each other"`
	TrustFiles []string          `yaml:"trust_files,omitempty" jsonschema_description:"PEM files of the authorities for nts:// instead of the system's"`
	Timeout    watch.Duration    `yaml:"timeout,omitempty" jsonschema_description:"how long a pass waits for the references before it begins; default 1s"`
}

const (
	clockPatience = watch.Duration(time.Second)
	// longestClockPatience is little beside what a pass may take.
	longestClockPatience = watch.Duration(30 * time.Second)
)

func clockDefaults() Clock { return Clock{Timeout: clockPatience} }

// Validate reports what cannot be meant.
func (c Clock) Validate() error {
	var problems []error
	if err := c.References.Validate(); err != nil {
		problems = append(problems, &watch.FieldError{Path: "references", Err: err})
	}
	if c.Timeout <= 0 || c.Timeout > longestClockPatience {
		problems = append(problems, &watch.FieldError{Path: "timeout", Err: fmt.Errorf("want at most %v", time.Duration(longestClockPatience))})
	}
	return errors.Join(problems...)
}

func (l *loading) clock(node yaml.Node) {
	decode := func(any) error { return nil }
	if !node.IsZero() {
		decode = l.decoder(node)
	}
	options, err := watch.FillOptions(clockDefaults, decode)
	l.refuseAll("clock", err)
	l.config.Clock = options
	if weakness := tooFew(len(options.References)); weakness != "" {
		l.warn("clock.references: " + weakness + "; RFC 8633 asks for four")
	}
}

// tooFew says what fewer than four references cannot do (RFC 8633, 3.2).
func tooFew(n int) string {
	return map[int]string{
		1: "of a single one nothing tells whether it is right",
		2: "when two disagree, nobody knows which is right",
		3: "when one of three fails and another lies, nobody knows which is right",
	}[n]
}

// comparisons warns of checks that can judge nothing without references.
func (l *loading) comparisons() {
	if len(l.config.Clock.References) > 0 || l.refused("clock") {
		return
	}
	for _, check := range l.config.Checks {
		if check.Kind.ComparesClocks() {
			l.warn(fmt.Sprintf("check %s compares clocks, and clock.references names none to believe: no clock will be called right or wrong", check.Name))
		}
	}
}
