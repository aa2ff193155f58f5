package policy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"lapsewatch/watch"
)

func found(severity watch.Severity, reason watch.Reason, identity string) watch.Finding {
	return watch.Finding{ID: "c/s", Check: "c", Name: "s", Severity: severity, Reason: reason, Identity: identity}
}

func TestChangesAreTold(t *testing.T) {
	ok := found(watch.OK, "", "a")
	soon := found(watch.Warning, watch.ExpiresSoon, "a")
	near := found(watch.Critical, watch.ExpiresSoon, "a")
	gone := found(watch.Critical, watch.Expired, "a")
	blind := found(watch.Unknown, watch.TimedOut, "")
	soonAndMisnamed := soon
	soonAndMisnamed.Also = []watch.Judgement{{Reason: watch.NameMismatch, Severity: watch.Warning}}
	const hour = time.Hour
	for _, row := range []struct {
		name   string
		passes []watch.Finding
		gap    time.Duration
		told   string
	}{
		{"a healthy subject is never told", []watch.Finding{ok, ok}, day, "- -"},
		{"a notice is shown in reports and never told", []watch.Finding{found(watch.Notice, watch.SelfSigned, "a"), ok}, day, "- -"},
		{"a warning is told once", []watch.Finding{ok, soon, soon, soon}, hour, "- opened - -"},
		{"a first sight that is a warning is told", []watch.Finding{soon}, hour, "opened"},
		{"a warning is repeated weekly", []watch.Finding{soon, soon, soon, soon}, 84 * hour, "opened - reminder -"},
		{"a critical finding is repeated daily", []watch.Finding{near, near, near, near}, 12 * hour, "opened - reminder -"},
		{"a daily job that starts minutes earlier than the day before still reminds", []watch.Finding{near, near, near}, 24*hour - 5*time.Minute, "opened reminder reminder"},
		{"an expired one keeps the same daily cadence", []watch.Finding{gone, gone, gone}, 12 * hour, "opened - reminder"},
		{"warning, critical and expired are each told", []watch.Finding{soon, near, gone}, hour, "opened worsened worsened"},
		{"a further reason is told", []watch.Finding{soon, soonAndMisnamed, soonAndMisnamed}, hour, "opened worsened -"},
		{"a renewed credential ends it", []watch.Finding{soon, found(watch.OK, "", "b")}, hour, "opened resolved:renewed"},
		{"the same credential in order again is corrected", []watch.Finding{found(watch.Warning, watch.NameMismatch, "a"), ok}, hour, "opened resolved:corrected"},
		{"renewed, but again short, improves", []watch.Finding{gone, found(watch.Warning, watch.ExpiresSoon, "b")}, hour, "opened improved:renewed"},
		{"renewed from expired to nearly expired improves", []watch.Finding{gone, found(watch.Critical, watch.ExpiresSoon, "b")}, hour, "opened improved:renewed"},
		{"unreadable from the start is told and ends readable", []watch.Finding{blind, blind, ok}, hour, "opened - resolved:readable again"},
		{"a readable subject that goes dark is told", []watch.Finding{ok, blind, ok}, hour, "- opened resolved:readable again"},
		{"going dark never resolves a warning", []watch.Finding{soon, blind, blind, soon}, hour, "opened worsened - improved:readable again"},
		{"going dark keeps the reminders of what was known", []watch.Finding{near, blind, blind, blind}, 12 * hour, "opened worsened - reminder"},
		{"back in sight and worse is told as worse", []watch.Finding{soon, blind, gone}, hour, "opened worsened worsened"},
		{"back in sight and well is resolved", []watch.Finding{soon, blind, found(watch.OK, "", "b")}, hour, "opened worsened resolved:renewed"},
		{"renewed while nobody could look, and short again, was renewed", []watch.Finding{soon, blind, found(watch.Warning, watch.ExpiresSoon, "b")}, hour, "opened worsened improved:renewed"},
		{"never read before, then a warning, is opened", []watch.Finding{blind, soon}, hour, "opened opened"},
		{"unreadable for another reason is not told again", []watch.Finding{blind, found(watch.Unknown, watch.Refused, "")}, hour, "opened -"},
	} {
		t.Run(row.name, func(t *testing.T) {
			now := at("2026-02-27T06:00:00Z")
			var known *Known
			var told []string
			for _, finding := range row.passes {
				after, event := Telling{}.Compare(known, finding, now)
				known, now = &after, now.Add(row.gap)
				switch {
				case event == nil:
					told = append(told, "-")
				case event.Why != "":
					told = append(told, string(event.Type)+":"+string(event.Why))
				default:
					told = append(told, string(event.Type))
				}
			}
			if got := strings.Join(told, " "); got != row.told {
				t.Errorf("told %s\nwant %s", got, row.told)
			}
		})
	}
}

// Whatever happened before, the same finding again at once tells nobody anything.
func TestTheSamePassAgainTellsNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	severities := []watch.Severity{watch.OK, watch.Notice, watch.Warning, watch.Critical, watch.Unknown}
	reasons := []watch.Reason{watch.ExpiresSoon, watch.Expired, watch.RenewalOverdue, watch.NameMismatch, watch.TimedOut}
	for range 20000 {
		now := at("2028-02-29T00:00:00Z")
		var known *Known
		var last watch.Finding
		for range 1 + random.IntN(6) {
			last = found(severities[random.IntN(5)], reasons[random.IntN(5)], string(rune('a'+random.IntN(3))))
			after, _ := Telling{}.Compare(known, last, now)
			known, now = &after, now.Add(time.Duration(random.IntN(400))*time.Hour)
		}
		after, _ := Telling{}.Compare(known, last, now)
		if _, event := (Telling{}).Compare(&after, last, now); event != nil {
			t.Fatalf("the finding %+v is told again as %s", last, event.Type)
		}
	}
}

func TestAVanishedSubjectIsResolvedOnlyIfItWasTold(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	if _, event := (Telling{}).Vanish(Known{Finding: found(watch.OK, "", "a")}, true, now); event != nil {
		t.Errorf("a healthy subject that vanished is told: %+v", event)
	}
	warned, dark := found(watch.Warning, watch.ExpiresSoon, "a"), found(watch.Unknown, watch.Refused, "")
	warned.Message, warned.Remedy = "certificate expires soon", "Renew it."
	for _, row := range []struct {
		known   Known
		watched bool
		why     watch.Why
	}{
		{Known{Finding: warned}, true, watch.Removed},
		{Known{Finding: found(watch.OK, "", "a"), Blind: watch.Refused}, true, watch.Removed},
		{Known{Finding: dark, Blind: watch.Refused}, true, watch.NoLongerSeen},
		{Known{Finding: warned}, false, watch.NoLongerWatched},
	} {
		_, event := Telling{}.Vanish(row.known, row.watched, now)
		if event == nil || event.Type != watch.Resolved || event.Why != row.why || event.Finding.Remedy != "" {
			t.Errorf("vanished %+v: got %+v, want resolved because %s and nothing left to do", row.known, event, row.why)
		}
	}
	if _, event := (Telling{}).Vanish(Known{Finding: warned}, true, now); event.Finding.Message != "is removed; when it was last looked at: certificate expires soon" {
		t.Errorf("the message is %q", event.Finding.Message)
	}
	if _, event := (Telling{}).Vanish(Known{Finding: warned, Untold: true}, true, now); event != nil {
		t.Errorf("what nobody was told of is resolved: %+v", event)
	}
}

func owned(finding watch.Finding, owners ...string) watch.Finding {
	finding.Owners = owners
	return finding
}

func TestWhoWasToldHearsTheEndWhoeverOwnsItByThen(t *testing.T) {
	soon, near, well := found(watch.Warning, watch.ExpiresSoon, "a"), found(watch.Critical, watch.ExpiresSoon, "a"), found(watch.OK, "", "b")
	const ada, bob, pay = "ada@example.com", "bob@example.com", "payments@example.com"
	telling := Telling{Reminders: Reminders{Settle: watch.Duration(time.Minute)}}
	for _, row := range []struct {
		name      string
		passes    []watch.Finding
		concerned string
	}{
		{"owners that are missing for one pass without event", []watch.Finding{owned(soon, ada), soon, well}, "[ada@example.com]"},
		{"other owners at the end", []watch.Finding{owned(soon, ada), owned(well, pay)}, "[ada@example.com]"},
		{"other owners at better news", []watch.Finding{owned(near, ada), owned(soon, pay)}, "[ada@example.com]"},
		{"all that were told since the opening", []watch.Finding{owned(soon, ada), owned(near, bob, ada), owned(well, pay)}, "[ada@example.com bob@example.com]"},
		{"better news does not end it", []watch.Finding{owned(near, ada), owned(soon, pay), well}, "[ada@example.com payments@example.com]"},
		{"owners that no event named were never told", []watch.Finding{owned(soon, ada), owned(soon, bob), well}, "[ada@example.com]"},
		{"owners of what has ended before", []watch.Finding{owned(soon, ada), well, owned(soon, bob), well}, "[bob@example.com]"},
		{"nobody while it gets worse", []watch.Finding{owned(soon, ada), owned(near, bob)}, "[]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			now := at("2026-11-22T06:00:00Z")
			var known *Known
			var last *watch.Event
			for _, finding := range row.passes {
				after, event := telling.Compare(known, finding, now)
				known, last, now = &after, event, now.Add(time.Hour)
			}
			if last == nil || fmt.Sprint(last.Concerned) != row.concerned {
				t.Errorf("the last event is %+v, want it to concern %s", last, row.concerned)
			}
			if last.Type == watch.Resolved && known.Concerned != nil {
				t.Errorf("after the end, %v are kept", known.Concerned)
			}
		})
	}
}

func TestWhoWasToldHearsThatASubjectIsGone(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	soon := found(watch.Warning, watch.ExpiresSoon, "a")
	known, _ := Telling{}.Compare(nil, owned(soon, "ada@example.com"), now)
	known, _ = Telling{}.Compare(&known, owned(soon, "bob@example.com"), now.Add(time.Hour))
	known, _ = Telling{}.Unseen(known, now.Add(8*day))
	_, event := Telling{}.Vanish(known, true, now.Add(9*day))
	if event == nil || fmt.Sprint(event.Concerned) != "[ada@example.com bob@example.com]" {
		t.Errorf("got %+v, want it to concern Ada and, since the reminder, Bob", event)
	}
}

func TestNoMoreThanFiftyOwnersAreKept(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	var many []string
	for i := range 60 {
		many = append(many, fmt.Sprintf("owner-%02d@example.com", i))
	}
	known, _ := Telling{}.Compare(nil, owned(found(watch.Warning, watch.ExpiresSoon, "a"), many...), now)
	if len(known.Concerned) != 50 || known.Concerned[49] != "owner-49@example.com" {
		t.Errorf("%d are kept: %v", len(known.Concerned), known.Concerned)
	}
}

func TestWhatReachedNobodyIsRaisedAgain(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	soon := found(watch.Warning, watch.ExpiresSoon, "a")
	after, event := Telling{}.Compare(&Known{Finding: soon, ToldAt: now, Untold: true}, soon, now.Add(time.Minute))
	if event == nil || event.Type != watch.Opened || after.Untold {
		t.Errorf("got %+v, known %+v", event, after)
	}
	if _, event := (Telling{}).Compare(&Known{Finding: soon, ToldAt: now, Untold: true}, found(watch.OK, "", "b"), now); event != nil {
		t.Errorf("the end of what nobody was told of is told: %+v", event)
	}
}

func TestDigests(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	event := func(id string, kind watch.EventType, severity watch.Severity, check string, labels map[string]string) watch.Event {
		return watch.Event{ID: id, Type: kind, At: now, Finding: watch.Finding{ID: id, Name: id, Check: check, Kind: "tls", Severity: severity, Reason: watch.ExpiresSoon, Labels: labels}}
	}
	resolved := event("4", watch.Resolved, watch.OK, "web", nil)
	resolved.Previous, resolved.Was = watch.Critical, []watch.Reason{watch.Expired}
	events := []watch.Event{
		resolved, event("1", watch.Opened, watch.Warning, "web", map[string]string{"team": "pay"}),
		event("2", watch.Opened, watch.Critical, "web", nil), event("3", watch.Opened, watch.Unknown, "files", nil),
	}
	mail, hook := Destination{Channel: "mail", Recipients: []string{"a@x.example", "b@x.example"}}, Destination{Channel: "hook", Recipients: []string{""}}
	for _, row := range []struct {
		name   string
		routes []Route
		want   string
	}{
		{"without routes everybody hears everything, resolved last", nil, "mail/a@x.example:2134 mail/b@x.example:2134 hook/:2134"},
		{"a route by severity leaves warnings out but tells the end of a critical one", []Route{{Match: Match{Severity: watch.Critical}, To: []string{"hook"}}}, "hook/:24"},
		{"a route by label", []Route{{Match: Match{Labels: []LabelMatch{{Name: "team", Value: "pay"}}}, To: []string{"hook"}}}, "hook/:1"},
		{"a route by reason tells the end of that reason", []Route{{Match: Match{Reason: watch.Expired}, To: []string{"hook"}}}, "hook/:4"},
		{"a route by check and glob", []Route{{Match: Match{Check: "web", Name: "[12]"}, To: []string{"hook"}}}, "hook/:21"},
		{"two routes to one channel make one digest", []Route{{Match: Match{Check: "files"}, To: []string{"hook"}}, {To: []string{"hook"}}}, "hook/:2134"},
		{"unknown counts as a warning", []Route{{Match: Match{Severity: watch.Warning, Check: "files"}, To: []string{"hook"}}}, "hook/:3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			for _, digest := range Plan(events, Routing{Routes: row.routes}, []Destination{mail, hook}, now) {
				text := fmt.Sprintf("%s/%s:", digest.Channel, digest.Recipient)
				for _, event := range digest.Events {
					text += event.ID
				}
				got = append(got, text)
			}
			if text := strings.Join(got, " "); text != row.want {
				t.Errorf("got  %s\nwant %s", text, row.want)
			}
		})
	}
	first, again := Plan(events, Routing{}, []Destination{mail, hook}, now), Plan(events, Routing{}, []Destination{mail, hook}, now.Add(time.Hour))
	ids := map[string]bool{}
	for i := range first {
		if first[i].ID != again[i].ID {
			t.Errorf("the digest for %s has another id when it is planned again", first[i].Recipient)
		}
		ids[first[i].ID] = true
	}
	if len(ids) != 3 {
		t.Errorf("three digests have %d different ids", len(ids))
	}
}

func TestFindings(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	good := certificate("2026-01-01T00:00:00Z", "2027-03-01T00:00:00Z")
	good.Subject = watch.Subject{ID: "s", Name: "example.com:443", Labels: map[string]string{"team": "own"}}
	misnamed, unneeded, selfSigned, dark := good, good, good, watch.Problem{Subject: good.Subject, Reason: watch.Refused, Err: errors.New("connection refused")}
	misnamed.Observations = []watch.Observation{{Reason: watch.NameMismatch, Text: "is not valid for example.com"}}
	unneeded.Observations = []watch.Observation{{Reason: watch.UnneededExpiring, Text: "is sent with a certificate that expires 2026-12-01", NotAfter: at("2026-12-01T00:00:00Z")}}
	later := unneeded
	later.Observations = []watch.Observation{{Reason: watch.UnneededExpiring, Text: "x", NotAfter: at("2027-02-01T00:00:00Z")}}
	selfSigned.Observations = []watch.Observation{{Reason: watch.SelfSigned, Text: "is self-signed"}}
	accept := Settings{Rules: []Rule{{Match: Match{Reason: watch.SelfSigned, Name: "example.*"}, Severity: watch.OK}, {Match: Match{Reason: watch.Refused}, Severity: watch.OK}}}
	for _, row := range []struct {
		name     string
		settings Settings
		fact     watch.Fact
		severity watch.Severity
		message  string
	}{
		{"a good certificate is ok with its date", Settings{}, good, watch.OK, "certificate expires 2027-03-01 00:00 UTC, in 98 days"},
		{"another condition speaks first and the date follows", Settings{}, misnamed, watch.Warning, "certificate is not valid for example.com; it expires 2027-03-01 00:00 UTC, in 98 days"},
		{"an unneeded certificate near its end is a warning", Settings{}, unneeded, watch.Warning, "certificate is sent with a certificate that expires 2026-12-01; it expires 2027-03-01 00:00 UTC, in 98 days"},
		{"an unneeded certificate far from its end is nothing", Settings{}, later, watch.OK, "certificate expires 2027-03-01 00:00 UTC, in 98 days"},
		{"self-signed is a notice", Settings{}, selfSigned, watch.Notice, "certificate is self-signed; it expires 2027-03-01 00:00 UTC, in 98 days"},
		{"a rule can accept a reason", accept, selfSigned, watch.OK, "certificate expires 2027-03-01 00:00 UTC, in 98 days"},
		{"no rule makes the unreadable ok", accept, dark, watch.Unknown, "could not be read: connection refused"},
		{"a clock within its limit is ok", Settings{}, watch.Clock{Offset: 500 * time.Millisecond, Uncertainty: 600 * time.Millisecond, Reference: "r"}, watch.OK, "clock is 500.0 ms ahead of r (± 600.0 ms)"},
		{"a clock behind by seconds is a warning", Settings{}, watch.Clock{Offset: -2 * time.Second, Reference: "r"}, watch.Warning, "clock is 2.000 s behind r (± 0 s). Further off, one-time passwords (TOTP) are refused (30 s)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := Judge{Settings: row.settings}.Finding(Origin{Check: "c", Kind: "tls", Labels: map[string]string{"team": "all", "env": "prod"}}, row.fact, now)
			if got.Severity != row.severity || got.Message != row.message {
				t.Errorf("got  %s %q\nwant %s %q", got.Severity, got.Message, row.severity, row.message)
			}
			if (got.Remedy == "") != (got.Severity == watch.OK) {
				t.Errorf("severity %s has the remedy %q", got.Severity, got.Remedy)
			}
			if got.ID == "c/s" && (got.Labels["team"] != "own" || got.Labels["env"] != "prod") {
				t.Errorf("labels %v: want the subject's own over the check's", got.Labels)
			}
		})
	}
}

func TestLeadTimesByPrecedence(t *testing.T) {
	d10, d20, d40 := watch.Lead{Fixed: 10 * day}, watch.Lead{Fixed: 20 * day}, watch.Lead{Fixed: 40 * day}
	judge := Judge{
		Settings: Settings{Warn: &d10, Rules: []Rule{{Match: Match{Name: "*.pay.example:443"}, Warn: &d40}}},
		Checks:   map[string]LeadTimes{"web": {Warn: &d20}},
	}
	for _, row := range []struct {
		check, name string
		want        watch.Lead
	}{{"other", "a.example:443", d10}, {"web", "a.example:443", d20}, {"web", "a.pay.example:443", d40}} {
		if got := judge.leadsFor(watch.Finding{Check: row.check, Name: row.name}); *got.warn != row.want {
			t.Errorf("%s of %s warns %s ahead, want %s", row.name, row.check, got.warn, row.want)
		}
	}
}

func TestEveryReasonHasAVerdictAndARemedy(t *testing.T) {
	for _, reason := range watch.Reasons() {
		if verdict := verdicts[reason]; verdict.severity == "" || verdict.remedy == "" {
			t.Errorf("%s has no severity or no remedy", reason)
		}
	}
	if len(verdicts) != len(watch.Reasons()) {
		t.Errorf("%d verdicts for %d reasons", len(verdicts), len(watch.Reasons()))
	}
}

func TestContradictorySettingsAreRefused(t *testing.T) {
	d7, d30 := watch.Lead{Fixed: 7 * day}, watch.Lead{Fixed: 30 * day}
	for _, row := range []struct {
		settings Settings
		want     string
	}{
		{Settings{Warn: &d7, Critical: &d30}, "critical: critical (30d) is a longer lead time than warn (7d)"},
		{Settings{Rules: []Rule{{Match: Match{Name: "x"}}}}, "rules[0]: the rule changes nothing: give warn, critical or severity"},
		{Settings{Rules: []Rule{{Severity: watch.Notice}}}, "rules[0].severity: a fixed severity needs match.reason, so that it hides no other reason"},
		{Settings{Rules: []Rule{{Match: Match{Reason: watch.Refused}, Severity: watch.OK}}}, "rules[0].match.reason: refused means that nobody could look; no rule can grade that"},
		{Settings{Rules: []Rule{{Match: Match{Reason: watch.SelfSigned}, Severity: watch.Unknown}}}, "rules[0].severity: unknown cannot be set by a rule: it means that nobody could look"},
		{Settings{Rules: []Rule{{Match: Match{Reason: watch.Expired}, Warn: &d7}}}, "rules[0].match: lead times are chosen before there is a reason or a severity: match by check, kind, name or labels"},
		{Settings{Rules: []Rule{{Match: Match{Name: "[x"}, Warn: &d7}}}, `rules[0].match.name: glob "[x": syntax error in pattern`},
	} {
		if err := row.settings.Validate(); err == nil || err.Error() != row.want {
			t.Errorf("got  %v\nwant %s", err, row.want)
		}
	}
	if err := (Settings{Warn: &d30, Critical: &d7}).Validate(); err != nil {
		t.Errorf("sensible settings are refused: %v", err)
	}
}

func TestWhatWasKnownIsToldOnceWhileNobodyCanLook(t *testing.T) {
	now := at("2026-11-22T06:00:00Z")
	signIn := watch.Finding{ID: "c/s", Severity: watch.Critical, Reason: watch.SignInSecretExpired, Message: "cannot sign in: its client secret has expired"}
	token := watch.Finding{ID: "c/s", Severity: watch.Critical, Reason: watch.ExpiresSoon, Message: "access token expires 2026-11-25 06:00 UTC, in 4 days", NotAfter: at("2026-11-25T06:00:00Z")}
	soonest := token
	soonest.Severity, soonest.NotAfter = watch.Warning, at("2026-11-22T05:00:00Z")
	fine := token
	fine.Severity, fine.Reason = watch.OK, ""
	for _, row := range []struct {
		name        string
		last        watch.Finding
		message     string
		also        string
		wantsReason watch.Reason
	}{
		{"a sign-in, which has no date", signIn, "could not be read; when it was last read: cannot sign in: its client secret has expired", "was critical when it was last read", watch.SignInSecretExpired},
		{"a token that ends soon", token, "could not be read; when it was last read, its notAfter was 2026-11-25 06:00 UTC, in 3 days", "was critical when it was last read", watch.ExpiresSoon},
		{"a token that has expired since", soonest, "could not be read; when it was last read, its notAfter was 2026-11-22 05:00 UTC, 1 h ago", "is critical by now for its date", watch.Expired},
		{"a token in order", fine, "could not be read; when it was last read, its notAfter was 2026-11-25 06:00 UTC, in 3 days", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			blind := watch.Finding{ID: "c/s", Severity: watch.Unknown, Reason: watch.TimedOut, Message: "could not be read"}
			_, event := Telling{}.Compare(&Known{Finding: row.last, ToldAt: now.Add(-time.Hour), Worst: row.last.Severity}, blind, now)
			if event == nil || event.Finding.Message != row.message {
				t.Fatalf("told %+v", event)
			}
			if row.also == "" && len(event.Finding.Also) != 0 || row.also != "" && (len(event.Finding.Also) != 1 || event.Finding.Also[0] != watch.Judgement{Reason: row.wantsReason, Severity: watch.Critical, Message: row.also}) {
				t.Errorf("also %+v", event.Finding.Also)
			}
		})
	}
}
