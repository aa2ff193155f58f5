package github

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakegithub"
	"lapsewatch/internal/listedtoken/looktest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// now is the instant that tests judge as of, and GitHub's clock.
var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

const (
	classic     = "ghp_CANARY0123456789abcdefghijABCDEFGHIJ"
	fineGrained = "github_pat_CANARY11ABCDEFG0123456789_abcdefghijklmnopqrstuvwxyz"
	lister      = "ghp_CANARYlister456789abcdefghijABCDEFG"
)

// scene is a running GitHub and what checks of it may use.
type scene struct {
	*looktest.World
	cloud  *fakegithub.Cloud
	server *vendortest.Server
	env    checks.Env
}

// begin starts a GitHub that behaves; tests that want it otherwise say how.
func begin(t *testing.T) *scene {
	t.Helper()
	s := &scene{World: looktest.New(now, nil), cloud: &fakegithub.Cloud{Now: func() time.Time { return now }, Tokens: map[string]fakegithub.Token{}, Organizations: map[string]fakegithub.Organization{}}}
	s.server = looktest.Serve(t, s.cloud)
	s.env = s.Env()
	s.env.TLSTime = func() time.Time { return now }
	return s
}

func named(name string) entry.Entry { return entry.Entry{Name: name} }

func env(name string) watch.SecretRef { return watch.SecretRef{Env: name} }

// keeps puts a token where options refer to, and gives it to GitHub, if that knows it.
func (s *scene) keeps(name, text string, known *fakegithub.Token) watch.SecretRef {
	s.Put(name, text)
	if known != nil {
		s.cloud.Tokens[text] = *known
	}
	return env(name)
}

func (s *scene) options(options Options) Options {
	options.APIURL, options.CAFile = s.server.URL+s.cloud.Prefix, s.server.CAFile
	return options
}

func (s *scene) check(t *testing.T, options Options) *check {
	t.Helper()
	return checktest.Build(t, Kind, s.options(options), s.env).(*check)
}

// collect gives the facts of a pass by their subjects, and the remarks.
func (s *scene) collect(t *testing.T, options Options) (checktest.Facts, []string) {
	t.Helper()
	return s.Collect(t, s.check(t, options))
}

// newKey is an App's key and its PEM.
func newTestKey(t *testing.T) (*rsa.PublicKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return &key.PublicKey, string(block)
}
