package stubkey_test

import (
	"testing"
	"time"

	"lapsewatch/internal/stubkey"
	"lapsewatch/watch"
)

func TestTheSameCauseIsOneInstallationAndOneThingThatLapsed(t *testing.T) {
	now := time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)
	key := func(source, cause string, at time.Time) string {
		return watch.NewIncidentKey(source, cause, at).String()
	}
	wanted := key("here", "orders", now)
	tests := []struct {
		name, standing string
		want           bool
	}{
		{"the same key", wanted, true},
		{"an earlier one", key("here", "orders", now.AddDate(0, -1, 0)), true},
		{"another cause", key("here", "mail", now), false},
		{"another installation", key("there", "orders", now), false},
		{"none", "", false},
	}
	for _, test := range tests {
		if got := stubkey.SameCause(test.standing, wanted, "here"); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
	if stubkey.SameCause("", "", "here") {
		t.Error("no key is of the same cause as no key")
	}
}
