package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/watch"
)

// history compares the findings one after the other, so far apart, and says what was told
// of each.
func history(telling Telling, known *Known, begin time.Time, gap time.Duration, findings ...watch.Finding) (*Known, string) {
	var told []string
	for _, finding := range findings {
		after, event := telling.Compare(known, finding, begin)
		known, begin = &after, begin.Add(gap)
		word := "-"
		if event != nil {
			word = string(event.Type)
			if event.Why != "" {
				word += ":" + string(event.Why)
			}
		}
		told = append(told, word)
	}
	return known, strings.Join(told, " ")
}

func TestASubjectThatComesAndGoesIsNotToldAgainAndAgain(t *testing.T) {
	const hour = time.Hour
	twoDays := Telling{Reminders: Reminders{Settle: watch.Duration(48 * hour)}}
	old, renewed := found(watch.Warning, watch.ExpiresSoon, "old"), found(watch.OK, "", "new")
	near, blind := found(watch.Critical, watch.ExpiresSoon, "old"), found(watch.Unknown, watch.TimedOut, "")
	for _, row := range []struct {
		name   string
		gap    time.Duration
		passes []watch.Finding
		told   string
	}{
		{"a content delivery network alternates old and new certificate at every pass", hour,
			[]watch.Finding{old, renewed, old, renewed, old, renewed, old, renewed}, "opened resolved:renewed opened - - - - -"},
		{"it settles and the end is told once it has lasted two days", 12 * hour,
			[]watch.Finding{old, renewed, old, renewed, renewed, renewed, renewed, renewed, renewed}, "opened resolved:renewed opened - - - - resolved:renewed -"},
		{"coming back in between begins the two days anew", 12 * hour,
			[]watch.Finding{old, renewed, old, renewed, renewed, renewed, old, renewed, renewed, renewed, renewed, renewed},
			"opened resolved:renewed opened - - - - - - - - resolved:renewed"},
		{"what comes back after the settling time is news", 72 * hour, []watch.Finding{old, renewed, old, renewed}, "opened resolved:renewed opened resolved:renewed"},
		{"worse than ever before is told at once", hour, []watch.Finding{old, renewed, old, renewed, near, renewed, near}, "opened resolved:renewed opened - worsened - -"},
		{"a host that is out of reach every other time", hour, []watch.Finding{blind, renewed, blind, renewed, blind, renewed}, "opened resolved:readable again opened - - -"},
		{"a warned host that is out of reach every other time", hour, []watch.Finding{old, blind, old, blind, old, blind}, "opened worsened improved:readable again worsened - -"},
		{"reminders go on while it comes and goes", 24 * hour, []watch.Finding{near, renewed, near, renewed, near, near, near}, "opened resolved:renewed opened - reminder reminder reminder"},
		{"two warned certificates that alternate are one warning", hour, []watch.Finding{old, found(watch.Warning, watch.ExpiresSoon, "other"), old}, "opened - -"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, told := history(twoDays, nil, at("2026-02-27T06:00:00Z"), row.gap, row.passes...); told != row.told {
				t.Errorf("told %s\nwant %s", told, row.told)
			}
		})
	}
}

func acknowledgedUntil(until time.Time, identity string) *Acknowledged {
	return &Acknowledged{watch.Acknowledgement{By: "ada", Reason: "planned", At: until.AddDate(0, 0, -14), Until: until}, identity, false}
}

func TestAnAcknowledgementSilencesRemindersAndNothingElse(t *testing.T) {
	begin := at("2026-02-27T06:00:00Z")
	near, gone := found(watch.Critical, watch.ExpiresSoon, "old"), found(watch.Critical, watch.Expired, "old")
	renewed, shortAgain := found(watch.OK, "", "new"), found(watch.Critical, watch.ExpiresSoon, "new")
	blind := found(watch.Unknown, watch.TimedOut, "")
	for _, row := range []struct {
		name   string
		until  string
		passes []watch.Finding
		told   string
		still  bool
	}{
		{"nobody is reminded until it ends", "2026-03-02T06:00:00Z", []watch.Finding{near, near, near}, "- - -", true},
		{"its end is a reminder that says so, and reminders go on", "2026-03-01T06:00:00Z", []watch.Finding{near, near, near, near}, "- - reminder:acknowledgement ended reminder", false},
		{"worse news comes through and ends it", "2026-03-10T06:00:00Z", []watch.Finding{near, gone, gone, gone}, "- worsened reminder reminder", false},
		{"the end of the finding is told and ends it", "2026-03-10T06:00:00Z", []watch.Finding{near, renewed}, "- resolved:renewed", false},
		{"another credential is not acknowledged", "2026-03-10T06:00:00Z", []watch.Finding{near, shortAgain}, "- reminder:acknowledgement ended", false},
		{"a pass that could not look does not end it", "2026-03-10T06:00:00Z", []watch.Finding{near, blind, near}, "- worsened improved:readable again", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			known := &Known{Finding: near, ToldAt: begin.Add(-25 * time.Hour), Acknowledged: acknowledgedUntil(at(row.until), "old")}
			known, told := history(Telling{}, known, begin, 24*time.Hour, row.passes...)
			if told != row.told {
				t.Errorf("told %s\nwant %s", told, row.told)
			}
			if still := known.Acknowledged != nil; still != row.still {
				t.Errorf("acknowledged still: %t, want %t", still, row.still)
			}
		})
	}
}

func TestAnAcknowledgedSubjectThatCannotBeListedIsNotRemindedOf(t *testing.T) {
	begin := at("2026-02-27T06:00:00Z")
	known := Known{Finding: found(watch.Critical, watch.ExpiresSoon, "old"), ToldAt: begin.AddDate(0, 0, -9), Acknowledged: acknowledgedUntil(begin.AddDate(0, 0, 1), "")}
	if _, event := (Telling{}).Unseen(known, begin); event != nil {
		t.Errorf("told %+v", event)
	}
	after, event := Telling{}.Unseen(known, begin.AddDate(0, 0, 1))
	if event == nil || event.Type != watch.Reminder || after.Acknowledged != nil {
		t.Errorf("when it has ended: %+v, acknowledged %+v", event, after.Acknowledged)
	}
}

func TestWhoWasToldOfTheWorstIsToldOfTheEnd(t *testing.T) {
	now := at("2026-02-27T06:00:00Z")
	gone, soon, well := found(watch.Critical, watch.Expired, "a"), found(watch.Warning, watch.ExpiresSoon, "b"), found(watch.OK, "", "c")
	critical, expired := Match{Severity: watch.Critical}, Match{Reason: watch.Expired}
	var known *Known
	for _, finding := range []watch.Finding{gone, soon, found(watch.Unknown, watch.TimedOut, ""), well} {
		after, event := Telling{Reminders: Reminders{Settle: 1}}.Compare(known, finding, now)
		if event == nil || !critical.Event(*event) || !expired.Event(*event) {
			t.Errorf("%s: routes by what it once was do not match %+v", finding.Severity, event)
		}
		known, now = &after, now.Add(time.Hour)
	}
	if known.Worst != "" || known.Reasons != nil {
		t.Errorf("after the end %s and %v are kept", known.Worst, known.Reasons)
	}
	_, event := Telling{Reminders: Reminders{Settle: 1}}.Compare(known, soon, now)
	if event == nil || critical.Event(*event) {
		t.Errorf("what is opened anew matches by its past: %+v", event)
	}
	known = &Known{Finding: soon, Worst: watch.Critical, Reasons: []watch.Reason{watch.Expired}}
	if _, event := (Telling{}).Vanish(*known, true, now); !critical.Event(*event) || !expired.Event(*event) {
		t.Errorf("its removal does not match: %+v", event)
	}
}

func TestTheEventSaysWhoHasTakenNote(t *testing.T) {
	begin := at("2026-02-27T06:00:00Z")
	known := Known{Finding: found(watch.Warning, watch.ExpiresSoon, "a"), ToldAt: begin, Acknowledged: acknowledgedUntil(begin.AddDate(0, 0, 9), "a")}
	_, event := Telling{}.Compare(&known, found(watch.Critical, watch.Expired, "a"), begin)
	if event == nil || event.Finding.Acknowledged != nil {
		t.Errorf("worse news of what was acknowledged is %+v", event)
	}
	_, event = Telling{}.Compare(&known, found(watch.Unknown, watch.TimedOut, ""), begin)
	if event == nil || event.Finding.Acknowledged == nil || event.Finding.Acknowledged.By != "ada" {
		t.Errorf("that nobody can look any more is %+v", event)
	}
}

func TestStandingTellsOfWhatIsOpenAtEveryPass(t *testing.T) {
	ok, soon, blind := found(watch.OK, "", "a"), found(watch.Warning, watch.ExpiresSoon, "a"), found(watch.Unknown, watch.TimedOut, "")
	telling := Telling{Standing: true}
	begin := at("2026-02-27T06:00:00Z")
	known, told := history(telling, nil, begin, time.Hour, ok, soon, soon, blind, blind, soon, ok, ok)
	if want := "- opened standing worsened standing improved:readable again resolved:corrected -"; told != want {
		t.Errorf("told %s\nwant %s", told, want)
	}
	if _, told := history(telling, known, begin.Add(9*time.Hour), time.Hour, soon, ok, soon, ok); told != "opened standing standing standing" {
		t.Errorf("while it comes and goes: %s", told)
	}
	known, _ = history(telling, nil, begin, time.Hour, soon)
	if _, event := telling.Unseen(*known, begin.Add(time.Hour)); event == nil || event.Type != watch.Standing {
		t.Errorf("of what could not be listed: %+v", event)
	}
	known.Acknowledged = acknowledgedUntil(begin.AddDate(0, 0, 9), "")
	if _, told := history(telling, known, begin, time.Hour, soon, soon); told != "- -" {
		t.Errorf("while it is acknowledged: %s", told)
	}
}

func TestWithALostRecordNothingIsNewAndNothingHasEnded(t *testing.T) {
	telling := Telling{RecordLost: true}
	ok, soon, near := found(watch.OK, "", "a"), found(watch.Warning, watch.ExpiresSoon, "a"), found(watch.Critical, watch.ExpiresSoon, "a")
	if _, told := history(telling, nil, at("2026-02-27T06:00:00Z"), time.Hour, soon, soon, near, ok); told != "reminder:record lost - worsened resolved:corrected" {
		t.Errorf("told %s", told)
	}
	if _, told := history(telling, nil, at("2026-02-27T06:00:00Z"), time.Hour, ok, soon); told != "- opened" {
		t.Errorf("told of what was in order %s", told)
	}
}

// Whatever happens to a subject, these hold.
func TestWhateverHappensTellingKeepsItsPromises(t *testing.T) {
	kinds := []watch.Finding{
		found(watch.OK, "", "new"), found(watch.Notice, watch.SelfSigned, "old"), found(watch.Warning, watch.ExpiresSoon, "old"), found(watch.Warning, watch.ExpiresSoon, "new"),
		found(watch.Critical, watch.ExpiresSoon, "old"), found(watch.Critical, watch.Expired, "old"), found(watch.Unknown, watch.TimedOut, ""), found(watch.Unknown, watch.Refused, ""),
	}
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 4))
		telling := Telling{Standing: random.IntN(2) == 0}
		keeper := promises{t: t, seed: seed, telling: telling}
		now := at("2026-02-27T06:00:00Z")
		for range 40 {
			now = now.Add(time.Duration(1+random.IntN(40)) * time.Hour)
			if keeper.known != nil && keeper.known.Bad() && random.IntN(12) == 0 {
				keeper.known.Acknowledged = acknowledgedUntil(now.AddDate(0, 0, random.IntN(6)), "")
			}
			keeper.pass(kinds[random.IntN(len(kinds))], now)
			if t.Failed() {
				return
			}
		}
		for range 12 {
			now = now.Add(12 * time.Hour)
			keeper.pass(kinds[0], now)
		}
		if keeper.known.open() || keeper.openFor > 0 {
			t.Fatalf("seed %d: after six days in order it is still said to be open: %v", seed, keeper.log)
		}
	}
}

// promises follows what was told of one subject.
type promises struct {
	t       *testing.T
	seed    uint64
	telling Telling
	known   *Known
	// openFor is the worst grade that was told since the subject was opened.
	openFor  int
	lastTold time.Time
	log      []string
}

func (p *promises) pass(finding watch.Finding, now time.Time) {
	acknowledged := p.known.acknowledged(finding, now)
	after, event := p.telling.Compare(p.known, finding, now)
	told := watch.EventType("-")
	if event != nil {
		told = event.Type
	}
	p.log = append(p.log, fmt.Sprintf("%s %s/%s: %s", now.Format(time.RFC3339), finding.Severity, finding.Reason, told))
	grade := finding.Severity.Grade()
	person := event != nil && event.Type != watch.Standing
	switch {
	case grade >= 2 && grade > p.openFor && !person:
		p.broken("something graver than ever told was not told")
	case told == watch.Reminder && acknowledged:
		p.broken("a reminder of what is acknowledged")
	case told == watch.Reminder && event.Why == "" && now.Sub(p.lastTold) < 23*time.Hour:
		p.broken("a reminder sooner than its interval")
	case told == watch.Opened && p.openFor > 0 && p.known.Finding.Severity != watch.Unknown:
		p.broken("opened twice")
	case good(told) && p.openFor == 0:
		p.broken("good news of what nobody was told of")
	case told == watch.Standing && !p.telling.Standing:
		p.broken("a standing event that nobody asked for")
	}
	again, twice := p.telling.Compare(&after, finding, now)
	if twice != nil && twice.Type != watch.Standing {
		p.broken(fmt.Sprintf("the same input again tells %s", twice.Type))
	}
	if again.ToldAt != after.ToldAt || !slices.Equal(again.Finding.Reasons(watch.OK), after.Finding.Reasons(watch.OK)) {
		p.broken("the same input again changes what is known")
	}
	if person {
		p.lastTold = now
		p.openFor = max(p.openFor, grade)
		if told == watch.Resolved {
			p.openFor = 0
		}
	}
	p.known = &after
}

func (p *promises) broken(what string) {
	p.t.Helper()
	p.t.Errorf("seed %d: %s:\n%s", p.seed, what, strings.Join(p.log, "\n"))
}

func TestASubjectThatVanishesAndReturnsIsNotToldAgainAndAgain(t *testing.T) {
	now := at("2026-02-27T06:00:00Z")
	soon := found(watch.Warning, watch.ExpiresSoon, "a")
	var known *Known
	var told []string
	for day := range 12 {
		var event *watch.Event
		switch {
		case day%2 == 0 && day < 8:
			after, raised := Telling{}.Compare(known, soon, now)
			known, event = &after, raised
		case known != nil:
			known, event = Telling{}.Vanish(*known, true, now)
		}
		word := "-"
		if event != nil {
			word = string(event.Type)
		}
		told = append(told, word)
		now = now.Add(24 * time.Hour)
	}
	// From the second return on its end is held back until it has lasted three days.
	if got, want := strings.Join(told, " "), "opened resolved opened - - - - - - - resolved -"; got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
	if known == nil || !known.Gone {
		t.Errorf("known is %+v", known)
	}
	if known, event := (Telling{}).Vanish(*known, true, now.AddDate(0, 0, 3)); known != nil || event != nil {
		t.Errorf("after the settling time %+v is known, and %+v told", known, event)
	}
}

func TestWhoAcknowledgedThatNobodyCanLookHasNotAcknowledgedWhatIsThere(t *testing.T) {
	now := at("2026-02-27T06:00:00Z")
	soon := found(watch.Warning, watch.ExpiresSoon, "a")
	known := &Known{Finding: soon, Blind: watch.TimedOut, ToldAt: now, Worst: watch.Warning, Acknowledged: acknowledgedUntil(now.AddDate(0, 0, 60), "a")}
	known.Acknowledged.Blind = true
	blind := found(watch.Unknown, watch.TimedOut, "")
	after, told := history(Telling{}, known, now.AddDate(0, 0, 8), 24*time.Hour, blind, soon, soon)
	if told != "- improved:readable again -" || after.Acknowledged != nil {
		t.Errorf("told %s, acknowledged %+v", told, after.Acknowledged)
	}
}

func TestWhatNobodyWasToldOfIsOpenedThoughItCannotBeListed(t *testing.T) {
	now := at("2026-02-27T06:00:00Z")
	known := Known{Finding: found(watch.Critical, watch.ExpiresSoon, "a"), ToldAt: now, Untold: true}
	after, event := Telling{}.Unseen(known, now.Add(time.Hour))
	if event == nil || event.Type != watch.Opened || after.Untold {
		t.Errorf("told %+v", event)
	}
}
