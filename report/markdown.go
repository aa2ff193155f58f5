package report

import (
	"fmt"
	"io"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/dotplot"
	"lapsewatch/watch"
)

// writeMarkdown writes GitHub-flavoured Markdown.
func writeMarkdown(w io.Writer, pass watch.Pass, style Style) error {
	out := &printer{w: w}
	out.printf("# Expiry report, %s\n\n%s\n", stamp(pass.GeneratedAt), code(summaryText(pass)))
	if err := markdownFindings(out, pass, style); err != nil {
		return err
	}
	if gaps := incomplete(pass); len(gaps) > 0 {
		out.printf("\n## Incomplete checks\n\n| Check | Why |\n| --- | --- |\n")
		for _, gap := range gaps {
			out.printf("| %s | %s |\n", code(gap.check), code(gap.why))
		}
	}
	if noted := remarks(pass); len(noted) > 0 {
		out.printf("\n## Left out, or not known\n\n| Check | What |\n| --- | --- |\n")
		for _, remark := range noted {
			out.printf("| %s | %s |\n", code(remark.check), code(remark.text))
		}
	}
	if len(pass.Checks) > 0 {
		out.printf("\n## Checks\n\n| Check | Kind | Complete | Subjects | Problems | Seconds |\n| --- | --- | --- | ---: | ---: | ---: |\n")
		for _, check := range pass.Checks {
			out.printf("| %s | %s | %s | %d | %d | %.1f |\n", code(plain(check.Name)), code(plain(check.Kind)), yesNo(check.Complete), check.Subjects, check.Problems, check.Seconds)
		}
	}
	return out.err
}

// markdownFindings writes the table and, below it, the plot of the clocks.
func markdownFindings(out *printer, pass watch.Pass, style Style) error {
	headed, clocks := false, &dotplot.Plot{}
	for finding, err := range findings(pass) {
		if err != nil {
			return err
		}
		clocks.Add(finding)
		if style.OnlyNotOK && finding.Severity == watch.OK {
			continue
		}
		if !headed {
			out.printf("\n| Severity | Name | Not after | Left | Message | Owners | Next step |\n| --- | --- | --- | --- | --- | --- | --- |\n")
			headed = true
		}
		out.printf("%s\n", markdownRow(readable(finding), pass))
	}
	if !headed {
		out.printf("\n%s\n", nothingListed(pass))
	}
	if style.plots(clocks) {
		// No line of the plot holds a back-tick that could end the block.
		out.printf("\n## Clocks\n\n```text\n%s\n```\n", strings.Join(clocks.Layout().Text(plotWidth), "\n"))
	}
	return out.err
}

func markdownRow(finding watch.Finding, pass watch.Pass) string {
	severity := string(finding.Severity)
	if finding.Severity == watch.Critical {
		severity = "**critical**"
	}
	message := code(finding.Message)
	for _, also := range finding.Also {
		message += "<br>also " + string(also.Severity) + ": " + code(also.Message)
	}
	var next []string
	for _, part := range clean.Parts(finding.Remedy) {
		next = append(next, code(part.Text))
	}
	if finding.Link != "" {
		next = append(next, "[open]("+markdownLink.Replace(finding.Link)+")")
	}
	owners := make([]string, len(finding.Owners))
	for i, owner := range finding.Owners {
		owners[i] = code(owner)
	}
	cells := []string{severity, code(finding.Name) + "<br>" + code(finding.Check), stamp(finding.NotAfter), left(finding, pass.GeneratedAt), message, strings.Join(owners, ", "), strings.Join(next, "<br>")}
	return "| " + strings.Join(cells, " | ") + " |"
}

// markdownLink takes from a link what would end it, or the table's cell, early.
var markdownLink = strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "|", "%7C", "`", "%60", `\`, "%5C", " ", "%20")

// code wraps text from outside as a code span: in one, neither Markdown nor GitHub nor
// the chat that a report is pasted into sees HTML, links, mentions or issue numbers.
func code(text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	// A table splits at a pipe even inside code, unless a backslash precedes it. Parsers
	// disagree about a backslash before that one, so there a look-alike stands in.
	text = strings.NewReplacer(`\|`, `\¦`, `|`, `\|`).Replace(text)
	fence := strings.Repeat("`", longestRun(text, '`')+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

func longestRun(text string, char rune) int {
	longest, run := 0, 0
	for _, each := range text {
		if each == char {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// printer keeps the first write error, so that the layout code reads as layout.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(layout string, values ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, layout, values...)
	}
}
