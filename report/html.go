package report

import (
	"context"
	"crypto/sha256"
	_ "embed" // for the style sheet and the script
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"lapsewatch/internal/dotplot"
	"lapsewatch/watch"
)

//go:embed page.css
var styleSheet string

//go:embed page.js
var script string

// maxOKRows bounds the rows of subjects that are ok, so that a browser opens the page.
const maxOKRows = 5000

// htmlPage is what the templates are filled from.
type htmlPage struct {
	pass     watch.Pass
	timeline *timeline
	clocks   *dotplot.Plot
	gaps     []checkGap
}

// writeHTML reads the findings three times: to count the timeline and to gather the clocks,
// which stand above the table and before a byte is written, then what could not be read,
// then the table.
func writeHTML(w io.Writer, pass watch.Pass, _ Style) error {
	page := htmlPage{pass: pass, timeline: newTimeline(pass.GeneratedAt), clocks: &dotplot.Plot{}, gaps: incomplete(pass)}
	for finding, err := range findings(pass) {
		if err != nil {
			return err
		}
		page.timeline.add(finding)
		page.clocks.Add(finding)
		if finding.Unreadable() {
			// The finding says more, such as the next step.
			page.gaps = slices.DeleteFunc(page.gaps, func(gap checkGap) bool { return gap.isOf(readable(finding)) })
		}
	}
	return document(page).Render(context.Background(), w)
}

// contentPolicy lets nothing run or load but the page's own style sheet and script.
func contentPolicy() string {
	return fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'",
		sourceHash(styleSheet), sourceHash(script))
}

// sourceHash names the exact text of an inline element (Content Security Policy Level 3, 2.3.1).
func sourceHash(inline string) string {
	sum := sha256.Sum256([]byte(inline))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// inline writes an element whose text is the project's own, byte for byte as hashed.
func inline(element, text string) templ.Component {
	return templ.Raw("<" + element + ">" + text + "</" + element + ">")
}

// rows streams the table's rows: all that are not ok, and as many ok ones as are shown.
func (p htmlPage) rows() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		shownOK := 0
		for finding, err := range findings(p.pass) {
			if err != nil {
				return err
			}
			row := okRow
			if finding.Severity != watch.OK {
				row = findingRow
			} else if shownOK++; shownOK > maxOKRows {
				return nil
			}
			if err := row(p.row(finding)).Render(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
}

// unread streams the list of what could not be read.
func (p htmlPage) unread() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		for finding, err := range findings(p.pass) {
			if err != nil {
				return err
			}
			if finding.Severity == watch.OK {
				return nil
			}
			if !finding.Unreadable() {
				continue
			}
			if err := unreadItem(p.row(finding)).Render(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
}

// notListed is how many subjects that are ok the table leaves out.
func (p htmlPage) notListed() int { return max(0, p.pass.Summary.OK-maxOKRows) }

// htmlRow is one finding as the templates show it.
type htmlRow struct {
	watch.Finding
	left            string
	labels, details []pair
}

func (p htmlPage) row(finding watch.Finding) htmlRow {
	row := htmlRow{Finding: readable(finding), left: left(finding, p.pass.GeneratedAt)}
	if finding.Severity != watch.OK {
		row.labels, row.details = pairs(finding.Labels), pairs(finding.Details)
	}
	return row
}

// breakable lets a narrow column break a mail address behind its @ first.
func breakable(owner string) templ.Component {
	return templ.Raw(strings.ReplaceAll(templ.EscapeString(owner), "@", "@<wbr>"))
}

// command writes a command to be copied, byte for byte, and keeps each of its words in
// one piece where that fits: a browser would break --append behind its hyphens.
func command(text string) templ.Component {
	return templ.Raw("<code><span>" + strings.ReplaceAll(templ.EscapeString(text), " ", "</span> <span>") + "</span></code>")
}

// urgency and expiry are what the script sorts by.
func (r htmlRow) urgency() string { return strconv.Itoa(r.Severity.Urgency()) }

func (r htmlRow) expiry() string {
	if r.NotAfter.IsZero() {
		return ""
	}
	return strconv.FormatInt(r.NotAfter.Unix(), 10)
}

// meaning explains a severity in the words of its tile.
func meaning(severity watch.Severity) string {
	return map[watch.Severity]string{
		watch.Critical: "act now",
		watch.Warning:  "act soon",
		watch.Unknown:  "could not be read",
		watch.Notice:   "worth knowing",
		watch.OK:       "nothing to do",
	}[severity]
}
