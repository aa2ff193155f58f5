package exec

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

// Options configure one program.
type Options struct {
	Command     []string       `yaml:"command" jsonschema_description:"absolute path of the program, and its arguments; no shell reads them"`
	Environment []Variable     `yaml:"environment,omitempty" jsonschema_description:"environment variables that the program needs, such as a token"`
	Source      string         `yaml:"source,omitempty" jsonschema_description:"CloudEvents source, a URI reference that names this installation; default /lapsewatch"`
	Timeout     watch.Duration `yaml:"timeout,omitempty" jsonschema_description:"bound of one attempt, at most 5m; default 20s"`
}

// Variable is one environment variable.
type Variable struct {
	Name  string          `yaml:"name" jsonschema_description:"name of the variable"`
	Value watch.SecretRef `yaml:"value" jsonschema_description:"where its value is kept"`
}

const (
	maxWords     = 100
	maxVariables = 50
	maxTimeout   = watch.Duration(5 * time.Minute)
)

func defaults() Options {
	return Options{Source: "/lapsewatch", Timeout: watch.Duration(20 * time.Second)}
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Validate reports every wrong value with its place. Whether the program is there is
// seen at each use: it may be installed later.
func (o Options) Validate() error {
	var problems []error
	wrong := func(path string, err error) {
		problems = append(problems, &watch.FieldError{Path: path, Err: err})
	}
	switch {
	case len(o.Command) == 0 || len(o.Command) > maxWords:
		wrong("command", fmt.Errorf("want 1 to %d words: the absolute path of a program, and its arguments", maxWords))
	case !filepath.IsAbs(o.Command[0]):
		wrong("command[0]", errors.New("want the absolute path of a program; `command -v NAME` prints it"))
	}
	for i, word := range o.Command {
		if strings.ContainsRune(word, 0) {
			wrong(fmt.Sprintf("command[%d]", i), errors.New("no program can be given a NUL character"))
		}
	}
	if len(o.Environment) > maxVariables {
		wrong("environment", fmt.Errorf("want at most %d", maxVariables))
	}
	for i, variable := range o.Environment {
		at := fmt.Sprintf("environment[%d]", i)
		switch {
		case !variableName.MatchString(variable.Name):
			wrong(at+".name", errors.New("want a name of letters, digits and _, which does not begin with a digit"))
		case variable.Name == idVariable:
			wrong(at+".name", errors.New("the channel sets this variable itself"))
		case slices.ContainsFunc(o.Environment[:i], func(before Variable) bool { return before.Name == variable.Name }):
			wrong(at+".name", fmt.Errorf("%s is listed twice", variable.Name))
		}
		if err := variable.Value.Validate(); err != nil {
			wrong(at+".value", err)
		}
	}
	if _, err := url.Parse(o.Source); err != nil || o.Source == "" {
		wrong("source", errors.New("want a URI reference, such as /lapsewatch"))
	}
	if o.Timeout <= 0 || o.Timeout > maxTimeout {
		wrong("timeout", errors.New("want more than 0 and at most 5m"))
	}
	return errors.Join(problems...)
}
