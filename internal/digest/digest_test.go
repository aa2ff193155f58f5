package digest_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

func TestFitFindsTheLargestNumberThatFits(t *testing.T) {
	for _, test := range []struct {
		name               string
		events, most, room int
		want               int
	}{
		{"nothing fits", 5, 100, 0, 0},
		{"some fit", 5, 100, 3, 3},
		{"all fit", 5, 100, 100, 5},
		{"no more than the service takes", 500, 90, 1000, 90},
		{"a service that takes none", 5, 0, 100, 0},
		{"a frame that leaves less than no room", 5, -2, 100, 0},
		{"no events", 0, 100, 100, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			message := alerts.Message{Events: make([]watch.Event, test.events)}
			asked := 0
			got := digest.Fit(message, test.most, func(shown int) bool {
				asked++
				return shown <= test.room
			})
			if got != test.want {
				t.Errorf("%d events, want %d", got, test.want)
			}
			if asked > 10 {
				t.Errorf("it was tried %d times", asked)
			}
		})
	}
}

func TestWhatDoesNotFitIsCountedAndTheMostUrgentStay(t *testing.T) {
	message := alerttest.Large(7)
	for shown, want := range map[int]string{
		7: "", 9: "",
		6:  "1 more, the least urgent, is not listed here: see " + alerttest.ReportURL,
		2:  "5 more, the least urgent, are not listed here: see " + alerttest.ReportURL,
		-1: "7 more, the least urgent, are not listed here: see " + alerttest.ReportURL,
	} {
		told := digest.New(message, alerttest.Env(nil, nil), shown)
		if got := told.Rest(); got != want {
			t.Errorf("of %d shown: rest %q, want %q", shown, got, want)
		}
		var names []string
		for _, group := range told.Groups {
			for _, entry := range group.Entries {
				names = append(names, entry.Name)
			}
		}
		var first []string
		for at := range min(max(shown, 0), 7) {
			first = append(first, fmt.Sprintf("host-%03d.example.com:443", at))
		}
		if !slices.Equal(names, first) {
			t.Errorf("of %d shown: %q", shown, names)
		}
		if want := "Lapsewatch: 3 critical, 4 warnings - first expires 2026-11-26 (4 days)"; told.Title() != want {
			t.Errorf("title %q, want %q: what is left out counts too", told.Title(), want)
		}
	}
	if got, want := digest.New(message, alerts.Env{}, 6).Rest(), "1 more, the least urgent, is not listed here: see the run's own report (lapsewatch run --output html --out FILE)."; got != want {
		t.Errorf("without a report: %q, want %q", got, want)
	}
}

func TestTitleTellsCountsAndTheFirstDate(t *testing.T) {
	at := func(kind watch.EventType, severity watch.Severity, days int64) watch.Event {
		notAfter := alerttest.Now().Add(time.Duration(days) * 24 * time.Hour)
		return watch.Event{Type: kind, Finding: watch.Finding{Severity: severity, NotAfter: notAfter, DaysLeft: &days}}
	}
	dateless := watch.Event{Type: watch.Opened, Finding: watch.Finding{Severity: watch.Unknown}}
	undated := at(watch.Opened, watch.Critical, 3)
	undated.Finding.DaysLeft = nil
	never := at(watch.Opened, watch.Warning, 99_999)
	never.Finding.NeverExpires = true
	for _, test := range []struct {
		name   string
		events []watch.Event
		test   bool
		want   string
	}{
		{"a single warning", []watch.Event{at(watch.Opened, watch.Warning, 30)}, false, "Lapsewatch: 1 warning - first expires 2026-12-22 (30 days)"},
		{"the earliest of several dates", []watch.Event{at(watch.Opened, watch.Critical, 21), at(watch.Opened, watch.Warning, 20)}, false, "Lapsewatch: 1 critical, 1 warning - first expires 2026-12-12 (20 days)"},
		{"a date that has passed", []watch.Event{at(watch.Opened, watch.Critical, -3)}, false, "Lapsewatch: 1 critical - first expired 2026-11-19 (2 days ago)"},
		{"a date without days", []watch.Event{undated}, false, "Lapsewatch: 1 critical - first expires 2026-11-25"},
		{"what is resolved dates nothing", []watch.Event{at(watch.Resolved, watch.OK, 3), dateless}, false, "Lapsewatch: 1 unreadable, 1 resolved"},
		{"a date that stands for never", []watch.Event{never}, false, "Lapsewatch: 1 warning"},
		{"each kind in its order", []watch.Event{at(watch.Improved, watch.OK, 9), at(watch.Reminder, watch.Notice, 9), at(watch.Reminder, watch.Notice, 9)}, false, "Lapsewatch: 2 notices, 1 in order - first expires 2026-12-01 (9 days)"},
		{"a test", []watch.Event{dateless}, true, "Lapsewatch test: 1 unreadable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := digest.New(alerts.Message{Events: test.events, Test: test.test}, alerts.Env{}, 9).Title(); got != test.want {
				t.Errorf("title %s\nwant  %s", got, test.want)
			}
		})
	}
}

func TestAnEntrySaysWhatIsNew(t *testing.T) {
	for _, test := range []struct {
		event watch.Event
		want  string
	}{
		{watch.Event{Type: watch.Opened}, "new"},
		{watch.Event{Type: watch.Worsened, Previous: watch.Warning}, "worse than before: was warning"},
		{watch.Event{Type: watch.Worsened}, "worse than before: was ok"},
		{watch.Event{Type: watch.Worsened, Previous: watch.Critical, Finding: watch.Finding{Severity: watch.Unknown}}, "cannot be looked at now: was critical"},
		{watch.Event{Type: watch.Improved, Why: watch.ReadableAgain, Previous: watch.Critical, Finding: watch.Finding{Severity: watch.Critical}}, "readable again, still critical"},
		{watch.Event{Type: watch.Improved, Why: watch.Renewed, Previous: watch.Critical, Finding: watch.Finding{Severity: watch.Critical}}, "renewed, still critical"},
		{watch.Event{Type: watch.Worsened, Previous: watch.Warning, Was: []watch.Reason{watch.ExpiresSoon, watch.TimedOut}, Finding: watch.Finding{
			Severity: watch.Unknown, Also: []watch.Judgement{{Reason: watch.Expired, Severity: watch.Critical}},
		}}, "has expired meanwhile"},
		{watch.Event{Type: watch.Improved, Why: watch.ReadableAgain, Previous: watch.Unknown, Finding: watch.Finding{Severity: watch.Warning}}, "better than before: was unknown"},
		{watch.Event{Type: watch.Improved, Previous: watch.Critical}, "better than before: was critical"},
		{watch.Event{Type: watch.Reminder}, "reminder"},
		{watch.Event{Type: watch.Reminder, Why: watch.RecordLost}, "reminder, record lost"},
		{watch.Event{Type: watch.Standing}, "still so"},
		{watch.Event{Type: watch.Resolved, Why: watch.Renewed}, "renewed"},
		{watch.Event{Type: watch.Resolved}, "corrected"},
		{watch.Event{Type: "strange\r\n"}, "strange\uFFFD"},
	} {
		if got := digest.NewEntry(test.event).Change; got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.event.Type, test.event.Previous, got, test.want)
		}
	}
}

func TestGroupsAreInTheOrderOfTheirUrgencyAndOthersAreNotThere(t *testing.T) {
	var titles []string
	for _, group := range digest.New(alerttest.Message(), alerts.Env{}, 9).Groups {
		titles = append(titles, fmt.Sprintf("%s %d", group.Title, len(group.Entries)))
	}
	if want := []string{"Critical 1", "Warning 2", "Could not be read 1", "Resolved 1"}; !slices.Equal(titles, want) {
		t.Errorf("groups %q, want %q", titles, want)
	}
}

func TestOnlySoManyOwnersAndJudgementsAreNamed(t *testing.T) {
	finding := watch.Finding{Severity: watch.Warning}
	for i := range 7 {
		finding.Owners = append(finding.Owners, fmt.Sprint("owner ", i))
		finding.Also = append(finding.Also, watch.Judgement{Message: fmt.Sprint("judgement ", i)})
	}
	entry := digest.NewEntry(watch.Event{Finding: finding})
	if want := "owner 0, owner 1, owner 2, owner 3, owner 4, 2 more"; entry.Owners != want {
		t.Errorf("owners %q, want %q", entry.Owners, want)
	}
	if len(entry.Also) != 5 || entry.Also[4] != "judgement 4" {
		t.Errorf("also %q", entry.Also)
	}
}

func TestAKeyIsStableAndOfAFormThatEveryServiceTakes(t *testing.T) {
	if got, want := digest.Key("public-sites/shop.example.com:443"), "lapsewatch-82a9fc84ef4a12791151e2c834eea353"; got != want {
		t.Errorf("key %s, want %s: services find what they keep by it", got, want)
	}
	form := regexp.MustCompile(`^lapsewatch-[0-9a-f]{32}$`)
	for _, id := range []string{"", "a\x00b", strings.Repeat("long", 10_000)} {
		if got := digest.Key(id); !form.MatchString(got) {
			t.Errorf("key %s", got)
		}
	}
}

func TestF15_HostileTextsComeOutCleanBoundedAndInOneLine(t *testing.T) {
	message := alerttest.HostileMessage()
	message.Note, message.Channel, message.Test = message.Events[0].Finding.Name, message.Events[1].Finding.Name, true
	for i := range message.Events {
		finding := &message.Events[i].Finding
		finding.Check, finding.Kind = finding.Name, finding.Name
		finding.Details["offset_seconds"], finding.Details["reference"] = float64(i), finding.Name
	}
	env := alerttest.Env(nil, nil)
	env.ReportURL = "javascript:alert(1)"
	told := digest.New(message, env, len(message.Events))
	if told.ReportURL != "" || told.TestNotice() == "" {
		t.Errorf("report %q, notice %q", told.ReportURL, told.TestNotice())
	}
	document, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	if len(told.Clocks) == 0 || strings.Contains(strings.Join(told.Clocks, ""), "`") {
		t.Errorf("plot of clocks %q", told.Clocks)
	}
	for _, text := range append(alerttest.JSONTexts(t, document), told.Title(), told.Rest(), told.Footer()) {
		alerttest.AssertHarmless(t, text, "\n", "\r", "\t")
		if runes := len([]rune(text)); runes > 1000 {
			t.Errorf("a text has %d runes: %s…", runes, text[:50])
		}
	}
	for _, group := range told.Groups {
		for _, entry := range group.Entries {
			if entry.Link != "" {
				t.Errorf("link %q", entry.Link)
			}
		}
	}
}

func TestTheFooterSaysWhichInstallationSpeaks(t *testing.T) {
	for instance, want := range map[string]string{
		"":                        "Lapsewatch 1.2.3, channel operations, as of 2026-11-22 06:00 UTC",
		"web-7":                   "Lapsewatch 1.2.3 on web-7, channel operations, as of 2026-11-22 06:00 UTC",
		"a\r\nb\x1b[31m":          "Lapsewatch 1.2.3 on a\uFFFDb\uFFFD[31m, channel operations, as of 2026-11-22 06:00 UTC",
		strings.Repeat("ü", 1000): "Lapsewatch 1.2.3 on " + strings.Repeat("ü", 99) + "…, channel operations, as of 2026-11-22 06:00 UTC",
	} {
		env := alerttest.Env(nil, nil)
		env.Instance = instance
		if got := digest.New(alerttest.Message(), env, 1).Footer(); got != want {
			t.Errorf("footer %s\nwant   %s", got, want)
		}
	}
}

func TestWhatNobodyWatchesAnyMoreIsNoGoodNews(t *testing.T) {
	message := alerttest.Message()
	unwatched := message.Events[4]
	unwatched.Why, unwatched.Finding.Name = watch.NoLongerWatched, "left.example.com:443"
	message.Events = append(message.Events, unwatched)
	told := digest.New(message, alerttest.Env(nil, nil), 6)
	if want := "1 critical, 2 warnings, 1 unreadable, 1 resolved, 1 no longer watched"; told.Counts != want {
		t.Errorf("counts %s, want %s", told.Counts, want)
	}
	last := told.Groups[len(told.Groups)-1]
	if last.Severity != digest.Unwatched || last.Title != "No longer watched" || last.Colour != "#1f5fa8" || len(last.Entries) != 1 {
		t.Errorf("group %+v", last)
	}
	if want := "No longer watched: left.example.com:443 (its check is not configured any more, or has another name)"; last.Entries[0].Headline != want {
		t.Errorf("headline %s\nwant     %s", last.Entries[0].Headline, want)
	}
	if !digest.Over(digest.Unwatched) || !digest.Over(digest.Resolved) || digest.Over(watch.OK) {
		t.Error("what is over is not told from what is not")
	}
}
