package listedtoken

import (
	"fmt"

	"lapsewatch/internal/entry"
	"lapsewatch/watch"
)

// Token is one token to watch, in options.
type Token struct {
	entry.Entry `yaml:",inline"`
	Token       watch.SecretRef `yaml:"token" jsonschema:"required" jsonschema_description:"where the token is kept: {file: PATH} or {env: NAME}" watched:"true"`
}

// Faults are what is wrong with a list of tokens at path, each a *watch.FieldError.
func Faults(path string, tokens []Token) []error {
	faults := entry.ListFaults(path, tokens)
	for i, token := range tokens {
		if err := token.Token.Validate(); err != nil {
			faults = append(faults, &watch.FieldError{Path: fmt.Sprintf("%s[%d].token", path, i), Err: err})
		}
	}
	return faults
}
