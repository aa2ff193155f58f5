package report_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"lapsewatch/report"
	"lapsewatch/watch"
)

// hostile puts the text wherever a finding carries text from outside.
func hostile(text string) watch.Finding {
	finding := dated(watch.Finding{
		Check: text, Kind: text, Name: text, Severity: watch.Critical, Reason: watch.Reason(text), Message: text,
		Also:     []watch.Judgement{{Reason: watch.NameMismatch, Severity: watch.Warning, Message: text}},
		Identity: text, Acknowledged: &watch.Acknowledgement{By: text, Reason: text}, Owners: []string{text, text}, Labels: map[string]string{text: text},
		Details: map[string]any{
			text: text, "list": []string{text},
			"offset_seconds": 1.5, "reference": text, "clock_error": text, "warn_seconds": 1.0, "critical_seconds": 30.0,
		},
		Remedy: text, Link: text,
	}, 3)
	return finding
}

// hostilePass says the same of the checks and the clock.
func hostilePass(texts ...string) watch.Pass {
	var findings []watch.Finding
	for _, text := range texts {
		findings = append(findings, hostile(text))
	}
	for _, text := range texts {
		unread := hostile(text)
		unread.Severity = watch.Unknown
		findings = append(findings, unread)
	}
	pass := passOf(findings...)
	for _, text := range texts {
		pass.Checks = append(pass.Checks, watch.CheckResult{Name: text, Kind: text, Remarks: []string{text}, Error: text})
	}
	pass.Clock = watch.OwnClock{Trusted: true, Verified: true, Reference: texts[0]}
	return pass
}

var attacks = map[string][]string{
	"formula":  {`=HYPERLINK("https://evil.example","x")`, "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠A", " =1", "\u00a0=1", "x;=1", "x; @A", "|calc", "%0A=1"},
	"html":     {`<script>window.owned=1</script>`, `"><img src=x onerror=window.owned=1>`, `javascript:window.owned=1`, `{{template "x"}}`, `</script><script>window.owned=1</script>`, `</style><style>*{display:none}</style>`, `</title></svg><svg onload=window.owned=1>`, `' onmouseover='window.owned=1`, `<!--`, `https://ok.example/"onclick="window.owned=1`},
	"header":   {"a\r\nBcc: x@evil.example", "a\nEND:VEVENT\nBEGIN:VALARM", "a\r\n ATTENDEE:mailto:x@evil.example", "a\x00b", `a\nATTENDEE:x`, "a;b,c:d\"e"},
	"markdown": {"@everyone", "@org/team", "#1", "fixes #1", "a|b", `a\|b`, "`code` ``", "```", "[x](https://evil.example)", "![x](https://evil.example/x.png)", "<img src=x>", "https://evil.example", "www.evil.example", "**bold**", "a\n\n# heading", "[~user] {code}", "https://ok.example/)|(x"},
	"terminal": {"\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "\u009b31m", "gpj.\u202eexe", "pay\u200bpal", "\u2066x\u2069", "\x08\x7f"},
	"newline":  {"a\nok        everything.example.com  is fine", "a\r\nup 1", "x\u2028y\u2029z", "a\n{\"id\":\"forged\"}", "a\n'OK - all fine | days=999"},
	"size":     {strings.Repeat("x", 64<<10), strings.Repeat("é", 64<<10), "bad \xff\xfe utf-8", "\xed\xa0\x80", "nul\x00", "\ufffe"},
}

func TestA1_NoCellOfTheCSVIsAFormula(t *testing.T) {
	formula := regexp.MustCompile(`^[\s\p{Z}]*[=+\-@\t\r＝＋－＠|%]`)
	rows, err := csv.NewReader(strings.NewReader(write(t, "csv", hostilePass(attacks["formula"]...), report.Style{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+2*len(attacks["formula"]) {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		for i, cell := range row {
			for _, part := range strings.Split(cell, ";") {
				if formula.MatchString(part) {
					t.Errorf("%s: %q begins a formula", rows[0][i], cell)
				}
			}
		}
	}
	if got, want := rows[1][2], `'=HYPERLINK("https://evil.example","x")`; got != want {
		t.Errorf("the name is %q, want it as text: %q", got, want)
	}
}

func TestA1_DaysThatHaveGoneStayANumber(t *testing.T) {
	got := write(t, "csv", passOf(dated(watch.Finding{Name: "n", Severity: watch.Critical}, -2)), report.Style{})
	if !strings.Contains(got, ",-2,") {
		t.Errorf("got %s", got)
	}
}

func TestA2_JSONIsHarmlessInsideHTML(t *testing.T) {
	for _, format := range []string{"json", "jsonl"} {
		if got := write(t, format, hostilePass(attacks["html"]...), report.Style{}); strings.ContainsAny(got, "<>&") {
			t.Errorf("%s has markup: %s", format, got)
		}
	}
}

func TestA2_TheHTMLHasNoElementAndNoAttributeFromOutside(t *testing.T) {
	page, err := html.Parse(strings.NewReader(write(t, "html", hostilePass(attacks["html"]...), report.Style{})))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for node := range page.Descendants() {
		if node.Type == html.CommentNode {
			t.Errorf("a comment: %q", node.Data)
		}
		if node.Type != html.ElementNode {
			continue
		}
		count[node.Data]++
		for _, attribute := range node.Attr {
			if strings.HasPrefix(attribute.Key, "on") || attribute.Key == "style" || attribute.Key == "src" {
				t.Errorf("<%s %s=%q>", node.Data, attribute.Key, attribute.Val)
			}
			if node.Data == "a" && attribute.Key == "href" && !strings.HasPrefix(attribute.Val, "https://") {
				t.Errorf("a link to %q", attribute.Val)
			}
		}
	}
	if count["script"] != 1 || count["style"] != 1 || count["img"] != 0 {
		t.Errorf("elements: %v", count)
	}
}

func TestA3_NoTextBecomesACalendarProperty(t *testing.T) {
	text := write(t, "ics", hostilePass(attacks["header"]...), report.Style{})
	events := calendarEvents(t, text)
	if len(events) != 2*len(attacks["header"]) {
		t.Fatalf("%d events", len(events))
	}
	known := map[string]bool{"UID": true, "DTSTAMP": true, "LAST-MODIFIED": true, "SEQUENCE": true, "DTSTART": true, "TRANSP": true, "SUMMARY": true, "DESCRIPTION": true, "CATEGORIES": true, "URL": true}
	for _, event := range events {
		for _, property := range event.Properties {
			if !known[property.IANAToken] {
				t.Errorf("property %s:%s", property.IANAToken, property.Value)
			}
		}
		if alarms := len(event.Alarms()); alarms > 2 {
			t.Errorf("%d alarms", alarms)
		}
	}
	if !strings.Contains(text, "SUMMARY:a\uFFFDBcc: x@evil.example runs out (critical)") {
		t.Errorf("the line break does not show:\n%s", text)
	}
}

// outsideCode removes code spans as CommonMark delimits them: runs of backticks of the
// same length.
func outsideCode(markdown string) string {
	var out strings.Builder
	runs := regexp.MustCompile("`+")
	for markdown != "" {
		open := runs.FindStringIndex(markdown)
		if open == nil {
			break
		}
		out.WriteString(markdown[:open[0]])
		fence, rest := markdown[open[0]:open[1]], markdown[open[1]:]
		markdown = rest
		for _, end := range runs.FindAllStringIndex(rest, -1) {
			if rest[end[0]:end[1]] == fence {
				markdown = rest[end[1]:]
				break
			}
		}
	}
	return out.String() + markdown
}

func TestA5_EveryTextInTheMarkdownIsCode(t *testing.T) {
	whole := write(t, "markdown", hostilePass(attacks["markdown"]...), report.Style{})
	text := outsideFences(whole)
	if strings.Count(whole, "\n```") != 2 || !strings.Contains(text, "## Checks") || strings.Contains(text, "behind the references") {
		t.Errorf("the plot is not one block of code in\n%s", whole)
	}
	// The one link is the subject's own, which is https and ends where it should.
	link := regexp.MustCompile(`\[open\]\(https://[^()|<>\x60 ]+\) \|`)
	rows := 0
	for line := range strings.Lines(text) {
		outside := link.ReplaceAllString(outsideCode(line), "")
		for _, sign := range []string{"@", "#1", "<img", "![", "www.", "evil", "everyone", "bold", "user"} {
			if strings.Contains(outside, sign) {
				t.Errorf("%q stands outside code in %s", sign, line)
			}
		}
		if strings.HasPrefix(line, "| **critical** ") || strings.HasPrefix(line, "| unknown ") {
			rows++
			if cells := len(regexp.MustCompile(`(^|[^\\])\|`).FindAllString(line, -1)); cells != 8 {
				t.Errorf("%d cell borders, want 8, in %s", cells, line)
			}
		}
	}
	if rows != 2*len(attacks["markdown"]) {
		t.Errorf("%d rows, want %d", rows, 2*len(attacks["markdown"]))
	}
}

func TestA7_NothingInvisibleReachesATerminal(t *testing.T) {
	for _, format := range report.Formats() {
		for i, char := range write(t, format, hostilePass(attacks["terminal"]...), report.Style{}) {
			if char != '\n' && char != '\r' && char != '\t' && !unicode.IsPrint(char) {
				t.Errorf("%s writes %U at byte %d", format, char, i)
			}
		}
	}
}

func TestA7_JSONKeepsTheNameAsItWas(t *testing.T) {
	for _, attack := range append(attacks["terminal"], "emoji 🦊 \U000e0041 tag") {
		got := decode(t, write(t, "json", hostilePass(attack), report.Style{}))
		if got.Findings[0].Name != attack {
			t.Errorf("got %q, want %q", got.Findings[0].Name, attack)
		}
	}
}

func TestA8_ANameAddsNoLine(t *testing.T) {
	attack := attacks["newline"]
	for _, format := range []string{"table", "jsonl", "csv", "markdown"} {
		got := strings.Count(write(t, format, hostilePass(attack...), report.Style{}), "\n")
		var harmless []string
		for i := range attack {
			harmless = append(harmless, fmt.Sprint("harmless", i))
		}
		if want := strings.Count(write(t, format, hostilePass(harmless...), report.Style{}), "\n"); got != want {
			t.Errorf("%s has %d lines, want %d", format, got, want)
		}
	}
}

func TestA9_HugeAndBrokenTextIsBoundedAndValid(t *testing.T) {
	pass := hostilePass(attacks["size"]...)
	many := hostile("many")
	sans := make([]string, 10_000)
	for i := range sans {
		sans[i] = fmt.Sprintf("san-%d.example.com", i)
	}
	many.Details = map[string]any{"names": sans}
	many.Owners = sans
	withMany := passOf(many)
	for _, format := range report.Formats() {
		text := write(t, format, pass, report.Style{})
		if !utf8.ValidString(text) {
			t.Errorf("%s is no valid UTF-8", format)
		}
		if format == "json" || format == "jsonl" {
			continue // Programs get all of it.
		}
		if len(text) > 400<<10 {
			t.Errorf("%s has %d bytes for %d findings", format, len(text), 2*len(attacks["size"]))
		}
		if !strings.Contains(text, "xx…") {
			t.Errorf("%s does not show that it cut a text", format)
		}
		if text := write(t, format, withMany, report.Style{}); len(text) > 60<<10 || !strings.Contains(strings.ReplaceAll(text, "\r\n ", ""), "and 9980 more") {
			t.Errorf("%s: %d bytes for 10,000 names, or it does not say how many it left out", format, len(text))
		}
	}
	var finding contractFinding
	if err := json.Unmarshal([]byte(write(t, "jsonl", withMany, report.Style{})), &finding); err != nil || len(finding.Owners) != 10_000 {
		t.Errorf("JSONL has %d of 10,000 names (%v)", len(finding.Owners), err)
	}
}

func FuzzTextFromOutside(f *testing.F) {
	for _, list := range attacks {
		for _, attack := range list {
			f.Add(attack[:min(len(attack), 400)])
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		pass := passOf(hostile(text))
		rows, err := csv.NewReader(strings.NewReader(write(t, "csv", pass, report.Style{}))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Errorf("csv: %d rows, %v", len(rows), err)
		}
		if lines := strings.Count(write(t, "jsonl", pass, report.Style{}), "\n"); lines != 1 {
			t.Errorf("jsonl: %d lines", lines)
		}
		decode(t, write(t, "json", pass, report.Style{}))
		if events := calendarEvents(t, write(t, "ics", pass, report.Style{})); len(events) != 1 {
			t.Errorf("ics: %d events", len(events))
		}
		for _, width := range []int{0, 60, 120} {
			if !utf8.ValidString(write(t, "table", pass, report.Style{Width: width})) {
				t.Error("table: invalid UTF-8")
			}
		}
		for line := range strings.Lines(write(t, "markdown", pass, report.Style{})) {
			if cells := len(regexp.MustCompile(`(^|[^\\])\|`).FindAllString(line, -1)); strings.HasPrefix(line, "|") && cells != 8 {
				t.Errorf("markdown: %d cell borders in %s", cells, line)
			}
		}
		scripts := strings.Count(strings.ToLower(write(t, "html", pass, report.Style{})), "<script")
		if scripts != 1 {
			t.Errorf("html: %d scripts", scripts)
		}
	})
}
