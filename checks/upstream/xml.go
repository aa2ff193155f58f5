package upstream

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

const (
	maxDepth    = 40
	maxElements = 100_000
)

// shape is what a document is, whatever a lenient parser makes of it.
type shape struct {
	root string
	// items is how many elements are called as the items of a feed.
	items int
}

// shapeOf walks through a document as strictly as XML is, before a lenient parser reads it:
// one root of a feed, no document type (entities of its own, of which bombs are made), and
// bounded.
func shapeOf(body []byte) (shape, error) {
	var found shape
	decoder := xml.NewDecoder(bytes.NewReader(body)) // it knows the five entities of XML, and UTF-8 only
	depth, elements, roots, channels := 0, 0, 0, 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // its error may repeat what was sent
			return found, notThis("feed: it is no well-formed XML in UTF-8")
		}
		switch token := token.(type) {
		case xml.Directive:
			return found, notThis("feed: it declares a document type, which no feed needs")
		case xml.EndElement:
			depth--
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return found, notThis("feed: it is nested too deep")
			}
			if elements++; elements > maxElements {
				return found, notThis("feed: it has too many elements")
			}
			name := strings.ToLower(token.Name.Local)
			if depth == 1 {
				roots++
				found.root = token.Name.Local
			}
			if name == "channel" {
				channels++
			}
			if found.isItem(name) {
				found.items++
			}
		}
	}
	switch {
	case roots > 1:
		return found, notThis("feed: it has more than one root")
	case found.root != "rss" && found.root != "feed":
		return found, notThis("feed: it begins with <" + shown(found.root) + ">, and not with <rss> or <feed>")
	case found.root == "rss" && channels != 1:
		return found, notThis("feed: it has no channel, or several")
	}
	return found, nil
}

// isItem goes by the name alone, so that one that a parser overlooks is counted.
func (s shape) isItem(name string) bool {
	if s.root == "feed" {
		return name == "entry"
	}
	return name == "item"
}
