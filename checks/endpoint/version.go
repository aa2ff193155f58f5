package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

const (
	maxVersion = 100
	maxPointer = 200
)

// version is what the answer says of the service's version, or in a clause why it says none.
func (m *member) version(header http.Header, body []byte, secrets []watch.Secret) (version, missing string) {
	switch {
	case m.VersionHeader != "":
		version = header.Get(m.VersionHeader)
		if version == "" {
			missing = fmt.Sprintf("the answer has no header %s", m.VersionHeader)
		}
	case len(body) > maxDocument:
		missing = fmt.Sprintf("the answer is larger than %d KiB", maxDocument>>10)
	case m.VersionJSON != "":
		found, err := pointed(body, m.VersionJSON)
		if err != nil {
			missing = err.Error()
		}
		version = found
	}
	return clean.Text(strings.Join(strings.Fields(redact.JWTs(redact.Text(version, secrets...))), " "), maxVersion), missing
}

// foreign is why an answer of another host says no version.
func (m *member) foreign() string {
	if m.VersionHeader == "" && m.VersionJSON == "" {
		return ""
	}
	return "the answer is that of another host, which a redirect led to"
}

var errPointer = fmt.Errorf("want a JSON pointer (RFC 6901) of at most %d bytes, such as /build/version", maxPointer)

// parsePointer gives the names and indices that a JSON pointer leads along (RFC 6901, 3 and 4).
func parsePointer(pointer string) ([]string, error) {
	if !strings.HasPrefix(pointer, "/") || len(pointer) > maxPointer || clean.Text(pointer, maxPointer) != pointer {
		return nil, errPointer
	}
	steps := strings.Split(pointer[1:], "/")
	for i, step := range steps {
		if bare := strings.NewReplacer("~0", "", "~1", "").Replace(step); strings.Contains(bare, "~") {
			return nil, errPointer
		}
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	}
	return steps, nil
}

// pointed gives the text or number that the pointer leads to.
func pointed(document []byte, pointer string) (string, error) {
	steps, err := parsePointer(pointer)
	if err != nil {
		return "", err
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return "", errors.New("the answer is no JSON")
	}
	for _, step := range steps {
		if value = below(value, step); value == nil {
			return "", fmt.Errorf("the answer has nothing at %s", pointer)
		}
	}
	switch value := value.(type) {
	case string:
		return value, nil
	case json.Number:
		return value.String(), nil
	}
	return "", fmt.Errorf("what the answer has at %s is neither a text nor a number", pointer)
}

func below(value any, step string) any {
	switch value := value.(type) {
	case map[string]any:
		return value[step]
	case []any:
		index, err := strconv.ParseUint(step, 10, 31)
		if err != nil || index >= uint64(len(value)) || len(step) > 1 && step[0] == '0' {
			return nil
		}
		return value[index]
	}
	return nil
}
