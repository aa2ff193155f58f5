package jwt_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/jwt"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/watch"
)

// endsIn is a token that says only when it ends.
func endsIn(end time.Duration) string {
	return josetest.Raw(header, claims(`{"iss":"x","exp":%d}`, in(end)), "s")
}

func TestNoLifeThatIsLearntShortensTheNoticeOfALongLivedToken(t *testing.T) {
	d, now := newDesk(), asOf
	d.env.Now = func() time.Time { return now }
	path := filepath.Join(t.TempDir(), "token")
	options := jwt.Options{Tokens: []jwt.Token{listed("token", watch.SecretRef{File: path})}}
	for _, step := range []struct {
		at, end time.Duration
		want    watch.Severity
	}{
		{0, 28 * day, watch.Warning},
		{14 * day, 118 * day, watch.OK}, // renewed, and seen at once
		{90 * day, 118 * day, watch.Warning},
		{112 * day, 118 * day, watch.Critical},
		{117 * day, 208 * day, watch.OK},
		{208*day - 30*time.Hour, 208 * day, watch.Critical}, // after months of an outage
		{208*day - 2*time.Hour, 208 * day, watch.Critical},
		{297 * day, 298 * day, watch.Critical}, // renewed meanwhile, and about to lapse
	} {
		now = asOf.Add(step.at)
		write(t, path, endsIn(step.end))
		token, ok := d.collect(t, options)[0].(watch.Credential)
		if !ok || token.Life != 0 {
			t.Fatalf("after %s: %+v", step.at, token)
		}
		if got := told(token, now); !strings.HasPrefix(got, fmt.Sprint(step.want)) {
			t.Errorf("after %s: %s, want %s", step.at, got, step.want)
		}
	}
}

func TestTheLifeOfAPassingTokenIsLearntWhateverTheHorizon(t *testing.T) {
	d, now := newDesk(), asOf
	d.env.Now, d.env.Horizon = func() time.Time { return now }, time.Hour
	path := filepath.Join(t.TempDir(), "token")
	options := jwt.Options{Paths: []string{path}}
	for _, step := range []struct{ at, end, want time.Duration }{{0, day, 0}, {20 * time.Hour, 44 * time.Hour, day}, {43 * time.Hour, 44 * time.Hour, day}} {
		now = asOf.Add(step.at)
		write(t, path, endsIn(step.end))
		if token := d.collect(t, options)[0].(watch.Credential); token.Life != step.want {
			t.Errorf("after %s: life %s, want %s", step.at, token.Life, step.want)
		}
	}
}

func TestWhichLivesAreLearntIsDecidedByTheOrderOfPlaces(t *testing.T) {
	d, now, folder := newDesk(), asOf, t.TempDir()
	d.env.Now, d.env.Concurrency = func() time.Time { return now }, 8
	name := func(i int) string { return filepath.Join(folder, strconv.Itoa(10_000+i)) }
	for pass := range 3 {
		now = asOf.Add(time.Duration(pass) * time.Hour)
		for i := range 1200 {
			write(t, name(i), endsIn(time.Duration(pass)*time.Hour+day))
		}
		facts := d.collect(t, jwt.Options{Paths: []string{folder}})
		if len(facts) != 1200 {
			t.Fatalf("%d facts", len(facts))
		}
		for i, fact := range facts {
			want := time.Duration(0)
			if pass > 0 && i < 1000 {
				want = day
			}
			if token := fact.(watch.Credential); token.Subject.ID != "file:"+name(i) || token.Life != want {
				t.Fatalf("pass %d, token %d: %s has a life of %s, want %s", pass, i, token.Subject.ID, token.Life, want)
			}
		}
	}
}
