package policy

import (
	"testing"
	"time"

	"lapsewatch/watch"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func certificate(notBefore, notAfter string) watch.Credential {
	return watch.Credential{Form: watch.Certificate, NotBefore: at(notBefore), NotAfter: at(notAfter)}
}

func TestEveryDayOfEightYearsWarnsOneCalendarMonthAhead(t *testing.T) {
	first := time.Date(2024, time.January, 1, 23, 59, 59, 0, time.UTC)
	for notAfter := first; notAfter.Year() < 2032; notAfter = notAfter.AddDate(0, 0, 1) {
		from := watch.Lead{Months: 1}.Before(notAfter)
		ahead := notAfter.Sub(from)
		if ahead < 30*day || ahead > 31*day {
			t.Errorf("%s warns from %s, %v ahead: want between 30 and 31 days", notAfter.Format(time.DateOnly), from.Format(time.DateOnly), ahead)
		}
		monthBefore := from.Month() == (notAfter.Month()+10)%12+1
		lastOfMonth := from.AddDate(0, 0, 1).Day() == 1
		sameDay := monthBefore && (from.Day() == notAfter.Day() || from.Day() < notAfter.Day() && lastOfMonth)
		if !sameDay && ahead != 30*day {
			t.Errorf("%s warns from %s: want the same day of the month before, its last day, or 30×24 h", notAfter.Format(time.DateOnly), from.Format(time.DateOnly))
		}
		finding := Judge{}.Finding(Origin{Check: "c"}, watch.Credential{Form: watch.Certificate, NotBefore: notAfter.AddDate(-1, 0, 0), NotAfter: notAfter}, from)
		if finding.Severity != watch.Warning || finding.Reason != watch.ExpiresSoon {
			t.Errorf("%s is %s at the start of its lead time, want warning", notAfter.Format(time.DateOnly), finding.Severity)
		}
		before := Judge{}.Finding(Origin{Check: "c"}, watch.Credential{Form: watch.Certificate, NotBefore: notAfter.AddDate(-1, 0, 0), NotAfter: notAfter}, from.Add(-time.Second))
		if before.Severity != watch.OK {
			t.Errorf("%s is %s a second before its lead time, want ok", notAfter.Format(time.DateOnly), before.Severity)
		}
	}
}

func TestTheMonthIsClampedToTheShorterMonth(t *testing.T) {
	for _, row := range []struct{ name, notAfter, from string }{
		{"31 March goes back to 28 February", "2026-03-31T00:00:00Z", "2026-02-28T00:00:00Z"},
		{"31 March of a leap year goes back to 29 February", "2028-03-31T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"29 March goes back to 27 February, never less than 30 days", "2025-03-29T00:00:00Z", "2025-02-27T00:00:00Z"},
		{"1 March goes back 30 days, not to 1 February", "2026-03-01T00:00:00Z", "2026-01-30T00:00:00Z"},
		{"29 February goes back to 29 January", "2028-02-29T12:00:00Z", "2028-01-29T12:00:00Z"},
		{"31 January goes back over the year to 31 December", "2027-01-31T00:00:00Z", "2026-12-31T00:00:00Z"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := (watch.Lead{Months: 1}).Before(at(row.notAfter)); !got.Equal(at(row.from)) {
				t.Errorf("warns from %s, want %s", got.Format(time.RFC3339), row.from)
			}
		})
	}
}

func TestDatesAreJudged(t *testing.T) {
	mo, d14, d2, d60 := watch.Lead{Months: 1}, watch.Lead{Fixed: 14 * day}, watch.Lead{Fixed: 2 * day}, watch.Lead{Fixed: 60 * day}
	const now = "2026-11-22T06:00:00Z"
	secret := watch.Credential{Form: "client secret", NotBefore: at("2026-09-28T06:00:00Z"), NotAfter: at("2026-12-12T06:00:00Z")}
	for _, row := range []struct {
		name       string
		credential watch.Credential
		explicit   leads
		severity   watch.Severity
		reason     watch.Reason
		message    string
	}{
		{"a year-long certificate 21 days ahead is a warning", certificate("2025-12-13T06:00:00Z", "2026-12-13T06:00:00Z"), leads{}, watch.Warning, watch.ExpiresSoon, "expires 2026-12-13 06:00 UTC, in 21 days"},
		{"seven days ahead it is critical", certificate("2025-12-13T06:00:00Z", "2026-11-29T06:00:00Z"), leads{}, watch.Critical, watch.ExpiresSoon, "expires 2026-11-29 06:00 UTC, in 7 days"},
		{"one day ahead is singular", certificate("2025-12-13T06:00:00Z", "2026-11-23T07:00:00Z"), leads{}, watch.Critical, watch.ExpiresSoon, "expires 2026-11-23 07:00 UTC, in 1 day"},
		{"within a day hours are given", certificate("2025-12-13T06:00:00Z", "2026-11-22T11:30:00Z"), leads{}, watch.Critical, watch.ExpiresSoon, "expires 2026-11-22 11:30 UTC, in 5 h"},
		{"at its very notAfter it is still valid", certificate("2025-12-13T06:00:00Z", now), leads{}, watch.Critical, watch.ExpiresSoon, "expires 2026-11-22 06:00 UTC, in 0 min"},
		{"a second later it has expired", certificate("2025-12-13T06:00:00Z", "2026-11-22T05:59:59Z"), leads{}, watch.Critical, watch.Expired, "expired 2026-11-22 05:59 UTC, 0 min ago"},
		{"two days later it says so", certificate("2025-12-13T06:00:00Z", "2026-11-20T05:00:00Z"), leads{}, watch.Critical, watch.Expired, "expired 2026-11-20 05:00 UTC, 2 days ago"},
		{"a healthy 90-day certificate with 25 days left is ok", certificate("2026-09-18T06:00:00Z", "2026-12-17T06:00:00Z"), leads{}, watch.OK, "", "expires 2026-12-17 06:00 UTC, in 25 days"},
		{"a 90-day certificate with 22 days left is overdue", certificate("2026-09-15T06:00:00Z", "2026-12-14T06:00:00Z"), leads{}, watch.Warning, watch.RenewalOverdue, "should have been renewed by now (life of 90 days): expires 2026-12-14 06:00 UTC, in 22 days"},
		{"a 47-day certificate with 12 days left is ok", certificate("2026-10-18T06:00:00Z", "2026-12-04T06:00:00Z"), leads{}, watch.OK, "", "expires 2026-12-04 06:00 UTC, in 12 days"},
		{"a 160-hour certificate with 41 hours left is ok", certificate("2026-11-17T07:00:00Z", "2026-11-23T23:00:00Z"), leads{}, watch.OK, "", "expires 2026-11-23 23:00 UTC, in 1 day"},
		{"a 160-hour certificate with 39 hours left is overdue", certificate("2026-11-17T05:00:00Z", "2026-11-23T21:00:00Z"), leads{}, watch.Warning, watch.RenewalOverdue, "should have been renewed by now (life of 6 days): expires 2026-11-23 21:00 UTC, in 1 day"},
		{"a 160-hour certificate with 13 hours left is critical", certificate("2026-11-16T03:00:00Z", "2026-11-22T19:00:00Z"), leads{}, watch.Critical, watch.RenewalOverdue, "should have been renewed by now (life of 6 days): expires 2026-11-22 19:00 UTC, in 13 h"},
		{"a 75-day secret warns at a third of its life", secret, leads{}, watch.Warning, watch.ExpiresSoon, "expires 2026-12-12 06:00 UTC, in 20 days"},
		{"an explicit lead time wins over the short life", certificate("2026-09-18T06:00:00Z", "2026-12-17T06:00:00Z"), leads{warn: &mo}, watch.Warning, watch.ExpiresSoon, "expires 2026-12-17 06:00 UTC, in 25 days"},
		{"an explicit shorter lead time is quiet", certificate("2025-12-13T06:00:00Z", "2026-12-13T06:00:00Z"), leads{warn: &d14}, watch.OK, "", "expires 2026-12-13 06:00 UTC, in 21 days"},
		{"an explicit warning below seven days does not start as critical", certificate("2025-12-13T06:00:00Z", "2026-11-24T05:00:00Z"), leads{warn: &d2}, watch.Warning, watch.ExpiresSoon, "expires 2026-11-24 05:00 UTC, in 1 day"},
		{"an explicit critical lead time longer than the default warning warns no later", certificate("2025-12-13T06:00:00Z", "2027-01-12T06:00:00Z"), leads{critical: &d60}, watch.Critical, watch.ExpiresSoon, "expires 2027-01-12 06:00 UTC, in 51 days"},
		{"not yet valid is critical", certificate("2026-11-25T06:00:00Z", "2027-11-25T06:00:00Z"), leads{}, watch.Critical, watch.NotYetValid, "is not valid before 2026-11-25 06:00 UTC, in 3 days; it expires 2027-11-25 06:00 UTC, in 368 days"},
		{"notAfter before notBefore is never valid", certificate("2027-11-25T06:00:00Z", "2026-11-25T06:00:00Z"), leads{}, watch.Critical, watch.InvalidDates, "is never valid: its notAfter, 2026-11-25 06:00 UTC, lies before its notBefore, 2027-11-25 06:00 UTC"},
		{"UTCTime 49 is 2049", certificate("2026-01-01T00:00:00Z", "2049-12-31T23:59:59Z"), leads{}, watch.OK, "", "expires 2049-12-31 23:59 UTC, in 8440 days"},
		{"UTCTime 50 is 1950, long expired", certificate("1949-12-31T00:00:00Z", "1950-01-01T00:00:00Z"), leads{}, watch.Critical, watch.Expired, "expired 1950-01-01 00:00 UTC, 28084 days ago"},
		{"9999 means no expiry date", certificate("2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), leads{}, watch.Notice, watch.NeverExpires, "never expires (notAfter 9999-12-31 23:59 UTC)"},
		{"9998 is a date like any other, beyond what a duration holds", certificate("2026-01-01T00:00:00Z", "9998-12-31T23:59:59Z"), leads{}, watch.OK, "", "expires 9998-12-31 23:59 UTC, in 2911752 days"},
		{"no date at all never expires", watch.Credential{Form: "client secret"}, leads{}, watch.Notice, watch.NeverExpires, "has no expiry date"},
		{"a notBefore that is not known leaves the month", watch.Credential{Form: watch.Certificate, NotAfter: at("2026-12-13T06:00:00Z")}, leads{}, watch.Warning, watch.ExpiresSoon, "expires 2026-12-13 06:00 UTC, in 21 days"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := judgeDates(row.credential, row.explicit, at(now))
			if got.Severity != row.severity || got.Reason != row.reason || got.Message != row.message {
				t.Errorf("got  %s %s %q\nwant %s %s %q", got.Severity, got.Reason, got.Message, row.severity, row.reason, row.message)
			}
		})
	}
}

func TestDaysLeftIsTheFloorOfWholeDays(t *testing.T) {
	now := at("2024-02-29T12:00:00Z")
	for _, row := range []struct {
		notAfter string
		want     int64
	}{
		{"2024-03-01T12:00:00Z", 1}, {"2024-03-01T11:59:59Z", 0}, {"2024-02-29T12:00:00Z", 0},
		{"2024-02-29T11:59:59Z", -1}, {"2024-02-28T12:00:00Z", -1}, {"2024-02-28T11:59:59Z", -2},
		{"2025-03-01T12:00:00Z", 366}, {"9999-12-31T23:59:59Z", 2913114},
	} {
		if got := daysLeft(at(row.notAfter), now); got != row.want {
			t.Errorf("%s is %d days left, want %d", row.notAfter, got, row.want)
		}
	}
	if got := daysLeft(now, now.Add(time.Nanosecond)); got != -1 {
		t.Errorf("a nanosecond past notAfter is %d days left, want -1", got)
	}
}

// Severity never falls while a date draws nearer, whatever the life and the lead times.
func TestSeverityOnlyRisesAsADateDrawsNearer(t *testing.T) {
	lifes := []time.Duration{time.Hour, 24 * time.Hour, 160 * time.Hour, 47 * day, 90 * day, 100 * day, 101 * day, 200 * day, 398 * day, 3650 * day}
	explicit := []*watch.Lead{nil, {Fixed: 0}, {Fixed: 2 * day}, {Fixed: 14 * day}, {Months: 1}, {Months: 6}}
	for _, form := range []watch.Form{watch.Certificate, "client secret"} {
		for _, life := range lifes {
			for _, warn := range explicit {
				notAfter := at("2028-03-31T00:00:00Z")
				credential := watch.Credential{Form: form, NotBefore: notAfter.Add(-life), NotAfter: notAfter}
				grade := 0
				for step := range 2001 {
					now := notAfter.Add(-life + time.Duration(float64(life)*float64(step)/1990))
					got := judgeDates(credential, leads{warn: warn}, now).Severity.Grade()
					if got < grade {
						t.Fatalf("%s, life %v, warn %v: severity falls at %s", form, life, warn, now)
					}
					grade = got
				}
				if grade != watch.Critical.Grade() {
					t.Errorf("%s, life %v, warn %v: not critical once expired", form, life, warn)
				}
			}
		}
	}
}

func TestATokenThatAMachineRenewsIsOverdueLate(t *testing.T) {
	for _, row := range []struct {
		name              string
		form              watch.Form
		life              time.Duration
		warning, critical time.Duration
		reason            watch.Reason
	}{
		{"a projected token of an hour, which a kubelet renews after 48 minutes", watch.AccessToken, time.Hour, 6 * time.Minute, 3 * time.Minute, watch.RenewalOverdue},
		{"a token of a day and a half", watch.AccessToken, 36 * time.Hour, 216 * time.Minute, 108 * time.Minute, watch.RenewalOverdue},
		{"a token of two days, which a kubelet renews after one", watch.AccessToken, 2 * day, 16 * time.Hour, 4 * time.Hour, watch.ExpiresSoon},
		{"a token of a week, which may be a person's", watch.AccessToken, 7 * day, 7 * day / 3, 14 * time.Hour, watch.ExpiresSoon},
		{"a token of a year", watch.AccessToken, 365 * day, 31 * day, 7 * day, watch.ExpiresSoon},
		{"a refresh token of a day", watch.RefreshToken, day, 8 * time.Hour, 2 * time.Hour, watch.ExpiresSoon},
	} {
		t.Run(row.name, func(t *testing.T) {
			notAfter := at("2026-11-30T00:00:00Z")
			credential := watch.Credential{Form: row.form, NotBefore: notAfter.Add(-row.life), NotAfter: notAfter}
			judged := func(before time.Duration) watch.Finding {
				return Judge{}.Finding(Origin{Check: "c"}, credential, notAfter.Add(-before))
			}
			if got := judged(row.warning); got.Severity != watch.Warning || got.Reason != row.reason {
				t.Errorf("%s before its end it is %s %s", row.warning, got.Severity, got.Reason)
			}
			if got := judged(row.warning + time.Second); got.Severity != watch.OK {
				t.Errorf("a second earlier it is %s", got.Severity)
			}
			if got := judged(row.critical); got.Severity != watch.Critical {
				t.Errorf("%s before its end it is %s", row.critical, got.Severity)
			}
			if got := judged(row.critical + time.Second); got.Severity != watch.Warning {
				t.Errorf("a second earlier it is %s", got.Severity)
			}
		})
	}
}
