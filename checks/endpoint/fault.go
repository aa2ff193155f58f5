package endpoint

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"lapsewatch/internal/neterr"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// failure says what a request ended with that got no complete answer. What keeps this
// machine from looking is unseen; what any caller would meet is what is measured.
func (a attempt) failure(err error) sample {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // it repeats the URL
	}
	got := sample{progress: a.watch.so()}
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(refused.UnverifiedCertificates) > 0 {
		seen := stopwatch{}
		seen.served(refused.UnverifiedCertificates)
		got.leaf = cmp.Or(got.leaf, seen.leaf)
	}
	out := a.within.Err() != nil || neterr.TimedOut(err)
	lookup, isLookup := errors.AsType[*net.DNSError](err)
	byProxy := proxied(got.progress, err)
	switch {
	case byProxy != nil:
		got.outcome, got.reason, got.text = unseen, watch.Unreachable, fmt.Sprintf("connect to %s by a proxy: %s", a.target.Host, shown(a.clean(byProxy)))
		got.remedy = "Look at the proxy that this machine is told to use (HTTPS_PROXY, NO_PROXY)."
	case errors.Is(err, errInside):
		got.outcome, got.text, got.remedy = failed, errInside.Error(), "Look at where the service sends its callers."
	case isLookup && !lookup.IsTimeout:
		got.outcome, got.reason, got.text = unseen, watch.NameNotFound, fmt.Sprintf("look up %s: %s", a.target.Hostname(), shown(lookup.Err))
	case isLookup || out && got.resolving:
		got.outcome, got.reason, got.text = unseen, watch.TimedOut, fmt.Sprintf("look up %s: no answer from DNS within %s", a.target.Hostname(), a.timeout)
		got.remedy = "Check the DNS servers that this machine uses."
	case out:
		got.outcome, got.text = silent, got.lacking()
	case got.connected || errors.Is(err, neterr.Refused) || errors.Is(err, neterr.Reset):
		got.outcome = failed
		got.text, got.remedy = a.words(err)
	default:
		got.noRoute = errors.Is(err, neterr.HostUnreachable)
		got.outcome, got.reason, got.text = unseen, watch.Unreachable, fmt.Sprintf("connect to %s: %s", a.target.Host, shown(a.clean(cause(err))))
	}
	return got
}

// proxied is why a proxy did not let the request through; nil if none is to blame. One that
// keeps silent once it is connected to may itself wait for the member.
func proxied(so progress, err error) error {
	if so.byProxy && !so.connected && neterr.TimedOut(err) {
		return errProxySilent
	}
	if said, ok := errors.AsType[*proxyError](err); ok {
		return said
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok && operation.Op == "proxyconnect" {
		return cause(operation.Err)
	}
	return nil
}

var errProxySilent = errors.New("no connection in time")

// cause is the innermost of what package net wraps around the system's error.
func cause(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return operation.Err
	}
	return err
}

// clean is an error's text without what was sent.
func (a attempt) clean(err error) string { return redact.Text(err.Error(), a.with.secrets...) }

// words say what a connection, or a request over one, ended with, and the next step where
// policy's is not the right one.
func (a attempt) words(err error) (text, remedy string) {
	if text = certificateFault(err, a.env.Now()); text != "" {
		return text, "Look at the certificate, which callers refuse; a check of kind tls tells more of it."
	}
	text = err.Error()
	operation, isOperation := errors.AsType[*net.OpError](err)
	_, isHeader := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case errors.Is(err, neterr.Refused):
		return "the connection was refused", ""
	case errors.Is(err, neterr.Reset), errors.Is(err, syscall.EPIPE):
		return "the connection was reset", ""
	case isOperation && operation.Op == "remote error":
		return "it refused the TLS handshake: " + shown(strings.TrimPrefix(operation.Err.Error(), "tls: ")), ""
	case isHeader || errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS on this port", "Check the port, or write http:// where it is not TLS."
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(text, "server closed idle connection"):
		return "the connection was closed without a complete answer", ""
	case strings.Contains(text, "response headers exceeded"):
		return fmt.Sprintf("the header of the answer has more than %d bytes", maxHeader), ""
	case strings.Contains(text, "Location header"):
		return "its redirect leads to what is no address", "" // the error repeats it
	case strings.Contains(text, "malformed "):
		return "what it answers is no HTTP", "Check the port: what answers there is no web server."
	case errors.Is(err, context.Canceled):
		return "it was broken off", ""
	}
	return shown(a.clean(cause(err))), ""
}

// certificateFault says why a certificate was refused; empty if that is not what happened.
func certificateFault(err error, now time.Time) string {
	if misnamed, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("its certificate is not valid for %s", shown(misnamed.Host))
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its certificate is of an authority that is not trusted here"
	}
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case ok && invalid.Reason == x509.Expired && invalid.Cert != nil && now.Before(invalid.Cert.NotBefore):
		return "its certificate is not valid before " + stamp(invalid.Cert.NotBefore)
	case ok && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return "its certificate expired on " + stamp(invalid.Cert.NotAfter)
	}
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is refused: " + shown(strings.TrimPrefix(refused.Err.Error(), "x509: "))
	}
	return ""
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }
