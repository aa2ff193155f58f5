package azuredevops_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/azuredevops"
	"lapsewatch/checks/checktest"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakedevops"
	"lapsewatch/internal/listedtoken/looktest"
	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// now is the instant that tests judge as of, and the organization's clock.
var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

func days(n int) time.Time { return now.AddDate(0, 0, n) }

const (
	releasePAT  = "7hCANARYreleaseqCANARYreleasezCANARYreleasea52chars"
	entraToken  = "eyJ0eXAiOiJKV1QiCANARY.eyJhdWQiOiCANARY.c2lnbmF0dXJlCANARY"
	adaID       = "aad.NzQwODAwMDA"
	graceID     = "msa.ZWU3MDAwMDA"
	serviceID   = "svc.YWJjZGVmZ2g"
	releaseGUID = "4c60c9ed-a378-4883-af16-d655ca025b11"
	workGUID    = "EABB38B2-48ef-440b-959b-b9e6cb37a64e"
	oldGUID     = "3d3aca0c-9ad3-4b07-8334-08ec8b1ddc32"
)

// fabrikam has two people with tokens and a service.
func fabrikam() *fakedevops.Organization {
	return &fakedevops.Organization{
		Name: "fabrikam", Administrates: true,
		Users: []fakedevops.User{
			{Descriptor: adaID, DisplayName: "Ada", Mail: "ada@example.com", PATs: []fakedevops.PAT{
				{AuthorizationID: releaseGUID, DisplayName: "release", Scope: "vso.code_write", Secret: releasePAT, From: days(-80), To: days(10)},
				{AuthorizationID: oldGUID, DisplayName: "old", Scope: "app_token", From: days(-90), To: days(-2)},
				{AuthorizationID: "4ab5764f-4193-4f1d-b995-64144880b7d7", DisplayName: "revoked", From: days(-9), To: days(5), Revoked: true},
			}},
			{Descriptor: graceID, DisplayName: "Grace", PATs: []fakedevops.PAT{{AuthorizationID: workGUID, Scope: "vso.work_full", From: days(-1), To: days(364)}}},
			{Descriptor: serviceID, DisplayName: "Build Service", PATs: []fakedevops.PAT{{AuthorizationID: "952858d3-7084-4635-964e-3c2a57645185", To: days(1)}}},
		},
	}
}

// scene is a running organization and a check of it.
type scene struct {
	*looktest.World
	server       *vendortest.Server
	organization *fakedevops.Organization
	env          checks.Env
	options      azuredevops.Options
	check        watch.Check
}

func listed(named ...string) []azuredevops.Token {
	var all []azuredevops.Token
	for _, name := range named {
		all = append(all, azuredevops.Token{Entry: entry.Entry{Name: name}, Token: watch.SecretRef{Env: name}})
	}
	return all
}

// begin starts the organization; the check tries the token "release".
func begin(t *testing.T, organization *fakedevops.Organization, manners ...vendortest.Manner) *scene {
	t.Helper()
	s := &scene{World: looktest.New(now, map[string]string{"release": releasePAT}), organization: organization}
	organization.Now = s.Now
	if organization.Accepts == nil {
		organization.Accepts = func(token string) bool { return token == entraToken }
	}
	s.server = looktest.Serve(t, organization, manners...)
	s.env = s.Env()
	s.options = azuredevops.Options{URL: s.server.URL + "/fabrikam", CAFile: s.server.CAFile, Tokens: listed("release")}
	s.configure(t)
	return s
}

// configure takes up changed options.
func (s *scene) configure(t *testing.T) {
	t.Helper()
	s.check = checktest.Build(t, azuredevops.Kind, s.options, s.env)
}

func (s *scene) collect(t *testing.T) checktest.Facts {
	t.Helper()
	facts, remarks := s.Collect(t, s.check)
	checktest.Equal(t, "remarks", len(remarks), 0)
	return facts
}

// lists makes the check list tokens, signed in by an Azure CLI that hands out entraToken. It
// sets the path, so that the test is not parallel.
func (s *scene) lists(t *testing.T, whose azuredevops.Whose) {
	t.Helper()
	folder := t.TempDir()
	answer := fmt.Sprintf(`{"accessToken":%q,"expires_on":%d,"tokenType":"Bearer"}`, entraToken, time.Now().Add(time.Hour).Unix())
	script := "#!/bin/sh\ncase \"$*\" in *499b84ac-1321-427f-aa17-267ca6975798*) echo '" + answer + "';; *) echo 'ERROR: another resource' >&2; exit 1;; esac\n"
	if err := os.WriteFile(filepath.Join(folder, "az"), []byte(script), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	s.options.Organization, s.options.Tokens = "fabrikam", nil
	s.options.List = &azuredevops.List{
		SignIn: msgraph.SignIn{Tenant: "7e4a0000-0000-4000-8000-000000000001", Method: msgraph.AzureCLI, CAFile: s.server.CAFile},
		Whose:  whose, URL: s.server.URL + "/fabrikam",
	}
	s.configure(t)
}

// host is how messages name the server.
func (s *scene) host() string { return strings.TrimPrefix(s.server.URL, "https://") }
