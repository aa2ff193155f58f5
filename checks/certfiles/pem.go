package certfiles

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
)

var (
	pemBegin   = []byte("-----BEGIN ")
	pemEnd     = []byte("-----END ")
	pemDashes  = []byte("-----")
	errNoEnd   = errors.New("the PEM block has no matching END line")
	errNoBytes = errors.New("the PEM block is not valid base64")
)

// pemBlocks walks the PEM blocks of a file, whatever stands between them. Unlike
// encoding/pem it also tells of blocks that cannot be decoded and of lines that look
// like the damaged beginning or end of one, takes blanks and a byte order mark before
// lines, and decodes into one buffer that is used again for the next block.
type pemBlocks struct {
	data []byte
	// at is where the next line begins.
	at int
	// known counts the blocks that were wanted or recognised.
	known int
	// inDamaged: the END line to come belongs to a block that was told as damaged.
	inDamaged bool
	// counted and line: how many lines begin before a position.
	counted, line int
	text          []byte
	der           []byte
}

type pemBlock struct {
	label string
	// der is valid until the next call of next.
	der []byte
	err error
}

func (p *pemBlocks) reset(data []byte) {
	*p = pemBlocks{data: data, line: 1, text: empty(p.text), der: empty(p.der)}
}

// marker is a line of dashes and more.
type marker struct {
	// text begins with the dashes.
	text       []byte
	start, end int
}

// nextMarker finds the next line after a position that begins or ends a block, or may
// have been meant to.
func (p *pemBlocks) nextMarker(from int) (marker, bool) {
	for at := from; ; {
		dashes := bytes.Index(p.data[at:], pemDashes[:2])
		if dashes < 0 {
			return marker{}, false
		}
		dashes += at
		start := max(from, bytes.LastIndexAny(p.data[at:dashes], "\r\n")+1+at)
		end := len(p.data)
		if length := bytes.IndexAny(p.data[dashes:], "\r\n"); length >= 0 {
			end = dashes + length
		}
		text := bytes.TrimLeft(p.data[start:end], " \t\ufeff")
		if bytes.HasPrefix(text, pemDashes[:2]) || bytes.HasPrefix(text, beginWord) || remnant(text) {
			return marker{text, end - len(text), end}, true
		}
		at = end
	}
}

// next gives the next block that is wanted, or what is wrong, and false after the last.
func (p *pemBlocks) next(wanted func(label []byte) bool) (pemBlock, bool) {
	for {
		line, more := p.nextMarker(p.at)
		if !more {
			return pemBlock{}, false
		}
		p.at = line.end
		label, begins := labelOf(line.text)
		if !begins {
			if err := p.damage(line); err != nil {
				return pemBlock{err: err}, true
			}
			continue
		}
		p.inDamaged = false
		if !wanted(label) && !pemOther(label) {
			p.inDamaged = true
			return pemBlock{err: p.damaged(line, errDamagedBegin)}, true
		}
		p.known++
		end, closed := p.closing(line.end, label)
		if !closed {
			p.inDamaged = wanted(label)
			if p.inDamaged {
				return pemBlock{label: string(label), err: errNoEnd}, true
			}
			continue
		}
		p.at = end.start + len(pemEnd) + len(label) + len(pemDashes)
		if wanted(label) {
			der, err := p.decode(p.data[line.start:p.at], p.data[line.end:end.start])
			return pemBlock{label: string(label), der: der, err: err}, true
		}
	}
}

// closing finds the END line of a block. It counts only before the next BEGIN, which
// also keeps a file of nothing but BEGIN lines from being searched over and over.
func (p *pemBlocks) closing(from int, label []byte) (marker, bool) {
	end, more := p.nextMarker(from)
	for more && !bytes.HasPrefix(end.text, pemEnd) && !looksLike(end.text, beginWord) {
		end, more = p.nextMarker(end.end)
	}
	if !more || !bytes.HasPrefix(end.text, pemEnd) {
		return end, false
	}
	rest, found := bytes.CutPrefix(end.text[len(pemEnd):], label)
	return end, found && bytes.HasPrefix(rest, pemDashes)
}

// labelOf gives the label of a BEGIN line that is as it should be.
func labelOf(line []byte) ([]byte, bool) {
	rest, begins := bytes.CutPrefix(line, pemBegin)
	label, tail, closed := bytes.Cut(rest, pemDashes)
	return label, begins && closed && len(bytes.TrimSpace(tail)) == 0
}

// decode reads plain base64 lines itself, and leaves a block that has headers or other
// oddities to encoding/pem.
func (p *pemBlocks) decode(block, body []byte) ([]byte, error) {
	p.text = p.text[:0]
	for len(body) > 0 {
		var line []byte
		line, body, _ = bytes.Cut(body, []byte("\n"))
		p.text = append(p.text, bytes.Trim(line, " \t\r")...)
	}
	size := base64.StdEncoding.DecodedLen(len(p.text))
	if cap(p.der) < size {
		p.der = make([]byte, size)
	}
	n, err := base64.StdEncoding.Decode(p.der[:size], p.text)
	if err == nil && n > 0 {
		return p.der[:n], nil
	}
	if odd, _ := pem.Decode(block); odd != nil && len(odd.Bytes) > 0 {
		return odd.Bytes, nil
	}
	return nil, errNoBytes
}
