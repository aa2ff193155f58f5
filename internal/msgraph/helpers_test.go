package msgraph

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Entra names certificates by it
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/applications"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"lapsewatch/internal/faketenant"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

const (
	ownApp    = "11111111-2222-4333-8444-555555555555"
	ownSecret = "Q~s-canary-secret-0123456789abcdef.zZ"
)

// today is when the tests take place: MSAL and TLS know no other clock than the real one.
var today = time.Now().UTC().Truncate(time.Hour)

// tenant starts one with an application that may read applications and that signs in with
// ownSecret, valid for a year.
func tenant(t testing.TB, options faketenant.Options) *faketenant.Tenant {
	t.Helper()
	if options.Manners == nil {
		options.Manners = faketenant.WellBehaved()
	}
	options.Directory.Applications = append([]faketenant.Application{{
		ID: "99999999-2222-4333-8444-555555555555", AppID: ownApp, DisplayName: "lapsewatch",
		PasswordCredentials: []faketenant.PasswordCredential{secretOf(ownSecret, today.AddDate(1, 0, 0))},
	}}, options.Directory.Applications...)
	options.Directory.Grants = map[string][]string{ownApp: {"Application.Read.All"}}
	started, err := faketenant.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Close() })
	return started
}

func secretOf(text string, end time.Time) faketenant.PasswordCredential {
	return faketenant.PasswordCredential{
		KeyID: "77777777-2222-4333-8444-555555555555", DisplayName: "own", Hint: text[:3], SecretText: text,
		StartDateTime: faketenant.At(end.AddDate(-1, 0, 0)), EndDateTime: faketenant.At(end),
	}
}

// many are so many generated applications.
func many(count int) faketenant.Options {
	return faketenant.Options{Directory: faketenant.Directory{Generated: faketenant.Generated{Applications: count, SecretsEach: 2, From: today}}}
}

// at are options that sign in at the tenant with ownSecret.
func at(t testing.TB, where *faketenant.Tenant) SignIn {
	return SignIn{
		Tenant: where.TenantID, ClientID: ownApp, Method: ClientSecret, Secret: watch.SecretRef{Env: "OWN_SECRET"},
		AuthorityURL: where.AuthorityURL, GraphURL: where.GraphURL, CAFile: write(t, "ca.pem", where.RootPEM),
	}
}

// secrets are read by the names of environment variables.
type secrets struct {
	mu   sync.Mutex
	text map[string]string
}

func (s *secrets) read(ref watch.SecretRef) (watch.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.text[ref.Env]
	if !ok {
		return watch.Secret{}, fmt.Errorf("read the secret in %s: it is empty or not set", ref)
	}
	return watch.NewSecret(text), nil
}

func (s *secrets) set(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text[name] = text
}

// notebook is a memory that outlives clients.
type notebook struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (n *notebook) Recall(_ context.Context, key string) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.kept[key], nil
}

func (n *notebook) Remember(_ context.Context, key string, value []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(value) == 0 {
		delete(n.kept, key)
		return nil
	}
	n.kept[key] = value
	return nil
}

func (n *notebook) all() map[string][]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.kept)
}

// world is what clients of a test share over their runs.
type world struct {
	secrets *secrets
	memory  *notebook
	log     *strings.Builder
	mu      sync.Mutex
	now     time.Time
}

func newWorld() *world {
	return &world{
		secrets: &secrets{text: map[string]string{"OWN_SECRET": ownSecret}},
		memory:  &notebook{kept: map[string][]byte{}}, log: &strings.Builder{}, now: time.Now(),
	}
}

func (w *world) env() Env {
	return Env{
		Now: w.clock, Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Secrets: w.secrets.read, Memory: w.memory, Timeout: 20 * time.Second,
	}
}

// open makes a client as a run does, whose pauses take no time.
func (w *world) open(t testing.TB, options SignIn, edit ...func(*Env)) *Client {
	t.Helper()
	if err := options.Validate(); err != nil {
		t.Fatal(err)
	}
	env := w.env()
	for _, change := range edit {
		change(&env)
	}
	client, err := Open(options, env)
	if err != nil {
		t.Fatal(err)
	}
	client.sleep = func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil }
	client.gate.sleep = w.sleep
	t.Cleanup(client.Close)
	return client
}

// sleep lets the world's clock pass in no time.
func (w *world) sleep(ctx context.Context, wait time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(wait)
	return ctx.Err() == nil
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// apps asks for applications with the SDK's builder, 100 a page.
func apps(t testing.TB, client *Client, selected ...string) Listing[models.Applicationable] {
	t.Helper()
	top := int32(100)
	if len(selected) == 0 {
		selected = []string{"id", "appId", "displayName", "passwordCredentials"}
	}
	headers := abstractions.NewRequestHeaders()
	headers.Add("ConsistencyLevel", "eventual")
	builder := applications.NewApplicationsRequestBuilderInternal(map[string]string{"baseurl": client.BaseURL("v1.0")}, client.Adapter())
	first, err := builder.ToGetRequestInformation(t.Context(), &applications.ApplicationsRequestBuilderGetRequestConfiguration{
		Headers: headers, QueryParameters: &applications.ApplicationsRequestBuilderGetQueryParameters{Top: &top, Select: selected},
	})
	if err != nil {
		t.Fatal(err)
	}
	return Listing[models.Applicationable]{Of: "applications", First: first, Read: Model[models.Applicationable](models.CreateApplicationFromDiscriminatorValue)}
}

// walked is what a walk over the applications gave.
type walked struct {
	appIDs map[string]bool
	broken []string
	err    error
}

func walk(t testing.TB, client *Client) walked {
	t.Helper()
	return walkWith(t, t.Context(), client)
}

func walkWith(t testing.TB, ctx context.Context, client *Client) walked {
	t.Helper()
	got := walked{appIDs: map[string]bool{}}
	got.err = apps(t, client).Each(ctx, client, func(app models.Applicationable) error {
		got.appIDs[*app.GetAppId()] = true
		return nil
	}, func(item []byte, err error) { got.broken = append(got.broken, string(item)) })
	return got
}

// rsaPair is one certificate with an RSA key, made once: it takes long.
var rsaPair = sync.OnceValue(func() pki.Pair { return mustRSA(today.AddDate(0, -1, 0), today.AddDate(0, 6, 0)) })

func mustRSA(from, to time.Time) pki.Pair {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "lapsewatch", Key: key, NotBefore: from, NotAfter: to})
	if err != nil {
		panic(err)
	}
	return pair
}

// countingTransport trusts the tenant and counts connections.
func countingTransport(count *int, mu *sync.Mutex) *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		mu.Lock()
		*count++
		mu.Unlock()
		return dial(ctx, network, address)
	}
	return transport
}

func httpClient(transport http.RoundTripper) *http.Client { return &http.Client{Transport: transport} }

func sha1Of(der []byte) []byte {
	sum := sha1.Sum(der) //nolint:gosec // Entra names certificates by it
	return sum[:]
}
