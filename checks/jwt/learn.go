package jwt

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/jose"
	"lapsewatch/internal/renewal"
	"lapsewatch/watch"
)

const (
	// maxLearnt bounds the tokens of which something is remembered.
	maxLearnt = 1000
	// longestLearnt is the longest life that is learnt. Whoever renews a longer one may be a
	// person, who wants a notice in time: what is learnt is never more than the real life.
	longestLearnt = 36 * time.Hour
)

// lives are the tokens that say only when they end, and whose lives are learnt from how they
// are renewed: the first ones by the order of places, so that none is learnt by chance.
type lives struct {
	mu      sync.Mutex
	waiting []unlearnt
}

// unlearnt is a token that is not told of yet.
type unlearnt struct {
	at   *place
	fact watch.Credential
	seen time.Time
}

func endsOnly(read jose.Token) bool {
	return !read.ExpiresAt.IsZero() && read.IssuedAt.IsZero() && read.NotBefore.IsZero()
}

// add keeps a token until all were looked at. It gives back the last by order, which has no
// room any more, if there are too many.
func (l *lives) add(token unlearnt) (last unlearnt, full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, _ := slices.BinarySearchFunc(l.waiting, token, func(a, b unlearnt) int { return cmp.Compare(a.at.order, b.at.order) })
	l.waiting = slices.Insert(l.waiting, i, token)
	if len(l.waiting) <= maxLearnt {
		return unlearnt{}, false
	}
	last = l.waiting[maxLearnt]
	l.waiting = l.waiting[:maxLearnt]
	return last, true
}

// tell tells of a token, at once or once its life is learnt.
func (p *pass) tell(at *place, read jose.Token, fact watch.Fact) {
	token, dated := fact.(watch.Credential)
	if !dated || !endsOnly(read) {
		p.sink(fact)
		return
	}
	if last, full := p.lives.add(unlearnt{at: at, fact: token, seen: p.env.Now()}); full {
		p.sink(last.fact)
	}
}

// learn tells of the tokens that waited for it.
func (p *pass) learn(ctx context.Context) {
	for _, token := range p.lives.waiting {
		book := renewal.Book{Memory: p.env.Memory, Key: "life:" + holdoff.Digest([]byte(token.at.subject.ID)), Most: longestLearnt}
		life, err := book.Life(ctx, token.fact.NotAfter, token.seen, nil)
		if err != nil {
			p.env.Log.Warn("learn how long a token lives", "place", token.at.where(), "error", err)
		}
		token.fact.Life = life
		p.sink(token.fact)
	}
}
