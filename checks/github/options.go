package github

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"lapsewatch/internal/entry"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Options are the options of a `kind: github` check.
type Options struct {
	Tokens        []Token        `yaml:"tokens,omitempty" jsonschema_description:"tokens to watch, each by reference"`
	Apps          []App          `yaml:"apps,omitempty" jsonschema_description:"keys of GitHub Apps, whose acceptance is proven at each pass"`
	Organizations []Organization `yaml:"organizations,omitempty" jsonschema_description:"organizations whose members' tokens are listed"`
	APIURL        string         `yaml:"api_url,omitempty" jsonschema_description:"https URL of the API; of GitHub Enterprise Server https://HOST/api/v3; default https://api.github.com"`
	CAFile        string         `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust in place of the system's"`
}

// Token is one token to watch.
type Token = listedtoken.Token

// App is one GitHub App whose key is tried.
type App struct {
	entry.Entry `yaml:",inline"`
	SignIn      `yaml:",inline"`
}

// SignIn is who a GitHub App is, and its key.
type SignIn struct {
	ClientID   string          `yaml:"client_id,omitempty" jsonschema_description:"client ID of the App, such as Iv23liAbCdEfGhIjKlMn"`
	AppID      int64           `yaml:"app_id,omitempty" jsonschema_description:"ID of the App, in place of client_id"`
	PrivateKey watch.SecretRef `yaml:"private_key" jsonschema:"required" jsonschema_description:"where a private key of the App is kept, as PEM" watched:"true"`
}

// Organization is one organization whose members' tokens are listed.
type Organization struct {
	entry.Entry  `yaml:",inline"`
	Organization string          `yaml:"organization" jsonschema:"required" jsonschema_description:"login name of the organization"`
	App          *SignIn         `yaml:"app,omitempty" jsonschema_description:"a GitHub App that is installed in the organization: it alone may list fine-grained tokens"`
	SSO          bool            `yaml:"sso,omitempty" jsonschema_description:"list the classic tokens that are authorized for the organization's SAML single sign-on too (GitHub Enterprise Cloud)"`
	Token        watch.SecretRef `yaml:"token,omitempty" jsonschema_description:"in place of app, where an owner's classic token with the scope read:org is kept: it lists with sso only, and no fine-grained tokens"`
}

// publicAPI is the API of github.com.
const publicAPI = "https://api.github.com"

func defaults() Options { return Options{APIURL: publicAPI} }

var (
	organizationName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$`)
	clientID         = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

	errNothing      = errors.New("there is nothing to watch: give tokens, apps or organizations")
	errWho          = errors.New("want exactly one of client_id and app_id")
	errClientID     = errors.New("want a client ID, such as Iv23liAbCdEfGhIjKlMn")
	errAppID        = errors.New("want a number above 0")
	errSignIn       = errors.New("want exactly one of app and token")
	errTokenLists   = errors.New("only a GitHub App may list an organization's fine-grained tokens: give app, or sso: true to list with this token those of single sign-on alone")
	errOrganization = errors.New("want the login name of an organization, such as acme")
)

// Validate reports what cannot be looked at, each with its place.
func (o Options) Validate() error {
	var faults []error
	wrong := func(path string, err error) {
		if err != nil {
			faults = append(faults, &watch.FieldError{Path: path, Err: err})
		}
	}
	if len(o.Tokens)+len(o.Apps)+len(o.Organizations) == 0 {
		wrong("tokens", errNothing)
	}
	wrong("api_url", webclient.URLFault(o.APIURL))
	faults = append(faults, listedtoken.Faults("tokens", o.Tokens)...)
	faults = append(faults, entry.ListFaults("apps", o.Apps)...)
	faults = append(faults, entry.ListFaults("organizations", o.Organizations)...)
	for i, app := range o.Apps {
		app.check(fmt.Sprintf("apps[%d]", i), wrong)
	}
	for i, organization := range o.Organizations {
		organization.check(fmt.Sprintf("organizations[%d]", i), wrong)
	}
	return errors.Join(faults...)
}

func (s SignIn) check(at string, wrong func(string, error)) {
	switch {
	case (s.ClientID == "") == (s.AppID == 0):
		wrong(at+".client_id", errWho)
	case s.AppID < 0:
		wrong(at+".app_id", errAppID)
	case s.ClientID != "" && !clientID.MatchString(s.ClientID):
		wrong(at+".client_id", errClientID)
	}
	wrong(at+".private_key", s.PrivateKey.Validate())
}

func (o Organization) check(at string, wrong func(string, error)) {
	if !organizationName.MatchString(o.Organization) {
		wrong(at+".organization", errOrganization)
	}
	switch {
	case o.Token.IsZero() == (o.App == nil):
		wrong(at+".app", errSignIn)
	case o.App != nil:
		o.App.check(at+".app", wrong)
	case !o.SSO:
		wrong(at+".token", errTokenLists)
	default:
		wrong(at+".token", o.Token.Validate())
	}
}

// web is where people look at GitHub: https://github.com, or the Enterprise Server's host.
func (o Options) web() string {
	address, err := url.Parse(o.APIURL)
	if err != nil {
		return ""
	}
	address.Host, address.Path, address.RawPath = strings.TrimPrefix(address.Host, "api."), "", ""
	return address.String()
}
