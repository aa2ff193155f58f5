package gitfile

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"

	"lapsewatch/internal/cafile"
)

// httpClient never follows redirects, trusts the CA file where there is one, and reads no
// more than what a repository of pages may be.
func (f *Folder) httpClient() (client *http.Client, done func(), err error) {
	own, done, err := trusting(f.env.HTTP, f.options.CAFile)
	if err != nil {
		return nil, nil, f.never(err)
	}
	base := own.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	own.Transport = bounded{base}
	return own, done, nil
}

// maxAnswer bounds what one answer of a remote holds.
const maxAnswer = 512 << 20

// bounded reads no more of an answer than that.
type bounded struct{ base http.RoundTripper }

func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxAnswer), response.Body}
	return response, nil
}

// trusting is a copy of the client that trusts the CA file only, where there is one.
func trusting(client *http.Client, caFile string) (own *http.Client, done func(), err error) {
	copied := *client
	if caFile == "" {
		return &copied, func() {}, nil
	}
	pool, err := cafile.Pool(caFile)
	if err != nil {
		return nil, nil, err
	}
	base := client.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	shared, ok := base.(*http.Transport)
	if !ok {
		return nil, nil, fmt.Errorf("trust only CA file %s: the HTTP transport %T cannot be told to", caFile, base)
	}
	transport := shared.Clone()
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	transport.TLSClientConfig.RootCAs = pool
	copied.Transport = transport
	return &copied, transport.CloseIdleConnections, nil
}
