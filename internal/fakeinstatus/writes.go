package fakeinstatus

import (
	"net/http"
	"slices"
	"time"
)

// asked is the body of every write. What is nil was left out, and stands for true where it
// says who sees or hears of something.
type asked struct {
	Name       string   `json:"name"`
	Message    string   `json:"message"`
	Components []string `json:"components"`
	Statuses   []struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	} `json:"statuses"`
	Status        string `json:"status"`
	Started       string `json:"started"`
	Notify        *bool  `json:"notify"`
	ShouldPublish *bool  `json:"shouldPublish"`
	Start         string `json:"start"`
	End           string `json:"end"`
	Duration      int64  `json:"duration"`
	NotifyStart   *bool  `json:"notifyStart"`
	NotifyEnd     *bool  `json:"notifyEnd"`
	NotifyEarly   *bool  `json:"notifyEarly"`
	AutoStart     *bool  `json:"autoStart"`
	AutoEnd       *bool  `json:"autoEnd"`
}

func yes(said *bool) bool { return said == nil || *said }

func words(maintenance bool) []string {
	if maintenance {
		return []string{"NOTSTARTEDYET", "INPROGRESS", "COMPLETED"}
	}
	return []string{"INVESTIGATING", "IDENTIFIED", "MONITORING", "RESOLVED"}
}

var componentWords = []string{"OPERATIONAL", "UNDERMAINTENANCE", "DEGRADEDPERFORMANCE", "PARTIALOUTAGE", "MAJOROUTAGE"}

// refused says what is wrong with a write.
func (p *Page) refused(w http.ResponseWriter, write asked, maintenance bool) bool {
	known := func(id string) bool {
		return slices.ContainsFunc(p.components, func(one Component) bool { return one.ID == id })
	}
	wrong := ""
	for _, id := range write.Components {
		if !known(id) {
			wrong = "component not found"
		}
	}
	for _, status := range write.Statuses {
		if !known(status.ID) || !slices.Contains(componentWords, status.Status) {
			wrong = "invalid statuses"
		}
	}
	if !slices.Contains(words(maintenance), write.Status) {
		wrong = "invalid status"
	}
	if wrong != "" {
		refuse(w, http.StatusUnprocessableEntity, "unprocessableEntity", wrong)
	}
	return wrong != ""
}

func (p *Page) create(w http.ResponseWriter, r *http.Request, maintenance bool) {
	var write asked
	if !strictly(w, r, &write) || p.refused(w, write, maintenance) {
		return
	}
	if write.Name == "" {
		refuse(w, http.StatusUnprocessableEntity, "unprocessableEntity", "name is required")
		return
	}
	one := &Entry{Maintenance: maintenance, Name: write.Name, Published: yes(write.ShouldPublish)}
	var err error
	if maintenance {
		one.Start, err = time.Parse(time.RFC3339, write.Start)
		one.Duration = write.Duration
	} else {
		one.Started, err = time.Parse(time.RFC3339, write.Started)
	}
	if err != nil || maintenance && write.Duration < 1 {
		refuse(w, http.StatusUnprocessableEntity, "unprocessableEntity", "invalid date")
		return
	}
	p.say(p.add(one), write)
	if maintenance && (yes(write.NotifyStart) || yes(write.NotifyEnd) || yes(write.NotifyEarly)) {
		one.Updates[0].Notify = true
	}
	answer(w, http.StatusOK, p.body(one))
}

// move changes when a maintenance takes place. What is left out stays, but for who is told.
func (p *Page) move(w http.ResponseWriter, r *http.Request, one *Entry) {
	write := asked{Status: one.Status, Start: one.Start.Format(time.RFC3339), Duration: one.Duration, Name: one.Name}
	if !strictly(w, r, &write) || p.refused(w, write, true) {
		return
	}
	start, err := time.Parse(time.RFC3339, write.Start)
	if err != nil || write.Duration < 1 {
		refuse(w, http.StatusUnprocessableEntity, "unprocessableEntity", "invalid date")
		return
	}
	one.Name, one.Start, one.Duration, one.Status = write.Name, start, write.Duration, write.Status
	if yes(write.Notify) || yes(write.NotifyStart) || yes(write.NotifyEnd) || yes(write.NotifyEarly) {
		one.Updates[0].Notify = true
	}
	answer(w, http.StatusOK, p.body(one))
}

func (p *Page) update(w http.ResponseWriter, r *http.Request, one *Entry) {
	var write asked
	if !strictly(w, r, &write) || p.refused(w, write, one.Maintenance) {
		return
	}
	p.say(one, write)
	answer(w, http.StatusOK, map[string]any{
		"id": one.ID + "u", "message": write.Message, "status": write.Status, "notify": yes(write.Notify),
		"incident": map[string]any{"id": one.ID, "name": one.Name, "status": one.Status},
	})
}

// say adds an update and sets the components that it speaks of.
func (p *Page) say(one *Entry, write asked) {
	one.Updates = append(one.Updates, Update{Message: write.Message, Status: write.Status, Notify: yes(write.Notify), At: p.Now()})
	one.Status, one.Tied = write.Status, write.Components
	for _, status := range write.Statuses {
		for i := range p.components {
			if p.components[i].ID == status.ID {
				p.components[i].Status = status.Status
			}
		}
	}
}
