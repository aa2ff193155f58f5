// Package httpsend makes one attempt to deliver by HTTP, for every channel that speaks
// it: bounded in time and size, without redirects, and with each failure classified and
// free of secrets. It neither retries nor remembers, and it knows no service's payload.
package httpsend

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"lapsewatch/alerts"
	"lapsewatch/internal/cafile"
	"lapsewatch/internal/redact"
	"lapsewatch/internal/retryafter"
	"lapsewatch/watch"
)

const (
	// maxResponseBytes bounds what is read of an answer; the rest is thrown away with
	// the connection.
	maxResponseBytes = 64 << 10
	// shownOfBody is how many runes of a refusal's body its error shows.
	shownOfBody = 200
	// shownOfWords is how many an error shows of a refusal that was put into words.
	shownOfWords = 500
)

// Request is what to send.
type Request struct {
	// Method is POST if it is empty.
	Method string
	// Path follows the endpoint's own, and is escaped already: "/v2/enqueue". Query
	// follows what the endpoint's URL has. Neither is secret.
	Path   string
	Query  url.Values
	Header http.Header
	Body   []byte
	// Verdict judges an answer that is no success where the service means something
	// else by it than HTTP does; judged is false where it does not.
	Verdict func(status int, header http.Header, body []byte) (retry bool, after time.Duration, judged bool)
	// Words puts the body of a refusal into words for its error, where the service has a
	// form for that. What it leaves empty, and every refusal without it, is quoted.
	Words func(body []byte) string
	// MaxResponse bounds what is read of an answer where 64 KiB are not enough, as for a
	// list.
	MaxResponse int64
	// Secrets that the request carries are kept out of errors and answers. The URL's
	// own are known.
	Secrets []watch.Secret
}

// Response is an answer with a 2xx status, without the request's secrets, except in headers
// that lead somewhere: Link and Location are not to be shown.
type Response struct {
	Status int
	Header http.Header
	// Body is the answer as far as it came, up to the request's bound.
	Body []byte
	// Broken is why the body broke off before its end; nil where it did not. The status
	// holds all the same, but what the body would have proved is not known.
	Broken error
	// Cut: the answer goes on behind the request's bound.
	Cut bool
}

var errPage = errors.New("this is a web page: a login page, a proxy, or something else stands at this address")

// Unproven is the failure of a success that proves nothing, which err says. One whose body
// broke off may prove it at the next attempt; a web page will stand there then too.
func (r Response) Unproven(channel string, retry bool, err error) error {
	switch {
	case r.Broken != nil:
		retry, err = true, fmt.Errorf("it answered %d, and the answer broke off: %w", r.Status, r.Broken)
	case retry && r.IsPage():
		retry, err = false, fmt.Errorf("%w: %w", err, errPage)
	}
	return &alerts.DeliveryError{Channel: channel, Retryable: retry, Status: r.Status, Err: err}
}

// IsPage reports that the answer is a page of the web, and so none of an API.
func (r Response) IsPage() bool { return bytes.HasPrefix(bytes.TrimSpace(r.Body), []byte("<")) }

// Sender delivers to one endpoint.
type Sender struct {
	env      alerts.Env
	endpoint Endpoint
}

// New makes a sender for a valid endpoint.
func New(env alerts.Env, endpoint Endpoint) *Sender { return &Sender{env: env, endpoint: endpoint} }

// Send makes one attempt. The error is a *alerts.DeliveryError: 408, 420, 425, 429, 5xx
// and failures of the connection are retryable, with the wait that the service asked
// for, at most one hour; every other status but 2xx is permanent. So is a URL, a secret or
// a CA file that cannot be read or used: nothing mends it within a run, and the message is
// owed to later ones all the same.
func (s *Sender) Send(ctx context.Context, request Request) (Response, error) {
	address, err := s.endpoint.address(s.env.Secrets)
	if err != nil {
		return Response{}, &alerts.DeliveryError{Channel: s.env.Name, Err: err}
	}
	if err := request.usable(); err != nil {
		return Response{}, &alerts.DeliveryError{Channel: s.env.Name, Err: err}
	}
	secrets := append(redact.URLParts(address), request.Secrets...)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.endpoint.Timeout))
	defer cancel()
	client, done, err := s.client()
	if err != nil {
		return Response{}, &alerts.DeliveryError{Channel: s.env.Name, Err: err}
	}
	defer done()
	request.Method = cmp.Or(request.Method, http.MethodPost)
	response, err := s.do(ctx, client, address, request)
	if err != nil {
		return Response{}, &alerts.DeliveryError{Channel: s.env.Name, Retryable: true, Err: redact.Error(at(request.Method, address, err), secrets...)}
	}
	response = response.without(secrets)
	if response.Status < 200 || response.Status >= 300 {
		retry, after := request.verdict(response, s.env.Now())
		return Response{}, &alerts.DeliveryError{
			Channel: s.env.Name, Retryable: retry, RetryAfter: after, Status: response.Status,
			Err: redact.Error(at(request.Method, address, refusal(response, request.Words)), secrets...),
		}
	}
	return response, nil
}

// usable refuses what net/http would: a secret of two lines, for example.
func (r Request) usable() error {
	for name, values := range r.Header {
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return fmt.Errorf("the header %s would hold a line break or another character that no header may have: look at the secret that stands in it", name)
			}
		}
	}
	return nil
}

// without takes out what a service repeats of its request.
func (r Response) without(secrets []watch.Secret) Response {
	header := r.Header.Clone()
	for name, values := range header {
		for i := range values {
			// What leads somewhere would lead elsewhere. Nobody shows it.
			if name != "Link" && name != "Location" {
				values[i] = redact.Text(values[i], secrets...)
			}
		}
	}
	r.Header, r.Body = header, []byte(redact.Text(string(r.Body), secrets...))
	if r.Broken != nil {
		r.Broken = redact.Error(r.Broken, secrets...)
	}
	return r
}

func (r Request) verdict(response Response, now time.Time) (retry bool, after time.Duration) {
	if r.Verdict != nil {
		if retry, after, judged := r.Verdict(response.Status, response.Header, response.Body); judged {
			return retry, min(max(after, 0), longestWait)
		}
	}
	return retryable(response.Status), retryafter.Of(response.Header, now, longestWait)
}

// doing says what a method does, for errors.
var doing = map[string]string{http.MethodPost: "post to", http.MethodGet: "ask"}

// at names the service by scheme and host only.
func at(method string, address *url.URL, err error) error {
	return fmt.Errorf("%s %s://%s: %w", cmp.Or(doing[method], strings.ToLower(method)+" at"), address.Scheme, address.Host, err)
}

func (s *Sender) do(ctx context.Context, client *http.Client, address *url.URL, request Request) (Response, error) {
	outgoing, err := http.NewRequestWithContext(ctx, request.Method, request.target(address), bytes.NewReader(request.Body))
	if err != nil {
		return Response{}, withoutURL(err)
	}
	if request.Header != nil {
		outgoing.Header = request.Header.Clone()
	}
	outgoing.Header.Set("User-Agent", "lapsewatch/"+s.env.Version)
	response, err := client.Do(outgoing)
	if err != nil {
		return Response{}, withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }()
	bound := cmp.Or(request.MaxResponse, maxResponseBytes)
	// One byte more shows that the answer goes on.
	body, broken := io.ReadAll(io.LimitReader(response.Body, bound+1))
	return Response{
		Status: response.StatusCode, Header: response.Header, Body: body[:min(int64(len(body)), bound)],
		Broken: broken, Cut: int64(len(body)) > bound,
	}, nil
}

// target is the endpoint's address with the request's own path and query behind it.
func (r Request) target(address *url.URL) string {
	if r.Path == "" && len(r.Query) == 0 {
		return address.String()
	}
	whole := *address
	whole.RawQuery, whole.Fragment = "", ""
	target := strings.TrimSuffix(whole.String(), "/") + r.Path
	queries := slices.DeleteFunc([]string{address.RawQuery, r.Query.Encode()}, func(query string) bool { return query == "" })
	if len(queries) > 0 {
		target += "?" + strings.Join(queries, "&")
	}
	return target
}

// withoutURL drops the URL that net/http puts in front of each cause.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// client is the environment's, never following redirects, and trusting only the CA file
// where there is one. done frees what was made for this attempt.
func (s *Sender) client() (client *http.Client, done func(), err error) {
	own := *s.env.HTTP
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if s.endpoint.CAFile == "" {
		return &own, func() {}, nil
	}
	pool, err := cafile.Pool(s.endpoint.CAFile)
	if err != nil {
		return nil, nil, err
	}
	base := own.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	shared, ok := base.(*http.Transport)
	if !ok {
		return nil, nil, fmt.Errorf("trust only CA file %s: the HTTP transport %T cannot be told to", s.endpoint.CAFile, base)
	}
	transport := shared.Clone()
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{}
	}
	transport.TLSClientConfig.RootCAs = pool
	own.Transport = transport
	return &own, transport.CloseIdleConnections, nil
}
