package azuredevops

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lapsewatch/internal/entry"
	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// Options are the options of a `kind: azuredevops` check.
type Options struct {
	Organization string  `yaml:"organization,omitempty" jsonschema_description:"name of the organization: what stands behind https://dev.azure.com/"`
	URL          string  `yaml:"url,omitempty" jsonschema_description:"https URL of the organization, or of a collection of Azure DevOps Server; default https://dev.azure.com/ORGANIZATION"`
	CAFile       string  `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's, for url"`
	Tokens       []Token `yaml:"tokens,omitempty" jsonschema_description:"personal access tokens to try"`
	List         *List   `yaml:"list,omitempty" jsonschema_description:"list personal access tokens with their dates, signing in to Microsoft Entra"`
}

// Token is one personal access token to try.
type Token struct {
	entry.Entry `yaml:",inline"`
	Token       watch.SecretRef `yaml:"token" jsonschema:"required" jsonschema_description:"where the token is kept: {file: PATH} or {env: NAME}" watched:"true"`
	Expires     entry.Date      `yaml:"expires,omitempty" jsonschema_description:"when it ends, as its page shows: 2027-01-31 (from the beginning of that day, UTC) or 2027-01-31T14:00:00Z"`
}

// Whose says whose tokens are listed.
type Whose string

// Whose tokens are listed. The zero value is Everybodys.
const (
	// Everybodys needs an administrator of the organization.
	Everybodys Whose = "organization"
	// Own are those of the user who signs in.
	Own Whose = "own"
)

// List says how to list personal access tokens.
type List struct {
	msgraph.SignIn `yaml:",inline"`

	Whose Whose  `yaml:"whose,omitempty" jsonschema:"enum=organization,enum=own" jsonschema_description:"organization: those of all users, which an administrator may list; own: those of the user who signs in; default organization"`
	URL   string `yaml:"url,omitempty" jsonschema_description:"https URL of the organization's identity service; default https://vssps.dev.azure.com/ORGANIZATION"`
}

func defaults() Options { return Options{} }

// organizationName is what Microsoft allows
// (learn.microsoft.com/azure/devops/organizations/settings/naming-restrictions).
var organizationName = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]{0,48}[0-9A-Za-z])?$`)

// address is where tokens are tried.
func (o Options) address() string {
	if o.URL != "" {
		return strings.TrimRight(o.URL, "/")
	}
	return "https://dev.azure.com/" + o.Organization
}

// listAddress is where they are listed.
func (o Options) listAddress() string {
	if o.List.URL != "" {
		return strings.TrimRight(o.List.URL, "/")
	}
	return "https://vssps.dev.azure.com/" + o.Organization
}

// Validate reports what cannot be watched, each with its place.
func (o Options) Validate() error {
	var faults []error
	wrong := func(path string, err error) {
		if err != nil {
			faults = append(faults, &watch.FieldError{Path: path, Err: err})
		}
	}
	switch needed := o.List != nil || o.URL == ""; {
	case o.Organization == "" && needed:
		wrong("organization", errors.New("it is missing: want what stands behind https://dev.azure.com/"))
	case o.Organization != "" && !organizationName.MatchString(o.Organization):
		wrong("organization", fmt.Errorf("%q is no name of an organization: want what stands behind https://dev.azure.com/", o.Organization))
	}
	if o.URL != "" {
		wrong("url", webclient.URLFault(o.URL))
	}
	if len(o.Tokens) == 0 && o.List == nil {
		wrong("tokens", errors.New("there is nothing to watch: give tokens, or list"))
	}
	for i, token := range o.Tokens {
		wrong(fmt.Sprintf("tokens[%d].token", i), token.Token.Validate())
	}
	faults = append(faults, entry.ListFaults("tokens", o.Tokens)...)
	if o.List != nil {
		o.List.faults(wrong)
	}
	return errors.Join(faults...)
}

func (l *List) faults(wrong func(path string, err error)) {
	below(l.Validate(), wrong) // that of signing in
	if l.Whose != "" && l.Whose != Everybodys && l.Whose != Own {
		wrong("list.whose", fmt.Errorf("%q is not known; want %s or %s", l.Whose, Everybodys, Own))
	}
	if asUser := []msgraph.Method{msgraph.AzureCLI, msgraph.DefaultChain}; l.Whose == Own && !slices.Contains(asUser, l.Method) {
		wrong("list.sign_in", fmt.Errorf("whose: own lists the tokens of a user, and needs a user's sign-in: want %s or %s", msgraph.AzureCLI, msgraph.DefaultChain))
	}
	if l.URL != "" {
		wrong("list.url", webclient.URLFault(l.URL))
	}
}

// below hands on joined faults with the place that they have here.
func below(err error, wrong func(path string, err error)) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // what errors.Join made, not what it wraps
		for _, each := range joined.Unwrap() {
			below(each, wrong)
		}
		return
	}
	if fault, ok := errors.AsType[*watch.FieldError](err); ok {
		wrong("list."+fault.Path, fault.Err)
	} else if err != nil {
		wrong("list", err)
	}
}
