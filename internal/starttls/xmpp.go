package starttls

import (
	"encoding/xml"
	"fmt"
	"strings"
)

const (
	xmppStreams = "http://etherx.jabber.org/streams"
	xmppTLS     = "urn:ietf:params:xml:ns:xmpp-tls"
)

// xmppClient and xmppServer are section 5 of RFC 6120, as a client and as another server.
func xmppClient(s *session) error { return s.xmpp("jabber:client") }
func xmppServer(s *session) error { return s.xmpp("jabber:server") }

func (s *session) xmpp(namespace string) error {
	var to strings.Builder
	if err := xml.EscapeText(&to, []byte(s.host)); err != nil {
		return err
	}
	if err := s.send(fmt.Sprintf("<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='%s' to='%s' version='1.0'>",
		namespace, xmppStreams, &to)); err != nil {
		return err
	}
	in := xml.NewDecoder(s.in)
	stream, err := nextElement(in)
	if err != nil {
		return err
	}
	if stream.Name != (xml.Name{Space: xmppStreams, Local: "stream"}) {
		return s.alien("it opened with the element %q, not with a stream", stream.Name.Local)
	}
	features, err := s.xmppAnswer(in, xml.Name{Space: xmppStreams, Local: "features"})
	if err != nil {
		return err
	}
	if !features.has(xml.Name{Space: xmppTLS, Local: "starttls"}) {
		return s.refused("its stream features list no starttls")
	}
	if err := s.send("<starttls xmlns='" + xmppTLS + "'/>"); err != nil {
		return err
	}
	_, err = s.xmppAnswer(in, xml.Name{Space: xmppTLS, Local: "proceed"})
	return err
}

// xmppElement is an element of a stream with its children's names.
type xmppElement struct {
	XMLName  xml.Name
	Text     string `xml:"text"`
	Children []struct {
		XMLName xml.Name
	} `xml:",any"`
}

func (e xmppElement) has(name xml.Name) bool {
	for _, child := range e.Children {
		if child.XMLName == name {
			return true
		}
	}
	return false
}

// xmppAnswer reads the next element. <stream:error/> and <failure/> are refusals.
func (s *session) xmppAnswer(in *xml.Decoder, want xml.Name) (xmppElement, error) {
	var answer xmppElement
	start, err := nextElement(in)
	if err != nil {
		return answer, err
	}
	if err := in.DecodeElement(&answer, &start); err != nil {
		return answer, err
	}
	switch start.Name {
	case want:
		return answer, nil
	case xml.Name{Space: xmppStreams, Local: "error"}, xml.Name{Space: xmppTLS, Local: "failure"}:
		condition := start.Name.Local
		if len(answer.Children) > 0 {
			condition = answer.Children[0].XMLName.Local
		}
		return answer, s.refused(strings.TrimSpace(condition + " " + answer.Text))
	default:
		return answer, s.alien("it sent the element %q where %q belongs", start.Name.Local, want.Local)
	}
}

func nextElement(in *xml.Decoder) (xml.StartElement, error) {
	for {
		token, err := in.Token()
		if err != nil {
			return xml.StartElement{}, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			return token, nil
		case xml.EndElement:
			return xml.StartElement{}, fmt.Errorf("it closed the element %q", token.Name.Local)
		}
	}
}
