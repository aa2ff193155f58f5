package jwt

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"lapsewatch/watch"
)

const (
	// printLength is that of the hash that stands for a path: long enough to tell the files of
	// a folder from each other.
	printLength = 8
	maxHeld     = 20
)

// held is which files of folders held a token, at the pass before and in this one: what held
// one and holds none any more is told of, and what never did is passed over.
type held struct {
	pages  pages
	text   []string
	before map[string]bool
	// unknown: it could not be recalled, so that nothing may be put in its place.
	unknown bool

	mu  sync.Mutex
	now map[string]bool
}

// printOf is eight characters of the hash of a path.
func printOf(path string) string {
	sum := sha256.Sum256([]byte(path))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:printLength]
}

func recallHeld(ctx context.Context, p *pass) *held {
	h := &held{pages: pages{memory: p.env.Memory, key: "held", most: maxHeld}, before: map[string]bool{}, now: map[string]bool{}}
	var err error
	if h.text, err = h.pages.recall(ctx); err != nil {
		h.unknown = true
		p.env.Log.Warn("recall which files held tokens", "error", err)
		p.sink(watch.Remark{Text: "which files of folders held tokens before could not be recalled, so that one that holds none any more is not seen in this pass"})
		return h
	}
	for _, page := range h.text {
		for ; len(page) >= printLength; page = page[printLength:] {
			h.before[page[:printLength]] = true
		}
	}
	return h
}

// did reports whether a file of a folder held a token at an earlier pass, and is still there.
func (h *held) did(p *place) bool {
	if p.folder == nil || !h.before[printOf(p.path)] {
		return false
	}
	_, err := os.Lstat(p.path)
	return err == nil
}

// does notes that a file of a folder holds a token, or is told of because it did.
func (h *held) does(p *place) {
	if p.folder == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now[printOf(p.path)] = true
}

// remember keeps what was noted, and of what could not be looked into what was known.
func (h *held) remember(ctx context.Context, p *pass, found *found) {
	if h.unknown {
		return
	}
	if found.partial {
		met := map[string]bool{}
		for _, place := range found.places {
			met[printOf(place.path)] = true
		}
		for print := range h.before {
			h.now[print] = h.now[print] || !met[print]
		}
		maps.DeleteFunc(h.now, func(_ string, holds bool) bool { return !holds })
	}
	text, left := paged(slices.Sorted(maps.Keys(h.now)), maxHeld)
	if left > 0 {
		p.sink(watch.Remark{Text: fmt.Sprintf("of %d files in folders that hold tokens %d are not remembered: should one of those hold none any more, it is not seen", len(h.now), left)})
	}
	if strings.Join(text, "") == strings.Join(h.text, "") {
		return
	}
	if err := h.pages.remember(ctx, h.text, text); err != nil {
		p.env.Log.Warn("remember which files hold tokens", "error", err)
	}
}
