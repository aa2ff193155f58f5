package github

import (
	"crypto/rsa"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakegithub"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// robot is an App at GitHub, and the option that watches its key.
func (s *scene) robot(t *testing.T) App {
	t.Helper()
	public, text := newTestKey(t)
	s.cloud.Apps = []fakegithub.App{{
		ID: 7, ClientID: "Iv23liexample", Slug: "robot", Owner: "acme", Keys: []*rsa.PublicKey{public},
		Installations: map[string]int64{"acme": 99}, Permissions: []string{fakegithub.ListsTokens, fakegithub.ListsAuthorizations},
	}}
	s.Put("KEY", text)
	return App{Entry: named("robot"), SignIn: SignIn{ClientID: "Iv23liexample", PrivateKey: env("KEY")}}
}

func TestAnAppsKeyIsProvenByUsingIt(t *testing.T) {
	s := begin(t)
	byClient := s.robot(t)
	byID := byClient
	byID.Name, byID.ClientID, byID.AppID = "by id", "", 7
	found, _ := s.collect(t, Options{Apps: []App{byClient, byID}})
	for _, id := range []string{"app/robot", "app/by%20id"} {
		key := checktest.Of[watch.Condition](t, found, id)
		if key.Reason != "" || key.Text != `GitHub accepts its key as App "robot"; GitHub gives keys no date` {
			t.Errorf("told %+v", key)
		}
		if !strings.HasPrefix(key.Details["key_fingerprint"].(string), "SHA256:") || key.Details["app_owner"] != "acme" {
			t.Errorf("the details are %v", key.Details)
		}
		if key.Subject.Link != s.server.URL+"/organizations/acme/settings/apps/robot" {
			t.Errorf("the link is %q", key.Subject.Link)
		}
	}
}

func TestWhyAnAppsKeyDoesNotWork(t *testing.T) {
	for name, test := range map[string]struct {
		change func(t *testing.T, s *scene, app *App)
		text   string
	}{
		"the key was deleted": {
			func(_ *testing.T, s *scene, _ *App) { s.cloud.Apps[0].Keys = nil },
			"GitHub refuses the key of App Iv23liexample: it answered 401 Unauthorized: A JSON web token could not be decoded (the key is not, or no longer, one of this App)",
		},
		"there is no such App": {
			func(_ *testing.T, _ *scene, app *App) { app.ClientID = "Iv23liother" },
			"GitHub refuses the key of App Iv23liother: it answered 404 Not Found: Integration not found",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			app := s.robot(t)
			test.change(t, s, &app)
			found, _ := s.collect(t, Options{Apps: []App{app}})
			refused := checktest.Of[watch.Condition](t, found, "app/robot")
			if refused.Reason != watch.TokenRefused || refused.Text != test.text || refused.Remedy != newKey {
				t.Errorf("told %+v", refused)
			}
			s.Go(now.Add(59 * time.Minute))
			found, _ = s.collect(t, Options{Apps: []App{app}})
			checktest.WantWords(t, "the text", checktest.Of[watch.Condition](t, found, "app/robot").Text, "(not asked again before 2026-11-22 07:00 UTC, after 1 refusal)")
			if len(s.server.Requests()) != 1 {
				t.Errorf("GitHub was asked %d times", len(s.server.Requests()))
			}
		})
	}
}

func TestAClockThatIsAheadIsNoKeyThatIsRefused(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 5 * time.Minute, "behind": -20 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			app := s.robot(t)
			s.env.TLSTime = func() time.Time { return now.Add(off) }
			found, _ := s.collect(t, Options{Apps: []App{app}})
			problem := checktest.Of[watch.Problem](t, found, "app/robot")
			if problem.Reason != watch.AuthAssertionTime || !problem.Confined {
				t.Errorf("told %+v", problem)
			}
			checktest.WantWords(t, "the remedy", problem.Remedy, "Check the clock of this machine")
		})
	}
}

func TestTheInstantThatIsJudgedIsNotWhatIsSigned(t *testing.T) {
	s := begin(t)
	app := s.robot(t)
	s.Go(now.AddDate(1, 0, 0))
	found, _ := s.collect(t, Options{Apps: []App{app}})
	if key := checktest.Of[watch.Condition](t, found, "app/robot"); key.Reason != "" {
		t.Errorf("told %+v", key)
	}
}

func TestAKeyThatIsNoneIsNotSent(t *testing.T) {
	for name, text := range map[string]string{
		"no PEM": "CANARY-key", "another PEM": "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n",
		"a PEM of nothing": "-----BEGIN RSA PRIVATE KEY-----\nY2FuYXJ5\n-----END RSA PRIVATE KEY-----\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			app := s.robot(t)
			s.Put("KEY", text)
			found, _ := s.collect(t, Options{Apps: []App{app}})
			problem := checktest.Of[watch.Problem](t, found, "app/robot")
			if problem.Reason != watch.Unparsable || problem.Err.Error() != "read the private key in environment variable KEY: it is no RSA key in PEM without a passphrase" {
				t.Errorf("told %+v", problem)
			}
			if len(s.server.Requests()) != 0 {
				t.Error("GitHub was asked")
			}
		})
	}
}

func TestAnAppSignsInToListAnOrganization(t *testing.T) {
	s := begin(t)
	app := s.robot(t).SignIn
	s.cloud.Organizations["acme"] = fakegithub.Organization{FineGrained: []fakegithub.FineGrained{{ID: 1, Name: "ci", Login: "octocat", Expires: now.AddDate(0, 1, 0)}}}
	options := Options{Organizations: []Organization{{Entry: named("acme"), Organization: "acme", App: &app}}}
	found, _ := s.collect(t, options)
	checktest.Of[watch.Credential](t, found, "organization/acme/pat/1")
	if minted := s.server.To("/access_tokens"); len(minted) != 1 || minted[0].Method != http.MethodPost {
		t.Errorf("asked for %d tokens", len(minted))
	}

	s.cloud.Apps[0].Installations = nil
	found, _ = s.collect(t, options)
	problem := checktest.Of[watch.Problem](t, found, "organization/acme")
	if problem.Reason != watch.NotFound || problem.Remedy != "Install the App in the organization acme, or correct the organization's name." || problem.HidesPrefix != "organization/acme/" {
		t.Errorf("told %+v", problem)
	}
}

func TestAnInstallationTokenIsAskedForOnce(t *testing.T) {
	s := begin(t)
	app := s.robot(t).SignIn
	s.cloud.Organizations["acme"] = fakegithub.Organization{}
	s.server.Misbehave(vendortest.Manner{On: "/access_tokens", Times: vendortest.Always, Answer: vendortest.CutShort()})
	found, _ := s.collect(t, Options{Organizations: []Organization{{Entry: named("acme"), Organization: "acme", App: &app}}})
	if problem := checktest.Of[watch.Problem](t, found, "organization/acme"); problem.HidesPrefix != "organization/acme/" {
		t.Errorf("told %+v", problem)
	}
	if minted := s.server.To("/access_tokens"); len(minted) != 1 {
		t.Errorf("asked for %d tokens", len(minted))
	}
}
