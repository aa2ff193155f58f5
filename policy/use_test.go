package policy

import (
	"strings"
	"testing"
	"time"

	"lapsewatch/watch"
)

// secretOfTwoYears is a client secret that ends so many days from now.
func secretOfTwoYears(now time.Time, days int) watch.Credential {
	notAfter := now.Add(time.Duration(days) * day)
	return watch.Credential{Form: watch.ClientSecret, NotBefore: notAfter.AddDate(-2, 0, 0), NotAfter: notAfter}
}

func TestANewerSecretIsNoComfortWhileTheOldOneMayBeInUse(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	newer := &watch.Replacement{Name: "2026", NotBefore: now.Add(-day), NotAfter: at("2028-11-01T00:00:00Z")}
	used := watch.Use{State: watch.InUse, LastUsed: at("2026-11-20T09:00:00Z")}
	idle := watch.Use{State: watch.Unused, LastUsed: at("2026-03-01T09:00:00Z")}
	blind := watch.Use{State: watch.UseUnknown, Text: "the sign-in report needs AuditLog.Read.All"}
	off := watch.Use{State: watch.Unusable, Text: "its application is disabled"}
	endless := &watch.Replacement{Name: "old hand", NotBefore: now.Add(-day)}
	for _, row := range []struct {
		name        string
		days        int
		use         watch.Use
		replacement *watch.Replacement
		severity    watch.Severity
		reason      watch.Reason
		message     string
	}{
		{"unused beside a newer one is only to be cleaned up", 20, idle, newer, watch.Notice, watch.Superseded,
			"client secret expires 2026-12-12 06:00 UTC, in 20 days; a newer one, 2026, valid until 2028-11-01 00:00 UTC, stands beside it, and this one is not in use, last on 2026-03-01"},
		{"what was known a few days ago says so", 20, watch.Use{State: watch.Unused, LastUsed: idle.LastUsed, Text: "as of 2026-11-20, when the sign-in report could be read"}, newer, watch.Notice, watch.Superseded,
			"client secret expires 2026-12-12 06:00 UTC, in 20 days; a newer one, 2026, valid until 2028-11-01 00:00 UTC, stands beside it, and this one is not in use, last on 2026-03-01 (as of 2026-11-20, when the sign-in report could be read)"},
		{"in use beside a newer one stays as grave", 20, used, newer, watch.Warning, watch.ExpiresSoon,
			"client secret expires 2026-12-12 06:00 UTC, in 20 days; a newer one, 2026, valid until 2028-11-01 00:00 UTC, stands beside it, but this one is still in use, last on 2026-11-20"},
		{"unknown beside a newer one stays as grave and says why", 20, blind, newer, watch.Warning, watch.ExpiresSoon,
			"client secret expires 2026-12-12 06:00 UTC, in 20 days; a newer one, 2026, valid until 2028-11-01 00:00 UTC, stands beside it, but whether this one is still in use is unknown: the sign-in report needs AuditLog.Read.All"},
		{"nobody asked: unknown all the same", 20, watch.Use{}, newer, watch.Warning, watch.ExpiresSoon,
			"client secret expires 2026-12-12 06:00 UTC, in 20 days; a newer one, 2026, valid until 2028-11-01 00:00 UTC, stands beside it, but whether this one is still in use is unknown"},
		{"expired and used to the end is critical in spite of a newer one", -2, used, newer, watch.Critical, watch.Expired,
			"client secret expired 2026-11-20 06:00 UTC, 2 days ago; a newer one, 2026, valid until 2028-11-01 00:00 UTC, stands beside it, but this one was in use until it expired, last on 2026-11-20"},
		{"expired and unused beside a newer one is a notice", -2, idle, newer, watch.Notice, watch.Superseded,
			"client secret expired 2026-11-20 06:00 UTC, 2 days ago; a newer one, 2026, valid until 2028-11-01 00:00 UTC, stands beside it, and this one is not in use, last on 2026-03-01"},
		{"unused without a newer one stays as grave", 20, idle, nil, watch.Warning, watch.ExpiresSoon,
			"client secret expires 2026-12-12 06:00 UTC, in 20 days; it is not in use, last on 2026-03-01"},
		{"a newer one that is not valid yet takes over nothing", 20, idle, &watch.Replacement{Name: "n", NotBefore: now.Add(day), NotAfter: newer.NotAfter}, watch.Warning, watch.ExpiresSoon,
			"client secret expires 2026-12-12 06:00 UTC, in 20 days; it is not in use, last on 2026-03-01"},
		{"one that ends sooner takes over nothing", 20, idle, &watch.Replacement{Name: "n", NotBefore: now.Add(-day), NotAfter: now.Add(19 * day)}, watch.Warning, watch.ExpiresSoon,
			"client secret expires 2026-12-12 06:00 UTC, in 20 days; it is not in use, last on 2026-03-01"},
		{"one that has expired since takes over nothing", -20, idle, &watch.Replacement{Name: "n", NotBefore: now.Add(-100 * day), NotAfter: now.Add(-day)}, watch.Critical, watch.Expired,
			"client secret expired 2026-11-02 06:00 UTC, 20 days ago; it is not in use, last on 2026-03-01"},
		{"one without an end can take over", 20, idle, endless, watch.Notice, watch.Superseded,
			"client secret expires 2026-12-12 06:00 UTC, in 20 days; a newer one, old hand, which never expires, stands beside it, and this one is not in use, last on 2026-03-01"},
		{"what nothing can use hurts nobody", 2, off, nil, watch.Notice, watch.OutOfService,
			"client secret expires 2026-11-24 06:00 UTC, in 2 days, but nothing can use it: its application is disabled"},
		{"far from its end nothing is said of use", 200, used, newer, watch.OK, "", "client secret expires 2027-06-10 06:00 UTC, in 200 days"},
	} {
		t.Run(row.name, func(t *testing.T) {
			credential := secretOfTwoYears(now, row.days)
			credential.Use, credential.Replacement = row.use, row.replacement
			got := Judge{}.Finding(Origin{Check: "c"}, credential, now)
			if got.Severity != row.severity || got.Reason != row.reason || got.Message != row.message {
				t.Errorf("got  %s %s %q\nwant %s %s %q", got.Severity, got.Reason, got.Message, row.severity, row.reason, row.message)
			}
		})
	}
}

func TestASecretThatExpiredLongAgoIsLeftOver(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	for _, row := range []struct {
		name   string
		days   int
		use    watch.Use
		reason watch.Reason
	}{
		{"29 days after its end it is expired", -29, watch.Use{}, watch.Expired},
		{"30 days after its end it is left over", -30, watch.Use{}, watch.LeftOver},
		{"even if something used it to the end", -30, watch.Use{State: watch.InUse}, watch.LeftOver},
		{"one that has not ended is not left over, whatever its check says", 5, watch.Use{}, watch.ExpiresSoon},
	} {
		t.Run(row.name, func(t *testing.T) {
			credential := secretOfTwoYears(now, row.days)
			credential.LeftOverFrom, credential.Use = credential.NotAfter.Add(30*day), row.use
			if row.days > 0 {
				credential.LeftOverFrom = now
			}
			if got := (Judge{}).Finding(Origin{Check: "c"}, credential, now); got.Reason != row.reason {
				t.Errorf("is %s %s %q", got.Severity, got.Reason, got.Message)
			}
		})
	}
}

func TestItsOwnSecretIsToldOneSeverityEarlier(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	for _, row := range []struct {
		name     string
		life     int
		days     int
		severity watch.Severity
		reason   watch.Reason
	}{
		{"three months ahead it is ok", 730, 90, watch.OK, ""},
		{"six weeks ahead it is a warning already", 730, 45, watch.Warning, watch.ExpiresSoon},
		{"a month ahead it is critical", 730, 30, watch.Critical, watch.ExpiresSoon},
		{"a short-lived one is not a warning from its first day", 60, 50, watch.OK, ""},
		{"a short-lived one warns at two thirds of its life", 60, 39, watch.Warning, watch.ExpiresSoon},
	} {
		t.Run(row.name, func(t *testing.T) {
			notAfter := now.Add(time.Duration(row.days) * day)
			credential := watch.Credential{Form: watch.ClientSecret, NotBefore: notAfter.Add(-time.Duration(row.life) * day), NotAfter: notAfter, Self: true}
			// That another one stands beside it does not help: this is the one in hand.
			credential.Use, credential.Replacement = watch.Use{State: watch.Unused}, &watch.Replacement{NotBefore: now, NotAfter: notAfter.AddDate(1, 0, 0)}
			got := Judge{}.Finding(Origin{Check: "c"}, credential, now)
			if got.Severity != row.severity || got.Reason != row.reason {
				t.Errorf("got %s %s %q", got.Severity, got.Reason, got.Message)
			}
			if says := strings.HasSuffix(got.Message, "; Lapsewatch itself signs in with it, and warns of nothing here once it lapses"); says != (row.severity != watch.OK) {
				t.Errorf("it says %q", got.Message)
			}
		})
	}
}

// A third of the life would then be less than the lead time that was asked for.
func TestItsOwnSecretIsAWarningNoLaterThanItIsCritical(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	own := watch.Credential{Form: watch.ClientSecret, NotBefore: now, NotAfter: now.Add(90 * day), Self: true}
	got := Judge{Settings: Settings{Warn: &watch.Lead{Fixed: 80 * day}}}.Finding(Origin{Check: "c"}, own, now)
	if from := now.Add(10 * day); !got.WarnFrom.Equal(from) || !got.CriticalFrom.Equal(from) {
		t.Errorf("a warning from %s and critical from %s, want both from %s", got.WarnFrom, got.CriticalFrom, from)
	}
}

func TestWhatNeverEndsAndWhatHasNoDateAreToldApart(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	endless := watch.Credential{Form: watch.ClientSecret, NotAfter: at("2299-12-30T23:00:00Z"), Endless: true}
	got := Judge{}.Finding(Origin{Check: "c"}, endless, now)
	if got.Severity != watch.Notice || got.Reason != watch.NeverExpires || got.Message != "client secret never expires (notAfter 2299-12-30 23:00 UTC)" || !got.NeverExpires || !got.WarnFrom.IsZero() {
		t.Errorf("got %+v", got)
	}
	got = Judge{}.Finding(Origin{Check: "c"}, watch.Credential{Form: watch.FederatedCredential}, now)
	if got.Severity != watch.OK || got.Message != "federated credential has no date that it could lapse on" {
		t.Errorf("got %+v", got)
	}
}

func TestAFindingThatNobodyMendedSaysHowItEnded(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	warned := found(watch.Critical, watch.Expired, "a")
	warned.Owners = []string{"owner@example.com"}
	for reason, why := range map[watch.Reason]watch.Why{
		watch.Superseded: "superseded", watch.OutOfService: "out of use", watch.LeftOver: "long expired",
	} {
		_, event := Telling{}.Compare(&Known{Finding: warned}, found(watch.Notice, reason, "a"), now)
		if event == nil || event.Type != watch.Resolved || event.Why != why || len(event.Finding.Owners) != 1 {
			t.Errorf("%s: got %+v, want resolved because %q, told to the owner who was warned", reason, event, why)
		}
	}
}

func TestTheHorizonIsTheLongestLeadTimeInForce(t *testing.T) {
	months, days := watch.Lead{Months: 3}, watch.Lead{Fixed: 120 * day}
	judge := Judge{Settings: Settings{Warn: &months}, Checks: map[string]LeadTimes{"own": {Warn: &days}}}
	if got := (Judge{}).Horizon("any"); got != 31*day {
		t.Errorf("without settings it is %v", got)
	}
	if got := judge.Horizon("any"); got != 93*day {
		t.Errorf("with three months in general it is %v", got)
	}
	if got := judge.Horizon("own"); got != 120*day {
		t.Errorf("with 120 days for the check it is %v", got)
	}
	judge.Settings.Rules = []Rule{{Critical: &watch.Lead{Fixed: 200 * day}}}
	if got := judge.Horizon("own"); got != 200*day {
		t.Errorf("with a rule of 200 days it is %v", got)
	}
}

func TestASecretMadeAheadOfARotationIsNoAlarm(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	ahead := watch.Credential{Form: watch.ClientSecret, NotBefore: now.Add(day), NotAfter: now.AddDate(1, 0, 0)}
	if got := (Judge{}).Finding(Origin{Check: "c"}, ahead, now); got.Severity != watch.Notice || got.Reason != watch.NotYetValid {
		t.Errorf("a client secret is %s %s", got.Severity, got.Reason)
	}
	ahead.Form = watch.Certificate
	if got := (Judge{}).Finding(Origin{Check: "c"}, ahead, now); got.Severity != watch.Critical {
		t.Errorf("a server's certificate is %s", got.Severity)
	}
	ahead.Use = watch.Use{State: watch.Unusable, Text: "its application is disabled"}
	const says = "certificate is not valid before 2026-11-23 06:00 UTC, in 1 day; it expires 2027-11-22 06:00 UTC, in 365 days, but nothing can use it: its application is disabled"
	if got := (Judge{}).Finding(Origin{Check: "c"}, ahead, now); got.Severity != watch.Notice || got.Reason != watch.OutOfService || got.Message != says {
		t.Errorf("one that nothing can use is %s %s %q", got.Severity, got.Reason, got.Message)
	}
	ahead.Self = true
	if got := (Judge{}).Finding(Origin{Check: "c"}, ahead, now); got.Severity != watch.Critical {
		t.Errorf("its own certificate is %s", got.Severity)
	}
}

func TestTheRemedyBelongsToWhatDecides(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	secret := secretOfTwoYears(now, 300)
	secret.Remedy = "Renew it."
	secret.Observations = []watch.Observation{{Reason: watch.NoOwner, Text: "belongs to nobody", Remedy: "Add an owner."}}
	if got := (Judge{}).Finding(Origin{Check: "c"}, secret, now); got.Reason != watch.NoOwner || got.Remedy != "Add an owner." {
		t.Errorf("far from its end: %s, %q", got.Reason, got.Remedy)
	}
	near := secretOfTwoYears(now, 3)
	near.Remedy, near.Observations = secret.Remedy, secret.Observations
	if got := (Judge{}).Finding(Origin{Check: "c"}, near, now); got.Reason != watch.ExpiresSoon || got.Remedy != "Renew it." {
		t.Errorf("near its end: %s, %q", got.Reason, got.Remedy)
	}
}
