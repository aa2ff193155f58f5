package cachet

import (
	"encoding/json"

	"lapsewatch/incidents"
)

// Unmarked reads a message of version 2.
func Unmarked(message, source string) (text, key string) {
	text, found := unmarked(message, source)
	return text, found.key
}

// Decode reads an incident of version 3 as an answer that holds it is read.
func Decode(body []byte, source string) (incidents.Remote, bool) {
	var answer document3
	if json.Unmarshal(body, &answer) != nil {
		return incidents.Remote{}, false
	}
	found, err := answer.Data.incident(answer.Included)
	if err != nil {
		return incidents.Remote{}, false
	}
	t := &third{core{env: incidents.Env{Source: source}}}
	return t.remote(found), true
}
