package listedtoken

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// longest is longer than any token that is sent in a header.
const longest = 16 << 10

// Read reads a token by its reference. Its error is a *webclient.Trouble: it cannot be read,
// or it is nothing that a header can carry.
func Read(secrets watch.SecretReader, ref watch.SecretRef) (watch.Secret, error) {
	token, err := secrets(ref)
	if err == nil {
		err = fault(token.Reveal())
	}
	if err == nil {
		return token, nil
	}
	return watch.Secret{}, &webclient.Trouble{
		Err: fmt.Errorf("read the token: %w", err), Reason: watch.Unreadable,
		Remedy: fmt.Sprintf("Put the token where it is referred to (%s), and nothing else.", ref),
	}
}

// fault is why a text is no token: what no header can carry is not sent.
func fault(token string) error {
	switch {
	case token == "":
		return errors.New("it is empty")
	case len(token) > longest:
		return fmt.Errorf("it is longer than %d bytes", longest)
	case strings.IndexFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0:
		return errors.New("it holds white space or characters that no token has")
	}
	return nil
}

// IsPage reports whether an answer of a service that speaks JSON is a page of the web: its
// status is then a proxy's or a captive portal's, and says nothing of a token.
func IsPage(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// NotTheService makes of a failure that a page of the web stood in for the service. Nothing
// is known of the token then.
func NotTheService(failure *webclient.Failure) *webclient.Failure {
	failure.Reason, failure.Lasting = watch.Unparsable, true
	return failure
}
