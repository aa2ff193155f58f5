package gitlab

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"lapsewatch/internal/entry"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
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
type Token = listedtoken.Token

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
	wrong("url", webclient.URLFault(o.URL))
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
	faults = append(faults, listedtoken.Faults("tokens", o.Tokens)...)
	faults = append(faults, entry.ListFaults("projects", o.Projects)...)
	faults = append(faults, entry.ListFaults("groups", o.Groups)...)
	projects, groups := map[string]int{}, map[string]int{}
	for i, project := range o.Projects {
		wrong(fmt.Sprintf("projects[%d].project", i), cmp.Or(pathFault(project.Project), again(projects, "projects", project.Project, i)))
	}
	for i, group := range o.Groups {
		wrong(fmt.Sprintf("groups[%d].group", i), cmp.Or(pathFault(group.Group), again(groups, "groups", group.Group, i)))
	}
	return errors.Join(faults...)
}

// again refuses what stands in a list before, whose tokens would be told of twice. GitLab does
// not tell upper case from lower case.
func again(seen map[string]int, list, text string, i int) error {
	folded := strings.ToLower(text)
	if first, known := seen[folded]; known {
		return fmt.Errorf("it is that of %s[%d] too", list, first)
	}
	seen[folded] = i
	return nil
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

// web is the address of a page of the instance.
func (o Options) web(page string) string { return strings.TrimSuffix(o.URL, "/") + page }
