package jose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"lapsewatch/internal/clean"
)

const (
	// lastSecond is 9999-12-31T23:59:59Z, the last that RFC 3339 can write.
	lastSecond = 253402300799
	// shownRunes bounds what is repeated of a claim.
	shownRunes = 40
	noSeconds  = "and no number of seconds since 1970"
)

// NumericDate reads a claim, or a member of an answer such as exp of an introspection (RFC
// 7662, 2.2), that is a date (RFC 7519, 2): seconds since 1970, which need not be whole. Where
// it is none, malformed says in a clause what it is instead; one that is missing or null is
// neither.
func NumericDate(raw json.RawMessage) (at time.Time, malformed string) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return time.Time{}, ""
	}
	switch raw[0] {
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return time.Time{}, "is a string " + noSeconds
		}
		return time.Time{}, fmt.Sprintf("is the string %q %s", clean.Text(text, shownRunes), noSeconds)
	case '{':
		return time.Time{}, "is an object " + noSeconds
	case '[':
		return time.Time{}, "is a list " + noSeconds
	case 't', 'f':
		return time.Time{}, "is " + string(raw) + " " + noSeconds
	}
	return ofNumber(string(raw))
}

func ofNumber(written string) (time.Time, string) {
	shown := clean.Text(written, shownRunes)
	if seconds, err := strconv.ParseInt(written, 10, 64); err == nil && seconds >= 0 && seconds <= lastSecond {
		return time.Unix(seconds, 0).UTC(), ""
	}
	seconds, err := strconv.ParseFloat(written, 64)
	switch {
	case seconds < 0:
		return time.Time{}, "is " + shown + ", which lies before 1970"
	case err != nil || math.IsNaN(seconds) || seconds >= lastSecond+1:
		return time.Time{}, "is " + shown + ", which lies after the year 9999" + asMilliseconds(seconds)
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*float64(time.Second))).UTC(), ""
}

// asMilliseconds guesses the commonest mistake.
func asMilliseconds(number float64) string {
	if number/1000 > lastSecond/10 {
		return ""
	}
	return "; taken as milliseconds it is " + time.UnixMilli(int64(number)).UTC().Format("2006-01-02 15:04 UTC")
}
