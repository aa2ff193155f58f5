package imapread

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// literal writes a string for wire.command: quoted where it can be, and else as a literal,
// whose content waits for the server's continuation (RFC 9051, 4.3).
func literal(text string) []string {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return []string{fmt.Sprintf("{%d}\r\n", len(text)), text}
		}
	}
	return []string{`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`}
}

// mailboxName writes the name of a folder as IMAP4rev1 spells it (RFC 3501, 5.1.3).
func mailboxName(name string) string {
	var made strings.Builder
	var other []rune
	flush := func() {
		if len(other) == 0 {
			return
		}
		var units []byte
		for _, unit := range utf16.Encode(other) {
			units = append(units, byte(unit>>8), byte(unit))
		}
		made.WriteString("&" + strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(units), "/", ",") + "-")
		other = nil
	}
	for _, r := range name {
		if r < ' ' || r > '~' {
			other = append(other, r)
			continue
		}
		flush()
		if made.WriteRune(r); r == '&' {
			made.WriteByte('-')
		}
	}
	flush()
	return made.String()
}

// maxDepth bounds lists within lists.
const maxDepth = 20

// internalDate is the form of INTERNALDATE (RFC 9051, 9: date-time).
const internalDate = "_2-Jan-2006 15:04:05 -0700"

// readFetch reads `12 FETCH (UID 5 INTERNALDATE "…" BODY[…]<0> …)`. Another response is not
// ok, and no error.
func readFetch(r response) (message Message, ok bool, err error) {
	number, rest, _ := strings.Cut(r.text, " ")
	word, rest, _ := strings.Cut(rest, " ")
	if _, wrong := strconv.ParseUint(number, 10, 32); wrong != nil || !strings.EqualFold(word, "FETCH") {
		return message, false, nil
	}
	c := &cursor{rest: rest, literals: r.literals}
	if !c.take("(") {
		return message, false, errNoIMAP
	}
	for !c.take(")") {
		item := strings.ToUpper(c.item())
		value, good := c.value(0)
		if item == "" || !good {
			return message, false, errNoIMAP
		}
		switch {
		case item == "UID":
			uid, wrong := strconv.ParseUint(string(value), 10, 32)
			if wrong != nil {
				return message, false, errNoIMAP
			}
			message.UID = uint32(uid)
		case item == "INTERNALDATE":
			if at, wrong := time.Parse(internalDate, string(value)); wrong == nil && at.Year() >= 1970 {
				message.Arrived = at.UTC()
			}
		case strings.HasPrefix(item, "BODY[HEADER"):
			message.Header = value[:min(len(value), maxHeader)]
		}
		c.take(" ")
	}
	return message, message.UID != 0, nil
}

// cursor walks over the text of a response.
type cursor struct {
	rest     string
	literals [][]byte
}

func (c *cursor) take(prefix string) bool {
	rest, found := strings.CutPrefix(c.rest, prefix)
	c.rest = rest
	return found
}

// item is the name of what follows it; that of a part of the body holds spaces.
func (c *cursor) item() string {
	end := strings.IndexByte(c.rest, ' ')
	if bracket := strings.IndexByte(c.rest, '['); bracket >= 0 && bracket < end {
		closing := strings.IndexByte(c.rest, ']')
		if closing < 0 {
			return ""
		}
		end = strings.IndexByte(c.rest[closing:], ' ')
		if end >= 0 {
			end += closing
		}
	}
	if end <= 0 {
		return ""
	}
	item := c.rest[:end]
	c.rest = c.rest[end+1:]
	return item
}

// value is a literal, a quoted string, a word, or a list, of which it is not told what is in
// it. NIL is empty.
func (c *cursor) value(depth int) (value []byte, ok bool) {
	switch {
	case c.rest == "" || depth > maxDepth:
		return nil, false
	case c.take("\x00"):
		if len(c.literals) == 0 {
			return nil, false
		}
		value, c.literals = c.literals[0], c.literals[1:]
		return value, true
	case c.take(`"`):
		return c.quoted()
	case c.take("("):
		for !c.take(")") {
			if _, ok := c.value(depth + 1); !ok {
				return nil, false
			}
			c.take(" ")
		}
		return nil, true
	}
	end := strings.IndexAny(c.rest, " ()\"\x00")
	if end == 0 {
		return nil, false
	}
	if end < 0 {
		end = len(c.rest)
	}
	word := c.rest[:end]
	if c.rest = c.rest[end:]; strings.EqualFold(word, "NIL") {
		return nil, true
	}
	return []byte(word), true
}

func (c *cursor) quoted() (value []byte, ok bool) {
	for i := 0; i < len(c.rest); i++ {
		switch c.rest[i] {
		case '"':
			c.rest = c.rest[i+1:]
			return value, true
		case '\\':
			i++
			if i == len(c.rest) {
				return nil, false
			}
		}
		value = append(value, c.rest[i])
	}
	return nil, false
}
