package saml

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// id is that of the document; those of its entities begin with it and a slash.
func (m Metadata) id() string {
	return strings.NewReplacer("%", "%25", "/", "%2F").Replace(m.Name)
}

func (m Metadata) details() map[string]any {
	if m.File != "" {
		return map[string]any{"source": m.File}
	}
	address, err := url.Parse(m.URL)
	if err != nil {
		return map[string]any{}
	}
	return map[string]any{"source": address.Scheme + "://" + address.Host}
}

// facts are those of the document first, then those of its entities. life is that of the
// document; zero if it is not known.
func (m Metadata) facts(found document, life time.Duration) []watch.Fact {
	details := m.details()
	details["entities"], details["entities_watched"], details["signed"] = found.count, len(found.entities), found.signed
	if found.cache != "" {
		details["cache_duration"] = found.cache
	}
	var below []watch.Fact
	for _, e := range found.entities {
		below = append(below, m.entityFacts(e)...)
	}
	for _, pattern := range found.unmatched {
		below = append(below, m.missing(pattern))
	}
	subject := m.Subject(m.id())
	var whole watch.Fact
	switch {
	case found.until.stated():
		whole = ending(subject, found.until, life, "", details)
	case len(below) == 0:
		whole = watch.Problem{
			Subject: subject, Reason: watch.NoCertificate, Confined: true, Details: details,
			Err: fmt.Errorf("it describes %s, has no certificate, and does not say until when it holds", entities(found.count)),
		}
	default:
		whole = watch.Condition{Subject: subject, Text: fmt.Sprintf("was read, describes %s, and does not say until when it holds", entities(found.count)), Details: details}
	}
	return append([]watch.Fact{whole}, below...)
}

func entities(count int) string {
	if count == 1 {
		return "1 entity"
	}
	return fmt.Sprintf("%d entities", count)
}

const metadataRemedy = "Let whoever publishes the metadata issue it anew before that date: nobody may rely on it afterwards (saml-metadata-2.0-os, 4.3)."

// ending is the fact that metadata says until when it holds.
func ending(subject watch.Subject, until end, life time.Duration, decides string, details map[string]any) watch.Fact {
	if until.wrong != "" {
		return watch.Problem{
			Subject: subject, Reason: watch.Unparsable, Confined: true, Details: details,
			Err:    fmt.Errorf("its validUntil is %q: %w", until.wrong, errTime),
			Remedy: "Let whoever publishes the metadata correct it: partners that read it may refuse it.",
		}
	}
	return watch.Credential{
		Subject: subject, Form: watch.Metadata, Identity: "valid until " + until.at.Format(time.RFC3339Nano),
		NotAfter: until.at, Life: life, Decides: decides, Details: details, Remedy: metadataRemedy,
	}
}

// missing is the problem that no entity fits a pattern.
func (m Metadata) missing(pattern string) watch.Problem {
	subject := m.Subject(m.id() + "/no entity " + pattern)
	subject.Name = fmt.Sprintf("%s: %s", m.Name, pattern)
	return watch.Problem{
		Subject: subject, Reason: watch.NotFound, Err: fmt.Errorf("the metadata describes no entity %s", pattern), Confined: true, Details: m.details(),
		Remedy: "Ask whoever publishes the metadata whether the entity has left or changed its entityID; then correct entities.",
	}
}

// entityFacts are those of an entity: its end, if there is one below the document's, and
// its certificates.
func (m Metadata) entityFacts(e *entity) []watch.Fact {
	subject := m.Subject(m.id() + "/" + e.idPart())
	subject.Name = fmt.Sprintf("%s: %s", m.Name, e.name())
	var facts []watch.Fact
	if e.until.stated() {
		decides := ""
		if e.until.of != "EntityDescriptor" {
			decides = "the validUntil of its " + e.until.of
		}
		facts = append(facts, ending(subject, e.until, 0, decides, map[string]any{"entity_id": e.name()}))
	}
	for _, k := range e.keys {
		of := subject
		of.ID += "/sha256:" + k.short()
		of.Name += ", " + k.name()
		facts = append(facts, e.keyFact(of, k))
	}
	return facts
}

func (e *entity) keyFact(subject watch.Subject, k *key) watch.Fact {
	details := map[string]any{
		"entity_id": e.name(), "sha256": k.fingerprint,
		"roles": k.described(func(u use) string { return u.role }), "uses": k.described(use.named),
	}
	if k.err != nil {
		return watch.Problem{
			Subject: subject, Reason: watch.Unparsable, Err: fmt.Errorf("the certificate cannot be read: %w", k.err), Confined: true, Details: details,
			Remedy: "Let whoever runs the entity correct its metadata: partners that read it may refuse it.",
		}
	}
	details["subject"], details["issuer"], details["serial"] = k.subject, k.issuer, k.serial
	fact := watch.Credential{
		Subject: subject, Form: watch.EncryptionCertificate, Identity: "sha256:" + k.fingerprint,
		NotBefore: k.notBefore, NotAfter: k.notAfter, Use: watch.Use{State: watch.UseUnknown}, Details: details,
		Remedy: "Let whoever runs the entity replace it in its metadata, and keep the old key until nobody encrypts to it any more.",
	}
	if k.signs() {
		fact.Form = watch.SigningCertificate
		fact.Remedy = "Let whoever runs the entity add its next certificate to its metadata; once all partners have read that, sign with the new one and remove this one."
	}
	if next := e.replacement(k); next != nil {
		fact.Replacement = &watch.Replacement{Name: next.name(), NotBefore: next.notBefore, NotAfter: next.notAfter}
		fact.Remedy = fmt.Sprintf("Its successor, certificate %s, stands in the metadata already: let all partners that keep a copy encrypt to that one, and remove this one after its end.", next.short())
		if k.signs() {
			fact.Remedy = fmt.Sprintf("Its successor, certificate %s, stands in the metadata already: let all partners that keep a copy take that one, then sign with it, and remove this one after its end.", next.short())
		}
	}
	return fact
}

const maxShownID = 200

func (e *entity) name() string {
	if e.id == "" {
		return "an entity without entityID"
	}
	return clean.Text(e.id, maxShownID)
}

// idPart is the entityID, or its hash where it could not be shown.
func (e *entity) idPart() string {
	if e.id != "" && clean.Text(e.id, maxEntityID) == e.id {
		return e.id
	}
	return "sha256:" + fingerprint([]byte(e.id))
}
