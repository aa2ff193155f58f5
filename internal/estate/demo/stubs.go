package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lapsewatch/internal/estate"
)

func (d *demo) statusPage() string { return d.path("status/content/issues") }

func (d *demo) statusInternal() string { return d.path("status-internal") }

// stubs shows what stands on the status page after the first pass.
func (d *demo) stubs(ctx context.Context, config string) error {
	d.title("The status page: lapsewatch incidents list")
	listed, err := d.lapsewatch(ctx, "incidents", "list", "--config", config)
	if err != nil {
		return err
	}
	d.say("%s", listed.stdout)
	return d.showStub("investigating")
}

func (d *demo) stubAfterRenewal(context.Context, string) error {
	d.title("The same stub after the renewal: over before it hurt, so that it needs no post-mortem")
	return d.showStub("resolved")
}

// showStub shows the stub of the host that is renewed, public part and part for staff.
func (d *demo) showStub(status string) error {
	pages, err := filepath.Glob(filepath.Join(d.statusPage(), "*.md"))
	if err != nil {
		return fmt.Errorf("look at the status page: %w", err)
	}
	for _, page := range pages {
		public, err := os.ReadFile(page)
		if err != nil {
			return fmt.Errorf("read a stub: %w", err)
		}
		if !strings.Contains(string(public), "Payments") {
			continue
		}
		if !strings.Contains(string(public), "draft: true") {
			return errors.New("the stub is not hidden")
		}
		if resolved := strings.Contains(string(public), "resolved: true"); resolved != (status == "resolved") {
			return fmt.Errorf("the stub is resolved: %t; want it %s", resolved, status)
		}
		d.say("%s\n%s", filepath.Base(page), indented(string(public)))
		return d.showInternal()
	}
	return fmt.Errorf("no stub of %s stands on the status page", estate.RenewedHost)
}

func (d *demo) showInternal() error {
	files, err := filepath.Glob(filepath.Join(d.statusInternal(), "*.md"))
	if err != nil {
		return fmt.Errorf("look at the part for staff: %w", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read the part for staff: %w", err)
		}
		if !strings.Contains(string(text), estate.RenewedHost) {
			continue
		}
		d.say("\nfor staff, %s:\n%s", filepath.Base(file), indented(string(text)))
		return nil
	}
	return errors.New("there is no part for staff")
}
