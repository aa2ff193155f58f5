package jira

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// The two products that are called Jira.
const (
	cloud      = "cloud"
	dataCenter = "data-center"
)

// Options configure the issues of one project.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Deployment        string            `yaml:"deployment" jsonschema:"enum=cloud,enum=data-center" jsonschema_description:"cloud, or data-center for one's own server"`
	Email             string            `yaml:"email,omitempty" jsonschema_description:"address of the account whose API token it is; for cloud"`
	Token             watch.SecretRef   `yaml:"token" jsonschema_description:"where the API token (cloud) or the personal access token (data-center) is kept"`
	Project           string            `yaml:"project" jsonschema_description:"key of the project that takes the issues, such as OPS"`
	IssueType         string            `yaml:"issue_type,omitempty" jsonschema_description:"type of a new issue; default Task"`
	Labels            []string          `yaml:"labels,omitempty" jsonschema_description:"labels of a new issue besides lapsewatch and the finding's key"`
	Priority          ticket.BySeverity `yaml:"priority,omitempty" jsonschema_description:"priority of a new issue by severity; the project's own where it is empty"`
	Fields            map[string]any    `yaml:"fields,omitempty" jsonschema_description:"further fields of a new issue, as Jira's REST API takes them, such as components or what the project demands"`
	DoneTransition    string            `yaml:"done_transition,omitempty" jsonschema_description:"name of the transition that closes an issue; default the first one to a status that counts as done"`
	ReopenTransition  string            `yaml:"reopen_transition,omitempty" jsonschema_description:"name of the transition that opens an issue again; default the first one to a status that counts as to do, or as in progress"`
	Resolution        string            `yaml:"resolution,omitempty" jsonschema_description:"resolution that the closing transition sets, where its screen asks for one"`
	Source            string            `yaml:"source,omitempty" jsonschema_description:"name of this installation, where several keep their tickets at one place"`
	ReopenWithin      watch.Duration    `yaml:"reopen_within,omitempty" jsonschema_description:"how long after its closing an issue is opened again rather than replaced; default 7d"`
}

func defaults() Options {
	return Options{
		Endpoint:  httpsend.Endpoint{Timeout: httpsend.DefaultTimeout},
		IssueType: "Task", ReopenWithin: watch.Duration(ticket.DefaultReopenWithin),
	}
}

const (
	// maxWord bounds names, and is Jira's limit of a label.
	maxWord   = 255
	maxLabels = 50
)

var (
	projectKey = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,254}$`)
	// ownFields are those that the channel sets itself.
	ownFields = []string{"project", "issuetype", "summary", "description", "labels", "priority"}
)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Endpoint.Validate()}
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	switch o.Deployment {
	case cloud:
		if !strings.Contains(o.Email, "@") || strings.ContainsAny(o.Email, ": ") || clean.Text(o.Email, maxWord) != o.Email {
			wrong("email", errors.New("want the address of the account whose API token it is"))
		}
	case dataCenter:
		if o.Email != "" {
			wrong("email", errors.New("leave it out: a personal access token says itself whose it is"))
		}
	default:
		wrong("deployment", errors.New("want cloud or data-center"))
	}
	wrong("token", o.Token.Validate())
	if !projectKey.MatchString(o.Project) {
		wrong("project", errors.New("want the key of a project, in capital letters, such as OPS"))
	}
	if o.IssueType == "" {
		wrong("issue_type", errors.New("want the name of a type, such as Task"))
	}
	for _, name := range []struct{ path, value string }{
		{"issue_type", o.IssueType}, {"done_transition", o.DoneTransition}, {"reopen_transition", o.ReopenTransition}, {"resolution", o.Resolution},
	} {
		if clean.Text(name.value, maxWord) != name.value {
			wrong(name.path, fmt.Errorf("want one line of at most %d characters", maxWord))
		}
	}
	wrong("source", ticket.ValidateSource(o.Source))
	if o.ReopenWithin <= 0 {
		wrong("reopen_within", errors.New("want more than 0, such as 7d"))
	}
	return errors.Join(append(problems, o.validateFields()...)...)
}

func (o Options) validateFields() (problems []error) {
	wrong := func(path string, err error) {
		problems = append(problems, &watch.FieldError{Path: path, Err: err})
	}
	if len(o.Labels) > maxLabels {
		wrong("labels", fmt.Errorf("want at most %d", maxLabels))
	}
	for i, label := range o.Labels {
		if label == "" || strings.Contains(label, " ") || clean.Text(label, maxWord) != label {
			wrong(fmt.Sprintf("labels[%d]", i), fmt.Errorf("want 1 to %d visible characters and no space", maxWord))
		}
	}
	for _, name := range ownFields {
		if _, set := o.Fields[name]; set {
			wrong("fields."+name, errors.New("the channel sets it itself"))
		}
	}
	if _, err := json.Marshal(o.Fields); err != nil {
		wrong("fields", errors.New("want what JSON can hold: names that are texts, and values of texts, numbers, lists and such mappings"))
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return problems
}
