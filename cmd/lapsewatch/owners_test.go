package main

import (
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"lapsewatch/internal/faketenant"
)

// noSuchAda is what a mail server says of somebody who has left.
func noSuchAda(to string) error {
	if to == outageOwner {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	return nil
}

// replay makes a pass a day until the day, and wants the team to be told the story.
func (o *outage) replay(until time.Time, story map[string]string, each func(today string)) {
	o.t.Helper()
	for ; o.now.Before(until); o.now = o.now.AddDate(0, 0, 1) {
		today := o.now.Format("01-02")
		each(today)
		if got := told(o.pass(), outageTeam); got != story[today] {
			o.t.Errorf("%s: the team is told %q, want %q", today, got, story[today])
		}
	}
}

// Each mail to the owner is given up after a week; the team has had its own by then.
func TestADeadOwnersMailboxChangesNothingForTheTeam(t *testing.T) {
	ends := time.Date(2025, time.February, 14, 11, 30, 0, 0, time.UTC)
	o := newOutage(t, time.Date(2025, time.January, 14, 6, 0, 0, 0, time.UTC), outageTenant(ends, ends.AddDate(1, 0, 0)))
	o.mails.refuse = noSuchAda
	o.replay(time.Date(2025, time.February, 18, 0, 0, 0, 0, time.UTC), map[string]string{
		"01-15": "opened expires_soon", "01-22": "reminder expires_soon", "01-29": "reminder expires_soon", "02-05": "reminder expires_soon",
		"02-08": "worsened expires_soon", "02-09": "reminder expires_soon", "02-10": "reminder expires_soon", "02-11": "reminder expires_soon",
		"02-12": "reminder expires_soon", "02-13": "reminder expires_soon", "02-14": "reminder expires_soon",
		"02-15": "worsened expired", "02-16": "reminder expired", "02-17": "reminder expired",
	}, func(string) {})
}

func TestTheTeamHearsTheEndAfterTheOwnersMailWasGivenUp(t *testing.T) {
	ends := time.Date(2025, time.February, 14, 11, 30, 0, 0, time.UTC)
	o := newOutage(t, time.Date(2025, time.January, 15, 6, 0, 0, 0, time.UTC), outageTenant(ends, ends.AddDate(1, 0, 0)))
	o.mails.refuse = noSuchAda
	o.replay(time.Date(2025, time.January, 30, 0, 0, 0, 0, time.UTC), map[string]string{
		"01-15": "opened expires_soon", "01-22": "reminder expires_soon", "01-23": "resolved expires_soon removed",
	}, func(today string) {
		if today == "01-23" {
			o.removeOldSecret()
		}
	})
}

func (o *outage) removeOldSecret() {
	o.secretsOfCRM(faketenant.PasswordCredential{KeyID: crmNew, DisplayName: "new", Hint: "n3w", StartDateTime: "2025-01-10T06:00:00Z", EndDateTime: "2026-02-10T06:00:00Z"})
}

// Without the right to read users, the application's owners are not known any more.
func TestAnOwnerWhoWasToldHearsTheEndThoughNobodyKnowsTheOwnersByThen(t *testing.T) {
	ends := time.Date(2025, time.February, 14, 11, 30, 0, 0, time.UTC)
	o := newOutage(t, time.Date(2025, time.January, 15, 6, 0, 0, 0, time.UTC), outageTenant(ends, ends.AddDate(1, 0, 0)))
	for today, want := range []string{"opened expires_soon", "", "", "resolved expires_soon removed"} {
		switch today {
		case 1:
			o.tenant.Change(func(d *faketenant.Directory) {
				d.Grants[scriptClient] = strings.Fields("Application.Read.All AuditLog.Read.All Policy.Read.All")
			})
		case 3:
			o.removeOldSecret()
		}
		if got := told(o.pass(), outageOwner); got != want {
			t.Errorf("day %d: the owner is told %q, want %q", today, got, want)
		}
		o.now = o.now.AddDate(0, 0, 1)
	}
}

// Of what is left over nobody asks Entra for the owners any more.
func TestAnOwnerWhoWasToldHearsTheEndThoughAnotherOwnsItByThen(t *testing.T) {
	ends := time.Date(2025, time.February, 14, 11, 30, 0, 0, time.UTC)
	o := newOutage(t, time.Date(2025, time.February, 12, 6, 0, 0, 0, time.UTC), outageTenant(ends, ends.AddDate(1, 0, 0)))
	const payments = "payments@example.com"
	o.owners = `{name: "*", to: [` + payments + `]}`
	before := o.pass()
	o.now = ends.AddDate(0, 0, 31)
	after := o.pass()
	for recipient, want := range map[string][2]string{
		outageOwner: {"opened expires_soon", "resolved left_over long expired"},
		payments:    {"", "resolved left_over long expired"},
	} {
		if got := [2]string{told(before, recipient), told(after, recipient)}; got != want {
			t.Errorf("%s is told %q, want %q", recipient, got, want)
		}
	}
}
