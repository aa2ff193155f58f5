package email

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
)

// ownerAddress is the dot-atom form (RFC 5321, 4.1.2) in ASCII. Owners come from a
// directory that others fill in: nothing that needs quoting is worth the risk, nor are %
// and !, by which mail servers may send on to another domain ("eve%evil.example@…").
var ownerAddress = regexp.MustCompile("^[A-Za-z0-9#$&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,190}$")

// Reach takes an owner who is a mail address in one of the owner_domains. The answer is
// the bare address with its domain in lower case, or whoever of `to` has that address.
func (c *channel) Reach(owner string) (string, bool) {
	parsed, err := netmail.ParseAddress(owner)
	if err != nil || !ownerAddress.MatchString(parsed.Address) {
		return "", false
	}
	at := strings.LastIndex(parsed.Address, "@")
	domain := strings.ToLower(parsed.Address[at+1:])
	allowed := slices.ContainsFunc(c.options.OwnerDomains, func(one string) bool { return strings.EqualFold(one, domain) })
	address := parsed.Address[:at+1] + domain
	for _, to := range c.options.To {
		if listed, err := netmail.ParseAddress(to); err == nil && strings.EqualFold(listed.Address, address) {
			return to, allowed
		}
	}
	return address, allowed
}

// mayTell refuses a recipient who was planned under other options: the outbox may be
// older than the configuration.
func (c *channel) mayTell(recipient string) error {
	if slices.Contains(c.options.To, recipient) {
		return nil
	}
	if reached, allowed := c.Reach(recipient); allowed && reached == recipient {
		return nil
	}
	return fmt.Errorf("%q is neither in to nor in one of owner_domains any more", recipient)
}

const maxOwnerDomains = 100

var domainName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}$`)

func (o Options) validateOwnerDomains(wrong func(string, error)) {
	if len(o.OwnerDomains) > maxOwnerDomains {
		wrong("owner_domains", fmt.Errorf("want at most %d", maxOwnerDomains))
	}
	for i, domain := range o.OwnerDomains {
		if !domainName.MatchString(domain) {
			wrong(fmt.Sprintf("owner_domains[%d]", i), errors.New("want the domain of mail addresses, such as example.com"))
		}
	}
}

// TellsOwners reports whether any domain is allowed.
func (c *channel) TellsOwners() bool { return len(c.options.OwnerDomains) > 0 }
