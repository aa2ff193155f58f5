// Package fakecachet is a Cachet status page for tests: its incidents, their updates and
// components, by the source of Cachet 2.4 (https://github.com/cachethq/cachet, 2.x) and
// Cachet 3 (https://github.com/cachethq/core). It takes no field that these do not have,
// and tells subscribers wherever they do. It shows no page, and knows one API key.
package fakecachet

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Site is one installation. Its fields are set before it serves.
type Site struct {
	// Version is 2 or 3.
	Version int
	Token   string
	Now     func() time.Time
	// LongestPage shortens the pages of lists, whatever is asked for; zero leaves them.
	LongestPage int

	mu         sync.Mutex
	incidents  []*Incident
	components []Component
	next       int
	mails      int
}

// Component is a part of the page, and how it stands without any incident.
type Component struct {
	ID, Status int
	Name       string
	Enabled    bool
}

// Incident is what the service keeps of one.
type Incident struct {
	ID            int
	Name, Message string
	Status        int
	Visible       int
	Notifications bool
	Stickied      bool
	// ComponentID is that of version 2, States are the components of version 3.
	ComponentID int
	States      map[int]int
	Meta        map[string]any
	Updates     []Update
	Updated     time.Time
	// Told counts how often subscribers were told of it.
	Told int
}

// Update is one of an incident's updates.
type Update struct {
	ID, Status int
	Message    string
}

// The numbers of the service.
const (
	Operational = 1
	fixed       = 4
)

// Latest is the status that people see.
func (i Incident) Latest() int {
	if len(i.Updates) > 0 {
		return i.Updates[len(i.Updates)-1].Status
	}
	return i.Status
}

// AddComponent adds a part of the page that is operational.
func (s *Site) AddComponent(id int, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.components = append(s.components, Component{ID: id, Name: name, Status: Operational, Enabled: true})
}

// SetComponent does what a person does on the dashboard, without telling anybody.
func (s *Site) SetComponent(id, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.component(id); found != nil {
		found.Status = status
	}
}

func (s *Site) component(id int) *Component {
	for i := range s.components {
		if s.components[i].ID == id {
			return &s.components[i]
		}
	}
	return nil
}

// Components are the parts of the page as people see them: in version 3 as the newest
// incident that is not fixed says.
func (s *Site) Components() []Component {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.components)
	for i := range all {
		for _, incident := range s.incidents {
			if state, tied := incident.States[all[i].ID]; tied && incident.Latest() != fixed {
				all[i].Status = state
			}
		}
	}
	return all
}

// Incidents are all incidents, oldest first.
func (s *Site) Incidents() []Incident {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Incident
	for _, incident := range s.incidents {
		all = append(all, *incident)
	}
	return all
}

// Mails counts how often subscribers of components were told.
func (s *Site) Mails() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails
}

// Post writes an incident as a person does.
func (s *Site) Post(name, message string) (id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(&Incident{Name: name, Message: message, Status: 1, Visible: 1}).ID
}

// Change lets a person change an incident; change is called with it.
func (s *Site) Change(id int, change func(*Incident)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.find(id); found != nil {
		change(found)
	}
}

// Delete takes an incident away.
func (s *Site) Delete(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incidents = slices.DeleteFunc(s.incidents, func(incident *Incident) bool { return incident.ID == id })
}

func (s *Site) add(incident *Incident) *Incident {
	s.next++
	incident.ID, incident.Updated = s.next, s.Now().UTC()
	s.incidents = append(s.incidents, incident)
	return incident
}

func (s *Site) find(id int) *Incident {
	for _, incident := range s.incidents {
		if incident.ID == id {
			return incident
		}
	}
	return nil
}

// ServeHTTP answers as the API of the version does.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Version == 2 {
		s.serve2(w, r)
		return
	}
	s.serve3(w, r)
}

// parts are those of the path below the prefix.
func parts(r *http.Request, prefix string) []string {
	path, under := strings.CutPrefix(r.URL.Path, prefix)
	if !under {
		return nil
	}
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// maxRequest bounds what is read of a request.
const maxRequest = 1 << 20

// read decodes a request that may hold nothing but what the source knows.
func read(w http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left needs no answer
}

// stamp is how both versions write instants: in the site's own time zone, which they do not
// name.
func stamp(at time.Time) string { return at.Format("2006-01-02 15:04:05") }
