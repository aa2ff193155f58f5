package saml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	maxDepth = 64
	// maxToken bounds a tag, a text or a comment, which the XML decoder holds in memory.
	maxToken = 1 << 20
)

// walk goes through an XML document once, element by element, in bounded memory.
type walk struct {
	tokens *xml.Decoder
	fuse   *fuse
	depth  int
}

// malformed is what is wrong with a document, in a clause.
type malformed string

func (m malformed) Error() string { return string(m) }

// excessive is a document that has more of something than is read.
type excessive string

func (e excessive) Error() string { return string(e) }

func newWalk(from io.Reader, maxBytes int64) *walk {
	f := &fuse{from: from, left: maxBytes, limit: maxBytes}
	tokens := xml.NewDecoder(f)
	tokens.CharsetReader = func(string, io.Reader) (io.Reader, error) {
		return nil, malformed("it is not encoded in UTF-8, and other encodings are not read")
	}
	return &walk{tokens: tokens, fuse: f}
}

// fuse ends a document that is too long, or a token that is.
type fuse struct {
	from        io.Reader
	left, limit int64
	ofToken     int64
	// err is what the source or the fuse itself ended with; the decoder gives it on.
	err error
}

func (f *fuse) Read(into []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.from.Read(into)
	f.left -= int64(n)
	f.ofToken += int64(n)
	switch {
	case f.left < 0:
		err = excessive(fmt.Sprintf("it is larger than %d bytes", f.limit))
	case f.ofToken > maxToken:
		err = excessive(fmt.Sprintf("a single tag, text or comment is larger than %d bytes", maxToken))
	}
	if err != nil {
		f.err = err
		if !errors.Is(err, io.EOF) {
			return 0, err
		}
	}
	return n, err
}

const webPage = "doctype html"

// next is the next token. A document type is refused before anything of it could mean
// something: entities that it declares are what bombs are made of.
func (w *walk) next() (xml.Token, error) {
	w.fuse.ofToken = 0
	token, err := w.tokens.Token()
	if err != nil {
		return nil, w.explained(err)
	}
	switch token := token.(type) {
	case xml.StartElement:
		if w.depth++; w.depth > maxDepth {
			return nil, excessive(fmt.Sprintf("its elements are nested deeper than %d levels", maxDepth))
		}
	case xml.EndElement:
		w.depth--
	case xml.Directive:
		if strings.HasPrefix(strings.ToLower(string(token[:min(len(token), len(webPage))])), webPage) {
			return nil, malformed("it is a web page, and no SAML metadata")
		}
		return nil, malformed("it has a document type (<!DOCTYPE …>), which metadata has no use for, and which is not read")
	}
	return token, nil
}

// explained tells apart what is wrong with the document and what with its source.
func (w *walk) explained(err error) error {
	if w.fuse.err != nil && !errors.Is(w.fuse.err, io.EOF) {
		return w.fuse.err
	}
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if known, ok := errors.AsType[malformed](err); ok {
		return known
	}
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return malformed(fmt.Sprintf("line %d is no XML: %s", syntax.Line, syntax.Msg))
	}
	return malformed("it is no XML: " + err.Error())
}

// root is the document's outermost element.
func (w *walk) root() (xml.StartElement, error) {
	for {
		token, err := w.next()
		if errors.Is(err, io.EOF) {
			return xml.StartElement{}, malformed("it holds no XML element")
		}
		if err != nil {
			return xml.StartElement{}, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			return token, nil
		case xml.CharData:
			if strings.TrimSpace(strings.TrimPrefix(string(token), "\ufeff")) != "" {
				return xml.StartElement{}, malformed("it does not begin with an XML element")
			}
		}
	}
}

// children calls take for each child of the element that next gave last, and text for each
// text in it; nil skips. take must leave the child behind, by children or skip.
func (w *walk) children(take func(xml.StartElement) error, text func([]byte)) error {
	for {
		token, err := w.next()
		if err != nil {
			return unexpectedEnd(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if take == nil {
				err = w.skip()
			} else {
				err = take(token)
			}
			if err != nil {
				return err
			}
		case xml.CharData:
			if text != nil {
				text(token)
			}
		case xml.EndElement:
			return nil
		}
	}
}

// skip leaves the element behind that next gave last.
func (w *walk) skip() error {
	for outside := w.depth - 1; w.depth > outside; {
		if _, err := w.next(); err != nil {
			return unexpectedEnd(err)
		}
	}
	return nil
}

// end makes sure that nothing follows the root.
func (w *walk) end() error {
	for {
		token, err := w.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) == "" {
			continue
		}
		if _, ok := token.(xml.Comment); !ok {
			return malformed("something follows its end")
		}
	}
}

func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return malformed("it ends in the middle")
	}
	return err
}
