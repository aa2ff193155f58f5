package entra

import (
	"strings"
	"time"

	"lapsewatch/watch"
)

// holder is an application or a service principal, reduced to what facts are made from.
// Names, tags and notes are as hostile as whoever may register an application.
type holder struct {
	principal bool // a service principal; otherwise an application
	objectID  string
	appID     string
	name      string
	tags      []string
	created   time.Time
	// notes and reference are where people write whom to tell.
	notes     string
	reference string
	// unusable says why nothing can sign in as it; empty if something can.
	unusable string
	// disabledHere: its service principal in this tenant is disabled, though others may
	// use it.
	disabledHere bool
	multiTenant  bool
	samlMode     bool
	// activeThumbprint is that of the certificate that signs SAML assertions, in lower
	// case; empty where Entra does not say.
	activeThumbprint string
	notify           []string
	kind             string // servicePrincipalType
	items            []item
}

// item is one credential of a holder. SAML signing certificates are one item each, of
// however many key and password objects they consist.
type item struct {
	form watch.Form
	// id is the subject's ID within its holder, identity that of the credential.
	id       string
	identity string
	// keyID is a GUID in lower case, or empty.
	keyID      string
	name       string
	hint       string
	usage      string
	start, end time.Time
	custom     string
	// thumbprint is a SHA-1 in lower-case hex, of certificates that tell it.
	thumbprint string
	standing   standing
	rotated    rotation
	self       bool
	trust      *trust
}

// trust is what a federated credential accepts.
type trust struct {
	issuer, subject string
	audiences       []string
}

// standing is what is known of a signing certificate among those of its application.
type standing int8

const (
	standingUnknown standing = iota // Entra names no active one
	active
	inactive
	// steppedIn: the active one has expired, so that Entra signs with what is valid.
	steppedIn
)

// endlessYear is from when on a date stands for "never": tools have written 2299 and 9999.
const endlessYear = 2299

func (i *item) endless() bool { return i.end.IsZero() || i.end.Year() >= endlessYear }

// signsIn: the credential proves an identity, other than one that encrypts tokens or
// signs assertions.
func (i *item) signsIn() bool {
	return i.form == watch.ClientSecret || i.form == watch.ClientCertificate && !strings.EqualFold(i.usage, usageEncrypt)
}

const (
	usageSign    = "Sign"
	usageEncrypt = "Encrypt"
)

// guid is text in lower case if it is a GUID, and otherwise empty. Only what passed it
// stands in links and commands.
func guid(text string) string {
	if len(text) != 36 {
		return ""
	}
	for i := range len(text) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (text[i] == '-') || !hyphen && !isHex(text[i]) {
			return ""
		}
	}
	return strings.ToLower(text)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
