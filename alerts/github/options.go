package github

import (
	"errors"
	"fmt"
	"regexp"

	"lapsewatch/internal/githubissues"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// Options configure the issues of one repository.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Repository        string          `yaml:"repository" jsonschema_description:"owner/name of the repository that takes the issues; a private one"`
	Token             watch.SecretRef `yaml:"token" jsonschema_description:"where a token is kept that may read and write the repository's issues"`
	Labels            []string        `yaml:"labels,omitempty" jsonschema_description:"labels of a new issue; issues are found again by the first; default lapsewatch"`
	Assignees         []string        `yaml:"assignees,omitempty" jsonschema_description:"login names of those whom a new issue is assigned to, at most 10"`
	Source            string          `yaml:"source,omitempty" jsonschema_description:"name of this installation, where several keep their tickets at one place"`
	ReopenWithin      watch.Duration  `yaml:"reopen_within,omitempty" jsonschema_description:"how long after its closing an issue is opened again rather than replaced; default 7d"`
	Pause             watch.Duration  `yaml:"pause,omitempty" jsonschema_description:"pause between two writes, at most 1m; default 1s, which is what GitHub asks for"`
}

// maxAssignees is the limit of GitHub.
const maxAssignees = 10

func defaults() Options {
	return Options{
		Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout},
		Labels:   []string{"lapsewatch"}, Pause: githubissues.DefaultPause,
		ReopenWithin: watch.Duration(ticket.DefaultReopenWithin),
	}
}

var loginName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)

func (o Options) access() githubissues.Access {
	return githubissues.Access{Endpoint: o.Endpoint, Repository: o.Repository, Token: o.Token, Pause: o.Pause}
}

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.access().Validate(), githubissues.ValidateLabels(o.Labels)}
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	if len(o.Assignees) > maxAssignees {
		wrong("assignees", fmt.Errorf("want at most %d", maxAssignees))
	}
	for i, login := range o.Assignees {
		if !loginName.MatchString(login) {
			wrong(fmt.Sprintf("assignees[%d]", i), errors.New("want a login name, without @"))
		}
	}
	wrong("source", ticket.ValidateSource(o.Source))
	if o.ReopenWithin <= 0 {
		wrong("reopen_within", errors.New("want more than 0, such as 7d"))
	}
	return errors.Join(problems...)
}
