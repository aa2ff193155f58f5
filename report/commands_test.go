package report_test

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"lapsewatch/report"
	"lapsewatch/watch"
)

const (
	resetCommand  = "az ad app credential reset --append --id 5c219700-0000-4000-8000-000000000005 --years 1 --display-name lapsewatch-202611"
	deleteCommand = "az ad app credential delete --id 5c219700-0000-4000-8000-000000000005 --key-id 5c219700-0000-4000-8000-000000000006"
	patchCommand  = `az rest --method patch --url https://graph.microsoft.com/v1.0/servicePrincipals/5c219700-0000-4000-8000-000000000007 --body '{"preferredTokenSigningKeyThumbprint":"7374357E1ED0E2D5770A49D37D5E7BAAE0DBC504"}'`
	// Two spaces, which HTML would show, and copy, as one.
	checkCommand = "lapsewatch config  check --online"
)

var commands = []string{resetCommand, checkCommand, deleteCommand, patchCommand}

// commandsPass has remedies with commands, of applications whose names would like to
// have a say in them.
func commandsPass() watch.Pass {
	return passOf(
		dated(watch.Finding{
			Check: "tenant", Kind: "entra", Name: "inv`oices: secret `pipeline", Severity: watch.Warning, Reason: watch.ExpiresSoon,
			Message: "client secret expires 2026-12-04 06:00 UTC, in 12 days", Owners: []string{"ada@example.com"},
			Remedy: "Make a new secret beside it: `" + resetCommand + "`. Put it where this check's options refer to. Once `" + checkCommand + "` says ok, delete the old one: `" + deleteCommand + "`.",
			Link:   "https://portal.example.com/#view/Credentials/appId/5c219700-0000-4000-8000-000000000005",
		}, 12),
		dated(watch.Finding{
			Check: "tenant", Kind: "entra", Name: "`az ad app delete --id travel`", Severity: watch.Warning, Reason: watch.ExpiresSoon,
			Message: "SAML signing certificate expires 2026-12-10 06:00 UTC, in 18 days",
			Remedy:  "Make it the active one: `" + patchCommand + "`.",
		}, 18),
		dated(watch.Finding{
			Check: "tenant", Kind: "entra", Name: "kiosk", Severity: watch.Notice, Reason: watch.LeftOver,
			Message: "client secret expired long ago", Remedy: "Delete it: `az ad app credential delete --id 5c219700-…",
		}, -90),
	)
}

func TestPastingALineOfTheTableRunsExactlyTheCommand(t *testing.T) {
	for _, width := range []int{0, 54, 80, 120, 300} {
		var pasted []string
		for line := range strings.Lines(write(t, "table", commandsPass(), report.Style{Width: width})) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "az ") || strings.HasPrefix(line, "lapsewatch ") {
				pasted = append(pasted, line)
			}
		}
		if !slices.Equal(pasted, commands) {
			t.Errorf("width %d: pasting runs\n%s\nwant\n%s", width, strings.Join(pasted, "\n"), strings.Join(commands, "\n"))
		}
	}
}

func TestNoBackTickStandsInTheTablesNextSteps(t *testing.T) {
	_, next, _ := strings.Cut(write(t, "table", commandsPass(), report.Style{Width: 80}), "Next steps:")
	if next == "" || strings.Contains(next, "`") {
		t.Errorf("got %s", next)
	}
}

func TestFormatsForProgramsKeepTheRemedyAsItIs(t *testing.T) {
	var want string
	for finding := range commandsPass().Findings {
		want = finding.Remedy
		break
	}
	if got := decode(t, write(t, "json", commandsPass(), report.Style{})).Findings[0].Remedy; got != want {
		t.Errorf("JSON: got %q", got)
	}
	rows, err := csv.NewReader(strings.NewReader(write(t, "csv", commandsPass(), report.Style{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := rows[1][slices.Index(rows[0], "remedy")]; got != want {
		t.Errorf("CSV: got %q", got)
	}
	calendar := strings.ReplaceAll(write(t, "ics", commandsPass(), report.Style{}), "\r\n ", "")
	if !strings.Contains(calendar, "delete the old one: `"+deleteCommand+"`.") {
		t.Errorf("the calendar says %s", calendar)
	}
}

func TestTheHTMLHasEveryCommandAsCodeAndNothingElse(t *testing.T) {
	page, err := html.Parse(strings.NewReader(write(t, "html", commandsPass(), report.Style{})))
	if err != nil {
		t.Fatal(err)
	}
	var code, next []string
	for node := range page.Descendants() {
		if node.Type == html.ElementNode && node.Data == "code" {
			text := ""
			for part := range node.Descendants() {
				if part.Type == html.TextNode {
					text += part.Data
				}
			}
			code = append(code, text)
		}
		if node.Type == html.ElementNode && node.Data == "p" {
			for part := range node.Descendants() {
				next = append(next, part.Data)
			}
		}
	}
	if !slices.Equal(code, commands) {
		t.Errorf("got %q", code)
	}
	if len(next) == 0 || strings.Contains(strings.Join(next, ""), "`") {
		t.Errorf("back-ticks are left: %q", next)
	}
}

func TestOneClickSelectsAWholeCommand(t *testing.T) {
	b := newBrowser(t)
	b.do(chromedp.EmulateViewport(390, 844))
	b.open(commandsPass())
	for i, want := range commands {
		ask[any](b, fmt.Sprintf(`document.querySelectorAll("code").forEach((code, i) => { code.id = i === %d ? "this" : ""; })`, i))
		b.do(chromedp.Click(chromedp.ID("this")))
		if got := ask[string](b, `getSelection().toString()`); got != want {
			t.Errorf("the click selected %q, want %q", got, want)
		}
	}
	if wide := ask[float64](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
		t.Errorf("the page is %.0f px wider than the screen", wide)
	}
	b.silent()
}
