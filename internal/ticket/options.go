package ticket

import (
	"fmt"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// BySeverity is a value of the service for each severity; empty where none is wanted.
type BySeverity struct {
	Critical string `yaml:"critical,omitempty" jsonschema_description:"for what is critical"`
	Warning  string `yaml:"warning,omitempty" jsonschema_description:"for warnings"`
	Unknown  string `yaml:"unknown,omitempty" jsonschema_description:"for what could not be read"`
	Notice   string `yaml:"notice,omitempty" jsonschema_description:"for notices"`
}

// Of is the value for a severity.
func (b BySeverity) Of(severity watch.Severity) string {
	switch severity {
	case watch.Critical:
		return b.Critical
	case watch.Warning:
		return b.Warning
	case watch.Unknown:
		return b.Unknown
	default:
		return b.Notice
	}
}

// maxSource bounds the name of an installation.
const maxSource = 100

// ValidateSource reports a name of an installation that is no single line.
func ValidateSource(source string) error {
	if clean.Text(source, maxSource) != source || strings.TrimSpace(source) != source {
		return fmt.Errorf("want one line of at most %d visible characters", maxSource)
	}
	return nil
}
