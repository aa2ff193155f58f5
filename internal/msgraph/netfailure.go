package msgraph

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
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
	failure := &Failure{Doing: doing, Reason: watch.Unreachable}
	cause := err
	unknown, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	misnamed, isMisnamed := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	lookup, isLookup := errors.AsType[*net.DNSError](err)
	proxied, isProxied := errors.AsType[proxyRefusal](err)
	fault, isFault := errors.AsType[proxyFault](err)
	if name, failed := proxyOf(err); failed {
		failure.Proxy, host = true, name+" on the way to "+host
	}
	switch {
	case errors.Is(err, errTooLarge):
		failure.Reason, failure.Lasting = watch.TooLarge, true
	case isUnknown:
		failure.Reason, cause = watch.UntrustedIssuer, unknown
	case isMisnamed:
		failure.Reason, cause = watch.NameMismatch, misnamed
	case isInvalid:
		failure.Reason, cause = watch.HandshakeFailed, invalid
	case handshake(err):
		failure.Reason = watch.HandshakeFailed
	case isProxied:
		failure.Reason, failure.Lasting, cause = watch.Refused, proxied.status == http.StatusProxyAuthRequired, proxied
	case isFault:
		failure.Reason, failure.Lasting, cause = watch.AuthUnavailable, true, fault
	case isLookup && lookup.IsNotFound:
		failure.Reason, cause = watch.NameNotFound, errors.New("the name does not exist")
	case neterr.TimedOut(err):
		failure.Reason, cause = watch.TimedOut, errors.New("no answer in time")
	case errors.Is(err, neterr.Refused):
		failure.Reason, cause = watch.Refused, neterr.Refused
	}
	failure.Err = redact.Error(err, secrets...)
	failure.Text = fmt.Sprintf("%s: %s", host, said(redact.Text(cause.Error(), secrets...)))
	return failure
}

func handshake(err error) bool {
	_, header := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	operation, ok := errors.AsType[*net.OpError](err)
	return header || alert || ok && operation.Op == "remote error"
}
