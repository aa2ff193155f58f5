package records

import (
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loaded, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestALocalTimeThatOccursTwiceCountsAsTheFirst(t *testing.T) {
	at := func(text string) time.Time {
		parsed, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	cases := []struct {
		name, zone, shown, want string
	}{
		{"in winter", "Europe/Berlin", "2026-12-01 12:00", "2026-12-01 11:00"},
		{"in summer", "Europe/Berlin", "2026-07-01 12:00", "2026-07-01 10:00"},
		{"before the hour that is repeated", "Europe/Berlin", "2026-10-25 01:59", "2026-10-24 23:59"},
		{"in the hour that is repeated", "Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"},
		{"behind the hour that is repeated", "Europe/Berlin", "2026-10-25 03:00", "2026-10-25 02:00"},
		{"in the hour that is left out", "Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:30"},
		{"half an hour that is repeated", "Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45"},
		{"without changes", "Asia/Kathmandu", "2026-06-01 00:00", "2026-05-31 18:15"},
		{"in UTC", "", "2026-06-01 00:00", "2026-06-01 00:00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := instant(at(c.shown), zone(t, c.zone)); !got.Equal(at(c.want)) {
				t.Errorf("got %v, want %v", got, at(c.want))
			}
		})
	}
}

// What the comparison of local times calls ahead is ahead whichever of its instants is
// meant, and what was written now never is, minute by minute across each change.
func TestTheComparisonOfLocalTimesRaisesNothingThatIsNotAhead(t *testing.T) {
	changes := map[string]time.Time{
		"Europe/Berlin":       time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC),
		"America/Sao_Paulo":   time.Date(2019, 2, 17, 2, 0, 0, 0, time.UTC),
		"Australia/Lord_Howe": time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC),
		"Africa/Casablanca":   time.Date(2026, 3, 22, 2, 0, 0, 0, time.UTC),
		"America/New_York":    time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC),
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			in := zone(t, name)
			for now := change.Add(-3 * time.Hour); now.Before(change.Add(3 * time.Hour)); now = now.Add(time.Minute) {
				limit := highestWall(now, in)
				if written := wall(now, in); written.After(limit) {
					t.Fatalf("at %v what is written now, %v, counts as ahead of %v", now, written, limit)
				}
				for later := change.Add(-4 * time.Hour); later.Before(change.Add(4 * time.Hour)); later = later.Add(7 * time.Minute) {
					written := wall(later, in)
					if ahead := instant(written, in).After(now); written.After(limit) != ahead && !written.Equal(limit) {
						t.Fatalf("at %v the local time %v counts as ahead: %v, want %v", now, written, written.After(limit), ahead)
					}
				}
			}
		})
	}
}
