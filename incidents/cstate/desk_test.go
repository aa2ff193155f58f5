package cstate_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"go.yaml.in/yaml/v4"
	"golang.org/x/net/html"

	"lapsewatch/incidents"
	"lapsewatch/incidents/cstate"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// desk is the folder of a status page, with another one for staff.
type desk struct {
	t                *testing.T
	folder, internal string
	edit             func(*cstate.Options)
}

func newDesk(t *testing.T, _ *tickettest.Clock) *desk {
	top := t.TempDir()
	d := &desk{t: t, folder: filepath.Join(top, "site", "content", "issues"), internal: filepath.Join(top, "staff")}
	for _, folder := range []string{d.folder, d.internal} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func (d *desk) New(t *testing.T, env incidents.Env, _ string) incidents.System {
	t.Helper()
	system, err := cstate.Kind.Build(func(into any) error {
		o := into.(*cstate.Options)
		o.Folder, o.InternalFolder, o.Site = d.folder, d.internal, "https://status.example.com"
		if d.edit != nil {
			d.edit(o)
		}
		return nil
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	return system
}

func (d *desk) Components() []watch.Component { return nil }

// front is the front matter as the theme reads it.
type front struct {
	Title         string
	Date          time.Time
	Resolved      *bool
	ResolvedWhen  *time.Time `yaml:"resolvedWhen"`
	Informational bool
	Pin           bool
	Draft         bool
	Severity      string
	Affected      []string
	Section       string
	Lapsewatch    map[string]any
}

var trackCode = regexp.MustCompile(`\{\{< track "[^"]*" >\}\}`)

func (d *desk) Records() []incidenttest.Record {
	var records []incidenttest.Record
	for _, path := range d.files(d.folder) {
		head, body, _ := strings.Cut(strings.TrimPrefix(d.read(path), "---\n"), "\n---\n")
		var f front
		if err := yaml.Unmarshal([]byte(head), &f); err != nil {
			d.t.Fatal(err)
		}
		record := incidenttest.Record{ID: filepath.Base(path), Title: f.Title, Open: f.Resolved == nil || !*f.Resolved, Hidden: f.Draft, Key: head}
		record.Phase = f.Severity
		if key, found := watch.FindIncidentKey(fmt.Sprint(f.Lapsewatch["key"]), incidenttest.Source); found {
			record.ID = key.String()
		}
		if f.Informational {
			record.Phase = "informational"
			record.Window = &watch.Window{From: f.Lapsewatch["from"].(time.Time), Until: f.Lapsewatch["until"].(time.Time)}
		}
		for _, text := range trackCode.Split(body, -1) {
			if text = shown(d.t, text); text != "" {
				record.Texts = append([]string{text}, record.Texts...)
			}
		}
		d.forStaff(&record, f)
		records = append(records, record)
	}
	return records
}

func (d *desk) forStaff(record *incidenttest.Record, f front) {
	key, _ := f.Lapsewatch["key"].(string)
	for _, path := range d.files(d.internal) {
		text := d.read(path)
		switch name := filepath.Base(path); {
		case key == "" || !strings.HasPrefix(name, key):
		case name == key+".md":
			record.Internal = shown(d.t, text)
		case strings.HasSuffix(name, "-notes.md"):
			for note := range strings.SplitSeq(text, "<!-- lapsewatch-mark:") {
				if at := strings.Index(note, "**2"); at >= 0 {
					record.Notes = append(record.Notes, shown(d.t, note[at:]))
				}
			}
		case strings.HasSuffix(name, "-post-mortem.md"):
			record.Draft, _, _ = strings.Cut(text, "\n\n<!-- lapsewatch-sealed:")
			record.Draft = strings.TrimSpace(record.Draft)
		}
	}
}

// inCode is what does nothing there, and something elsewhere.
var inCode = strings.NewReplacer("@", "·", "<", "·", ">", "·", "](", "··", "://", "···", "javascript:", "···········")

// shown renders Markdown as Hugo does, which leaves out HTML, and gives its text.
func shown(t *testing.T, markdown string) string {
	t.Helper()
	var page bytes.Buffer
	if err := goldmark.New().Convert([]byte(markdown), &page); err != nil {
		t.Fatal(err)
	}
	document, err := html.Parse(&page)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var walk func(*html.Node)
	walk = func(node *html.Node) {
		switch {
		case node.Type == html.TextNode:
			out.WriteString(node.Data)
		case node.Type == html.ElementNode && node.Data == "code":
			out.WriteString(inCode.Replace(node.FirstChild.Data))
			return
		case node.Type == html.ElementNode && !strings.Contains(" html head body p strong ", " "+node.Data+" "):
			out.WriteString("<" + node.Data + " ")
		}
		for child := node.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
	}
	walk(document)
	return strings.TrimSpace(out.String())
}

// files are the Markdown files of a folder, in order. Anything else there is a fault.
func (d *desk) files(folder string) []string {
	d.t.Helper()
	var paths []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			if filepath.Base(path) == ".gitkeep" {
				return nil
			}
			if !strings.HasSuffix(path, ".md") {
				d.t.Errorf("there is a file %s", path)
			}
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	slices.Sort(paths)
	return paths
}

func (d *desk) read(path string) string {
	d.t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(content)
}

func (d *desk) write(path, content string) {
	d.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// path is that of a stub's page, or of any page.
func (d *desk) path(id string) string {
	for _, path := range d.files(d.folder) {
		if strings.Contains(d.read(path), "\n  key: "+id+"\n") {
			return path
		}
	}
	return filepath.Join(d.folder, id)
}

func (d *desk) Edit(id string) {
	path := d.path(id)
	text := strings.Replace(d.read(path), "We are looking into it.", "Anna is looking into it.", 1)
	d.write(path, regexp.MustCompile(`(?m)^title: .*$`).ReplaceAllString(text, "Title: Sign-in fails (see the runbook)"))
}

func (d *desk) Delete(id string) {
	if err := os.Remove(d.path(id)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) AddForeign(title, text string) string {
	name := "2026-11-22-" + strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(title, "-")) + ".md"
	d.write(filepath.Join(d.folder, name), "---\ntitle: "+title+"\ndate: 2026-11-22 05:00:00\nresolved: false\nseverity: down\naffected:\n  - API\nsection: issue\n---\n\n*Investigating* - "+text+" {{< track \"2026-11-22 05:00:00\" >}}\n")
	return name
}

// WriteDraft edits the draft that stands there.
func (d *desk) WriteDraft(_, text string) {
	for _, path := range d.files(d.internal) {
		if strings.HasSuffix(path, "-post-mortem.md") {
			d.write(path, text)
		}
	}
}
