package watch

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "<redacted>"

// Secret is a secret's value. However it is printed, logged or encoded it shows
// <redacted>; only Reveal gives the text.
type Secret struct {
	// text is behind a function, because package fmt prints unexported fields of a
	// surrounding struct without asking their methods.
	text func() string
}

// NewSecret wraps a secret's text.
func NewSecret(text string) Secret { return Secret{text: func() string { return text }} }

// Reveal gives the text, for the one call that must send it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return s.text()
}

// Format prints <redacted> for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText keeps the text out of every encoder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue keeps the text out of structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// SecretRef says where a secret is kept: exactly one of a file or an environment
// variable. Configuration never holds the secret itself.
type SecretRef struct {
	File string `yaml:"file,omitempty" jsonschema_description:"path of a file that holds the secret; one trailing newline is ignored"`
	Env  string `yaml:"env,omitempty" jsonschema_description:"name of an environment variable that holds the secret"`
}

// IsZero reports whether no reference was given.
func (r SecretRef) IsZero() bool { return r == SecretRef{} }

// Validate reports a reference that names no source, or two.
func (r SecretRef) Validate() error {
	if (r.File == "") == (r.Env == "") {
		return errors.New("a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}")
	}
	return nil
}

// String names the place, which is no secret.
func (r SecretRef) String() string {
	if r.File != "" {
		return "file " + r.File
	}
	return "environment variable " + r.Env
}

// SecretReader reads a referenced secret at each use, so that a rotated one is seen.
// An error names the reference and never the value.
type SecretReader func(SecretRef) (Secret, error)

// UnmarshalText refuses a secret written in place of a reference, without repeating it.
func (r *SecretRef) UnmarshalText([]byte) error {
	return errors.New("a secret is given by reference: want {file: PATH} or {env: NAME} and never the secret itself")
}

// UnmarshalYAML reads the mapping form. YAML decoders let a type that reads text read
// nothing else, so without it {file: PATH} would be refused. No error repeats what was
// written: it may be the secret itself.
func (r *SecretRef) UnmarshalYAML(decode func(any) error) error {
	type mapping SecretRef
	var read mapping
	if decode(&read) != nil {
		return r.UnmarshalText(nil)
	}
	*r = SecretRef(read)
	return r.Validate()
}
