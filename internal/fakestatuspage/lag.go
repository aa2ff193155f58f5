package fakestatuspage

import (
	"slices"
	"time"
)

// past is what stood on the page from an instant on.
type past struct {
	at        time.Time
	incidents []Incident
}

// maxPast bounds what a page remembers.
const maxPast = 200

// remember notes what stands there now, where lists are to lag behind it.
func (p *Page) remember() {
	if p.Lag <= 0 {
		return
	}
	p.past = append(p.past, past{p.Now(), p.all()})
	if len(p.past) > maxPast {
		p.past = slices.Delete(p.past, 0, 1)
	}
}

func (p *Page) all() []Incident {
	var all []Incident
	for _, incident := range p.incidents {
		all = append(all, p.shown(incident))
	}
	return all
}

// listed is what lists show, oldest first.
func (p *Page) listed() []Incident {
	if p.Lag <= 0 {
		return p.all()
	}
	until := p.Now().Add(-p.Lag)
	for _, known := range slices.Backward(p.past) {
		if !known.at.After(until) {
			return known.incidents
		}
	}
	return nil
}
