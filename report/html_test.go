package report_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

func TestHTMLReportInChromium(t *testing.T) {
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
		b.open(samplePass())
		if overflow := ask[bool](b, `document.documentElement.scrollWidth > document.documentElement.clientWidth`); overflow {
			t.Errorf("%s: the page is wider than the screen", view.name)
		}
		b.picture(view.name)
	}
	if said := b.console(); len(said) > 0 {
		t.Errorf("the console said %q", said)
	}
	b.media("screen", "light")
	b.do(chromedp.EmulateViewport(1280, 900))
	b.open(many(400))
	ask[any](b, `document.querySelectorAll("details").forEach((each, i) => each.open = i < 3)`)
	b.do(chromedp.EmulateViewport(1280, 1700))
	b.keep("many.png", run(t, b.ctx, chromedp.CaptureScreenshot()))
	b.open(samplePass())
	b.media("", "dark")
	pdf := run(t, b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
	b.keep("print.pdf", pdf)
}
