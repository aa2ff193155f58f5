package cstate_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/cstate"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/stubtest"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

const crm = "crm.example.com:443"

// openStory puts the machinery of a run in front of a desk.
func openStory(t *testing.T) (*stubtest.Desk, *desk) {
	t.Helper()
	var d *desk
	story := stubtest.Open(t, incidenttest.Suite{
		Desk: func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk {
			d = newDesk(t, clock)
			return d
		},
		NoSubscribers: true,
	})
	return story, d
}

// onePage is the only file of the folder.
func (d *desk) onePage() string {
	d.t.Helper()
	all := d.files(d.folder)
	if len(all) != 1 {
		d.t.Fatalf("there are %d files: %v", len(all), all)
	}
	return all[0]
}

func TestAPageThatWasRenamedIsTheSameStub(t *testing.T) {
	story, d := openStory(t)
	story.MustPass(story.Soon(crm))
	story.MustPass(story.Expired(crm))
	renamed := filepath.Join(d.folder, "crm-outage.md")
	if err := os.Rename(d.onePage(), renamed); err != nil {
		t.Fatal(err)
	}
	story.MustPass(story.Expired(crm))
	for range 3 {
		story.MustPass(story.Well(crm))
	}
	if d.onePage() != renamed || story.WantOne(false).Open {
		t.Errorf("it stands in %s", d.onePage())
	}
	stubs, err := story.Ledger.Stubs(t.Context(), story.Clock.Now().AddDate(-1, 0, 0))
	if err != nil || len(stubs) != 1 || !stubs[0].There.TakenOver.IsZero() {
		t.Errorf("error %v, the ledger knows %+v", err, stubs)
	}
}

func TestAKeyThatWasRemovedIsNotAPageThatWasDeleted(t *testing.T) {
	d, system, clock := at(t, nil)
	stub := d.stub(clock, watch.Identified, watch.MajorOutage)
	made := create(t, system, stub)
	path := d.path(made.ID)
	d.write(path, strings.Replace(d.read(path), "  key: "+made.Key, "  key: none", 1))
	read, found, err := system.Read(t.Context(), made.ID)
	if err != nil || !found || read.Key != "" || read.Title != made.Title {
		t.Errorf("found %t, error %v, %+v", found, err, read)
	}
	_, err = system.Update(t.Context(), made, stub)
	requireFailure(t, err, filepath.Base(path)+" does not carry the key "+made.Key+" any more, and is left alone")
}

func TestACopiedPageIsToldAndNeitherIsWritten(t *testing.T) {
	story, d := openStory(t)
	story.MustPass(story.Expired(crm))
	ours := d.onePage()
	before := d.read(ours)
	mine := regexp.MustCompile(`(?m)^title: .*$`).ReplaceAllString(before, "title: Power failure in Lyon")
	mine = mine[:strings.LastIndex(mine, "---\n")] + "---\n\nThe generators are running. Written by Anna. {{< track \"2026-11-22T07:30:00Z\" >}}\n"
	copied := filepath.Join(d.folder, "2026-11-22-power.md")
	d.write(copied, mine)
	key := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(ours), "2026-11-22-"), ".md")
	want := "the files 2026-11-22-" + key + ".md, 2026-11-22-power.md carry the same key " + key + ", and none of them is touched: " +
		`remove the part "lapsewatch" from the front matter of each that is not this stub`
	for _, finding := range []func(string) watch.Finding{story.Expired, story.Well, story.Well} {
		problems := story.Pass(finding(crm))
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), want) {
			t.Errorf("problems %v\nwant     %s", problems, want)
		}
		if d.read(ours) != before || d.read(copied) != mine {
			t.Fatalf("one of them was written:\n%s\n%s", d.read(ours), d.read(copied))
		}
	}
	d.write(copied, regexp.MustCompile(`(?s)lapsewatch:\n.*?\n---\n`).ReplaceAllString(mine, "---\n"))
	for range 3 {
		story.MustPass(story.Well(crm))
	}
	if story.WantOne(false); strings.Contains(d.read(copied), "resolved: true") {
		t.Errorf("the copy was closed:\n%s", d.read(copied))
	}
}

func TestAnExactCopyIsNotCommitted(t *testing.T) {
	s, system := newShared(t)
	made := create(t, system, s.stub(s.clock, watch.Identified, watch.MajorOutage))
	s.write(filepath.Join(s.folder, "copy.md"), s.read(s.path(made.ID)))
	if all, err := system.List(t.Context(), alerttest.Now()); err != nil || len(all) != 0 {
		t.Errorf("error %v, listed %+v", err, all)
	}
	if got := git(t, s.bare, "ls-tree", "-r", "--name-only", "main"); strings.Contains(got, "copy.md") {
		t.Errorf("the remote holds\n%s", got)
	}
	_, err := system.Create(t.Context(), s.stub(s.clock, watch.Identified, watch.MajorOutage))
	requireFailure(t, err, "something stands there already")
}

func TestWhatAPersonWroteIsNotWrittenOver(t *testing.T) {
	d, system, clock := at(t, nil)
	made := create(t, system, d.stub(clock, watch.Identified, watch.MajorOutage))
	path := d.path(made.ID)
	edited := strings.Replace(d.read(path), "This is identified.", "Anna: failing over to Paris.", 1)
	d.write(path, edited)
	over := d.stub(clock, watch.Over, watch.Operational)
	_, err := system.Update(t.Context(), made, over)
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	want := filepath.Base(path) + " was changed by a person, and is left to them: close it by hand when it is over"
	if !ok || !failure.Retryable || !strings.Contains(err.Error(), want) {
		t.Errorf("of what the runner has not seen yet, error %v", err)
	}
	seen, _, err := system.Read(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = system.Update(t.Context(), seen, over)
	requireFailure(t, err, want)
	if got := d.read(path); got != edited {
		t.Errorf("it is\n%s", got)
	}
}

func TestPagesThatAreNotOursStopNothing(t *testing.T) {
	for name, content := range map[string]string{
		"in TOML":                   "+++\ntitle = \"Follow-up\"\n+++\nSee [the incident](/issues/KEY/), opened by lapsewatch.\n",
		"in TOML with our part":     "+++\n[lapsewatch]\nkey = \"KEY\"\n+++\n",
		"in JSON":                   "{\"title\": \"lapsewatch KEY\",}\n\nText\n",
		"in Org":                    "#+title: lapsewatch KEY\n",
		"broken, and speaks of one": "---\ntitle: \"lapsewatch KEY\nkey: KEY\n---\nlapsewatch\n",
		"without a front matter":    "Our runbook of lapsewatch: see KEY\n",
	} {
		t.Run(name, func(t *testing.T) {
			story, d := openStory(t)
			story.MustPass(story.Expired(crm))
			d.write(filepath.Join(d.folder, "followup.md"), strings.ReplaceAll(content, "KEY", d.key()))
			for range 3 {
				story.MustPass(story.Well(crm))
			}
		})
	}
}

// key is that of the only page.
func (d *desk) key() string {
	return strings.TrimPrefix(strings.TrimSuffix(filepath.Base(d.onePage()), ".md"), "2026-11-22-")
}

func TestADraftThatBeginsToHurtBeganThen(t *testing.T) {
	d, system, clock := at(t, nil)
	found := d.stub(clock, watch.Identified, watch.Degraded)
	found.Hidden, found.StartedAt = true, clock.Now()
	made := create(t, system, found)
	clock.Advance(48 * time.Hour)
	hurts := d.stub(clock, watch.Identified, watch.MajorOutage)
	hurts.StartedAt = clock.Now().Add(-time.Hour)
	made = update(t, system, made, hurts)
	d.wantDate(made, "2026-11-24T05:00:00Z")
	clock.Advance(time.Hour)
	over := d.stub(clock, watch.Over, watch.Operational)
	over.StartedAt = clock.Now()
	made = update(t, system, made, over)
	d.wantDate(made, "2026-11-24T05:00:00Z")
}

func TestADateThatAPersonSetStays(t *testing.T) {
	d, system, clock := at(t, nil)
	found := d.stub(clock, watch.Identified, watch.Degraded)
	found.Hidden = true
	made := create(t, system, found)
	path := d.path(made.ID)
	d.write(path, strings.Replace(d.read(path), "date: 2026-11-22T05:00:00Z", "date: 2026-11-20", 1))
	clock.Advance(48 * time.Hour)
	hurts := d.stub(clock, watch.Identified, watch.MajorOutage)
	hurts.StartedAt = clock.Now()
	d.wantDate(update(t, system, made, hurts), "2026-11-20T00:00:00Z")
}

func (d *desk) wantDate(remote incidents.Remote, want string) {
	d.t.Helper()
	if text := d.read(d.path(remote.ID)); !strings.Contains(text, "\ndate: "+want+"\n") {
		d.t.Errorf("want the date %s in\n%s", want, text)
	}
}

func TestAComponentMayBeNamedLikeOurOwnLines(t *testing.T) {
	for _, name := range []string{"sum", "said", "key", "lapsewatch"} {
		d, system, clock := at(t, nil)
		stub := d.stub(clock, watch.Identified, watch.Degraded)
		stub.Components = []watch.Component{{ID: name, Status: watch.Degraded}}
		made := create(t, system, stub)
		if made.Key != stub.Key || len(made.Components) != 1 || made.Components[0] != stub.Components[0] {
			t.Errorf("%s: %+v", name, made)
		}
		update(t, system, made, d.stub(clock, watch.Over, watch.Operational))
	}
}

func TestNothingForStaffIsWrittenWhereItIsPublished(t *testing.T) {
	tests := []struct {
		name  string
		place func(d *desk) (internal, top string)
	}{
		{"within a site that Hugo builds", func(d *desk) (internal, top string) {
			top = filepath.Join(filepath.Dir(d.internal), "pages")
			d.folder = filepath.Join(top, "issues")
			d.mkdir(d.folder)
			d.write(filepath.Join(top, "hugo.toml"), "")
			return filepath.Join(top, "static"), top
		}},
		{"by a link", func(d *desk) (internal, top string) {
			top = filepath.Dir(filepath.Dir(d.folder))
			d.mkdir(filepath.Join(top, "static"))
			link := filepath.Join(filepath.Dir(d.internal), "link")
			if err := os.Symlink(filepath.Join(top, "static"), link); err != nil {
				d.t.Fatal(err)
			}
			return link, top
		}},
		{"within the clone that is committed to", func(d *desk) (internal, top string) {
			top = filepath.Dir(d.internal)
			git(d.t, top, "init", "--quiet", "--initial-branch=main")
			return d.internal, top
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clock := tickettest.NewClock(alerttest.Now())
			d := newDesk(t, clock)
			internal, top := test.place(d)
			d.mkdir(internal)
			d.internal = internal
			d.edit = func(o *cstate.Options) { o.Git.Commit, o.Git.AuthorEmail = true, "lapsewatch@example.com" }
			system := d.New(t, incidents.Env{Env: alerts.Env{Name: "status", Now: clock.Now}, Source: "example"}, "")
			_, err := system.Create(t.Context(), d.stub(clock, watch.Identified, watch.MajorOutage))
			requireFailure(t, err, "nothing for staff is written into internal_folder "+internal+", because it is within "+top+", which is published: give a folder elsewhere")
			if left, err := os.ReadDir(internal); err != nil || slices.ContainsFunc(left, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), ".md") }) {
				t.Errorf("error %v, there is %v", err, left)
			}
		})
	}
}

func (d *desk) mkdir(folder string) {
	d.t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		d.t.Fatal(err)
	}
}
