package github

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakegithub"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// now is the instant that tests judge as of, and GitHub's clock.
var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

const (
	classic     = "ghp_canary0123456789abcdefghijABCDEFGHIJ"
	fineGrained = "github_pat_canary11ABCDEFG0123456789_abcdefghijklmnopqrstuvwxyz"
	lister      = "ghp_canarylister456789abcdefghijABCDEFG"
)

// scene is a running GitHub and what checks of it may use.
type scene struct {
	cloud  *fakegithub.Cloud
	server *vendortest.Server
	env    checks.Env
	// secrets are what environment variables hold.
	secrets map[string]string
	// at is the instant of the pass.
	at time.Time
}

// begin starts a GitHub that behaves; tests that want it otherwise say how.
func begin(t *testing.T) *scene {
	t.Helper()
	s := &scene{cloud: &fakegithub.Cloud{Now: func() time.Time { return now }, Tokens: map[string]fakegithub.Token{}, Organizations: map[string]fakegithub.Organization{}}, secrets: map[string]string{}, at: now}
	s.server = vendortest.Start(t, s.cloud)
	s.server.Misbehave()
	s.env = checks.DefaultEnv(func(ref watch.SecretRef) (watch.Secret, error) {
		text, ok := s.secrets[ref.Env]
		if !ok {
			return watch.Secret{}, errors.New("read the secret in " + ref.String() + ": it is empty or not set")
		}
		return watch.NewSecret(text), nil
	})
	s.env.HTTP = &http.Client{}
	s.env.Now = func() time.Time { return s.at }
	s.env.TLSTime = func() time.Time { return now }
	s.env.Timeout = 30 * time.Second
	return s
}

func named(name string) entry.Entry { return entry.Entry{Name: name} }

func env(name string) watch.SecretRef { return watch.SecretRef{Env: name} }

// keeps puts a token where options refer to, and gives it to GitHub, if that knows it.
func (s *scene) keeps(name, text string, known *fakegithub.Token) watch.SecretRef {
	s.secrets[name] = text
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
	options = s.options(options)
	if err := options.Validate(); err != nil {
		t.Fatal(err)
	}
	built, err := New(options, s.env)
	if err != nil {
		t.Fatal(err)
	}
	return built.(*check)
}

// facts are what a pass told, by subject.
type facts map[string]watch.Fact

func (s *scene) collect(t *testing.T, options Options) (facts, []string) {
	t.Helper()
	return passOf(t, s.check(t, options))
}

func passOf(t *testing.T, c watch.Check) (facts, []string) {
	t.Helper()
	found, remarks, err := gather(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return found, remarks
}

func gather(ctx context.Context, c watch.Check) (facts, []string, error) {
	var mu sync.Mutex
	found := facts{}
	var remarks []string
	err := c.Collect(ctx, func(fact watch.Fact) {
		mu.Lock()
		defer mu.Unlock()
		if remark, ok := fact.(watch.Remark); ok {
			remarks = append(remarks, remark.Text)
			return
		}
		found[fact.About().ID] = fact
	})
	slices.Sort(remarks)
	return found, remarks, err
}

// of is the fact of a subject, as the sort that it must be.
func of[F watch.Fact](t *testing.T, found facts, id string) F {
	t.Helper()
	fact, ok := found[id].(F)
	if !ok {
		t.Fatalf("of %s is told %+v, and of all %+v", id, found[id], found)
	}
	return fact
}

func (f facts) problems() (found []watch.Problem) {
	for _, fact := range f {
		if problem, ok := fact.(watch.Problem); ok {
			found = append(found, problem)
		}
	}
	return found
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

func wantText(t *testing.T, what, got string, want ...string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(got, part) {
			t.Errorf("%s is %q, want %q in it", what, got, part)
		}
	}
}
