// Package faketenant is a Microsoft Entra tenant for tests, benchmarks and the demo: one
// TLS server on 127.0.0.1 that speaks Entra's token endpoint and Microsoft Graph (v1.0 and
// beta) as azidentity and the Graph SDK call them. It looks at secrets, certificates, dates
// and permissions as Entra does, and misbehaves as Graph does (Manner). It asserts nothing
// itself, changes nothing through Graph but mailboxes (it keeps what is sent, delivers what
// is sent as JSON, and deletes messages), and knows nothing of how Lapsewatch works.
package faketenant

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lapsewatch/internal/pki"
)

// DefaultTenantID is the tenant's id where Options name none.
const DefaultTenantID = "7e4a0000-0000-4000-8000-000000000001"

// Options say what to start. The zero value is an empty tenant with DefaultManners.
type Options struct {
	TenantID  string
	Directory Directory
	// Now is the tenant's clock, by which it judges secrets, certificates and access
	// tokens; nil is time.Now. The times inside a client assertion or a federated token
	// are judged by the machine's clock, by which their makers wrote them.
	Now func() time.Time
	// Manners are how it misbehaves; nil is DefaultManners. An empty slice that is not nil
	// (WellBehaved) is a server without faults.
	Manners []Manner
	// TokenLifetime is how long an access token lasts and what expires_in says; 0 is
	// 3,599 seconds. Clients ask anew for each request below 5 minutes.
	TokenLifetime time.Duration
	// NationalCloud makes the tenant one of a national cloud, whose Graph lacks the report
	// of sign-ins.
	NationalCloud bool
	// Uncompressed keeps it from using gzip with clients that offer it.
	Uncompressed bool
}

// Tenant is a running tenant.
type Tenant struct {
	// AuthorityURL and GraphURL are where clients find it, without a path.
	AuthorityURL, GraphURL string
	// OtherHostURL is the same server by another host name, for what must not be followed.
	OtherHostURL string
	// RootPEM is the authority of its TLS certificate.
	RootPEM  []byte
	TenantID string

	options   Options
	server    *http.Server
	directory atomic.Pointer[Directory]
	changing  sync.Mutex
	manners   manners
	record    record
	tokens    tokens
	keyReads  window
	issuerKey *ecdsa.PrivateKey
	serving   sync.WaitGroup
	mailing   sync.Mutex
	mails     []Mail
	boxes     mailboxes
}

// Start starts a tenant, until Close.
func Start(options Options) (*Tenant, error) {
	if options.TenantID == "" {
		options.TenantID = DefaultTenantID
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Manners == nil {
		options.Manners = DefaultManners()
	}
	if options.TokenLifetime == 0 {
		options.TokenLifetime = 3599 * time.Second
	}
	root, err := pki.NewRoot("Fake tenant CA")
	if err != nil {
		return nil, fmt.Errorf("start the fake tenant: %w", err)
	}
	pair, err := root.Issue(pki.Spec{CommonName: "Fake tenant", Names: []string{"127.0.0.1", "localhost"}})
	if err != nil {
		return nil, fmt.Errorf("start the fake tenant: %w", err)
	}
	issuerKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("start the fake tenant: make a key: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the fake tenant: %w", err)
	}
	url := "https://" + listener.Addr().String()
	t := &Tenant{
		AuthorityURL: url, GraphURL: url,
		OtherHostURL: strings.Replace(url, "127.0.0.1", "localhost", 1),
		RootPEM:      pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Cert.Raw}),
		TenantID:     options.TenantID,
		options:      options, issuerKey: issuerKey,
		keyReads: window{limit: keyCredentialReadsPerMinute, length: time.Minute},
	}
	t.directory.Store(&options.Directory)
	t.manners.set(options.Manners)
	t.server = &http.Server{
		Handler:           t.recording(byAlternateKey(t.misbehaving(t.routes()))),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{pair.TLS()}},
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	t.serving.Go(func() { _ = t.server.ServeTLS(listener, "", "") }) // it ends with http.ErrServerClosed
	return t, nil
}

// Close ends the server and its connections.
func (t *Tenant) Close() error {
	err := t.server.Close()
	t.serving.Wait()
	if err != nil {
		return fmt.Errorf("stop the fake tenant: %w", err)
	}
	return nil
}

// Change edits what the tenant holds while it runs. A request that is being answered keeps
// what it saw. The slices are copies; what their elements refer to is shared and must be
// replaced rather than edited.
func (t *Tenant) Change(edit func(*Directory)) {
	t.changing.Lock()
	defer t.changing.Unlock()
	fresh := t.directory.Load().clone()
	edit(&fresh)
	t.directory.Store(&fresh)
}

// Misbehave replaces the manners; their counts start anew.
func (t *Tenant) Misbehave(manners ...Manner) { t.manners.set(manners) }

// routes tells Graph from the token endpoint by the first segment, which is a version or a
// tenant.
func (t *Tenant) routes() http.Handler {
	login, graph := t.loginRoutes(), t.graphRoutes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1.0/") || strings.HasPrefix(r.URL.Path, "/beta/") {
			graph.ServeHTTP(w, r)
			return
		}
		login.ServeHTTP(w, r)
	})
}

func (t *Tenant) loginRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", t.openIDConfiguration)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", t.token)
	mux.HandleFunc("GET /msi/token", t.managedIdentityToken)
	return mux
}

func (t *Tenant) graphRoutes() http.Handler {
	mux := http.NewServeMux()
	both := func(path string, answer graphHandler, permissions ...string) {
		for _, version := range []string{"/v1.0", "/beta"} {
			mux.Handle("GET "+version+path, t.graph(answer, permissions))
		}
	}
	reading := []string{"Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.Read.All"}
	both("/applications", t.applications, reading...)
	both("/applications/{id}", t.application, reading...)
	both("/applications/{id}/owners", t.applicationOwners, reading...)
	both("/applications/{id}/federatedIdentityCredentials", t.federatedCredentials, reading...)
	both("/servicePrincipals", t.servicePrincipals, reading...)
	both("/servicePrincipals/{id}", t.servicePrincipal, reading...)
	both("/servicePrincipals/{id}/owners", t.servicePrincipalOwners, reading...)
	both("/policies/defaultAppManagementPolicy", t.managementPolicy, "Policy.Read.All", "Policy.Read.ApplicationConfiguration", "Policy.ReadWrite.ApplicationConfiguration")
	both("/organization", t.organization, "Organization.Read.All", "Directory.Read.All")
	mux.Handle("GET /beta/reports/appCredentialSignInActivities", t.graph(t.signIns, nil))
	mux.Handle("POST /v1.0/users/{id}/sendMail", t.graph(t.sendEither, nil))
	mux.Handle("GET /v1.0/users/{id}/mailFolders/{folder}", t.graph(t.mailFolder, nil))
	mux.Handle("GET /v1.0/users/{id}/mailFolders/{folder}/messages", t.graph(t.mailMessages, nil))
	mux.Handle("DELETE /v1.0/users/{id}/messages/{message}", t.graph(t.deleteMessage, nil))
	mux.Handle("POST /v1.0/users/{id}/messages/{message}/permanentDelete", t.graph(t.deleteMessage, nil))
	mux.Handle("/", t.graph(t.unknownSegment, nil))
	return mux
}
