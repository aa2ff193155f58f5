package ticket

import (
	"fmt"
	"net/http"
	"strings"

	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// Key is what a service knows its clients by: one secret in one header.
type Key struct {
	Secrets watch.SecretReader
	From    watch.SecretRef
	// Called is what it is, in errors: "API key".
	Called string
	// Header is Authorization if it is empty. Scheme stands before the key there, such as
	// "Bearer".
	Header, Scheme string
}

// Authorize is that of API: the key is read at each use, without space around it, and with
// its words it is secret.
func (k Key) Authorize(header http.Header) ([]watch.Secret, error) {
	key, err := k.Secrets(k.From)
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", k.Called, err)
	}
	name := k.Header
	if name == "" {
		name = "Authorization"
	}
	header.Set(name, strings.TrimSpace(k.Scheme+" "+strings.TrimSpace(key.Reveal())))
	return redact.Words(key), nil
}
