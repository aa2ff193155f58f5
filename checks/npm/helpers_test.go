package npm_test

import (
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/npm"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakenpm"
	"lapsewatch/internal/listedtoken/looktest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// now is the instant that tests judge as of, and the registry's clock.
var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

const (
	publishToken = "npm_NYn6CANARYpublishCANARYjCq0"
	readToken    = "npm_R3adCANARYreadonlyCANARYx9Zw"
	publishKey   = "d83cf1aa-0000-4000-8000-000000000001"
	readKey      = "e94d02bb-0000-4000-8000-000000000002"
)

// ada has a token for publishing that ends in 20 days, and one for reading.
func ada() []fakenpm.Token {
	return []fakenpm.Token{
		{
			Account: "ada", Key: publishKey, Name: "publish_token", Description: "Publish Token", Secret: publishToken,
			Created: now.AddDate(0, 0, -70), Expiry: now.AddDate(0, 0, 20), Accessed: now.AddDate(0, 0, -1),
		},
		{Account: "ada", Key: readKey, Name: "ci", Secret: readToken, Created: now.AddDate(0, 0, -10)},
	}
}

// scene is a running registry and a check of it.
type scene struct {
	*looktest.World
	server   *vendortest.Server
	registry *fakenpm.Registry
	env      checks.Env
	options  npm.Options
	check    watch.Check
}

func listed(named ...string) []npm.Token {
	var all []npm.Token
	for _, name := range named {
		all = append(all, npm.Token{Entry: entry.Entry{Name: name, Owners: []string{name + "@example.com"}}, Token: watch.SecretRef{Env: name}})
	}
	return all
}

// begin starts a registry with known; the check lists "publish" and "read".
func begin(t *testing.T, known []fakenpm.Token, manners ...vendortest.Manner) *scene {
	t.Helper()
	s := &scene{World: looktest.New(now, map[string]string{"publish": publishToken, "read": readToken})}
	s.registry = fakenpm.New(s.Now, known...)
	s.server = looktest.Serve(t, s.registry, manners...)
	s.env = s.Env()
	s.options = npm.Options{Tokens: listed("publish"), Registry: s.server.URL, List: true, CAFile: s.server.CAFile}
	s.configure(t)
	return s
}

// configure takes up changed options.
func (s *scene) configure(t *testing.T) {
	t.Helper()
	s.check = checktest.Build(t, npm.Kind, s.options, s.env)
}

func (s *scene) collect(t *testing.T) checktest.Facts {
	t.Helper()
	facts, remarks := s.Collect(t, s.check)
	checktest.Equal(t, "remarks", len(remarks), 0)
	return facts
}
