package checktest

import (
	"errors"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// YAML decodes text as strictly as the configuration does.
func YAML(text string) watch.Decoder {
	return func(into any) error { return yaml.Load([]byte(text), into, yaml.WithKnownFields()) }
}

// Given decodes to these options, in place of all defaults.
func Given[O any](options O) watch.Decoder {
	return func(into any) error {
		*into.(*O) = options
		return nil
	}
}

// Build makes a check of options that must be in order.
func Build[O any](t testing.TB, kind checks.Kind, options O, env checks.Env) watch.Check {
	t.Helper()
	check, err := kind.Build(Given(options), env)
	if err != nil {
		t.Fatal(err)
	}
	return check
}

// WantRefusal wants the first line of the error that refuses options, or that there is none
// where want is empty.
func WantRefusal(t testing.TB, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got, _, _ = strings.Cut(err.Error(), "\n")
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Places are the options that an error refuses, each of which must have a place.
func Places(t testing.TB, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	faults := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		faults = joined.Unwrap()
	}
	var places []string
	for _, fault := range faults {
		field, ok := errors.AsType[*watch.FieldError](fault)
		if !ok {
			t.Fatalf("%v has no place", fault)
		}
		places = append(places, field.Path)
	}
	return places
}
