package msgraph

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"lapsewatch/internal/neterr"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// interrupted says that ctx ended; it wraps ctx's error and is no *Failure.
func interrupted(ctx context.Context, doing string) error {
	return fmt.Errorf("%s: %w", doing, ctx.Err())
}

// networkFailure is an attempt that got no usable answer. host is where it went.
func networkFailure(doing, host string, err error, secrets ...watch.Secret) *Failure {
	failure := &Failure{Doing: doing}
	cause := err
	proxied, isProxied := errors.AsType[proxyRefusal](err)
	fault, isFault := errors.AsType[proxyFault](err)
	if name, failed := proxyOf(err); failed {
		failure.Proxy, host = true, name+" on the way to "+host
	}
	switch {
	case errors.Is(err, errTooLarge):
		failure.Reason, failure.Lasting = watch.TooLarge, true
	case isProxied:
		failure.Reason, failure.Lasting, cause = watch.Refused, proxied.status == http.StatusProxyAuthRequired, proxied
	case isFault:
		failure.Reason, failure.Lasting, cause = watch.AuthUnavailable, true, fault
	default:
		failure.Reason, cause = neterr.Explain(err)
		if failure.Reason == watch.Unreadable {
			failure.Reason, cause = watch.Unreachable, err
		}
	}
	failure.Err = redact.Error(err, secrets...)
	failure.Text = fmt.Sprintf("%s: %s", host, said(redact.Text(cause.Error(), secrets...)))
	return failure
}
