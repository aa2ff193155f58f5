package gitlab

import (
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakegitlab"
	"lapsewatch/internal/listedtoken/looktest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// now is the instant that tests judge as of, and GitLab's clock.
var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

const (
	watchedToken = "glpat-CANARY0123456789abc"
	listerToken  = "glpat-CANARYlister0123456"
)

// scene is a running GitLab and what checks of it may use.
type scene struct {
	*looktest.World
	instance *fakegitlab.Instance
	server   *vendortest.Server
	env      checks.Env
}

// begin starts a GitLab that behaves; tests that want it otherwise say how.
func begin(t *testing.T) *scene {
	t.Helper()
	s := &scene{World: looktest.New(now, nil), instance: &fakegitlab.Instance{
		Now: func() time.Time { return now }, Tokens: map[string]fakegitlab.Token{},
		Projects: map[string]fakegitlab.Resource{}, Groups: map[string]fakegitlab.Resource{}, Users: map[int64]string{},
	}}
	s.server = looktest.Serve(t, s.instance)
	s.env = s.Env()
	return s
}

func named(name string) entry.Entry { return entry.Entry{Name: name} }

func env(name string) watch.SecretRef { return watch.SecretRef{Env: name} }

// watching are options that watch a token, which GitLab knows as told.
func (s *scene) watching(known *fakegitlab.Token) Options {
	s.Put("CI", watchedToken)
	if known != nil {
		s.instance.Tokens[watchedToken] = *known
	}
	return Options{Tokens: []Token{{Entry: named("ci"), Token: env("CI")}}}
}

// administrator gives the token that lists to GitLab.
func (s *scene) administrator(expires string) watch.SecretRef {
	s.Put("LISTER", listerToken)
	s.instance.Tokens[listerToken] = fakegitlab.Token{Admin: true, AccessToken: fakegitlab.AccessToken{ID: 900, UserID: 1, Name: "lapsewatch", Scopes: []string{"read_api"}, Expires: expires}}
	return env("LISTER")
}

func (s *scene) options(options Options) Options {
	options.URL, options.CAFile = s.server.URL+s.instance.Prefix, s.server.CAFile
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

func access(id int64, name, expires string) fakegitlab.AccessToken {
	return fakegitlab.AccessToken{ID: id, UserID: 3, Name: name, Scopes: []string{"read_api"}, Created: now.AddDate(0, -1, 0), Expires: expires}
}
