package incidents

import (
	"slices"
	"time"

	"lapsewatch/watch"
)

// Samples are invented stories, for previews and for trying templates: a draft, each phase,
// one that was reopened, and others that differ in what is the matter.
func Samples() []Story {
	return []Story{
		draftSample(), scheduledSample(), mailSample(), expiredSample(watch.Identified), expiredSample(watch.Monitoring), expiredSample(watch.Over),
		reopenedSample(), ringSample(), numberingSample(), clockSample(), maintainedSample(), bareSample(),
	}
}

// trials are what an operator's template is tried on: the samples, and stories that hold
// nothing, in all phases.
func trials() []Story {
	tried := Samples()
	for _, phase := range watch.Phases() {
		tried = append(tried, Story{Phase: phase})
		full := expiredSample(phase)
		full.Reopened, full.Hidden = true, true
		tried = append(tried, full)
	}
	return tried
}

// at gives an instant of November 2026.
func at(day, hour, minute int) time.Time {
	return time.Date(2026, time.November, day, hour, minute, 0, 0, time.UTC)
}

func portal(status watch.ComponentStatus) watch.Component {
	return watch.Component{ID: "kctbh9vrtdwd", Name: "Customer portal", Status: status}
}

func crmSecret() Cause {
	return Cause{
		FindingID: "directory/7f1c/41ab/secret/9d20", Name: "CRM mail bridge, secret \"prod-2024\"", Check: "directory", Kind: "entra", Reason: watch.Expired,
		Message:  "expired 2026-11-26 11:30 UTC, 4 hours ago; still in use",
		NotAfter: at(26, 11, 30), DaysLeft: -1, Owners: []string{"crm-team@example.com"},
		Remedy: "Add a new secret, deploy it to every service that uses it, then remove the old one.",
		Link:   "https://portal.example.com/apps/41ab/credentials",
	}
}

func crmTimeline() []Entry {
	const name = "CRM mail bridge, secret \"prod-2024\""
	return []Entry{
		{At: at(1, 6, 0), Kind: EntryFound, What: name, Text: "expires 2026-11-26 11:30 UTC, in 25 days"},
		{At: at(1, 6, 1), Kind: EntryTold, What: "mail", Who: "crm-team@example.com"},
		{At: at(1, 6, 1), Kind: EntryUntold, What: "chat", Who: "#crm", Text: "the channel is archived"},
		{At: at(8, 6, 0), Kind: EntryReminded, What: name, Text: "expires 2026-11-26 11:30 UTC, in 18 days"},
		{At: at(9, 9, 12), Kind: EntryAcknowledged, What: name, Who: "sam@example.com", Text: "will be replaced with the release of 24 November"},
		{At: at(24, 18, 0), Kind: EntryChanged, What: "crm.example.com:443", Text: "certificate replaced"},
		{At: at(26, 12, 0), Kind: EntryWorsened, What: name, Text: "expired 2026-11-26 11:30 UTC"},
		{At: at(26, 12, 1), Kind: EntryPhase, Text: string(watch.Identified)},
		{At: at(26, 12, 2), Kind: EntryTold, What: "pager", Who: "crm-on-call"},
	}
}

// expiredSample is one secret of which several components depend.
func expiredSample(phase watch.Phase) Story {
	signIn := Cause{
		FindingID: "sign-ins/crm-mail", Name: "CRM mail", Check: "sign-ins", Kind: "oauth", Reason: watch.SignInSecretExpired,
		Message: "the authorization server says that the client's secret is expired", Owners: []string{"crm-team@example.com", "mail-team@example.com"},
		Remedy: "Replace the client's secret.",
	}
	story := Story{
		Key: "lwkz3q-d4kq37vnzpm3-hgy2c", Instance: "production", Phase: phase,
		Causes: []Cause{crmSecret(), signIn},
		Components: []watch.Component{
			portal(watch.PartialOutage), {ID: "x1", Name: "Order confirmations", Status: watch.MajorOutage}, {ID: "x2", Name: "Ticketing", Status: watch.Degraded},
			{ID: "x3", Name: "Newsletter", Status: watch.Degraded}, {ID: "x4", Name: "Invoicing", Status: watch.Degraded},
		},
		Affected: []string{"crm-sendout", "ticket-intake", "order-confirmations"}, AffectedMore: 4,
		StartedAt: at(26, 11, 30), OpenedAt: at(26, 12, 0), At: at(26, 15, 30), FirstWarned: at(1, 6, 1),
		Acknowledged: &watch.Acknowledgement{By: "sam@example.com", Reason: "will be replaced with the release of 24 November", At: at(9, 9, 12), Until: at(25, 0, 0)},
		Timeline:     crmTimeline(),
	}
	if phase == watch.Monitoring || phase == watch.Over {
		story.RenewedAt, story.At = at(26, 17, 45), at(26, 18, 0)
		for i := range story.Causes {
			story.Causes[i].Good, story.Causes[i].GoodAt = true, at(26, 17, 45)
		}
		story.Timeline = append(story.Timeline,
			Entry{At: at(26, 17, 45), Kind: EntryGood, What: story.Causes[0].Name, Text: "expires 2027-05-25 17:20 UTC, in 179 days"},
			Entry{At: at(26, 17, 45), Kind: EntryPhase, Text: string(watch.Monitoring)},
		)
	}
	if phase == watch.Over {
		story.ResolvedAt, story.At = at(26, 19, 0), at(26, 19, 0)
		story.Timeline = append(story.Timeline, Entry{At: at(26, 19, 0), Kind: EntryPhase, Text: string(watch.Over)})
	}
	return story
}

func reopenedSample() Story {
	story := expiredSample(watch.Identified)
	story.Reopened, story.Acknowledged, story.At = true, nil, at(26, 21, 0)
	story.Components = story.Components[:2]
	story.Timeline = append(slices.Clone(expiredSample(watch.Over).Timeline),
		Entry{At: at(26, 20, 55), Kind: EntryTakenOver}, Entry{At: at(26, 21, 0), Kind: EntryPhase, Text: string(watch.Identified)})
	return story
}

// draftSample still lies ahead, and is shown to staff only.
func draftSample() Story {
	cause := crmSecret()
	cause.Reason, cause.DaysLeft, cause.Message = watch.ExpiresSoon, 6, "expires 2026-11-26 11:30 UTC, in 6 days"
	return Story{
		Key: "lwkz3q-d4kq37vnzpm3-hgy2c", Phase: watch.Investigating, Hidden: true, Causes: []Cause{cause},
		Components: []watch.Component{portal(watch.Operational)}, Affected: []string{"crm-sendout"},
		OpenedAt: at(20, 6, 0), At: at(20, 6, 0), FirstWarned: at(1, 6, 1), Timeline: crmTimeline()[:4],
	}
}

func scheduledSample() Story {
	story := draftSample()
	story.Phase, story.Hidden = watch.Scheduled, false
	story.Window = &watch.Window{From: at(24, 20, 0), Until: at(24, 22, 0)}
	return story
}

// maintainedSample is a maintenance that went as planned.
func maintainedSample() Story {
	story := scheduledSample()
	story.Phase, story.RenewedAt, story.ResolvedAt, story.At = watch.Over, at(24, 20, 40), at(24, 22, 0), at(24, 22, 0)
	story.Causes[0].Good, story.Causes[0].GoodAt = true, at(24, 20, 40)
	return story
}

// mailSample is a symptom of which nobody knows the cause yet, and nobody was warned.
func mailSample() Story {
	return Story{
		Key: "lwkz3q-aaaabbbbcccc-hgy2d", Instance: "production", Phase: watch.Investigating,
		Causes: []Cause{{
			FindingID: "canary/orders", Name: "mail from orders to postmaster@example.net", Check: "canary", Kind: "mailflow", Reason: watch.MailStuck,
			Message: "a mail of 2026-11-22 05:40 UTC has not arrived after 20 minutes; the limit is 10 minutes",
			Remedy:  "Look at the queue of the mail server and at its sign-in to the service that it relays to.",
		}},
		Components: []watch.Component{{ID: "x1", Name: "Order confirmations", Status: watch.Degraded}},
		StartedAt:  at(22, 5, 40), OpenedAt: at(22, 6, 0), At: at(22, 6, 0),
		Timeline: []Entry{
			{At: at(21, 22, 10), Kind: EntryChanged, What: "smtp.example.com:587", Text: "certificate replaced"},
			{At: at(22, 6, 0), Kind: EntryFound, What: "mail from orders to postmaster@example.net", Text: "a mail has not arrived after 20 minutes"},
		},
	}
}

// ringSample hangs on a provider.
func ringSample() Story {
	return Story{
		Key: "lwkz3q-ddddeeeeffff-hgy2e", Phase: watch.Identified,
		Causes: []Cause{
			{FindingID: "rings/b", Name: "ring-b", Check: "rings", Kind: "endpoint", Reason: watch.ResponseTimedOut, Message: "ring-b did not answer within 10 s; ring-a answers in 0.2 s", Owners: []string{"integration@example.com"}},
			{FindingID: "providers/contoso", Name: "Contoso Cloud", Check: "providers", Kind: "upstream", Reason: watch.UpstreamDown, Message: "Contoso Cloud says: power loss in one datacentre"},
		},
		Components: []watch.Component{{ID: "x5", Name: "Integrations", Status: watch.PartialOutage}},
		Affected:   []string{"queue order-confirmations"},
		Upstreams: []Upstream{
			{Name: "Contoso Cloud", Message: "Power loss in one datacentre of West Europe", Link: "https://status.example.net/incidents/42"},
			{Name: "Fabrikam Network", Good: true},
		},
		StartedAt: at(20, 8, 30), OpenedAt: at(20, 8, 35), At: at(20, 9, 30),
		Timeline: []Entry{{At: at(20, 8, 40), Kind: EntryUpstream, What: "Contoso Cloud", Text: "Power loss in one datacentre of West Europe"}},
	}
}

func numberingSample() Story {
	return Story{
		Key: "lwkz3q-gggghhhhiiii-hgy2f", Phase: watch.Investigating,
		Causes: []Cause{{
			FindingID: "schema/mails", Name: "mails.id", Check: "schema", Kind: "schema", Reason: watch.NumberingLost,
			Message: "the column no longer numbers its rows by itself", Owners: []string{"storage@example.com"}, Remedy: "Restore the auto-increment.",
		}},
		Components: []watch.Component{{ID: "x6", Name: "Inbox", Status: watch.MajorOutage}, {ID: "x7", Name: "Archive", Status: watch.Degraded}},
		StartedAt:  at(28, 8, 0), OpenedAt: at(28, 8, 5), At: at(28, 8, 5),
	}
}

func clockSample() Story {
	return Story{
		Key: "lwkz3q-jjjjkkkkllll-hgy2g", Phase: watch.Over,
		Causes: []Cause{
			{FindingID: "fleet/app-3", Name: "app-3.example.com", Check: "fleet", Kind: "clock", Reason: watch.ClockDrift, Message: "365 days ahead of the references", Good: true, GoodAt: at(15, 15, 30)},
			{FindingID: "rows/agents", Name: "agent_status.updated_at", Check: "rows", Kind: "records", Reason: watch.FutureRecords, Message: "12 rows are dated in the future", Good: true, GoodAt: at(15, 18, 20)},
		},
		Components: []watch.Component{{ID: "x8", Name: "Messaging", Status: watch.MajorOutage}},
		StartedAt:  at(15, 13, 50), OpenedAt: at(15, 14, 0), RenewedAt: at(15, 18, 20), ResolvedAt: at(15, 19, 0), At: at(15, 19, 0),
	}
}

// bareSample has nothing but a cause that names nobody.
func bareSample() Story {
	return Story{Key: "lwkz3q-mmmmnnnnoooo-hgy2h", Phase: watch.Investigating, Causes: []Cause{{FindingID: "x/y", Name: "y", Check: "x", Reason: watch.ClaimsMalformed, Message: "a date is no number"}}, At: at(22, 6, 0)}
}
