package certfiles

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	beginWord       = []byte("BEGIN")
	endWord         = []byte("END")
	errDamagedBegin = errors.New("looks like the beginning of a PEM block, but is damaged or has an unknown label")
	errDamagedEnd   = errors.New("ends a PEM block whose beginning is missing or damaged")
)

// damagedLine is a line that was to begin or end a PEM block. Its text is not quoted: it
// may hold what is secret.
type damagedLine struct {
	number int
	cause  error
}

func (d *damagedLine) Error() string { return fmt.Sprintf("line %d %s", d.number, d.cause) }
func (d *damagedLine) Unwrap() error { return d.cause }

// damage judges a line with dashes that is no BEGIN line as it should be.
func (p *pemBlocks) damage(line marker) error {
	ends := looksLike(line.text, endWord)
	begins := !ends && (looksLike(line.text, beginWord) || remnant(line.text))
	expected := p.inDamaged
	if begins || ends {
		p.inDamaged = begins
	}
	switch {
	case !begins && !ends || ends && expected || pemOther(damagedLabel(line.text)):
		return nil
	case ends:
		return p.damaged(line, errDamagedEnd)
	}
	return p.damaged(line, errDamagedBegin)
}

// damagedLabel is what stands behind BEGIN, or in its place, up to the next dashes: what
// follows may be base64, in which any word can occur.
func damagedLabel(line []byte) []byte {
	if _, behind, begins := bytes.Cut(line, pemBegin[4:]); begins {
		line = behind
	}
	label, _, _ := bytes.Cut(bytes.TrimLeft(line, "- \t"), pemDashes[:2])
	return bytes.TrimSpace(label)
}

// remnant recognises a line that still has half of what makes a BEGIN line, unless it is
// commented out.
func remnant(line []byte) bool {
	return (bytes.Contains(line, pemBegin[4:]) || bytes.Contains(line, []byte("CERTIFICATE-----"))) &&
		!bytes.ContainsAny(line[:1], "#;/")
}

// looksLike reports whether a line of dashes is followed by BEGIN or END, or was meant
// to be.
func looksLike(line, word []byte) bool {
	text := bytes.TrimLeft(line, "- \t")
	return len(text) >= len(word) && bytes.EqualFold(text[:len(word)], word)
}

func (p *pemBlocks) damaged(line marker, cause error) error {
	p.line += bytes.Count(p.data[p.counted:line.start], []byte("\n"))
	p.counted = line.start
	return &damagedLine{p.line, cause}
}
