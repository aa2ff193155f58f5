// Package genie is what the alerts and the incidents of Opsgenie and Jira Service Management
// share: how teams are named, and what a line may be. It sends nothing.
package genie

import (
	"fmt"
	"regexp"
	"strings"

	"lapsewatch/internal/clean"
)

// Responder is a team as a request names it.
type Responder struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// identifier is the form of the services' ids.
var identifier = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Responders are the teams, each by its id or its name: Jira Service Management documents
// ids only, Opsgenie takes either.
func Responders(teams []string) []Responder {
	var responders []Responder
	for _, team := range teams {
		if identifier.MatchString(team) {
			responders = append(responders, Responder{Type: "team", ID: team})
		} else {
			responders = append(responders, Responder{Type: "team", Name: team})
		}
	}
	return responders
}

// OneLine refuses what is no single line of 1 to most visible characters.
func OneLine(text string, most int) error {
	if text == "" || clean.Text(text, most) != text || strings.TrimSpace(text) != text {
		return fmt.Errorf("want one line of 1 to %d visible characters", most)
	}
	return nil
}
