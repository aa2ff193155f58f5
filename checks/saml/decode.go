package saml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
)

// The namespaces of the elements that are read.
const (
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
	// nsPublication is that of the extension for registration and publication
	// (saml-metadata-rpi-v1.0).
	nsPublication = "urn:oasis:names:tc:SAML:metadata:rpi"
)

const (
	// maxEntities bounds the watched entities of a document, and maxKeys the certificates
	// of one of them.
	maxEntities = 5000
	maxKeys     = 50
	maxUses     = 20
	shownRunes  = 100
)

// document is what is read of a metadata document.
type document struct {
	// until is the validUntil of the root element, and cache its cacheDuration as written.
	until end
	cache string
	// created is the creationInstant of the publication; zero if there is none.
	created time.Time
	// signed: the root holds a signature, which nobody has verified.
	signed bool
	// count is how many entities the document describes, watched or not.
	count    int
	entities []*entity
	// unmatched are the patterns that no entity fits.
	unmatched []string
}

// end is until when something holds, and what says so. Its zero value is no end.
type end struct {
	at time.Time
	// of is the element that says so.
	of string
	// wrong is what cannot be read as a time.
	wrong string
}

func (e end) stated() bool { return e.of != "" }

// earlier is the one that counts where both hold. What cannot be read may be any time.
func (e end) earlier(other end) end {
	switch {
	case !e.stated():
		return other
	case !other.stated() || e.wrong != "":
		return e
	case other.wrong != "" || other.at.Before(e.at):
		return other
	default:
		return e
	}
}

// entity is what is read of an entity that is watched.
type entity struct {
	id string
	// until is the earliest that is stated below the root, by its group, itself or a role.
	until end
	keys  []*key
}

// reading is the decoding of one document.
type reading struct {
	*walk
	document
	filter filter
	known  map[string]*entity
}

// read decodes a document. What is wrong with it is malformed or excessive; other errors
// are those of its source.
func read(from io.Reader, maxBytes int64, patterns []string) (document, error) {
	r := &reading{walk: newWalk(from, maxBytes), filter: newFilter(patterns), known: map[string]*entity{}}
	root, err := r.root()
	if err != nil {
		return document{}, err
	}
	r.until, r.cache = endOf(root), clean.Text(attribute(root, "cacheDuration"), shownRunes)
	switch root.Name {
	case xml.Name{Space: nsMetadata, Local: "EntityDescriptor"}:
		err = r.entity(root, end{}, true)
	case xml.Name{Space: nsMetadata, Local: "EntitiesDescriptor"}:
		err = r.group(root, end{}, true)
	default:
		return document{}, malformed(fmt.Sprintf("it is no SAML metadata: its outermost element is %q", clean.Text(root.Name.Local, shownRunes)))
	}
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return document{}, err
	}
	r.unmatched = r.filter.unmatched()
	return r.document, nil
}

// group reads an EntitiesDescriptor; until is that of the groups around it, but for the
// root's, which is the document's.
func (r *reading) group(start xml.StartElement, until end, root bool) error {
	if !root {
		until = until.earlier(endOf(start))
	}
	return r.children(func(child xml.StartElement) error {
		switch {
		case child.Name.Space == nsMetadata && child.Name.Local == "EntityDescriptor":
			return r.entity(child, until, false)
		case child.Name.Space == nsMetadata && child.Name.Local == "EntitiesDescriptor":
			return r.group(child, until, false)
		case root:
			return r.aboutRoot(child)
		default:
			return r.skip()
		}
	}, nil)
}

// aboutRoot reads what the root says of the document.
func (r *reading) aboutRoot(child xml.StartElement) error {
	switch {
	case child.Name.Space == nsSignature && child.Name.Local == "Signature":
		r.signed = true
	case child.Name.Space == nsMetadata && child.Name.Local == "Extensions":
		return r.children(func(extension xml.StartElement) error {
			if extension.Name.Space == nsPublication && extension.Name.Local == "PublicationInfo" {
				r.created, _ = dateTime(attribute(extension, "creationInstant")) // a hint: without it there is none
			}
			return r.skip()
		}, nil)
	}
	return r.skip()
}

func (r *reading) entity(start xml.StartElement, until end, root bool) error {
	r.count++
	id := strings.TrimSpace(attribute(start, "entityID"))
	if !r.filter.takes(id) {
		return r.skip()
	}
	if len(r.filter.patterns) == 0 && r.count > maxUnfiltered {
		return excessive(fmt.Sprintf("it describes more than %d entities, and none of them is named in entities", maxUnfiltered))
	}
	e := r.known[id]
	if e == nil {
		if len(r.entities) >= maxEntities {
			return excessive(fmt.Sprintf("it describes more than %d entities that are to be watched", maxEntities))
		}
		e = &entity{id: id}
		r.known[id], r.entities = e, append(r.entities, e)
	}
	e.until = e.until.earlier(until)
	if !root {
		e.until = e.until.earlier(endOf(start))
	}
	return r.children(func(child xml.StartElement) error {
		switch {
		case child.Name.Space == nsMetadata && strings.HasSuffix(child.Name.Local, "Descriptor"):
			return r.role(e, child)
		case root:
			return r.aboutRoot(child)
		default:
			return r.skip()
		}
	}, nil)
}

// role reads a role of an entity, of whatever sort, or an affiliation.
func (r *reading) role(e *entity, start xml.StartElement) error {
	e.until = e.until.earlier(endOf(start))
	name := start.Name.Local
	return r.children(func(child xml.StartElement) error {
		if child.Name != (xml.Name{Space: nsMetadata, Local: "KeyDescriptor"}) {
			return r.skip()
		}
		return r.key(e, use{role: name, of: clean.Text(attribute(child, "use"), shownRunes)})
	}, nil)
}

// key reads the certificates of a KeyDescriptor. Keys without one have no date.
func (r *reading) key(e *entity, u use) error {
	return r.below(func() error {
		var text strings.Builder
		err := r.children(nil, func(more []byte) {
			if text.Len() <= maxCertificate {
				text.Write(more)
			}
		})
		if err != nil {
			return err
		}
		return e.add(certificate(text.String()), u)
	}, "KeyInfo", "X509Data", "X509Certificate")
}

// below calls take within each element that the names lead to.
func (r *reading) below(take func() error, names ...string) error {
	if len(names) == 0 {
		return take()
	}
	return r.children(func(child xml.StartElement) error {
		if child.Name != (xml.Name{Space: nsSignature, Local: names[0]}) {
			return r.skip()
		}
		return r.below(take, names[1:]...)
	}, nil)
}

// add keeps a certificate, or notes one more use of a known one.
func (e *entity) add(found *key, u use) error {
	at := slices.IndexFunc(e.keys, func(known *key) bool { return known.fingerprint == found.fingerprint })
	if at < 0 {
		if len(e.keys) >= maxKeys {
			return excessive(fmt.Sprintf("an entity has more than %d certificates", maxKeys))
		}
		e.keys, at = append(e.keys, found), len(e.keys)
	}
	if known := e.keys[at]; !slices.Contains(known.uses, u) && len(known.uses) < maxUses {
		known.uses = append(known.uses, u)
	}
	return nil
}

func attribute(start xml.StartElement, name string) string {
	for _, a := range start.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func endOf(start xml.StartElement) end {
	text := strings.TrimSpace(attribute(start, "validUntil"))
	if text == "" {
		return end{}
	}
	found := end{of: clean.Text(start.Name.Local, shownRunes)}
	var err error
	if found.at, err = dateTime(text); err != nil {
		found.wrong = clean.Text(text, shownRunes)
	}
	return found
}

var errTime = errors.New("want a time as 2027-03-01T17:00:00Z")

// dateTime reads an xs:dateTime. SAML wants UTC, and so one without a zone is taken
// (saml-core-2.0-os, 1.3.3).
func dateTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04:05.999999999", text)
	}
	if err != nil || at.Year() < 1 || at.Year() > 9999 {
		return time.Time{}, errTime
	}
	return at.UTC(), nil
}
