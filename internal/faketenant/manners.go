package faketenant

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Always is for Manner.Times.
const Always = -1

// LastPage is for Manner.Page.
const LastPage = -1

// Manner is one way to misbehave, on some of the requests.
type Manner struct {
	Name string
	// On is how the request's path ends, such as "/applications", "/owners" or "/token";
	// empty is any path. Objects named by appId end in "appId=…".
	On string
	// Page is the page of a list that it waits for, counted from 1, or LastPage; 0 is any.
	Page int
	// After is how many of the requests that fit it lets pass first.
	After int
	// Times is how often it misbehaves, Always for ever; 0 is once.
	Times int
	// Answer takes the place of the usual answer.
	Answer Answer
}

// Answer answers a request in place of usual, which it may call.
type Answer func(t *Tenant, w http.ResponseWriter, r *http.Request, usual http.Handler)

// WellBehaved are the manners of a server without faults.
func WellBehaved() []Manner { return []Manner{} }

// manners count the requests. Those of the same request take turns: the later ones come
// with the next request that fits them.
type manners struct {
	mutex sync.Mutex
	all   []counted
}

type counted struct {
	Manner
	seen, done int
}

func (m *manners) set(all []Manner) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.all = nil
	for _, manner := range all {
		m.all = append(m.all, counted{Manner: manner})
	}
}

// due takes the first manner whose turn it is. isLast is asked only where a manner waits
// for the last page.
func (m *manners) due(path string, page int, isLast func() bool) *Manner {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var chosen *Manner
	for i := range m.all {
		manner := &m.all[i]
		if manner.spent() || !strings.HasSuffix(path, manner.On) {
			continue
		}
		if manner.Page > 0 && manner.Page != page || manner.Page == LastPage && !isLast() {
			continue
		}
		manner.seen++
		if chosen == nil && manner.seen > manner.After {
			manner.done++
			chosen = &manner.Manner
		}
	}
	return chosen
}

func (c *counted) spent() bool { return c.Times != Always && c.done >= max(c.Times, 1) }

func (t *Tenant) misbehaving(usual http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := usual
		isLast := sync.OnceValue(func() bool {
			gathered := gather(usual, r)
			next = gathered // it must not be answered twice: Graph counts
			return !bytes.Contains(gathered.body.Bytes(), []byte(nextLinkName))
		})
		page := 1
		if q, err := readQuery(r); err == nil {
			page = q.page
		}
		manner := t.manners.due(r.URL.Path, page, isLast)
		if manner == nil {
			next.ServeHTTP(w, r)
			return
		}
		if answer, ok := w.(*answer); ok {
			answer.misbehaved(manner.Name)
		}
		manner.Answer(t, w, r, next)
	})
}

const nextLinkName = `"@odata.nextLink":`

// gathered is an answer that was written to memory. As a handler it sends itself.
type gathered struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func gather(usual http.Handler, r *http.Request) *gathered {
	g := &gathered{header: http.Header{}}
	usual.ServeHTTP(g, r)
	return g
}

func (g *gathered) Header() http.Header { return g.header }

func (g *gathered) WriteHeader(status int) {
	if g.status == 0 {
		g.status = status
	}
}

func (g *gathered) Write(body []byte) (int, error) {
	g.WriteHeader(http.StatusOK)
	return g.body.Write(body)
}

func (g *gathered) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for name, values := range g.header {
		w.Header()[name] = values
	}
	w.WriteHeader(max(g.status, http.StatusOK))
	_, _ = io.Copy(w, &g.body) // a client that left needs no answer
}
