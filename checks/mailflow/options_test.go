package mailflow_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/mailflow"
)

const good = `
flows:
  - name: CRM mail
    from: crm@example.com
    to: canary@example.net
    submit: {smtp: {address: mail.example.com, username: crm, password: {env: OUT}}}
    arrive: {imap: {address: "imap.example.net:993", username: canary, password: {env: IN}, also: [Junk]}}
    warn: 5m
`

func TestOptionsThatCannotWorkAreRefusedAtTheirPlace(t *testing.T) {
	tests := []struct{ name, from, to, want string }{
		{"nothing", good, "flows: []", "flows"},
		{"no submission", "submit: {smtp: {address: mail.example.com, username: crm, password: {env: OUT}}}", "submit: {}", "flows[0].submit"},
		{"no mailbox", `arrive: {imap: {address: "imap.example.net:993", username: canary, password: {env: IN}, also: [Junk]}}`, "arrive: {}", "flows[0].arrive"},
		{"no address", "address: mail.example.com", "address: mail example.com", "flows[0].submit.smtp.address"},
		{"no port", "address: mail.example.com", "address: mail.example.com:0", "flows[0].submit.smtp.address"},
		{"mail in the clear", "address: mail.example.com, username: crm, password: {env: OUT}", "address: mail.example.com, tls: none", "flows[0].submit.smtp.tls"},
		{"a login in the clear", "address: mail.example.com,", "address: mail.example.com, tls: none, insecure: true,", "flows[0].submit.smtp.tls"},
		{"an unknown protection", "address: mail.example.com", "address: mail.example.com, tls: maybe", "flows[0].submit.smtp.tls"},
		{"a password of nobody", "username: crm, ", "", "flows[0].submit.smtp.username"},
		{"an account without a password", "username: crm, password: {env: OUT}", "username: crm", "flows[0].submit.smtp.password"},
		{"a password and a token", "password: {env: OUT}", "password: {env: OUT}, token: {env: T}", "flows[0].submit.smtp.password"},
		{"a mailbox without a login", "username: canary, password: {env: IN}, ", "", "flows[0].arrive.imap.username"},
		{"a folder twice", "also: [Junk]", "also: [Junk, Junk]", "flows[0].arrive.imap.also[1]"},
		{"the inbox twice", "also: [Junk]", "also: [INBOX]", "flows[0].arrive.imap.also[0]"},
		{"a folder that breaks the line", "also: [Junk]", `also: ["a\nb"]`, "flows[0].arrive.imap.also[0]"},
		{"no sender", "from: crm@example.com", "from: crm", "flows[0].from"},
		{"a recipient that breaks the line", "to: canary@example.net", `to: "canary@example.net\r\nBcc: x@example.org"`, "flows[0].to"},
		{"slow after lost", "warn: 5m", "warn: 48h", "flows[0].warn"},
		{"slow is lost", "warn: 5m", "warn: 24h", "flows[0].lost_after"},
		{"an endless wait", "warn: 5m", "wait: 10m", "flows[0].wait"},
		{"a large collection", "warn: 5m", "keep: 11", "flows[0].keep"},
		{"no single tenant", "submit: {smtp: {address: mail.example.com, username: crm, password: {env: OUT}}}", "submit: {graph: {tenant: common}}", "flows[0].submit.graph.tenant"},
		{"a mailbox that leads elsewhere", "submit: {smtp: {address: mail.example.com, username: crm, password: {env: OUT}}}", "submit: {graph: {tenant: example.com, mailbox: x/../y}}", "flows[0].submit.graph.mailbox"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(good, test.from) {
				t.Fatalf("%q is not in the options", test.from)
			}
			_, err := mailflow.Kind.Build(checktest.YAML(strings.Replace(good, test.from, test.to, 1)), checktest.Env(noon))
			if places := checktest.Places(t, err); !slices.Contains(places, test.want) {
				t.Errorf("refused %q: %v", places, err)
			}
		})
	}
}

func TestTheOptionsOfTheDocumentationCanBeRead(t *testing.T) {
	if _, err := mailflow.Kind.Build(checktest.YAML(good), checktest.Env(noon)); err != nil {
		t.Error(err)
	}
	page, err := os.ReadFile("../../docs/checks/mailflow.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "    options:\n")
	example, _, found := strings.Cut(example, "```")
	if !found {
		t.Fatal("no example")
	}
	if _, err := mailflow.Kind.Build(checktest.YAML(example), checktest.Env(noon)); err != nil {
		t.Error(fmt.Errorf("%w in\n%s", err, example))
	}
}
