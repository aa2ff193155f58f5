package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lapsewatch/internal/estate"
)

// writeConfiguration writes what an operator would, with the estate's ports filled in.
func (d *demo) writeConfiguration(path string) error {
	if err := os.WriteFile(path, []byte(configuration(d.estate, d.path("ledger.db"), d.statusPage(), d.statusInternal(), time.Now())), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

func configuration(e *estate.Estate, ledger, status, statusInternal string, now time.Time) string {
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	line("# The demo's configuration. Yours needs neither fixed addresses nor a ca_file.")
	line("checks:")
	line("  - name: services")
	line("    kind: tls")
	line("    options:")
	line("      timeout: 2s")
	line("      trust: {system: false, files: [%q]}", e.CAFile)
	line("      targets:")
	for _, endpoint := range e.Endpoints {
		line("        - %s", target(endpoint))
	}
	line("  - name: files")
	line("    kind: certfiles")
	line("    options:")
	line("      paths: [%q, %q, %q]", e.WatchedFiles, e.Kubeconfig, e.CRLFile)
	line("      passphrases:")
	line("        - {path: %q, passphrase: {file: %q}}", filepath.Join(e.WatchedFiles, "*.{p12,jks}"), e.PassphraseFile())
	line("  - name: tenant")
	line("    kind: entra")
	line("    options:")
	line("      tenant: %s", e.Tenant.TenantID)
	line("      sign_in: secret            # so that the demo's own secret can be about to expire")
	line("      client_id: %s", e.Tenant.ClientID)
	line("      secret: {file: %q}", e.Tenant.SecretFile)
	line("      authority_url: %s", e.Tenant.AuthorityURL)
	line("      graph_url: %s", e.Tenant.GraphURL)
	line("      ca_file: %q", e.Tenant.CAFile)
	line("      fallback_owners: [platform@estate.example]")
	tokens(line, e, now)
	clocks(line, e)
	line("")
	line("alerts:")
	line("  - name: owners")
	line("    kind: email")
	line("    options:")
	line("      host: %s", e.Mailbox.Host)
	line("      port: %d", e.Mailbox.Port)
	line("      tls: starttls")
	line("      ca_file: %q", e.CAFile)
	line("      from: Lapsewatch <lapsewatch@estate.example>")
	line("      to: [platform@estate.example]")
	line("      owner_domains: [estate.example]")
	line("  - name: automation")
	line("    kind: webhook")
	line("    options:")
	line("      url: %s", e.Hooks.URL)
	line("      ca_file: %q", e.CAFile)
	line("      signing_secrets: [{file: %q}]", e.Hooks.SecretFile)
	line("")
	line("routes:")
	line("  - to: [owners, automation]")
	line("")
	line("incidents:                    # one modest stub on the status page for what hurts, hidden until a person publishes it")
	line("  - name: status")
	line("    kind: cstate")
	line("    options: {folder: %q, internal_folder: %q}", status, statusInternal)
	line("    rules:")
	line("      - {match: {name: \"%s:*\"}, good_passes: 1}", estate.RenewedHost)
	line("      - {match: {check: sign-ins}}")
	line("    components:")
	line("      - {match: {name: \"%s:*\"}, component: Payments}", estate.RenewedHost)
	line("    affected:")
	line("      - {match: {name: \"%s:*\"}, names: [web shop, order confirmations]}", estate.RenewedHost)
	line("")
	line("ledger:")
	line("  dsn: %q", "sqlite:"+ledger)
	return text.String()
}

// tokens are the estate's tokens, a sign-in, and what no service shows.
func tokens(line func(format string, args ...any), e *estate.Estate, now time.Time) {
	day := func(days int) string { return now.AddDate(0, 0, days).UTC().Format(time.DateOnly) }
	line("  - name: tokens")
	line("    kind: jwt")
	line("    options: {paths: [%q]}", e.Tokens)
	line("  - name: sign-ins")
	line("    kind: oauth")
	line("    options:")
	line("      ca_file: %q", e.Tenant.CAFile)
	line("      sign_ins:")
	for _, signIn := range e.Tenant.SignIns {
		line("        - name: sign-in of %s   # %s", signIn.Name, signIn.Story)
		line("          token_url: %s/%s/oauth2/v2.0/token", e.Tenant.AuthorityURL, e.Tenant.TenantID)
		line("          client_id: %s", signIn.ClientID)
		line("          client_auth: client_secret_post")
		line("          client_secret: {file: %q}", signIn.SecretFile)
		line("          scopes: [%s/.default]", e.Tenant.GraphURL)
	}
	line("  - name: register")
	line("    kind: register")
	line("    options:")
	line("      credentials:                # what no service shows")
	line("        - {name: CAD licence, form: licence, expires: %s, owners: [ada@estate.example]}", day(19))
	line("        - {name: partner's certificate, expires: %s}", day(200))
}

func clocks(line func(format string, args ...any), e *estate.Estate) {
	line("  - name: clocks")
	line("    kind: clock")
	line("    options:")
	line("      targets:")
	for _, clock := range e.Clocks {
		line("        - {url: %q, name: %s}   # %s", "ntp://"+clock.Address, clock.Name, clock.Story)
	}
	line("")
	line("clock:                        # whose time is believed: three that agree, and one that lies")
	line("  references:")
	for _, reference := range e.References {
		line("    - ntp://%s   # %s", reference.Address, reference.Name)
	}
}

func target(endpoint estate.Endpoint) string {
	starttls := ""
	if endpoint.StartTLS != "" {
		starttls = ", starttls: " + endpoint.StartTLS
	}
	return fmt.Sprintf("{host: %s, port: %d%s, addresses: [%s]}   # %s",
		endpoint.Host, endpoint.Port, starttls, quoted(endpoint.Addresses), endpoint.Story)
}

func quoted(texts []string) string {
	var all []string
	for _, text := range texts {
		all = append(all, fmt.Sprintf("%q", text))
	}
	return strings.Join(all, ", ")
}
