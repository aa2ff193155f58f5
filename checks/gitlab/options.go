package gitlab

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"lapsewatch/internal/entry"
	"lapsewatch/watch"
)

// Options are the options of a `kind: gitlab` check.
type Options struct {
	URL      string          `yaml:"url,omitempty" jsonschema_description:"https URL of the instance; default https://gitlab.com"`
	CAFile   string          `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust in place of the system's"`
	Tokens   []Token         `yaml:"tokens,omitempty" jsonschema_description:"personal, project and group access tokens to watch, each by reference"`
	Token    watch.SecretRef `yaml:"token,omitempty" jsonschema_description:"where the personal access token is kept that projects, groups and personal are listed with"`
	Projects []Project       `yaml:"projects,omitempty" jsonschema_description:"projects whose access tokens and deploy tokens are listed"`
	Groups   []Group         `yaml:"groups,omitempty" jsonschema_description:"groups whose access tokens and deploy tokens are listed"`
	Personal bool            `yaml:"personal,omitempty" jsonschema_description:"list the personal access tokens of all users; token must be an administrator's"`
}

// Token is one token to watch.
type Token struct {
	entry.Entry `yaml:",inline"`
	Token       watch.SecretRef `yaml:"token" jsonschema:"required" jsonschema_description:"where the token is kept"`
}

// Project is one project whose tokens are listed.
type Project struct {
	entry.Entry `yaml:",inline"`
	Project     string `yaml:"project" jsonschema:"required" jsonschema_description:"path or ID of the project, such as platform/shop"`
}

// Group is one group whose tokens are listed.
type Group struct {
	entry.Entry     `yaml:",inline"`
	Group           string `yaml:"group" jsonschema:"required" jsonschema_description:"path or ID of the group, such as platform"`
	ServiceAccounts bool   `yaml:"service_accounts,omitempty" jsonschema_description:"also list the tokens of the group's service accounts (Premium, a top-level group, GitLab 17.11)"`
}

// publicURL is where GitLab serves everybody.
const publicURL = "https://gitlab.com"

func defaults() Options { return Options{URL: publicURL} }

var (
	path = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)

	errNothing  = errors.New("there is nothing to watch: give tokens, projects, groups or personal")
	errURL      = errors.New("want an https URL without user name, query or fragment, such as https://gitlab.example.com")
	errPath     = errors.New("want a path or an ID, such as platform/shop")
	errNoLister = errors.New("needed to list projects, groups and personal")
	errIdle     = errors.New("there is nothing to list with it: give projects, groups or personal, or watch it under tokens")
)

const maxPath = 500

// lists: something is to be listed.
func (o Options) lists() bool { return len(o.Projects)+len(o.Groups) > 0 || o.Personal }

// Validate reports what cannot be looked at, each with its place.
func (o Options) Validate() error {
	var faults []error
	wrong := func(path string, err error) {
		if err != nil {
			faults = append(faults, &watch.FieldError{Path: path, Err: err})
		}
	}
	if !plainHTTPS(o.URL) {
		wrong("url", errURL)
	}
	switch {
	case len(o.Tokens) == 0 && !o.lists():
		wrong("tokens", errNothing)
	case o.lists() && o.Token.IsZero():
		wrong("token", errNoLister)
	case !o.lists() && !o.Token.IsZero():
		wrong("token", errIdle)
	case o.lists():
		wrong("token", o.Token.Validate())
	}
	faults = append(faults, entry.ListFaults("tokens", entriesOf(o.Tokens, func(t Token) entry.Entry { return t.Entry }))...)
	faults = append(faults, entry.ListFaults("projects", entriesOf(o.Projects, func(p Project) entry.Entry { return p.Entry }))...)
	faults = append(faults, entry.ListFaults("groups", entriesOf(o.Groups, func(g Group) entry.Entry { return g.Entry }))...)
	for i, token := range o.Tokens {
		wrong(fmt.Sprintf("tokens[%d].token", i), token.Token.Validate())
	}
	for i, project := range o.Projects {
		wrong(fmt.Sprintf("projects[%d].project", i), pathFault(project.Project))
	}
	for i, group := range o.Groups {
		wrong(fmt.Sprintf("groups[%d].group", i), pathFault(group.Group))
	}
	return errors.Join(faults...)
}

func pathFault(text string) error {
	if !path.MatchString(text) || len(text) > maxPath {
		return errPath
	}
	for part := range strings.SplitSeq(text, "/") {
		if part == "." || part == ".." {
			return errPath
		}
	}
	return nil
}

func entriesOf[T any](list []T, of func(T) entry.Entry) []entry.Entry {
	var all []entry.Entry
	for _, one := range list {
		all = append(all, of(one))
	}
	return all
}

func plainHTTPS(text string) bool {
	address, err := url.Parse(text)
	return err == nil && address.Scheme == "https" && address.Hostname() != "" && address.User == nil &&
		address.RawQuery == "" && address.Fragment == "" && !strings.ContainsAny(text, "?#")
}

// web is the address of a page of the instance.
func (o Options) web(page string) string { return strings.TrimSuffix(o.URL, "/") + page }
