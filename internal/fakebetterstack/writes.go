package fakebetterstack

import (
	"net/http"
	"slices"
	"time"
)

// asked is the body of every write.
type asked struct {
	Title    *string `json:"title"`
	Message  string  `json:"message"`
	Type     string  `json:"report_type"`
	Notify   bool    `json:"notify_subscribers"`
	Affected []struct {
		Resource string `json:"status_page_resource_id"`
		Status   string `json:"status"`
	} `json:"affected_resources"`
	StartsAt    *time.Time `json:"starts_at"`
	EndsAt      *time.Time `json:"ends_at"`
	PublishedAt *time.Time `json:"published_at"`
}

// resourcesOf reads what a write says of resources.
func (p *Page) resourcesOf(w http.ResponseWriter, write asked) (map[string]string, bool) {
	all := map[string]string{}
	for _, one := range write.Affected {
		if !slices.Contains(p.resources, one.Resource) {
			refuse(w, http.StatusUnprocessableEntity, "affected_resources", "must belong to the status page")
			return nil, false
		}
		if !slices.Contains(statusWords, one.Status) {
			refuse(w, http.StatusUnprocessableEntity, "affected_resources", "have an invalid status")
			return nil, false
		}
		all[one.Resource] = one.Status
	}
	return all, true
}

func (p *Page) create(w http.ResponseWriter, r *http.Request) {
	var write asked
	if !strictly(w, r, &write) {
		return
	}
	affected, ok := p.resourcesOf(w, write)
	if !ok {
		return
	}
	one := &Report{Type: "manual", StartsAt: p.Now(), Affected: affected}
	if write.Type != "" {
		one.Type = write.Type
	}
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
	one.dates(write)
	one.ID = p.next()
	p.reports = append(p.reports, one)
	p.say(one, write, affected)
	answer(w, http.StatusCreated, map[string]any{"data": p.body(one), "included": []any{body(one.ID, one.Updates[0])}})
}

func (one *Report) dates(write asked) {
	if write.StartsAt != nil {
		one.StartsAt = *write.StartsAt
	}
	if write.EndsAt != nil {
		one.EndsAt = *write.EndsAt
	}
}

func (p *Page) say(one *Report, write asked, affected map[string]string) {
	one.Updates = append(one.Updates, Update{ID: p.next(), Message: write.Message, Notify: write.Notify, At: p.Now(), Affected: affected})
}

func (p *Page) update(w http.ResponseWriter, r *http.Request, one *Report) {
	var write asked
	if !strictly(w, r, &write) {
		return
	}
	affected, ok := p.resourcesOf(w, write)
	if !ok {
		return
	}
	if write.Affected == nil {
		refuse(w, http.StatusUnprocessableEntity, "affected_resources", "is required")
		return
	}
	one.Affected = affected
	p.say(one, write, affected)
	answer(w, http.StatusCreated, map[string]any{"data": body(one.ID, one.Updates[len(one.Updates)-1])})
}

func (p *Page) patch(w http.ResponseWriter, r *http.Request, one *Report) {
	var write asked
	if !strictly(w, r, &write) {
		return
	}
	if write.Title != nil {
		one.Title = *write.Title
	}
	one.dates(write)
	answer(w, http.StatusOK, map[string]any{"data": p.body(one)})
}
