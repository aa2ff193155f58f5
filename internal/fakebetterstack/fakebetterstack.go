// Package fakebetterstack speaks the part of Better Stack's Uptime API that status reports
// of a status page need (https://betterstack.com/docs/uptime/api/). Its lists have short
// pages, the oldest first. It takes no field that is not published, and counts what
// subscribers would be told.
package fakebetterstack

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
	// Token is what it accepts.
	Token string
	// PageSize shortens the pages of lists, whatever is asked for; 0 leaves them.
	PageSize int
	Now      func() time.Time

	mu        sync.Mutex
	resources []string
	reports   []*Report
	made      int
}

// Report is a status report.
type Report struct {
	ID, Title, Type  string
	StartsAt, EndsAt time.Time
	Updates          []Update
	// Affected is how each resource stands, by its id.
	Affected map[string]string
}

// Update is one text of a report.
type Update struct {
	ID, Message string
	Notify      bool
	At          time.Time
	Affected    map[string]string
}

// New is a page with the resources of these ids.
func New(id, token string, now func() time.Time, resources ...string) *Page {
	return &Page{ID: id, Token: token, Now: now, resources: resources, made: 12000}
}

// Reports are those that stand there, oldest first.
func (p *Page) Reports() []Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Report, 0, len(p.reports))
	for _, one := range p.reports {
		copied := *one
		copied.Updates = slices.Clone(one.Updates)
		all = append(all, copied)
	}
	return all
}

// Resource is how a resource stands: the worst that any report says of it, a maintenance
// only while it takes place.
func (p *Page) Resource(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	worst := 0
	for _, one := range p.reports {
		if now := p.Now(); one.Type == "maintenance" && (now.Before(one.StartsAt) || !now.Before(one.EndsAt)) {
			continue
		}
		worst = max(worst, slices.Index(statusWords, one.Affected[id]))
	}
	return statusWords[worst]
}

// Change lets a person change a report; change returns false to delete it.
func (p *Page) Change(id string, change func(*Report) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reports = slices.DeleteFunc(p.reports, func(one *Report) bool { return one.ID == id && !change(one) })
}

// Add lets a person, or the service, make a report.
func (p *Page) Add(sort, title, message string) (id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := &Report{ID: p.next(), Title: title, Type: sort, StartsAt: p.Now(), Affected: map[string]string{}}
	one.Updates = []Update{{ID: p.next(), Message: message, At: p.Now()}}
	p.reports = append(p.reports, one)
	return one.ID
}

func (p *Page) next() string {
	p.made++
	return strconv.Itoa(p.made)
}

// statusWords are those of a resource, from well to worst.
var statusWords = []string{"resolved", "maintenance", "degraded", "downtime"}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+p.Token {
		answer(w, http.StatusUnauthorized, map[string]any{"errors": "Invalid Team API token. How to find your Team API token: https://betterstack.com/docs/uptime/api/getting-started-with-uptime-api/"})
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/api/v2/status-pages/"+p.ID+"/status-reports")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch at := r.Method + " " + fmt.Sprint(len(parts)); {
	case !ok:
		refuse(w, http.StatusNotFound, "base", "Resource with provided ID was not found")
	case parts[0] == "" && r.Method == http.MethodGet:
		p.page(w, r, len(p.reports), func(i int) any { return p.body(p.reports[i]) })
	case parts[0] == "" && r.Method == http.MethodPost:
		p.create(w, r)
	case at == "GET 1":
		if one := p.find(w, parts[0]); one != nil {
			answer(w, http.StatusOK, map[string]any{"data": p.body(one)})
		}
	case at == "PATCH 1":
		if one := p.find(w, parts[0]); one != nil {
			p.patch(w, r, one)
		}
	case at == "GET 2" && parts[1] == "status-updates":
		if one := p.find(w, parts[0]); one != nil {
			p.page(w, r, len(one.Updates), func(i int) any { return body(one.ID, one.Updates[i]) })
		}
	case at == "POST 2" && parts[1] == "status-updates":
		if one := p.find(w, parts[0]); one != nil {
			p.update(w, r, one)
		}
	default:
		refuse(w, http.StatusNotFound, "base", "Not found")
	}
}

func (p *Page) find(w http.ResponseWriter, id string) *Report {
	for _, one := range p.reports {
		if one.ID == id {
			return one
		}
	}
	refuse(w, http.StatusNotFound, "base", "Resource with provided ID was not found")
	return nil
}

// page answers with one page of count things.
func (p *Page) page(w http.ResponseWriter, r *http.Request, count int, of func(i int) any) {
	size, err := strconv.Atoi(r.URL.Query().Get("per_page"))
	if err != nil || size < 1 || size > 250 {
		size = 50
	}
	if p.PageSize > 0 {
		size = min(size, p.PageSize)
	}
	number, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || number < 1 {
		number = 1
	}
	last := max(1, (count+size-1)/size)
	at := func(page int) any {
		if page < 1 || page > last {
			return nil
		}
		return fmt.Sprintf("https://uptime.betterstack.com%s?page=%d", r.URL.Path, page)
	}
	data := []any{}
	for i := min((number-1)*size, count); i < min(number*size, count); i++ {
		data = append(data, of(i))
	}
	answer(w, http.StatusOK, map[string]any{
		"data": data, "pagination": map[string]any{"first": at(1), "last": at(last), "prev": at(number - 1), "next": at(number + 1)},
	})
}

func stamp(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

func resources(affected map[string]string) []any {
	all := []any{}
	for id, status := range affected {
		all = append(all, map[string]string{"status_page_resource_id": id, "status": status})
	}
	return all
}

func (p *Page) body(one *Report) any {
	ids := []any{}
	for _, update := range one.Updates {
		ids = append(ids, map[string]string{"id": update.ID, "type": "status_update"})
	}
	return map[string]any{
		"id": one.ID, "type": "status_report",
		"attributes": map[string]any{
			"title": one.Title, "report_type": one.Type, "starts_at": stamp(one.StartsAt), "ends_at": stamp(one.EndsAt),
			"status_page_id": 123456, "affected_resources": resources(one.Affected), "aggregate_state": "downtime",
		},
		"relationships": map[string]any{"status_updates": map[string]any{"data": ids}},
	}
}

func body(report string, update Update) any {
	return map[string]any{
		"id": update.ID, "type": "status_update",
		"attributes": map[string]any{
			"message": update.Message, "published_at": stamp(update.At), "published_at_timezone": "UTC",
			"notify_subscribers": update.Notify, "status_report_id": report, "affected_resources": resources(update.Affected),
		},
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left needs no answer
}

func refuse(w http.ResponseWriter, status int, field, message string) {
	answer(w, status, map[string]any{"errors": map[string][]string{field: {message}}})
}

// strictly reads a body and refuses what is not published.
func strictly(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, "base", err.Error())
		return false
	}
	return true
}
