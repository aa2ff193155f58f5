package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"lapsewatch/internal/estate"
)

// show walks through the job, and checks on the way that each step did what it says.
func (d *demo) show(ctx context.Context) error {
	d.describe()
	config := d.path("lapsewatch.yaml")
	if err := errors.Join(os.MkdirAll(d.statusPage(), 0o700), os.MkdirAll(d.statusInternal(), 0o700)); err != nil {
		return fmt.Errorf("make the folders of the status page: %w", err)
	}
	if err := d.writeConfiguration(config); err != nil {
		return err
	}
	d.title("lapsewatch config check")
	checked, err := d.lapsewatch(ctx, "config", "check", "--config", config)
	if err != nil {
		return err
	}
	d.say("%s", checked.stdout)
	for _, step := range []func(context.Context, string) error{d.firstPass, d.stubs, d.secondPass, d.passAfterRenewal, d.stubAfterRenewal, d.reports} {
		if err := step(ctx, config); err != nil {
			return err
		}
	}
	return d.pointOut(config)
}

func (d *demo) title(format string, args ...any) {
	d.say("\n── %s", fmt.Sprintf(format, args...))
}

func (d *demo) describe() {
	d.say("\nA small estate is up on this machine, on loopback alone:")
	for _, endpoint := range d.estate.Endpoints {
		d.say("  %-26s %s", endpoint.Host, endpoint.Story)
	}
	d.say("  files: PEM, DER, PKCS #12, JKS, a kubeconfig, a CRL, and one that is broken")
	d.say("\nand a Microsoft Entra tenant, where the application")
	for _, story := range d.estate.Tenant.Stories {
		d.say("  %-42s %s", story.Application, story.Text)
	}
}

func (d *demo) firstPass(ctx context.Context, config string) error {
	d.title("First pass: lapsewatch run")
	ran, err := d.lapsewatch(ctx, "run", "--config", config)
	if err != nil {
		return err
	}
	d.say("%s\n\n%s", ran.stdout, ran.stderr)
	misbehaved := d.estate.Tenant.Misbehaved()
	if len(misbehaved) == 0 {
		return errors.New("the tenant was to throttle a page, and did not")
	}
	d.say("\nMeanwhile Graph went wrong as it does (%s); it was asked again, and nothing is missing.", strings.Join(misbehaved, ", "))
	mails, hooks := d.news()
	if len(mails) == 0 || len(hooks) == 0 {
		return fmt.Errorf("the first pass sent %d mails and %d webhooks; both should have news", len(mails), len(hooks))
	}
	return d.showVerified(mails, hooks)
}

func (d *demo) secondPass(ctx context.Context, config string) error {
	d.title("Second pass: nothing has changed, so nobody is told again")
	ran, err := d.lapsewatch(ctx, "run", "--config", config)
	if err != nil {
		return err
	}
	d.say("%s", ran.stderr)
	mails, hooks := d.news()
	if len(mails) != 0 || len(hooks) != 0 {
		return fmt.Errorf("the second pass sent %d mails and %d webhooks; nothing had changed", len(mails), len(hooks))
	}
	d.say("It sent 0 mails and 0 webhooks.")
	return nil
}

func (d *demo) passAfterRenewal(ctx context.Context, config string) error {
	d.title("Third pass: %s was renewed meanwhile, and the secret of %s rotated", estate.RenewedHost, estate.RotatedApplication)
	if err := errors.Join(d.estate.Renew(estate.RenewedHost), d.estate.Tenant.Rotate(estate.RotatedApplication, time.Now())); err != nil {
		return err
	}
	ran, err := d.lapsewatch(ctx, "run", "--config", config)
	if err != nil {
		return err
	}
	d.say("%s", ran.stderr)
	mails, hooks := d.news()
	told := 0
	for _, hook := range hooks {
		events, err := eventsOf(hook)
		if err != nil {
			return err
		}
		for _, event := range events {
			if event.Type == "resolved" && (strings.HasPrefix(event.Finding.Name, estate.RenewedHost) || strings.HasPrefix(event.Finding.Name, estate.RotatedApplication)) {
				told++
			}
		}
	}
	if len(mails) != 2 || told != 2 {
		return fmt.Errorf("after the renewals came %d mails, and %d webhook events that resolve them; want two of each: one mail to the team and one to the owner", len(mails), told)
	}
	return d.showVerified(mails, hooks)
}

// news is what came in since it was asked for last.
func (d *demo) news() ([]estate.Mail, []estate.Hook) {
	mails, hooks := d.estate.Mailbox.Received(), d.estate.Hooks.Received()
	newMails, newHooks := mails[d.mails:], hooks[d.hooks:]
	d.mails, d.hooks = len(mails), len(hooks)
	return newMails, newHooks
}

// showUntil shows what comes in while somebody tries commands by hand.
func (d *demo) showUntil(done <-chan struct{}) error {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-look.C:
			if err := d.showNews(d.news()); err != nil {
				return err
			}
		}
	}
}

// showVerified demands that every webhook so far was signed rightly.
func (d *demo) showVerified(mails []estate.Mail, hooks []estate.Hook) error {
	if refused := d.estate.Hooks.Refused(); refused > 0 {
		return fmt.Errorf("the receiver refused %d webhooks for their signature", refused)
	}
	return d.showNews(mails, hooks)
}

func (d *demo) showNews(mails []estate.Mail, hooks []estate.Hook) error {
	for _, mail := range mails {
		subject, subjectErr := mail.Subject()
		text, textErr := mail.Text()
		if err := errors.Join(subjectErr, textErr); err != nil {
			return err
		}
		d.title("Mail to %s, over SMTP with STARTTLS", strings.Join(mail.To, ", "))
		d.say("Subject: %s\n", subject)
		d.say("%s", indented(text))
	}
	for _, hook := range hooks {
		events, err := eventsOf(hook)
		if err != nil {
			return err
		}
		d.title("Webhook %s, signature verified; its events:", hook.ID)
		for _, event := range events {
			d.say("  %-9s %-9s %s", event.Type, event.Finding.Severity, event.Finding.Name)
		}
	}
	return nil
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

// event is the part of a webhook's event that the demo shows.
type event struct {
	Type    string `json:"type"`
	Finding struct {
		Name     string `json:"name"`
		Severity string `json:"severity"`
	} `json:"finding"`
}

func eventsOf(hook estate.Hook) ([]event, error) {
	var body struct {
		Data struct {
			Events []event `json:"events"`
		} `json:"data"`
	}
	if err := json.Unmarshal(hook.Body, &body); err != nil {
		return nil, fmt.Errorf("read webhook %s: %w", hook.ID, err)
	}
	return body.Data.Events, nil
}

// reports writes the estate as it is now in every format, all at the same time.
func (d *demo) reports(ctx context.Context, config string) error {
	formats := []struct{ format, file, whatFor string }{
		{"html", "report.html", "open it in a browser; it needs no network"},
		{"json", "report.json", "for programs"},
		{"csv", "report.csv", "for spreadsheets"},
		{"ics", "report.ics", "for calendars"},
	}
	failed := make([]error, len(formats))
	var writing sync.WaitGroup
	for i, f := range formats {
		writing.Go(func() {
			_, failed[i] = d.lapsewatch(ctx, "scan", "--config", config, "--output", f.format, "--out", d.path(f.file))
		})
	}
	writing.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	d.title("Reports: lapsewatch scan --config … --output FORMAT --out FILE")
	for _, f := range formats {
		info, err := os.Stat(d.path(f.file))
		if err != nil || info.Size() == 0 {
			return fmt.Errorf("no %s was written: %w", f.file, err)
		}
		d.say("  %-12s %7d bytes, %s", f.file, info.Size(), f.whatFor)
	}
	return nil
}

func (d *demo) pointOut(config string) error {
	d.title("Where to look next")
	d.say("  %s", d.path("report.html"))
	d.say("  %s", config)
	d.say("  lapsewatch scan            what runs out on this machine, without any configuration")
	d.say("  lapsewatch config init     a configuration to start from")
	return nil
}
