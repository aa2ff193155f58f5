// Package fakeinstatus speaks the part of Instatus' API that incidents and maintenances of
// a page need (https://instatus.com/help/api). Its lists have short pages, the newest
// first. It takes no field that is not published, sends nothing to subscribers but counts,
// and renders no Markdown.
package fakeinstatus

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Page is a status page.
type Page struct {
	// ID is in every path.
	ID string
	// APIKey is what it accepts.
	APIKey string
	// PageSize is how long the pages of lists are, whatever is asked for; 0 is 50.
	PageSize int
	Now      func() time.Time

	mu         sync.Mutex
	components []Component
	entries    []*Entry
	made       int
}

// Component is a part of the page.
type Component struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
}

// Entry is an incident, or a maintenance.
type Entry struct {
	Maintenance bool
	ID, Name    string
	Status      string
	Published   bool
	Started     time.Time
	// Start and Duration, in minutes, are of a maintenance.
	Start    time.Time
	Duration int64
	Updates  []Update
	// Tied are the ids of components.
	Tied []string
}

// Update is one text of an entry.
type Update struct {
	Message, Status string
	Notify          bool
	At              time.Time
}

// Resolved is when the entry ended; zero while it is open.
func (e Entry) Resolved() time.Time {
	if last := e.Updates[len(e.Updates)-1]; e.Status == "RESOLVED" || e.Status == "COMPLETED" {
		return last.At
	}
	return time.Time{}
}

// New is a page with these components, all operational.
func New(id, apiKey string, now func() time.Time, names ...string) *Page {
	p := &Page{ID: id, APIKey: apiKey, Now: now}
	for i, name := range names {
		p.components = append(p.components, Component{ID: fmt.Sprintf("ckf01component%04d", i+1), Name: name, Status: "OPERATIONAL"})
	}
	return p
}

// Components are those of the page as they stand.
func (p *Page) Components() []Component {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.components)
}

// Entries are those that stand there, oldest first.
func (p *Page) Entries() []Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Entry, 0, len(p.entries))
	for _, one := range p.entries {
		copied := *one
		copied.Updates, copied.Tied = slices.Clone(one.Updates), slices.Clone(one.Tied)
		all = append(all, copied)
	}
	return all
}

// Change lets a person change an entry; change returns false to delete it.
func (p *Page) Change(id string, change func(*Entry) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.entries = slices.DeleteFunc(p.entries, func(one *Entry) bool { return one.ID == id && !change(one) })
}

// Add lets a person open an incident that is tied to the components.
func (p *Page) Add(name, message string, tied ...string) (id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.add(&Entry{
		Name: name, Status: "INVESTIGATING", Published: true, Started: p.Now(), Tied: tied,
		Updates: []Update{{Message: message, Status: "INVESTIGATING", At: p.Now()}},
	}).ID
}

func (p *Page) add(one *Entry) *Entry {
	p.made++
	one.ID = fmt.Sprintf("ckf01entry%06d", p.made)
	p.entries = append(p.entries, one)
	return one
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+p.APIKey {
		refuse(w, http.StatusUnauthorized, "unauthorized", "Invalid API key")
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/"+p.ID+"/")
	if !ok {
		refuse(w, http.StatusNotFound, "notFound", "Page not found")
		return
	}
	parts := strings.Split(path, "/")
	sorts := map[string]string{"incidents": "incident-updates", "maintenances": "maintenance-updates"}
	maintenance := parts[0] == "maintenances"
	switch updates := sorts[parts[0]]; {
	case updates == "":
		refuse(w, http.StatusNotFound, "notFound", "Not found")
	case len(parts) == 1 && r.Method == http.MethodGet:
		p.list(w, r, maintenance)
	case len(parts) == 1 && r.Method == http.MethodPost:
		p.create(w, r, maintenance)
	case len(parts) == 2 && r.Method == http.MethodGet:
		if one := p.find(w, parts[1], maintenance); one != nil {
			answer(w, http.StatusOK, p.body(one))
		}
	case len(parts) == 2 && maintenance && r.Method == http.MethodPut:
		if one := p.find(w, parts[1], maintenance); one != nil {
			p.move(w, r, one)
		}
	case len(parts) == 3 && parts[2] == updates && r.Method == http.MethodPost:
		if one := p.find(w, parts[1], maintenance); one != nil {
			p.update(w, r, one)
		}
	default:
		refuse(w, http.StatusNotFound, "notFound", "Not found")
	}
}

func (p *Page) find(w http.ResponseWriter, id string, maintenance bool) *Entry {
	for _, one := range p.entries {
		if one.ID == id && one.Maintenance == maintenance {
			return one
		}
	}
	refuse(w, http.StatusNotFound, "notFound", "Not found")
	return nil
}

func (p *Page) list(w http.ResponseWriter, r *http.Request, maintenance bool) {
	query := r.URL.Query()
	var found []any
	for _, one := range slices.Backward(p.entries) {
		wanted, not := query.Get("status"), query.Get("!status")
		if one.Maintenance == maintenance &&
			(wanted == "" || slices.Contains(strings.Split(wanted, ","), one.Status)) &&
			(not == "" || !slices.Contains(strings.Split(not, ","), one.Status)) {
			found = append(found, p.body(one))
		}
	}
	size := p.PageSize
	if size == 0 {
		size = 50
	}
	page, err := strconv.Atoi(query.Get("page"))
	if err != nil || page < 1 {
		page = 1
	}
	from := min((page-1)*size, len(found))
	answer(w, http.StatusOK, append([]any{}, found[from:min(from+size, len(found))]...))
}

func stamp(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

func (p *Page) body(one *Entry) map[string]any {
	updates := []any{}
	for i, update := range one.Updates {
		updates = append(updates, map[string]any{
			"id": fmt.Sprintf("%su%d", one.ID, i), "message": update.Message, "messageHtml": "<p>rendered</p>", "status": update.Status,
			"notify": update.Notify, "started": stamp(update.At), "ended": nil, "duration": nil, "createdAt": stamp(update.At),
		})
	}
	components := []any{}
	for _, component := range p.components {
		if slices.Contains(one.Tied, component.ID) {
			components = append(components, map[string]any{"id": component.ID, "name": component.Name, "status": component.Status, "showUptime": true})
		}
	}
	body := map[string]any{"id": one.ID, "name": one.Name, "status": one.Status, "updates": updates, "components": components}
	if one.Maintenance {
		body["start"], body["duration"] = stamp(one.Start), one.Duration
	} else {
		body["started"], body["resolved"] = stamp(one.Started), stamp(one.Resolved())
	}
	return body
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left needs no answer
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

// strictly reads a body and refuses what is not published.
func strictly(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, "badRequest", err.Error())
		return false
	}
	return true
}
