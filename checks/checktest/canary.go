package checktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"lapsewatch/watch"
)

// Shown is all that facts can show: their text, their JSON, and the errors of problems with
// all their causes.
func Shown(t testing.TB, facts ...watch.Fact) string {
	t.Helper()
	var shown strings.Builder
	for _, fact := range facts {
		encoded, err := json.Marshal(fact)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&shown, "%+v\n%#v\n%s\n", fact, fact, encoded)
		if problem, ok := fact.(watch.Problem); ok {
			for cause := problem.Err; cause != nil; cause = errors.Unwrap(cause) {
				fmt.Fprintf(&shown, "%#v %v\n", cause, cause)
			}
		}
	}
	return shown.String()
}

// ShownOfTry is all that the abilities of a Try can show.
func ShownOfTry(abilities []watch.Ability) string {
	var shown strings.Builder
	for _, ability := range abilities {
		fmt.Fprintf(&shown, "%+v %v\n", ability, ability.Err)
	}
	return shown.String()
}

// WantNone fails where one of the secrets stands in one of the places, which go by what they
// are: "log", "memory", the path of a file.
func WantNone(t testing.TB, secrets []string, places map[string]string) {
	t.Helper()
	for place, text := range places {
		for _, secret := range secrets {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%q stands in %s:\n%s", secret, place, text)
			}
		}
	}
}
