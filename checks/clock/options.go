package clock

import (
	"errors"
	"fmt"
	"time"

	"lapsewatch/watch"
)

// Options are the options of a `kind: clock` check.
type Options struct {
	Targets     []Target       `yaml:"targets" jsonschema:"required,minItems=1" jsonschema_description:"the hosts whose clocks are read, each in the way that its URL names"`
	Limit       string         `yaml:"limit,omitempty" jsonschema:"enum=mifid2-hft,enum=mifid2,enum=cockroachdb,enum=etcd,enum=totp,enum=kerberos,enum=entra,enum=certificates" jsonschema_description:"what the clocks must be good enough for: warns at a fifth of what that tolerates, critical at half of it; default: warning at 1 s, critical at 30 s"`
	Warn        watch.Duration `yaml:"warn,omitempty" jsonschema_description:"offset from which a clock is a warning, such as 1s or 20us; together with critical, in place of limit"`
	Critical    watch.Duration `yaml:"critical,omitempty" jsonschema_description:"offset from which a clock is critical"`
	Samples     int            `yaml:"samples,omitempty" jsonschema:"minimum=1,maximum=8" jsonschema_description:"most NTP packets to one host in a pass; further ones are sent only where the first is not exact enough for the limit; default 4"`
	Interval    watch.Duration `yaml:"interval,omitempty" jsonschema_description:"time between NTP packets to one host; default 2s, and less only for servers of one's own"`
	Timeout     watch.Duration `yaml:"timeout,omitempty" jsonschema_description:"limit of one look at one host, such as 5s; default: that of the run"`
	Concurrency int            `yaml:"concurrency,omitempty" jsonschema:"minimum=1" jsonschema_description:"most hosts that are asked at a time; default: that of the run"`
}

const (
	maxTargets = 100_000
	maxSamples = 8
	// shortestInterval is what even a server of one's own is spared.
	shortestInterval = 10 * time.Millisecond
)

// Validate reports what cannot be watched, each with its place.
func (o Options) Validate() error {
	var problems []error
	wrong := func(path string, err error) { problems = append(problems, &watch.FieldError{Path: path, Err: err}) }
	if len(o.Targets) == 0 {
		wrong("targets", errors.New("there is nothing to watch: give at least one target, such as ntp://host.example.com"))
	}
	if len(o.Targets) > maxTargets {
		wrong("targets", fmt.Errorf("%d targets are more than %d", len(o.Targets), maxTargets))
	}
	if o.Samples < 1 || o.Samples > maxSamples {
		wrong("samples", fmt.Errorf("%d: want 1 to %d", o.Samples, maxSamples))
	}
	if time.Duration(o.Interval) < shortestInterval {
		wrong("interval", fmt.Errorf("%v: want at least %v", time.Duration(o.Interval), shortestInterval))
	}
	if o.Concurrency < 0 {
		wrong("concurrency", fmt.Errorf("%d: want at least 1", o.Concurrency))
	}
	_, err := o.hosts()
	return errors.Join(append(problems, err)...)
}

// hosts makes the targets ready to be read. Errors are *watch.FieldError.
func (o Options) hosts() ([]*host, error) {
	general, err := limitsOf(o.Limit, o.Warn, o.Critical, watch.ClockLimits{})
	hosts := make([]*host, 0, len(o.Targets))
	places := make(map[string]int, len(o.Targets))
	problems := []error{err}
	for i, target := range o.Targets {
		at := fmt.Sprintf("targets[%d]", i)
		made, err := target.host(general)
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: at, Err: err})
			continue
		}
		if first, repeated := places[made.id]; repeated {
			problems = append(problems, &watch.FieldError{Path: at, Err: fmt.Errorf("repeats targets[%d]: a clock is read once; give it the narrower of its limits", first)})
			continue
		}
		places[made.id] = i
		hosts = append(hosts, made)
	}
	return hosts, errors.Join(problems...)
}

// limitsOf are the limits that a tolerance's name or two offsets make; those of the check
// where neither is given.
func limitsOf(name string, warn, critical watch.Duration, general watch.ClockLimits) (watch.ClockLimits, error) {
	switch {
	case name != "" && (warn != 0 || critical != 0):
		return general, &watch.FieldError{Path: "limit", Err: errors.New("give either limit, or warn and critical")}
	case name != "":
		for _, tolerance := range watch.Tolerances() {
			if tolerance.Name == name {
				return tolerance.Limits(), nil
			}
		}
		return general, &watch.FieldError{Path: "limit", Err: fmt.Errorf("limit %q is not known: want one of %v", name, toleranceNames())}
	case warn == 0 && critical == 0:
		return general, nil
	case warn == 0 || critical == 0:
		return general, &watch.FieldError{Path: "warn", Err: errors.New("give warn and critical together")}
	case critical < warn:
		return general, &watch.FieldError{Path: "critical", Err: fmt.Errorf("critical (%v) is nearer than warn (%v)", time.Duration(critical), time.Duration(warn))}
	}
	return watch.ClockLimits{Warn: time.Duration(warn), Critical: time.Duration(critical)}, nil
}

func toleranceNames() []string {
	var names []string
	for _, tolerance := range watch.Tolerances() {
		names = append(names, tolerance.Name)
	}
	return names
}
