package incidentio

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// As says what a stub becomes.
type As string

// The two ways.
const (
	// AsStatusPage makes public incidents and maintenances on a status page.
	AsStatusPage As = "status_page"
	// AsIncident makes incidents, which only the organisation sees.
	AsIncident As = "incident"
)

// Options configure the stubs of one status page, or of one organisation.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	As                As              `yaml:"as" jsonschema:"enum=status_page,enum=incident" jsonschema_description:"status_page for public incidents on a status page, incident for incidents that only the organisation sees"`
	APIKey            watch.SecretRef `yaml:"api_key" jsonschema_description:"where the API key is kept"`
	StatusPage        string          `yaml:"status_page,omitempty" jsonschema_description:"id of the status page, with as: status_page"`
	Visibility        string          `yaml:"visibility,omitempty" jsonschema:"enum=private,enum=public" jsonschema_description:"with as: incident, private for invited people only, public for the whole organisation; default private"`
	Severity          string          `yaml:"severity,omitempty" jsonschema_description:"id of the severity of a new incident, with as: incident"`
	IncidentType      string          `yaml:"incident_type,omitempty" jsonschema_description:"id of the type of a new incident, with as: incident"`
	Statuses          Statuses        `yaml:"statuses,omitempty" jsonschema_description:"names of the organisation's statuses that stand for the phases, with as: incident"`
}

// Statuses are names of an organisation's statuses; empty for those that are found by
// themselves.
type Statuses struct {
	Investigating string `yaml:"investigating,omitempty" jsonschema_description:"default Investigating, or else the first active one"`
	Identified    string `yaml:"identified,omitempty" jsonschema_description:"default Identified or Fixing, or else as investigating"`
	Monitoring    string `yaml:"monitoring,omitempty" jsonschema_description:"default Monitoring, or else as identified"`
	Resolved      string `yaml:"resolved,omitempty" jsonschema_description:"default Resolved, or else the first closed one"`
}

const (
	// publicAPI is where incident.io has its API: https://docs.incident.io/api-reference/introduction
	publicAPI      = "https://api.incident.io"
	visiblePrivate = "private"
	visiblePublic  = "public"
	maxName        = 100
)

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}, Visibility: visiblePrivate}
}

var resourceID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	problems := []error{o.Or(publicAPI).Validate()}
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	wrong("api_key", o.APIKey.Validate())
	switch o.As {
	case AsStatusPage:
		if !resourceID.MatchString(o.StatusPage) {
			wrong("status_page", errors.New("want the id of a status page, such as 01FCNDV6P870EA6S7TK1DSYDG0"))
		}
		for path, value := range map[string]string{"severity": o.Severity, "incident_type": o.IncidentType} {
			if value != "" {
				wrong(path, errors.New("leave it out with as: status_page, which has none"))
			}
		}
	case AsIncident:
		if o.StatusPage != "" {
			wrong("status_page", errors.New("leave it out with as: incident"))
		}
		for path, value := range map[string]string{"severity": o.Severity, "incident_type": o.IncidentType} {
			if value != "" && !resourceID.MatchString(value) {
				wrong(path, errors.New("want an id, such as 01FCNDV6P870EA6S7TK1DSYDG0"))
			}
		}
	default:
		wrong("as", errors.New("want status_page, which is public, or incident, which only the organisation sees"))
	}
	if o.Visibility != visiblePrivate && o.Visibility != visiblePublic {
		wrong("visibility", errors.New("want private, for invited people only, or public, for the whole organisation"))
	}
	for path, name := range map[string]string{
		"statuses.investigating": o.Statuses.Investigating, "statuses.identified": o.Statuses.Identified,
		"statuses.monitoring": o.Statuses.Monitoring, "statuses.resolved": o.Statuses.Resolved,
	} {
		if clean.Text(name, maxName) != name || strings.TrimSpace(name) != name {
			wrong(path, fmt.Errorf("want the name of a status, of at most %d characters", maxName))
		}
	}
	return errors.Join(problems...)
}
