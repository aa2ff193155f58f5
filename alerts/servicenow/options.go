package servicenow

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// Options configure the records of one table.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Username          string            `yaml:"username,omitempty" jsonschema_description:"account of the instance, with password"`
	Password          watch.SecretRef   `yaml:"password,omitempty" jsonschema_description:"where the account's password is kept"`
	Token             watch.SecretRef   `yaml:"token,omitempty" jsonschema_description:"where an OAuth access token is kept that something else renews; instead of username and password"`
	Table             string            `yaml:"table,omitempty" jsonschema_description:"table of the records, with the fields of a task; default incident"`
	AssignmentGroup   string            `yaml:"assignment_group,omitempty" jsonschema_description:"sys_id of the group that a new record is assigned to"`
	Caller            string            `yaml:"caller,omitempty" jsonschema_description:"sys_id of the user who is the caller of a new incident"`
	Fields            map[string]string `yaml:"fields,omitempty" jsonschema_description:"further fields of a new record, such as category or contact_type"`
	Impact            ticket.BySeverity `yaml:"impact,omitempty" jsonschema_description:"impact of a new record by severity, 1 to 3"`
	Urgency           ticket.BySeverity `yaml:"urgency,omitempty" jsonschema_description:"urgency of a new record by severity, 1 to 3"`
	ResolvedState     string            `yaml:"resolved_state,omitempty" jsonschema_description:"value of state that resolves a record; default 6"`
	ReopenedState     string            `yaml:"reopened_state,omitempty" jsonschema_description:"value of state that opens a resolved record again; default 2"`
	CloseCode         string            `yaml:"close_code,omitempty" jsonschema_description:"resolution code of a resolved record; default Solution provided"`
	CloseNotes        string            `yaml:"close_notes,omitempty" jsonschema_description:"resolution notes of a resolved record; default why it was resolved"`
	Source            string            `yaml:"source,omitempty" jsonschema_description:"name of this installation, where several keep their tickets at one place"`
	ReopenWithin      watch.Duration    `yaml:"reopen_within,omitempty" jsonschema_description:"how long after its resolution a record is opened again rather than replaced; default 7d"`
}

func defaults() Options {
	return Options{
		Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout},
		Table:    "incident", ResolvedState: "6", ReopenedState: "2", CloseCode: "Solution provided",
		Impact:       ticket.BySeverity{Critical: "2", Warning: "3", Unknown: "3", Notice: "3"},
		Urgency:      ticket.BySeverity{Critical: "1", Warning: "2", Unknown: "2", Notice: "3"},
		ReopenWithin: watch.Duration(ticket.DefaultReopenWithin),
	}
}

const (
	maxValue  = 255
	maxFields = 50
)

var (
	tableName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,79}$`)
	stateValue = regexp.MustCompile(`^-?[0-9]{1,3}$`)
	grade      = regexp.MustCompile(`^[1-3]?$`)
	// ownFields are those that the channel sets itself.
	ownFields = []string{
		"sys_id", "number", "short_description", "description", "work_notes", "comments", "correlation_id", "correlation_display",
		"state", "impact", "urgency", "assignment_group", "caller_id", "close_code", "close_notes",
	}
)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Endpoint.Validate()}
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	switch {
	case (o.Username == "") == o.Token.IsZero():
		wrong("username", errors.New("want either username and password, or token"))
	case !o.Token.IsZero():
		wrong("token", o.Token.Validate())
	case strings.Contains(o.Username, ":"):
		wrong("username", errors.New("want no colon in it"))
	default:
		wrong("password", o.Password.Validate())
	}
	if !o.Token.IsZero() && !o.Password.IsZero() {
		wrong("password", errors.New("leave it out beside token"))
	}
	if !tableName.MatchString(o.Table) {
		wrong("table", errors.New("want the name of a table, such as incident"))
	}
	if !stateValue.MatchString(o.ResolvedState) {
		wrong("resolved_state", errors.New("want the number that the table's state has, such as 6"))
	}
	if !stateValue.MatchString(o.ReopenedState) || o.ReopenedState == o.ResolvedState {
		wrong("reopened_state", errors.New("want the number that the table's state has, such as 2, and another than resolved_state"))
	}
	wrong("source", ticket.ValidateSource(o.Source))
	if o.ReopenWithin <= 0 {
		wrong("reopen_within", errors.New("want more than 0, such as 7d"))
	}
	return errors.Join(append(problems, o.validateValues()...)...)
}

func (o Options) validateValues() (problems []error) {
	wrong := func(path string, err error) {
		problems = append(problems, &watch.FieldError{Path: path, Err: err})
	}
	for _, grades := range []struct {
		path string
		ticket.BySeverity
	}{{"impact", o.Impact}, {"urgency", o.Urgency}} {
		for _, value := range []string{grades.Critical, grades.Warning, grades.Unknown, grades.Notice} {
			if !grade.MatchString(value) {
				wrong(grades.path, fmt.Errorf("want 1, 2 or 3 for each severity, not %q", clean.Text(value, maxValue)))
			}
		}
	}
	if len(o.Fields) > maxFields {
		wrong("fields", fmt.Errorf("want at most %d", maxFields))
	}
	values := map[string]string{
		"username": o.Username, "assignment_group": o.AssignmentGroup, "caller": o.Caller, "close_code": o.CloseCode, "close_notes": o.CloseNotes,
	}
	for name, value := range o.Fields {
		path := "fields." + clean.Text(name, maxValue)
		values[path] = value
		if !tableName.MatchString(name) {
			wrong(path, errors.New("want the name of a field"))
		} else if slices.Contains(ownFields, name) {
			wrong(path, errors.New("the channel sets it itself"))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(values)) {
		if clean.Text(values[path], maxValue) != values[path] {
			wrong(path, fmt.Errorf("want one line of at most %d characters", maxValue))
		}
	}
	return problems
}
