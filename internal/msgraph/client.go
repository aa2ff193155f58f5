package msgraph

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	khttp "github.com/microsoft/kiota-http-go"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"

	"lapsewatch/watch"
)

// defaultTimeout bounds one attempt where Env says nothing: a page of 999 applications
// with their keys takes Graph seconds.
const defaultTimeout = time.Minute

// Env is what a client uses of the world.
type Env struct {
	// Now is the real clock, never the instant to judge as of: waits and the dates of
	// the own certificate are measured with it. Nil is time.Now.
	Now func() time.Time
	// Log never blocks. Nil discards.
	Log *slog.Logger
	// HTTP gives the transport to copy, and with it the proxy of the environment and the
	// system's authorities. Nil, or one without a transport, is http.DefaultTransport.
	HTTP    *http.Client
	Secrets watch.SecretReader
	// Memory keeps over runs how long Entra is to be left alone.
	Memory watch.Memory
	// Timeout bounds one attempt of one request, with its answer; zero is a minute.
	Timeout time.Duration
	// Interactive: somebody waits for the answer, so that the first sign-in ignores what
	// is remembered of earlier refusals.
	Interactive bool
	// Resource is what the tokens are for, such as https://outlook.office365.com; empty is
	// the cloud's Microsoft Graph.
	Resource string
}

// Client signs in to one tenant and asks its Graph. It may be used concurrently.
type Client struct {
	options SignIn
	env     Env
	graph   *url.URL
	gate    *gate
	wire    *wire
	paces   paces
	adapter *khttp.NetHttpRequestAdapter
	sleep   func(context.Context, time.Duration) bool
}

// Open makes a client for valid options. It neither uses the network nor reads a secret;
// its error is about the CA file or the transport.
func Open(options SignIn, env Env) (*Client, error) {
	env = env.complete()
	if options.ClientID == "" && options.method() == WorkloadIdentity {
		options.ClientID = os.Getenv("AZURE_CLIENT_ID")
	}
	wire, err := newWire(options, env)
	if err != nil {
		return nil, err
	}
	graph, err := url.Parse(options.endpoints().graph)
	if err != nil {
		return nil, err
	}
	client := &Client{options: options, env: env, graph: graph, wire: wire, paces: newPaces(), sleep: sleep}
	client.gate = newGate(options, env, wire)
	client.adapter, err = khttp.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		&authentication.AnonymousAuthenticationProvider{}, // the transport below signs
		jsonserialization.NewJsonParseNodeFactory(), jsonserialization.NewJsonSerializationWriterFactory(),
		&http.Client{Transport: exchange{client}},
	)
	if err != nil {
		return nil, err
	}
	client.adapter.SetBaseUrl(client.BaseURL("v1.0"))
	return client, nil
}

func (e Env) complete() Env {
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.Timeout <= 0 {
		e.Timeout = defaultTimeout
	}
	return e
}

// Adapter is for the SDK's request builders, at v1.0. Every failure below it is a *Failure
// (errors.AsType finds it): no answer but a good one reaches the SDK, whose own errors
// panic or lose the status.
func (c *Client) Adapter() abstractions.RequestAdapter { return c.adapter }

// BaseURL is what the SDK's request builders want as their "baseurl": version is "v1.0" or
// "beta".
func (c *Client) BaseURL(version string) string { return c.graph.String() + "/" + version }

// Token signs in, unless a valid token is there already, for a caller who sends it itself.
// refused is one that the service has just refused; it is not given again. The error is a
// *Failure or wraps that of ctx.
func (c *Client) Token(ctx context.Context, refused watch.Secret) (watch.Secret, error) {
	token, err := c.gate.take(ctx, refused.Reveal())
	return watch.NewSecret(token), err
}

// HTTP goes the client's own way, by its proxy and trusting its authorities. It signs no
// request.
func (c *Client) HTTP() *http.Client { return &http.Client{Transport: c.wire.transport} }

// GraphURL is where Graph is, without a path.
func (c *Client) GraphURL() string { return c.graph.String() }

// Close lets go of idle connections.
func (c *Client) Close() { c.wire.transport.CloseIdleConnections() }
