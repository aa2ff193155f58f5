package starttls

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// replay is a server that says the same whatever it hears.
type replay struct {
	net.Conn
	says *strings.Reader
}

func (r replay) Read(buffer []byte) (int, error)   { return r.says.Read(buffer) }
func (r replay) Write(message []byte) (int, error) { return len(message), nil }
func (r replay) LocalAddr() net.Addr               { return &net.UnixAddr{} }

func FuzzUpgrade(f *testing.F) {
	protocols := Protocols()
	for i, service := range protocols {
		for _, dialogue := range proper {
			if dialogue.protocol == service.Protocol {
				var says strings.Builder
				for _, step := range dialogue.steps {
					says.WriteString(step.say)
				}
				f.Add(uint8(i), says.String())
			}
		}
		f.Add(uint8(i), "")
		f.Add(uint8(i), "HTTP/1.1 400 Bad Request\r\n\r\n")
	}
	f.Fuzz(func(t *testing.T, index uint8, says string) {
		protocol := protocols[int(index)%len(protocols)].Protocol
		server := replay{says: strings.NewReader(says)}
		err := Upgrade(t.Context(), server, protocol, "fuzz.example")
		if err == nil {
			if server.says.Len() > 0 {
				t.Fatalf("%d bytes lie unread before the handshake", server.says.Len())
			}
			return
		}
		_, refused := errors.AsType[*RefusedError](err)
		_, alien := errors.AsType[*ProtocolError](err)
		if !refused && !alien && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("an error of no known kind: %v (%T)", err, err)
		}
		if text := err.Error(); !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || utf8.RuneCountInString(text) > maxQuoted+100 {
			t.Fatalf("an error that is no short printable line: %q", text)
		}
	})
}
