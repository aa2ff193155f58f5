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

// prints are those of files, by the print of the path of the options that they lie below.
type prints map[string]map[string]bool

func (p prints) add(root, file string) {
	if p[root] == nil {
		p[root] = map[string]bool{}
	}
	p[root][file] = true
}

// rootMark comes before the print of a path of the options; those of the files below follow.
const rootMark = "~"

// words are what is kept, one for each file: the first below a path begins with that path.
func (p prints) words() []string {
	var words []string
	for _, root := range slices.Sorted(maps.Keys(p)) {
		for i, file := range slices.Sorted(maps.Keys(p[root])) {
			if i == 0 {
				file = rootMark + root + file
			}
			words = append(words, file)
		}
	}
	return words
}

func readPrints(text string) prints {
	read, root := prints{}, ""
	for len(text) >= printLength {
		if rest, marked := strings.CutPrefix(text, rootMark); marked {
			root, text = rest[:min(len(rest), printLength)], rest[min(len(rest), printLength):]
			continue
		}
		read.add(root, text[:printLength])
		text = text[printLength:]
	}
	return read
}

// held is which files of folders held a token, at the pass before and in this one: what held
// one and holds none any more is told of, and what never did is passed over.
type held struct {
	pages  pages
	text   []string
	before prints
	// files are all of before.
	files map[string]bool
	// unknown: it could not be recalled, so that nothing may be put in its place.
	unknown bool

	mu  sync.Mutex
	now prints
}

// printOf is eight characters of the hash of a path.
func printOf(path string) string {
	sum := sha256.Sum256([]byte(path))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:printLength]
}

func recallHeld(ctx context.Context, p *pass) *held {
	h := &held{pages: pages{memory: p.env.Memory, key: "held", most: maxHeld}, files: map[string]bool{}, now: prints{}}
	var err error
	if h.text, err = h.pages.recall(ctx); err != nil {
		h.unknown = true
		p.env.Log.Warn("recall which files held tokens", "error", err)
		p.sink(watch.Remark{Text: "which files of folders held tokens before could not be recalled, so that one that holds none any more is not seen in this pass"})
		return h
	}
	h.before = readPrints(strings.Join(h.text, ""))
	for _, files := range h.before {
		maps.Copy(h.files, files)
	}
	return h
}

// did reports whether a file of a folder held a token at an earlier pass, and is still there.
func (h *held) did(p *place) bool {
	if p.folder == nil || !h.files[printOf(p.path)] {
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
	h.now.add(printOf(p.folder.path), printOf(p.path))
}

// remember keeps what was noted, and what was known of each path that could not be looked
// into.
func (h *held) remember(ctx context.Context, p *pass, found *found) {
	if h.unknown {
		return
	}
	if len(found.partial) > 0 {
		met := map[string]bool{}
		for _, place := range found.places {
			met[printOf(place.path)] = true
		}
		for path := range found.partial {
			root := printOf(path)
			for file := range h.before[root] {
				if !met[file] {
					h.now.add(root, file)
				}
			}
		}
	}
	words := h.now.words()
	text, left := paged(words, maxHeld)
	if left > 0 {
		p.sink(watch.Remark{Text: fmt.Sprintf("of %d files in folders that hold tokens %d are not remembered: should one of those hold none any more, it is not seen", len(words), left)})
	}
	if strings.Join(text, "") == strings.Join(h.text, "") {
		return
	}
	if err := h.pages.remember(ctx, h.text, text); err != nil {
		p.env.Log.Warn("remember which files hold tokens", "error", err)
	}
}
