package fakebetterstack

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// affected is what a write says of one resource.
type affected struct {
	Resource string `json:"status_page_resource_id"`
	Status   string `json:"status"`
}

// newReport, change and newUpdate are the bodies of the writes. What is nil was left out.
type newReport struct {
	Title       *string    `json:"title"`
	Message     string     `json:"message"`
	Type        string     `json:"report_type"`
	Notify      *bool      `json:"notify_subscribers"`
	Affected    []affected `json:"affected_resources"`
	StartsAt    *time.Time `json:"starts_at"`
	EndsAt      *time.Time `json:"ends_at"`
	PublishedAt *time.Time `json:"published_at"`
}

type change struct {
	Title    *string    `json:"title"`
	Affected []affected `json:"affected_resources"`
	StartsAt *time.Time `json:"starts_at"`
	EndsAt   *time.Time `json:"ends_at"`
}

type newUpdate struct {
	Message     string     `json:"message"`
	Notify      bool       `json:"notify_subscribers"`
	Affected    []affected `json:"affected_resources"`
	PublishedAt *time.Time `json:"published_at"`
}

// words are those of the resources of each type of report.
func words(of string) []string {
	if of == "maintenance" {
		return []string{"maintenance"}
	}
	return []string{"resolved", "degraded", "downtime"}
}

// resourcesOf reads what a write says of resources.
func (p *Page) resourcesOf(w http.ResponseWriter, of string, write []affected) (map[string]string, bool) {
	all := map[string]string{}
	for _, one := range write {
		if !slices.Contains(p.resources, one.Resource) {
			refuse(w, http.StatusUnprocessableEntity, "affected_resources", "must belong to the status page")
			return nil, false
		}
		if !slices.Contains(words(of), one.Status) {
			refuse(w, http.StatusUnprocessableEntity, "affected_resources", "have an invalid status")
			return nil, false
		}
		all[one.Resource] = one.Status
	}
	return all, true
}

func (p *Page) create(w http.ResponseWriter, r *http.Request) {
	var write newReport
	if !strictly(w, r, &write) {
		return
	}
	one := &Report{Type: "manual", StartsAt: p.Now()}
	if write.Type != "" {
		one.Type = write.Type
	}
	affected, ok := p.resourcesOf(w, one.Type, write.Affected)
	if !ok {
		return
	}
	one.Affected = maps.Clone(affected)
	switch {
	case write.Title == nil || *write.Title == "":
		refuse(w, http.StatusUnprocessableEntity, "title", "can't be blank")
		return
	case one.Type != "manual" && one.Type != "maintenance":
		refuse(w, http.StatusUnprocessableEntity, "report_type", "is not included in the list")
		return
	case one.Type == "maintenance" && write.EndsAt == nil:
		refuse(w, http.StatusUnprocessableEntity, "ends_at", "can't be blank")
		return
	}
	one.Title = *write.Title
	if !one.dates(w, write.StartsAt, write.EndsAt) {
		return
	}
	one.ID = p.next()
	p.reports = append(p.reports, one)
	p.say(one, write.Message, write.Notify == nil || *write.Notify, affected)
	answer(w, http.StatusCreated, map[string]any{"data": p.body(one), "included": []any{body(one.ID, one.Updates[0])}})
}

// dates sets what is given; a report ends after it has begun.
func (one *Report) dates(w http.ResponseWriter, starts, ends *time.Time) bool {
	from, until := one.StartsAt, one.EndsAt
	if starts != nil {
		from = *starts
	}
	if ends != nil {
		until = *ends
	}
	if !until.IsZero() && !until.After(from) {
		refuse(w, http.StatusUnprocessableEntity, "ends_at", "must be after the start")
		return false
	}
	one.StartsAt, one.EndsAt = from, until
	return true
}

func (p *Page) say(one *Report, message string, notify bool, affected map[string]string) {
	one.Updates = append(one.Updates, Update{ID: p.next(), Message: message, Notify: notify, At: p.Now(), Affected: affected})
}

// update says something of the resources that it names. The others stay as they were.
func (p *Page) update(w http.ResponseWriter, r *http.Request, one *Report) {
	var write newUpdate
	if !strictly(w, r, &write) {
		return
	}
	affected, ok := p.resourcesOf(w, one.Type, write.Affected)
	if !ok {
		return
	}
	if write.Affected == nil {
		refuse(w, http.StatusUnprocessableEntity, "affected_resources", "is required")
		return
	}
	maps.Copy(one.Affected, affected)
	p.say(one, write.Message, write.Notify, affected)
	answer(w, http.StatusCreated, map[string]any{"data": body(one.ID, one.Updates[len(one.Updates)-1])})
}

func (p *Page) patch(w http.ResponseWriter, r *http.Request, one *Report) {
	var write change
	if !strictly(w, r, &write) {
		return
	}
	affected, ok := p.resourcesOf(w, one.Type, write.Affected)
	if !ok || !one.dates(w, write.StartsAt, write.EndsAt) {
		return
	}
	if write.Title != nil {
		one.Title = *write.Title
	}
	maps.Copy(one.Affected, affected)
	answer(w, http.StatusOK, map[string]any{"data": p.body(one)})
}
