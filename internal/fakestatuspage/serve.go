package fakestatuspage

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxRequest bounds what is read of a request.
const maxRequest = 1 << 20

// ServeHTTP answers as the API does, below /v1/pages/ID.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tooFast() {
		w.WriteHeader(420)
		return
	}
	if r.Header.Get("Authorization") != "OAuth "+p.Token {
		refuse(w, http.StatusUnauthorized, "Could not authenticate")
		return
	}
	if r.Method != http.MethodGet {
		defer p.remember()
	}
	if r.URL.Path == "/v1/pages/"+p.ID+"/components" && r.Method == http.MethodGet {
		give(w, r, "per_page", p.LongestPage, p.components)
		return
	}
	path, under := strings.CutPrefix(r.URL.Path, "/v1/pages/"+p.ID+"/incidents")
	if !under {
		refuse(w, http.StatusNotFound, "The page could not be found")
		return
	}
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	switch {
	case len(parts) == 0 && r.Method == http.MethodPost:
		p.create(w, r)
	case len(parts) == 0 && r.Method == http.MethodGet:
		p.list(w, r, "limit", func(*Incident) bool { return true })
	case len(parts) == 1 && listed[parts[0]] != nil && r.Method == http.MethodGet:
		p.list(w, r, "per_page", func(incident *Incident) bool { return slices.Contains(listed[parts[0]], incident.Status) })
	case len(parts) == 1:
		p.incident(w, r, parts[0])
	case len(parts) == 2 && parts[1] == "postmortem":
		p.postmortem(w, r, parts[0])
	default:
		refuse(w, http.StatusNotFound, "The path could not be found")
	}
}

// tooFast counts the requests of the last 60 s; those that are refused count as well.
func (p *Page) tooFast() bool {
	now := p.Now()
	recent := 0
	for _, at := range p.asked {
		if now.Sub(at) < time.Minute {
			recent++
		}
	}
	p.asked = append(p.asked, now)
	if p.Limited && recent >= 60 {
		p.refused++
		return true
	}
	return false
}

// listed are the lists by their path, with the states that each holds.
var listed = map[string][]string{
	"unresolved":         {"investigating", "identified", "monitoring"},
	"scheduled":          {"scheduled"},
	"upcoming":           {"scheduled"},
	"active_maintenance": {"in_progress", "verifying"},
}

// list gives a page, the newest first.
func (p *Page) list(w http.ResponseWriter, r *http.Request, sized string, keep func(*Incident) bool) {
	all := []Incident{}
	for _, incident := range slices.Backward(p.listed()) {
		if keep(&incident) {
			all = append(all, incident)
		}
	}
	give(w, r, sized, p.LongestPage, all)
}

// give gives a page of a list.
func give[T any](w http.ResponseWriter, r *http.Request, sized string, longest int, all []T) {
	size, page := 100, 1
	for name, values := range r.URL.Query() {
		number, err := strconv.Atoi(values[0])
		switch {
		case err != nil || number < 1:
			refuse(w, http.StatusBadRequest, name+" is no number")
			return
		case name == sized:
			size = min(number, 100)
		case name == "page":
			page = number
		default:
			refuse(w, http.StatusBadRequest, name+" is not known")
			return
		}
	}
	if longest > 0 {
		size = min(size, longest)
	}
	from := min((page-1)*size, len(all))
	answer(w, http.StatusOK, append([]T{}, all[from:min(from+size, len(all))]...))
}

// read decodes a request that may hold nothing but what is published.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	decoder.DisallowUnknownFields()
	if r.Header.Get("Content-Type") != "application/json" {
		refuse(w, http.StatusBadRequest, "the content is not said to be JSON")
		return false
	}
	if err := decoder.Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return false
	}
	return true
}

func (p *Page) create(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Incident Write `json:"incident"`
	}
	if !read(w, r, &asked) {
		return
	}
	made, problems := p.make(asked.Incident)
	if len(problems) > 0 {
		refuse(w, http.StatusUnprocessableEntity, problems...)
		return
	}
	answer(w, http.StatusCreated, p.shown(made))
}

func (p *Page) incident(w http.ResponseWriter, r *http.Request, id string) {
	found := p.find(id)
	if found == nil {
		refuse(w, http.StatusNotFound, "The incident could not be found")
		return
	}
	switch r.Method {
	case http.MethodGet:
		answer(w, http.StatusOK, p.shown(found))
	case http.MethodPatch:
		var asked struct {
			Incident Write `json:"incident"`
		}
		if !read(w, r, &asked) {
			return
		}
		if problems := p.problems(&asked.Incident, found.ScheduledFor != nil); len(problems) > 0 {
			refuse(w, http.StatusUnprocessableEntity, problems...)
			return
		}
		p.apply(found, asked.Incident, false)
		answer(w, http.StatusOK, p.shown(found))
	default:
		refuse(w, http.StatusMethodNotAllowed, "not here")
	}
}

func (p *Page) postmortem(w http.ResponseWriter, r *http.Request, id string) {
	found := p.find(id)
	switch {
	case found == nil, r.Method == http.MethodGet && found.Draft == "" && found.PostmortemBody == nil:
		refuse(w, http.StatusNotFound, "The postmortem could not be found")
		return
	case r.Method == http.MethodPut:
		var asked struct {
			Postmortem struct {
				BodyDraft *string `json:"body_draft"`
			} `json:"postmortem"`
		}
		if !read(w, r, &asked) {
			return
		}
		if asked.Postmortem.BodyDraft == nil {
			refuse(w, http.StatusBadRequest, "body_draft is missing")
			return
		}
		found.Draft = *asked.Postmortem.BodyDraft
	case r.Method != http.MethodGet:
		refuse(w, http.StatusMethodNotAllowed, "not here")
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"preview_key": "preview", "body": found.PostmortemBody, "body_draft": found.Draft, "published_at": found.PublishedAt,
		"notify_subscribers": false, "notify_twitter": false, "custom_tweet": nil,
	})
}
