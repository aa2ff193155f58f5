package report_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"lapsewatch/report"
	"lapsewatch/watch"
)

func TestTheHTMLReportFitsEveryScreenAndPaper(t *testing.T) {
	b := newBrowser(t)
	for _, view := range []struct {
		name, medium, scheme string
		width, height        int64
	}{
		{"light", "screen", "light", 1280, 900},
		{"dark", "screen", "dark", 1280, 900},
		{"phone", "screen", "light", 390, 844},
		{"phone-dark", "screen", "dark", 390, 844},
		{"print", "print", "dark", 794, 1123},
	} {
		b.media(view.medium, view.scheme)
		b.do(chromedp.EmulateViewport(view.width, view.height))
		for _, pass := range []watch.Pass{hostilePass(attacks["size"]...), samplePass()} {
			b.open(pass)
			if wide := ask[float64](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
				t.Errorf("%s: the page is %.0f px wider than the screen", view.name, wide)
			}
		}
		b.picture(view.name)
	}
	b.silent()
}

func TestTheHTMLReportFiltersByTextAndSeverity(t *testing.T) {
	b := newBrowser(t)
	b.open(samplePass())
	all := b.visibleNames()
	b.do(chromedp.SendKeys(chromedp.ID("find"), "WEB@example.com expires"))
	b.sees("shop.example.com:443 www.example.com:443")
	if got := ask[string](b, `document.getElementById("shown").textContent`); got != "2 of 9 rows shown" {
		t.Errorf("the page says %q", got)
	}
	b.do(chromedp.Click(chromedp.CSS(`.chip.critical input`)))
	b.sees("www.example.com:443")
	b.do(chromedp.Click(chromedp.CSS(`.chip.ok input`)))
	b.sees("")
	if !ask[bool](b, `document.getElementById("nothing").checkVisibility()`) {
		t.Error("an empty table is not explained")
	}
	if unread := ask[string](b, `document.querySelector("#unread").innerText`); !strings.Contains(unread, "mail.example.com:25") || !strings.Contains(unread, "machine-files") {
		t.Errorf("the filter hides what could not be read: %q", unread)
	}
	b.do(chromedp.Click(chromedp.CSS(`.chip.ok input`)), chromedp.Click(chromedp.CSS(`.chip.critical input`)))
	ask[any](b, `(() => { const find = document.getElementById("find"); find.value = ""; find.dispatchEvent(new Event("input")); })()`)
	b.sees(all)
	b.silent()
}

func TestTheHTMLReportSortsByClickAndByKeyboard(t *testing.T) {
	const undated = "mail.example.com:25 /root/ca.crt time.example.com"
	b := newBrowser(t)
	b.open(samplePass())
	byUrgency := b.visibleNames()
	sorted := func(heading string) string {
		return ask[string](b, `document.querySelector("th[data-sort=`+heading+`]").ariaSort ?? "none"`)
	}
	b.do(chromedp.Click(chromedp.CSS(`th[data-sort=date] button`)))
	b.sees("shop.example.com:443 api.example.com:443 /etc/ssl/private/ldap.pem /etc/ssl/certs/old-root.pem www.example.com:443 intern.example.com:8443 " + undated)
	b.do(chromedp.Click(chromedp.CSS(`th[data-sort=date] button`)))
	b.sees("intern.example.com:8443 www.example.com:443 /etc/ssl/certs/old-root.pem /etc/ssl/private/ldap.pem api.example.com:443 shop.example.com:443 " + undated)
	if sorted("date") != "descending" || sorted("urgency") != "none" {
		t.Errorf("aria-sort is %s by date and %s by urgency", sorted("date"), sorted("urgency"))
	}
	b.do(chromedp.Focus(chromedp.CSS(`th[data-sort=owner] button`)), chromedp.KeyEvent("\r"))
	b.sees("api.example.com:443 mail.example.com:25 /etc/ssl/certs/old-root.pem www.example.com:443 shop.example.com:443 /etc/ssl/private/ldap.pem /root/ca.crt intern.example.com:8443 time.example.com")
	b.do(chromedp.EmulateViewport(390, 844), chromedp.SetValue(chromedp.ID("order"), "urgency"))
	ask[any](b, `document.getElementById("order").dispatchEvent(new Event("change"))`)
	b.sees(byUrgency)
	if sorted("urgency") != "ascending" {
		t.Errorf("aria-sort is %s by urgency", sorted("urgency"))
	}
	b.silent()
}

func TestTheHTMLReportWorksWithoutJavaScript(t *testing.T) {
	b := newBrowser(t)
	b.do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
	b.open(samplePass())
	text := run(t, b.ctx, chromedp.Text(chromedp.CSS("body")))
	for _, finding := range sampleFindings() {
		if !strings.Contains(text, finding.Name) || !strings.Contains(text, finding.Remedy) {
			t.Errorf("%s or its remedy is missing", finding.Name)
		}
	}
	if strings.Contains(text, "Filter") {
		t.Error("the page shows controls that do nothing")
	}
}

func TestThePrintedReportHasTheEssentialsAndNoControls(t *testing.T) {
	b := newBrowser(t)
	b.media("print", "dark")
	b.open(samplePass())
	text := run(t, b.ctx, chromedp.Text(chromedp.CSS("body")))
	for _, want := range []string{"critical", "shop.example.com:443", "2026-11-20 06:00 UTC", "2 d ago", "is not valid for shop.example.com", "Renew the certificate and install it on every node.", "machine-files"} {
		if !strings.Contains(text, want) {
			t.Errorf("the printed report lacks %q", want)
		}
	}
	for _, control := range []string{"Filter", "Sort by", "Details"} {
		if strings.Contains(text, control) {
			t.Errorf("the printed report shows %q", control)
		}
	}
	if background := ask[string](b, `getComputedStyle(document.body).backgroundColor`); background != "rgb(255, 255, 255)" {
		t.Errorf("paper is printed %s", background)
	}
	b.media("", "light")
	pdf := run(t, b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("no PDF: %.20q", pdf)
	}
	b.keep("print.pdf", pdf)
	b.silent()
}

func TestA2_HostileNamesExecuteNothingInChromium(t *testing.T) {
	b := newBrowser(t)
	for _, name := range []string{"html", "markdown", "terminal", "newline", "header"} {
		b.open(hostilePass(attacks[name]...))
		b.do(chromedp.SendKeys(chromedp.ID("find"), "<"))
		if owned := ask[bool](b, `"owned" in window`); owned {
			t.Errorf("%s: a name ran as a script", name)
		}
		if foreign := ask[float64](b, `document.querySelectorAll("img, iframe, object, embed, form, base, script:not(body > script:last-child)").length`); foreign != 0 {
			t.Errorf("%s: %v elements that are not the page's own", name, foreign)
		}
	}
	b.open(hostilePass(attacks["html"]...))
	if first := ask[string](b, `document.querySelector("#subjects tbody .name").textContent`); first != attacks["html"][0] {
		t.Errorf("the name shows as %q", first)
	}
	b.silent()
}

func TestTheContentPolicyStopsWhatTheReportDidNotWrite(t *testing.T) {
	b := newBrowser(t)
	b.open(samplePass())
	ask[any](b, `(() => {
		const script = document.createElement("script");
		script.textContent = "window.owned = 1";
		document.body.append(script);
		document.body.insertAdjacentHTML("beforeend", "<img src='https://evil.example/x.png' onerror='window.owned = 1'><p style='color:red'>x</p>");
	})()`)
	if ask[bool](b, `"owned" in window`) {
		t.Error("an injected script ran")
	}
	if said := strings.Join(b.console(), "\n"); strings.Count(said, "Content Security Policy") < 3 {
		t.Errorf("the console said %q", said)
	}
}

func TestAVeryLongHTMLReportListsAllThatIsNotOK(t *testing.T) {
	pass := many(20_000)
	page := write(t, "html", pass, report.Style{})
	if rows := strings.Count(page, `<tr role="row" class="ok"`); rows != 5000 {
		t.Errorf("%d rows that are ok, want 5000", rows)
	}
	if rows := strings.Count(page, `<tr role="row" class="critical"`) + strings.Count(page, `<tr role="row" class="warning"`); rows != 2200 {
		t.Errorf("%d rows that are not ok, want all 2200", rows)
	}
	if want := "12800 further subjects are ok and not listed here, so that this page opens quickly. The CSV and JSON formats have them all."; !strings.Contains(page, want) {
		t.Errorf("the page does not say: %s", want)
	}
	b := newBrowser(t)
	b.open(pass)
	b.do(chromedp.SendKeys(chromedp.ID("find"), "host-000007"))
	b.sees("host-000007.example.com:443")
	b.silent()
}

// bars gives the titles of the timeline's bars that stand for something.
func bars(t *testing.T, pass watch.Pass) []string {
	t.Helper()
	page, err := html.Parse(strings.NewReader(write(t, "html", pass, report.Style{})))
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for node := range page.Descendants() {
		if node.Data == "title" && node.Parent.Data == "g" && !strings.HasSuffix(node.FirstChild.Data, ": 0 subjects") {
			titles = append(titles, node.FirstChild.Data)
		}
	}
	return titles
}

func TestTheTimelineCountsByWeek(t *testing.T) {
	// The report is of a Sunday, so this week began on Monday 16 November.
	monday := time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		at   time.Time
		want string
	}{
		{"a second ago has run out", now.Add(-time.Second), "already run out: 1 subject (1 warning): n"},
		{"this very instant is this week", now, "week of Mon 16 Nov 2026: 1 subject (1 warning): n"},
		{"the last second of Sunday is this week", monday.Add(-time.Second), "week of Mon 16 Nov 2026: 1 subject (1 warning): n"},
		{"midnight of Monday is next week", monday, "week of Mon 23 Nov 2026: 1 subject (1 warning): n"},
		{"another zone's Monday that is still Sunday in UTC is this week", monday.Add(-time.Minute).In(time.FixedZone("UTC+9", 9*3600)), "week of Mon 16 Nov 2026: 1 subject (1 warning): n"},
		{"the last second of the 26th week is shown", monday.AddDate(0, 0, 25*7).Add(-time.Second), "week of Mon 10 May 2027: 1 subject (1 warning): n"},
		{"after the 26th week is later", monday.AddDate(0, 0, 25*7), "after Sun 16 May 2027: 1 subject (1 warning): n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := bars(t, passOf(watch.Finding{Check: "c", Name: "n", Severity: watch.Warning, NotAfter: test.at}))
			if len(got) != 1 || got[0] != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := bars(t, passOf(watch.Finding{Name: "n", Severity: watch.OK}, dated(watch.Finding{Name: "n", Severity: watch.OK}, 365*8000))); len(got) != 0 {
		t.Errorf("what never runs out stands in the timeline: %q", got)
	}
	if got := bars(t, many(4000)); !strings.Contains(got[0], "host-000000.example.com:443, host-000001.example.com:443, host-000002.example.com:443, host-000003.example.com:443 and ") {
		t.Errorf("a full week names %q", got[0])
	}
}

func TestTheColoursHaveTheContrastOfWCAGAA(t *testing.T) {
	sheet, err := os.ReadFile("page.css")
	if err != nil {
		t.Fatal(err)
	}
	schemes := regexp.MustCompile(`--paper: [^}]*`).FindAllString(string(sheet), -1)
	if len(schemes) != 2 {
		t.Fatalf("%d colour schemes, want light and dark", len(schemes))
	}
	for i, scheme := range schemes {
		colours := map[string]string{}
		for _, found := range regexp.MustCompile(`--(\w+): #(\w{6})`).FindAllStringSubmatch(scheme, -1) {
			colours[found[1]] = found[2]
		}
		for _, text := range []string{"ink", "soft", "link", "critical", "warning", "unknown", "notice", "ok"} {
			for _, ground := range []string{"paper", "tint"} {
				if ratio := contrast(t, colours[text], colours[ground]); ratio < 4.5 {
					t.Errorf("scheme %d: %s on %s has a contrast of %.2f, want 4.5", i, text, ground, ratio)
				}
			}
		}
	}
}

// contrast is the ratio of WCAG 2.2, "contrast ratio" and "relative luminance".
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(colour string) float64 {
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			value, err := strconv.ParseUint(fmt.Sprintf("%.2s", colour[2*i:]), 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			channel := float64(value) / 255
			if channel <= 0.04045 {
				sum += weight * channel / 12.92
			} else {
				sum += weight * math.Pow((channel+0.055)/1.055, 2.4)
			}
		}
		return sum
	}
	first, second := luminance(a), luminance(b)
	return (max(first, second) + 0.05) / (min(first, second) + 0.05)
}
