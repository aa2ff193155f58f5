package watch

// Decoder fills a typed options value from configuration, strictly: an unknown or
// mistyped key is an error that names its place.
type Decoder func(into any) error

// Validator is implemented by options that can be wrong in ways a type cannot say.
// Errors should be, or join, *FieldError values so that the user is shown the line.
type Validator interface{ Validate() error }

// FieldError is one wrong value in options.
type FieldError struct {
	// Path leads to the value from the options' root: "targets[2].host".
	Path string
	Err  error
}

func (e *FieldError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// TextOrMapping is UnmarshalYAML of a value that is written as text or as a mapping. mapping
// points to the value as a type without methods, which would be asked again.
func TextOrMapping(decode func(any) error, text func([]byte) error, mapping any) error {
	var written string
	if decode(&written) == nil {
		return text([]byte(written))
	}
	return decode(mapping)
}

// FillOptions runs defaults → strict decode → Validate.
func FillOptions[O any](defaults func() O, decode Decoder) (O, error) {
	options := defaults()
	if err := decode(&options); err != nil {
		return options, err
	}
	return options, ValidateOptions(options)
}

// ValidateOptions asks options that can validate themselves to do so.
func ValidateOptions(options any) error {
	if v, ok := options.(Validator); ok {
		return v.Validate()
	}
	return nil
}
