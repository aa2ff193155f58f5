package github

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"lapsewatch/internal/clean"
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

const (
	// publicAPI is the API of github.com.
	publicAPI = "https://api.github.com"
	// defaultPause is what GitHub asks for between requests that write:
	// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
	defaultPause = watch.Duration(time.Second)
	longestPause = watch.Duration(time.Minute)
	// The limits of GitHub on labels and assignees of an issue.
	maxLabel     = 50
	maxLabels    = 100
	maxAssignees = 10
)

func defaults() Options {
	return Options{
		Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout},
		Labels:   []string{"lapsewatch"}, Pause: defaultPause,
		ReopenWithin: watch.Duration(ticket.DefaultReopenWithin),
	}
}

var (
	repositoryName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)
	loginName      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)
)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Or(publicAPI).Validate()}
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	if !repositoryName.MatchString(o.Repository) || strings.HasSuffix(o.Repository, "/.") || strings.HasSuffix(o.Repository, "/..") {
		wrong("repository", errors.New("want owner/name, such as acme/infrastructure"))
	}
	wrong("token", o.Token.Validate())
	if len(o.Labels) < 1 || len(o.Labels) > maxLabels {
		wrong("labels", fmt.Errorf("want at least one, by which issues are found again, and at most %d", maxLabels))
	}
	for i, label := range o.Labels {
		if label == "" || strings.TrimSpace(label) != label || strings.Contains(label, ",") || clean.Text(label, maxLabel) != label {
			wrong(fmt.Sprintf("labels[%d]", i), fmt.Errorf("want 1 to %d visible characters and no comma", maxLabel))
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
	if o.Pause <= 0 || o.Pause > longestPause {
		wrong("pause", errors.New("want more than 0 and at most 1m"))
	}
	return errors.Join(problems...)
}
