package email_test

import (
	"fmt"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/email"
)

func TestOnlyOwnersOfTheListedDomainsAreReached(t *testing.T) {
	channel := startMailServer(t, startTLS).channel(t, alerts.Env{}, func(o *email.Options) {
		o.To = []string{"Platform <platform@example.com>"}
		o.OwnerDomains = []string{"Example.com", "example.org"}
	}).(alerts.OwnerChannel)
	for _, row := range []struct{ name, owner, reached string }{
		{"an address in a listed domain", "ada@example.com", "ada@example.com"},
		{"a domain in capitals", "ada@EXAMPLE.org", "ada@example.org"},
		{"a display name is dropped", "Ada <ada@example.com>", "ada@example.com"},
		{"who is told anyway keeps that form", "platform@example.com", "Platform <platform@example.com>"},
		{"another domain", "ada@evil.example", ""},
		{"a subdomain", "ada@mail.example.com", ""},
		{"a listed domain as the beginning of another", "ada@example.com.evil.example", ""},
		{"two addresses", "ada@example.com, eve@evil.example", ""},
		{"a second header", "ada@example.com\r\nBcc: eve@evil.example", ""},
		{"an address in quotes", `"eve@evil.example,"@example.com`, ""},
		{"a source route", "<@evil.example:ada@example.com>", ""},
		{"source routing by per cent", "eve%evil.example@example.com", ""},
		{"source routing by bang path", "evil.example!eve@example.com", ""},
		{"a tag", "ada+crm@example.com", "ada+crm@example.com"},
		{"a look-alike domain", "ada@exаmple.com", ""},
		{"a name without address", "Ada", ""},
		{"nothing", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			reached, allowed := channel.Reach(row.owner)
			if allowed != (row.reached != "") || allowed && reached != row.reached {
				t.Errorf("reached %q, %v, want %q", reached, allowed, row.reached)
			}
		})
	}
}

func TestWithoutOwnerDomainsNoOwnerIsReached(t *testing.T) {
	channel := startMailServer(t, startTLS).channel(t, alerts.Env{}, nil).(alerts.OwnerChannel)
	if reached, allowed := channel.Reach("ada@example.com"); allowed {
		t.Errorf("reached %q", reached)
	}
}

func TestAnOwnerGetsTheMailAndAStrangerNever(t *testing.T) {
	server := startMailServer(t, startTLS)
	channel := server.channel(t, server.env(quiet), func(o *email.Options) { o.OwnerDomains = []string{"example.com"} })
	message := alerttest.Message()
	message.Recipient = "ada@example.com"
	if _, failure := server.deliver(t.Context(), channel, message); failure != nil {
		t.Fatal(failure)
	}
	// The last two are other spellings of who may be told, which Reach never gives.
	for _, recipient := range []string{"eve@evil.example", "ada@EXAMPLE.com", "Ada <ada@example.com>"} {
		message.Recipient = recipient
		_, failure := server.deliver(t.Context(), channel, message)
		if failure == nil || failure.Retryable || !strings.Contains(failure.Error(), fmt.Sprintf("%q is neither in to nor in one of owner_domains any more", recipient)) {
			t.Errorf("%s gave %v", recipient, failure)
		}
	}
	if taken := server.taken(); len(taken) != 1 || taken[0].to != "ada@example.com" {
		t.Errorf("the server took %v", taken)
	}
}
