package statuspage

import (
	"encoding/json"
	"time"

	"lapsewatch/incidents"
)

// NewAt is New at another pace than the service asks for.
func NewAt(pace time.Duration) func(Options, incidents.Env) (incidents.System, error) {
	return func(options Options, env incidents.Env) (incidents.System, error) {
		return newSystem(options, env, pace), nil
	}
}

// Defaults are the defaults of the options.
var Defaults = defaults

// Pace is that of a system.
const Pace = pace

// Decode reads an incident as an answer that holds it is read.
func Decode(body []byte, source string) (incidents.Remote, bool) {
	var found incident
	if json.Unmarshal(body, &found) != nil || found.ID == "" {
		return incidents.Remote{}, false
	}
	s := &system{env: incidents.Env{Source: source}}
	return s.remote(found), true
}
