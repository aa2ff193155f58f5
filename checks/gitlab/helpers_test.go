package gitlab

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakegitlab"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// now is the instant that tests judge as of, and GitLab's clock.
var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

const (
	watchedToken = "glpat-canary0123456789abc"
	listerToken  = "glpat-canarylister0123456"
)

// scene is a running GitLab and what checks of it may use.
type scene struct {
	instance *fakegitlab.Instance
	server   *vendortest.Server
	env      checks.Env
	// secrets are what environment variables hold.
	secrets map[string]string
	// at is the instant of the pass.
	at time.Time
}

// begin starts a GitLab that behaves; tests that want it otherwise say how.
func begin(t *testing.T) *scene {
	t.Helper()
	s := &scene{secrets: map[string]string{}, at: now, instance: &fakegitlab.Instance{
		Now: func() time.Time { return now }, Tokens: map[string]fakegitlab.Token{},
		Projects: map[string]fakegitlab.Resource{}, Groups: map[string]fakegitlab.Resource{}, Users: map[int64]string{},
	}}
	s.server = vendortest.Start(t, s.instance)
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
	s.env.Timeout = 30 * time.Second
	return s
}

func named(name string) entry.Entry { return entry.Entry{Name: name} }

func env(name string) watch.SecretRef { return watch.SecretRef{Env: name} }

// watching are options that watch a token, which GitLab knows as told.
func (s *scene) watching(known *fakegitlab.Token) Options {
	s.secrets["CI"] = watchedToken
	if known != nil {
		s.instance.Tokens[watchedToken] = *known
	}
	return Options{Tokens: []Token{{Entry: named("ci"), Token: env("CI")}}}
}

// administrator gives the token that lists to GitLab.
func (s *scene) administrator(expires string) watch.SecretRef {
	s.secrets["LISTER"] = listerToken
	s.instance.Tokens[listerToken] = fakegitlab.Token{Admin: true, AccessToken: fakegitlab.AccessToken{ID: 900, UserID: 1, Name: "lapsewatch", Scopes: []string{"read_api"}, Expires: expires}}
	return env("LISTER")
}

func (s *scene) options(options Options) Options {
	options.URL, options.CAFile = s.server.URL+s.instance.Prefix, s.server.CAFile
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
	found, remarks, err := gather(t.Context(), s.check(t, options))
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

func wantText(t *testing.T, what, got string, want ...string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(got, part) {
			t.Errorf("%s is %q, want %q in it", what, got, part)
		}
	}
}

func access(id int64, name, expires string) fakegitlab.AccessToken {
	return fakegitlab.AccessToken{ID: id, UserID: 3, Name: name, Scopes: []string{"read_api"}, Created: now.AddDate(0, -1, 0), Expires: expires}
}
