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
// encoding/pem it also tells of blocks that cannot be decoded, and it decodes into one
// buffer that is used again for the next block.
type pemBlocks struct {
	rest []byte
	// known counts the blocks that were wanted or recognised.
	known int
	text  []byte
	der   []byte
}

type pemBlock struct {
	label string
	// der is valid until the next call of next.
	der []byte
	err error
}

func (p *pemBlocks) reset(data []byte) {
	p.rest, p.known = data, 0
	p.text, p.der = empty(p.text), empty(p.der)
}

// next gives the next block that is wanted, and false after the last.
func (p *pemBlocks) next(wanted func(label []byte) bool) (pemBlock, bool) {
	for {
		start := lineStart(p.rest, pemBegin)
		if start < 0 {
			return pemBlock{}, false
		}
		block := p.rest[start:]
		line, body, _ := bytes.Cut(block, []byte("\n"))
		label, tail, closed := bytes.Cut(line[len(pemBegin):], pemDashes)
		if !closed || len(bytes.TrimSpace(tail)) > 0 {
			p.rest = block[len(pemBegin):]
			continue
		}
		if wanted(label) || pemOther(label) {
			p.known++
		}
		// An END line counts only before the next BEGIN, which also keeps a file of
		// nothing but BEGIN lines from being searched over and over.
		within := body
		if next := lineStart(body, pemBegin); next >= 0 {
			within = body[:next]
		}
		end := lineStart(within, pemEnd)
		if end < 0 || !closes(body[end:], label) {
			p.rest = body
			if wanted(label) {
				return pemBlock{label: string(label), err: errNoEnd}, true
			}
			continue
		}
		p.rest = body[end+len(pemEnd)+len(label)+len(pemDashes):]
		if !wanted(label) {
			continue
		}
		der, err := p.decode(block[:len(block)-len(p.rest)], body[:end])
		return pemBlock{label: string(label), der: der, err: err}, true
	}
}

func closes(line, label []byte) bool {
	rest, found := bytes.CutPrefix(line[len(pemEnd):], label)
	return found && bytes.HasPrefix(rest, pemDashes)
}

// lineStart finds marker at the start of a line.
func lineStart(data, marker []byte) int {
	for from := 0; ; {
		at := bytes.Index(data[from:], marker)
		if at < 0 {
			return -1
		}
		at += from
		if at == 0 || data[at-1] == '\n' {
			return at
		}
		from = at + len(marker)
	}
}

// decode reads plain base64 lines itself, and leaves a block that has headers or other
// oddities to encoding/pem.
func (p *pemBlocks) decode(block, body []byte) ([]byte, error) {
	p.text = p.text[:0]
	for len(body) > 0 {
		var line []byte
		line, body, _ = bytes.Cut(body, []byte("\n"))
		p.text = append(p.text, bytes.TrimRight(line, " \t\r")...)
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
