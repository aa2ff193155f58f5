// Package entra watches the credentials of a Microsoft Entra tenant through Microsoft
// Graph: client secrets and certificates of applications and service principals, SAML
// signing certificates, and federated credentials, each with its owners, its last use
// and what could take over from it. It judges nothing, changes nothing in the tenant and
// never asks for a secret or a private key. Signing in, retrying and walking through
// pages is package msgraph's.
package entra

import (
	"errors"
	"fmt"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// Kind is the check of an Entra tenant.
var Kind = checks.Define("entra", defaults, New)

// Options configure the check of one tenant.
type Options struct {
	msgraph.SignIn `yaml:",inline"`

	Include []Filter `yaml:"include,omitempty" jsonschema_description:"watch only applications and service principals that one of these matches; default: all"`
	Exclude []Filter `yaml:"exclude,omitempty" jsonschema_description:"leave out those that one of these matches; their number is reported"`

	SelfRotating      bool `yaml:"self_rotating,omitempty" jsonschema_description:"also watch what Microsoft rotates by itself: Application Proxy secrets, Entra Connect and P2P Server"`
	ServicePrincipals bool `yaml:"service_principals,omitempty" jsonschema_description:"watch secrets and certificates of the service principals themselves; default true"`
	SAML              bool `yaml:"saml,omitempty" jsonschema_description:"watch SAML signing certificates; default true"`
	Federated         bool `yaml:"federated,omitempty" jsonschema_description:"list federated credentials, which have no date; default true"`

	MaxLife       watch.Duration `yaml:"max_life,omitempty" jsonschema_description:"longest life of a secret or client certificate, such as 365d; the tenant's app management policy wins where it is stricter; default 730d"`
	LeftOverAfter watch.Duration `yaml:"left_over_after,omitempty" jsonschema_description:"how long after its end a credential that nobody removed counts as left over; default 30d"`
	UnusedAfter   watch.Duration `yaml:"unused_after,omitempty" jsonschema_description:"how long without a sign-in makes a credential unused; default 30d"`

	Owners         []OwnerRule `yaml:"owners,omitempty" jsonschema_description:"who is told where Entra names no owner with a mail address; the first rule that matches counts"`
	FallbackOwners []string    `yaml:"fallback_owners,omitempty" jsonschema_description:"mail addresses of those who are told when nobody else is known"`
}

const day = 24 * time.Hour

func defaults() Options {
	return Options{
		ServicePrincipals: true, SAML: true, Federated: true,
		MaxLife: watch.Duration(730 * day), LeftOverAfter: watch.Duration(30 * day), UnusedAfter: watch.Duration(30 * day),
	}
}

// maxRules bounds each list of filters and owners, since every application is held
// against all of them.
const maxRules = 1000

// Validate reports what is wrong with *watch.FieldError values.
func (o Options) Validate() error {
	found := []error{o.SignIn.Validate()}
	wrong := func(path string, err error) { found = append(found, &watch.FieldError{Path: path, Err: err}) }
	for path, count := range map[string]int{"include": len(o.Include), "exclude": len(o.Exclude), "owners": len(o.Owners), "fallback_owners": len(o.FallbackOwners)} {
		if count > maxRules {
			wrong(path, fmt.Errorf("%d entries are more than %d", count, maxRules))
		}
	}
	for i, filter := range o.Include {
		found = append(found, filter.problems(fmt.Sprintf("include[%d]", i))...)
	}
	for i, filter := range o.Exclude {
		found = append(found, filter.problems(fmt.Sprintf("exclude[%d]", i))...)
	}
	for i, rule := range o.Owners {
		found = append(found, rule.problems(fmt.Sprintf("owners[%d]", i))...)
	}
	found = append(found, badAddresses("fallback_owners", o.FallbackOwners)...)
	for path, span := range map[string]watch.Duration{"max_life": o.MaxLife, "left_over_after": o.LeftOverAfter, "unused_after": o.UnusedAfter} {
		if time.Duration(span) < day {
			wrong(path, fmt.Errorf("%s is less than a day", time.Duration(span)))
		}
	}
	return errors.Join(found...)
}
