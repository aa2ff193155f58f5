package cstate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

// page is the file of one issue: its front matter and its updates.
type page struct {
	Title        string
	Date         time.Time
	Resolved     bool
	ResolvedWhen time.Time
	// Informational: it announces something and says nothing of how things stand.
	Informational, Draft bool
	Severity             string
	Affected             []string
	Marks                marks
	// Other is all of the front matter that is not of this program.
	Other map[string]any
	// Updates are the texts, oldest first.
	Updates []update
	// sealed: the file stands as this program wrote it, to the letter.
	sealed bool
}

type update struct {
	At   string
	Text string
}

// marks are what machines read.
type marks struct {
	Key        string                           `yaml:"key"`
	Mark       string                           `yaml:"mark"`
	Phase      watch.Phase                      `yaml:"phase"`
	Components map[string]watch.ComponentStatus `yaml:"components,omitempty"`
	From       time.Time                        `yaml:"from,omitempty"`
	Until      time.Time                        `yaml:"until,omitempty"`
	// Said is of what people see, so that a change of it by a person is known.
	Said string `yaml:"said"`
	// Sum is of all the rest of the file, so that any change by a person is seen.
	Sum string `yaml:"sum"`
}

// front is the front matter as cState documents it (https://github.com/cstate/cstate/wiki).
type front struct {
	Title         string         `yaml:"title"`
	Date          time.Time      `yaml:"date"`
	Resolved      *bool          `yaml:"resolved,omitempty"`
	ResolvedWhen  time.Time      `yaml:"resolvedWhen,omitempty"`
	Informational bool           `yaml:"informational,omitempty"`
	Pin           bool           `yaml:"pin,omitempty"`
	Draft         bool           `yaml:"draft"`
	Severity      string         `yaml:"severity,omitempty"`
	Affected      []string       `yaml:"affected,omitempty"`
	Section       string         `yaml:"section"`
	Lapsewatch    marks          `yaml:"lapsewatch"`
	Other         map[string]any `yaml:",inline"`
}

const (
	fence = "---"
	// maxPage bounds a file, maxUpdates how many texts it keeps; the oldest go first.
	maxPage, maxUpdates = 1 << 20, 50
)

// track is the shortcode of cState that shows a time.
var track = regexp.MustCompile(`\{\{[<%]\s*track\s+"([^"\n]*)"\s*[>%]\}\}`)

var (
	errNoFront  = errors.New("it has no front matter in YAML")
	errNotClean = errors.New("it is no text in UTF-8")
)

// parse reads a file of any origin.
func parse(content []byte) (page, error) {
	text := strings.ReplaceAll(strings.TrimPrefix(string(content), "\ufeff"), "\r\n", "\n")
	head, body, found := strings.Cut(text, "\n"+fence+"\n")
	if !found {
		head, found = strings.CutSuffix(strings.TrimRight(text, "\n"), "\n"+fence)
	}
	head, begins := strings.CutPrefix(head, fence+"\n")
	if !found || !begins {
		return page{}, errNoFront
	}
	if strings.ToValidUTF8(text, "") != text {
		return page{}, errNotClean
	}
	var read map[string]any
	if err := yaml.Unmarshal([]byte(head), &read); err != nil {
		return page{}, fmt.Errorf("its front matter cannot be read: %w", err)
	}
	parsed := fromFront(read)
	parsed.Updates = updatesOf(body)
	parsed.sealed = parsed.Marks.Sum != "" && parsed.Marks.Sum == sum(content)
	return parsed, nil
}

// updatesOf reads the texts of a body, each of which ends with its time. What stands
// behind the last is one as well.
func updatesOf(body string) []update {
	var updates []update
	from := 0
	for _, found := range track.FindAllStringSubmatchIndex(body, -1) {
		updates = append(updates, update{At: body[found[2]:found[3]], Text: stubtext.Tidy(body[from:found[0]])})
		from = found[1]
	}
	if rest := stubtext.Tidy(body[from:]); rest != "" {
		updates = append(updates, update{Text: rest})
	}
	slices.Reverse(updates)
	return updates
}

// said is the digest of what people see of a page, however it is written. What else a
// person adds to a front matter is no part of it.
func (p page) said() string {
	texts := make([]string, 0, len(p.Updates))
	for _, update := range p.Updates {
		texts = append(texts, plain(update.Text))
	}
	seen, err := json.Marshal(struct {
		Title, Severity                string
		Draft, Resolved, Informational bool
		Phase                          watch.Phase
		Affected, Texts                []string
		Components                     map[string]watch.ComponentStatus
	}{
		plain(p.Title), p.Severity, p.Draft, p.Resolved, p.Informational, p.Marks.Phase,
		append([]string{}, p.Affected...), texts, p.Marks.Components,
	})
	if err != nil {
		return ""
	}
	return digest(seen)
}

// plain is a text without what says nothing.
func plain(text string) string { return strings.Join(strings.Fields(text), " ") }

// edited reports that a person changed what people see.
func (p page) edited() bool { return !p.sealed && (p.Marks.Said == "" || p.Marks.Said != p.said()) }

// render writes the file.
func (p page) render() ([]byte, error) {
	p.Marks.Said, p.Marks.Sum = "none", "none"
	unsigned, err := p.write()
	if err != nil {
		return nil, err
	}
	read, err := parse(unsigned)
	if err != nil {
		return nil, fmt.Errorf("read back what is to be written: %w", err)
	}
	p.Marks.Said = read.said()
	if unsigned, err = p.write(); err != nil {
		return nil, err
	}
	p.Marks.Sum = sum(unsigned)
	return p.write()
}

// sumLine is our part of the front matter up to the line that holds the sum of all others.
// A component may be named as that line is, and stands deeper.
var sumLine = regexp.MustCompile(`(?m)^lapsewatch:\n(?:  .*\n)*?(  sum: "?[0-9a-z]*"?\n)`)

// sum is that of a file without its sum.
func sum(content []byte) string {
	rest := content
	if at := sumLine.FindSubmatchIndex(content); at != nil {
		rest = slices.Concat(content[:at[2]], content[at[3]:])
	}
	return digest(rest)
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

func (p page) write() ([]byte, error) {
	head := front{
		Title: p.Title, Date: p.Date.UTC(), Informational: p.Informational, Pin: p.Informational, Draft: p.Draft,
		Severity: p.Severity, Affected: p.Affected, Section: "issue", Lapsewatch: p.Marks, Other: maps.Clone(p.Other),
	}
	if !p.Informational {
		head.Resolved = &p.Resolved
	}
	if p.Resolved {
		head.ResolvedWhen = p.ResolvedWhen.UTC()
	}
	var out bytes.Buffer
	out.WriteString(fence + "\n")
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(head), encoder.Close()); err != nil {
		return nil, fmt.Errorf("write the front matter: %w", err)
	}
	out.WriteString(fence + "\n")
	for _, update := range slices.Backward(p.Updates) {
		out.WriteString("\n" + update.Text)
		if update.At != "" {
			out.WriteString(` {{< track "` + update.At + `" >}}`)
		}
		out.WriteString("\n")
	}
	return out.Bytes(), nil
}
