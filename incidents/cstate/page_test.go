package cstate_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/cstate"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

var rewrite = flag.Bool("update", false, "write the golden files anew")

// at gives a desk with what works there.
func at(t *testing.T, edit func(*cstate.Options)) (*desk, incidents.System, *tickettest.Clock) {
	t.Helper()
	clock := tickettest.NewClock(alerttest.Now())
	d := newDesk(t, clock)
	d.edit = edit
	return d, d.New(t, incidents.Env{Env: alerts.Env{Name: "status", Now: clock.Now}, Source: "example"}, ""), clock
}

func (d *desk) stub(clock *tickettest.Clock, phase watch.Phase, status watch.ComponentStatus) incidents.Stub {
	s := site{desk: d, clock: clock}
	return s.stub(phase, status, "This is "+string(phase)+".\n\nSo it is.")
}

func create(t *testing.T, system incidents.System, stub incidents.Stub) incidents.Remote {
	t.Helper()
	made, err := system.Create(t.Context(), stub)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func update(t *testing.T, system incidents.System, current incidents.Remote, stub incidents.Stub) incidents.Remote {
	t.Helper()
	made, err := system.Update(t.Context(), current, stub)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func requireFailure(t *testing.T, err error, want string) {
	t.Helper()
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || failure.Retryable || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestAPageReadsAsTheGoldenFileSays(t *testing.T) {
	d, system, clock := at(t, nil)
	made := create(t, system, d.stub(clock, watch.Identified, watch.MajorOutage))
	clock.Advance(time.Hour)
	made = update(t, system, made, d.stub(clock, watch.Monitoring, watch.Degraded))
	clock.Advance(time.Hour)
	made = update(t, system, made, d.stub(clock, watch.Over, watch.Operational))
	alerttest.Golden(t, "page.md", []byte(d.read(d.path(made.ID))), *rewrite)
	if made.URL != "https://status.example.com/issues/2026-11-22-"+made.Key+"/" || made.ID != made.Key || filepath.Base(d.path(made.ID)) != "2026-11-22-"+made.Key+".md" {
		t.Errorf("id %s, address %s", made.ID, made.URL)
	}
	if want := []string{"This is identified.\n\nSo it is.", "This is monitoring.\n\nSo it is.", "This is resolved.\n\nSo it is."}; !slices.Equal(made.Texts, want) {
		t.Errorf("texts %q", made.Texts)
	}
}

func TestASeverityIsThatOfTheWorstComponent(t *testing.T) {
	tests := []struct {
		statuses []watch.ComponentStatus
		want     string
	}{
		{[]watch.ComponentStatus{watch.Degraded, watch.MajorOutage}, "down"}, {[]watch.ComponentStatus{watch.PartialOutage}, "disrupted"},
		{[]watch.ComponentStatus{watch.Degraded}, "disrupted"}, {[]watch.ComponentStatus{watch.UnderMaintenance}, "notice"}, {nil, "notice"},
	}
	for _, test := range tests {
		d, system, clock := at(t, nil)
		stub := d.stub(clock, watch.Identified, watch.Operational)
		stub.Components, stub.Impact = nil, ""
		for i, status := range test.statuses {
			stub.Components = append(stub.Components, watch.Component{ID: string(rune('A' + i)), Status: status})
		}
		made := create(t, system, stub)
		if record := d.Records()[0]; record.Phase != test.want || !slices.Equal(made.Components, stub.Components) {
			t.Errorf("%v: severity %s, want %s; components %v", test.statuses, record.Phase, test.want, made.Components)
		}
	}
}

func TestWhatAPersonChangedIsSeen(t *testing.T) {
	tests := []struct {
		name, old, fresh string
		changed          func(was, is incidents.Remote) bool
	}{
		{"resolved", "resolved: false", "resolved: true\nresolvedWhen: 2026-11-22 07:00:00", func(_, is incidents.Remote) bool {
			return !is.Open && is.Phase == watch.Over && is.ResolvedAt.Equal(alerttest.Now().Add(time.Hour))
		}},
		{"no draft any more", "draft: true", "Draft: false", func(_, is incidents.Remote) bool { return !is.Hidden }},
		{"another severity", "severity: down", "severity: notice", func(_, is incidents.Remote) bool { return is.Components[0].Status == watch.UnderMaintenance }},
		{"another system", "- API\n", "- Website\n", func(_, is incidents.Remote) bool { return is.Components[0].ID == "Website" }},
		{"an announcement", "section: issue", "section: issue\ninformational: true", func(_, is incidents.Remote) bool { return is.Phase == "" }},
		{"a further update", "\nThis is", "\nAnna is on it. {{< track \"2026-11-22 07:00:00\" >}}\n\nThis is", func(was, is incidents.Remote) bool { return len(is.Texts) == len(was.Texts)+1 }},
		{"a word behind all", ">}}\n", ">}}\n\nSee the runbook.\n", func(was, is incidents.Remote) bool { return !slices.Equal(is.Texts, was.Texts) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, system, clock := at(t, nil)
			stub := d.stub(clock, watch.Identified, watch.MajorOutage)
			stub.Hidden = true
			made := create(t, system, stub)
			path := d.path(made.ID)
			before := d.read(path)
			after := strings.Replace(before, test.old, test.fresh, 1)
			if after == before {
				t.Fatalf("%q is not in\n%s", test.old, before)
			}
			d.write(path, after)
			read, found, err := system.Read(t.Context(), made.ID)
			if err != nil || !found || !test.changed(made, read) || read.Key != made.Key {
				t.Errorf("error %v, %+v\nwas %+v", err, read, made)
			}
		})
	}
}

func TestWhatPeopleAddedToTheFrontMatterStays(t *testing.T) {
	d, system, clock := at(t, nil)
	made := create(t, system, d.stub(clock, watch.Identified, watch.MajorOutage))
	path := d.path(made.ID)
	d.write(path, strings.Replace(d.read(path), "section: issue", "section: issue\naliases: [/orders/]\nweight: 3", 1))
	update(t, system, made, d.stub(clock, watch.Monitoring, watch.Degraded))
	for _, part := range []string{"/orders/", "weight: 3"} {
		if text := d.read(path); strings.Count(text, part) != 1 {
			t.Errorf("%s is missing in\n%s", part, text)
		}
	}
}

func TestAPageOfOursThatCannotBeReadIsAnErrorAndNotMissing(t *testing.T) {
	d, system, clock := at(t, nil)
	made := create(t, system, d.stub(clock, watch.Identified, watch.MajorOutage))
	path := d.path(made.ID)
	whole := d.read(path)
	for name, broken := range map[string]string{
		"a tab":             strings.Replace(whole, "draft: ", "\tdraft: ", 1),
		"no front matter":   strings.TrimPrefix(whole, "---\n"),
		"an open quote":     strings.Replace(whole, "title: ", `title: "`, 1),
		"other bytes":       strings.Replace(whole, "title: ", "title: \xff", 1),
		"a conflict of Git": strings.Replace(whole, "draft: ", "<<<<<<< HEAD\ndraft: ", 1),
	} {
		t.Run(name, func(t *testing.T) {
			d.write(path, broken)
			_, err := system.List(t.Context(), alerttest.Now())
			requireFailure(t, err, "read "+filepath.Base(path)+", which carries a key of ours: ")
			if _, _, err = system.Read(t.Context(), made.ID); err == nil {
				t.Error("it can be read")
			}
		})
	}
}

func TestOnlyPagesInTheFolderAreTouched(t *testing.T) {
	d, system, clock := at(t, nil)
	stub := d.stub(clock, watch.Identified, watch.MajorOutage)
	made := create(t, system, stub)
	outside := filepath.Join(filepath.Dir(d.folder), "outside.md")
	d.write(outside, d.read(d.path(made.ID)))
	if err := os.Symlink(outside, filepath.Join(d.folder, "link.md")); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"../outside.md", outside, "", ".", "a/b.md", "none.md", "x.txt", ".hidden.md", "a\x00.md"} {
		if _, found, err := system.Read(t.Context(), id); found || err != nil {
			t.Errorf("%q is read: found %t, error %v", id, found, err)
		}
		current := made
		current.ID = id
		if _, err := system.Update(t.Context(), current, stub); err == nil {
			t.Errorf("%q is updated", id)
		}
	}
	current := made
	current.ID = "link.md"
	_, err := system.Update(t.Context(), current, stub)
	requireFailure(t, err, "read link.md: it is no regular file of less than 1 MiB")
	if all, err := system.List(t.Context(), alerttest.Now()); err != nil || len(all) != 1 {
		t.Errorf("%d stubs are listed, error %v", len(all), err)
	}
}

func TestWhatStandsUnderTheNameAlreadyIsLeftAlone(t *testing.T) {
	d, system, clock := at(t, nil)
	stub := d.stub(clock, watch.Identified, watch.MajorOutage)
	path := filepath.Join(d.folder, "2026-11-22-"+stub.Key+".md")
	d.write(path, "Anna's")
	_, err := system.Create(t.Context(), stub)
	requireFailure(t, err, "something stands there already, and is left alone")
	if d.read(path) != "Anna's" {
		t.Error("it was written over")
	}
	stub.Key = "../../etc/passwd"
	_, err = system.Create(t.Context(), stub)
	requireFailure(t, err, "the key is none")
}

func TestWithoutAnInternalFolderNothingForStaffIsKept(t *testing.T) {
	d, system, clock := at(t, func(o *cstate.Options) { o.InternalFolder = "" })
	made := create(t, system, d.stub(clock, watch.Over, watch.Operational))
	note := incidents.Note{Mark: "m", Text: "for staff", At: clock.Now()}
	if err := system.Annotate(t.Context(), made, note); !errors.Is(err, incidents.ErrNoNotes) {
		t.Errorf("note: %v", err)
	}
	if err := system.Draft(t.Context(), made, note); !errors.Is(err, incidents.ErrNoDrafts) {
		t.Errorf("draft: %v", err)
	}
	for _, path := range d.files(filepath.Dir(filepath.Dir(d.folder))) {
		if strings.Contains(d.read(path), "app orders") {
			t.Errorf("%s holds what is for staff", path)
		}
	}
}

func TestAFolderThatIsMissingIsAnError(t *testing.T) {
	d, system, clock := at(t, nil)
	if err := os.RemoveAll(d.folder); err != nil {
		t.Fatal(err)
	}
	_, err := system.List(t.Context(), alerttest.Now())
	requireFailure(t, err, "open the folder: ")
	_, _, err = system.Read(t.Context(), "2026-11-22-a.md")
	requireFailure(t, err, "the folder cannot be opened")
	_, err = system.Create(t.Context(), d.stub(clock, watch.Identified, watch.MajorOutage))
	requireFailure(t, err, "")
}

func TestWrongOptionsAreNamedWithTheirPlaces(t *testing.T) {
	tests := []struct {
		name string
		edit func(*cstate.Options)
		want string
	}{
		{"no folder", func(o *cstate.Options) { o.Folder = "" }, "folder: want a whole path, such as /srv/status/content/issues"},
		{"part of a path", func(o *cstate.Options) { o.Folder = "content/issues" }, "folder: want a whole path"},
		{"an internal folder that is published", func(o *cstate.Options) { o.InternalFolder = "/srv/status/content/issues/staff" }, "internal_folder: want a folder outside of the site that is published"},
		{"an internal folder among the pages", func(o *cstate.Options) { o.InternalFolder = "/srv/status/content/internal" }, "internal_folder: want a folder outside of the site that is published"},
		{"an internal folder among what is published as it is", func(o *cstate.Options) { o.InternalFolder = "/srv/status/static/staff" }, "internal_folder: want a folder outside of the site that is published"},
		{"an internal folder around it", func(o *cstate.Options) { o.InternalFolder = "/srv/status" }, "internal_folder: want a folder outside of the site that is published"},
		{"no address", func(o *cstate.Options) { o.Site = "status.example.com" }, "site: want an address such as https://status.example.com"},
		{"no author", func(o *cstate.Options) { o.Git.Commit = true }, "git.author_email: want one line of 1 to 200 visible characters"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := cstate.Kind.Build(func(into any) error {
				o := into.(*cstate.Options)
				o.Folder = "/srv/status/content/issues"
				test.edit(o)
				return nil
			}, incidents.Env{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
