package jose

import (
	"encoding/json"
	"time"
)

// NumericDate reads a member of an answer that is a date as the claims of a token are (RFC
// 7519, 2), such as exp of an introspection (RFC 7662, 2.2). Where it is none, malformed says
// in a clause what it is instead; one that is missing or null is neither.
func NumericDate(raw json.RawMessage) (at time.Time, malformed string) { return numericDate(raw) }
