package dotplot

import (
	"fmt"
	"math"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

const (
	maxName = 200
	maxText = 100
	// furthest is the largest offset that is drawn, in seconds: three centuries, beyond what
	// a watch.Clock can hold.
	furthest = 1e10
)

// Dot is one clock.
type Dot struct {
	Name     string
	Severity watch.Severity
	// Offset is in seconds, positive if the clock is ahead of its reference. Uncertainty
	// bounds its error, plus or minus; 0 if it is not known.
	Offset, Uncertainty float64
	// Reference is what the clock was compared with, and Seems what the offset looks like:
	// "time zone, drifts by +12.3 ppm". Either may be empty.
	Reference, Seems string
	// Position, Low and High are where the offset and the ends of its uncertainty lie on the
	// axis, from 0 to 1.
	Position, Low, High float64
}

// limits are the distances in seconds from which a clock is a warning and critical; 0 if
// there is no such limit.
type limits struct{ warn, critical float64 }

// kind says what a finding has for the plot.
type kind int

const (
	noClock kind = iota
	noOffset
	measured
)

// Takes reports whether a finding is of a clock, so that Add would not pass it over.
func Takes(finding watch.Finding) bool {
	for _, key := range []string{"offset_seconds", "warn_seconds", "critical_seconds"} {
		if _, found := finding.Details[key]; found {
			return true
		}
	}
	return false
}

// readingOf reads the clock of a finding.
func readingOf(finding watch.Finding) (Dot, kind) {
	offset, known := number(finding.Details["offset_seconds"])
	switch {
	case !Takes(finding):
		return Dot{}, noClock
	case !known:
		return Dot{}, noOffset
	}
	severity := finding.Severity
	if severity.Urgency() == len(watch.Severities()) {
		severity = watch.Unknown
	}
	name := clean.Text(finding.Name, maxName)
	if strings.TrimSpace(name) == "" {
		name = "(no name)"
	}
	return Dot{
		Name: name, Severity: severity,
		Offset:      max(-furthest, min(offset, furthest)),
		Uncertainty: distance(finding.Details["uncertainty_seconds"]),
		Reference:   text(finding.Details["reference"]), Seems: seems(finding.Details),
	}, measured
}

func limitsOf(finding watch.Finding) limits {
	return limits{distance(finding.Details["warn_seconds"]), distance(finding.Details["critical_seconds"])}
}

func seems(details map[string]any) string {
	class := text(details["clock_error"])
	ppm, known := number(details["drift_ppm"])
	switch {
	case !known || ppm == 0:
		return class
	case class == "" || class == "drift":
		return fmt.Sprintf("drifts by %+.3g ppm", ppm)
	default:
		return fmt.Sprintf("%s, drifts by %+.3g ppm", class, ppm)
	}
}

// number reads a detail, which is another type of number once it has been through JSON or
// CBOR. What is no finite number is none.
func number(value any) (float64, bool) {
	read := math.NaN()
	switch value := value.(type) {
	case float64:
		read = value
	case int:
		read = float64(value)
	case int64:
		read = float64(value)
	case uint64:
		read = float64(value)
	}
	return read, !math.IsNaN(read) && !math.IsInf(read, 0)
}

// distance reads a detail that is never negative; 0 stands for what is not known.
func distance(value any) float64 {
	read, known := number(value)
	if !known || read < 0 {
		return 0
	}
	return min(read, furthest)
}

func text(value any) string {
	written, _ := value.(string)
	return clean.Text(written, maxText)
}
