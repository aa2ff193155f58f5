package report_test

import (
	"context"
	"flag"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"lapsewatch/report"
	"lapsewatch/watch"
)

var screenshots = flag.String("screenshots", "", "folder to write screenshots of the HTML report to, to be looked at")

// browser is one tab of a real Chromium that shows an HTML report, and what its
// console said.
type browser struct {
	t       *testing.T
	ctx     context.Context
	console func() []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("no Chromium to open the report in (%v): run `make test-parts`", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	messages := chromedp.Console(ctx)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 900)); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return &browser{t: t, ctx: ctx, console: func() []string {
		// The marker is the last message: all that the page said came before it.
		const marker = "end of the page's messages"
		run(t, ctx, chromedp.Evaluate[any](`console.log("`+marker+`")`))
		var said []string
		for message, err := range messages {
			if err != nil {
				t.Fatalf("read the console: %v", err)
			}
			if message.Text == marker {
				break
			}
			said = append(said, message.String())
		}
		return said
	}}
}

func run[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// open writes the pass as HTML and shows it.
func (b *browser) open(pass watch.Pass) {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(write(b.t, "html", pass, report.Style{})), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Navigate((&url.URL{Scheme: "file", Path: path}).String()))
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// ask evaluates a script in the page.
func ask[T any](b *browser, script string) T {
	b.t.Helper()
	return run(b.t, b.ctx, chromedp.Evaluate[T](script))
}

// visibleNames are the names in the table's rows that the filter leaves, in order.
func (b *browser) visibleNames() string {
	b.t.Helper()
	return strings.Join(ask[[]string](b, `[...document.querySelectorAll("#subjects tbody tr")].filter(row => row.checkVisibility()).map(row => row.querySelector(".name").textContent)`), " ")
}

// sees asserts which subjects the table shows, in order.
func (b *browser) sees(want string) {
	b.t.Helper()
	if got := b.visibleNames(); got != want {
		b.t.Errorf("the table shows\n%s\nwant\n%s", got, want)
	}
}

// silent asserts that the console holds nothing, no violation of the policy above all.
func (b *browser) silent() {
	b.t.Helper()
	if said := b.console(); len(said) > 0 {
		b.t.Errorf("the console said %q", said)
	}
}

func (b *browser) media(medium, scheme string) {
	b.t.Helper()
	b.do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	})
}

// picture keeps what the browser shows, when it was asked for.
func (b *browser) picture(name string) {
	b.t.Helper()
	if *screenshots == "" {
		return
	}
	b.keep(name+".png", run(b.t, b.ctx, chromedp.FullScreenshot(100)))
}

func (b *browser) keep(name string, content []byte) {
	b.t.Helper()
	if *screenshots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name), content, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
