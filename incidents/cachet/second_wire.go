package cachet

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

type incident2 struct {
	ID          number    `json:"id"`
	ComponentID number    `json:"component_id"`
	Name        string    `json:"name"`
	Status      number    `json:"status"`
	Visible     number    `json:"visible"`
	Stickied    number    `json:"stickied"`
	Message     string    `json:"message"`
	UpdatedAt   string    `json:"updated_at"`
	Updates     []update2 `json:"updates"`
}

type update2 struct {
	ID      number `json:"id,omitempty"`
	Status  number `json:"status"`
	Message string `json:"message"`
}

type listOf2 struct {
	Data *[]incident2 `json:"data"`
	Meta struct {
		Pagination struct {
			Current int `json:"current_page"`
			Total   int `json:"total_pages"`
		} `json:"pagination"`
	} `json:"meta"`
}

// write2 is what is sent of an incident. What is left out of visible and notify counts as
// true, also in a change: both are always sent.
type write2 struct {
	Name            string `json:"name"`
	Status          int    `json:"status"`
	Message         string `json:"message"`
	Visible         int    `json:"visible"`
	Notify          bool   `json:"notify"`
	Stickied        bool   `json:"stickied"`
	ComponentID     int    `json:"component_id,omitempty"`
	ComponentStatus int    `json:"component_status,omitempty"`
}

type component2 struct {
	ID      number `json:"id"`
	Status  number `json:"status"`
	Enabled bool   `json:"enabled"`
}

// setComponent2 states whether the component is shown: some versions hide it otherwise.
type setComponent2 struct {
	Status  int  `json:"status"`
	Enabled bool `json:"enabled"`
	Silent  bool `json:"silent"`
}

// write is what is sent for a stub, without its message. The incident stands at the worst
// of the components.
func (s *second) write(stub incidents.Stub, components plan2) write2 {
	worst, state := components.worst()
	return write2{
		Name: stubtext.Cut(stub.Title, maxTitle), Status: phases[stub.Phase], Visible: visible(stub), ComponentID: worst, ComponentStatus: state,
	}
}

// stands reports that nothing of the incident itself is to be written.
func (i incident2) stands(send write2) bool {
	return i.Name == send.Name && int(i.Status) == send.Status && int(i.Visible) == send.Visible &&
		stubtext.Tidy(i.Message) == stubtext.Tidy(send.Message) && (send.ComponentID == 0 || int(i.ComponentID) == send.ComponentID)
}

func (i incident2) lastUpdate() (update2, bool) {
	if len(i.Updates) == 0 {
		return update2{}, false
	}
	return slices.MaxFunc(i.Updates, func(a, b update2) int { return cmp.Compare(a.ID, b.ID) }), true
}

// status is that of the last update, where there is one.
func (i incident2) status() int {
	if update, any := i.lastUpdate(); any {
		return int(update.Status)
	}
	return int(i.Status)
}

// remote is an incident as the runner compares it.
func (s *second) remote(found incident2) incidents.Remote {
	id := strconv.Itoa(int(found.ID))
	text, kept := unmarked(found.Message, s.env.Source)
	remote := incidents.Remote{
		ID: id, URL: s.page(id), Key: kept.key, Title: found.Name, Phase: phaseOf(found.status()), Hidden: found.Visible == 0, Texts: []string{text},
	}
	remote.Open = remote.Phase != watch.Over
	updates := slices.SortedFunc(slices.Values(found.Updates), func(a, b update2) int { return cmp.Compare(a.ID, b.ID) })
	for _, update := range updates {
		text, _ := unmarked(update.Message, s.env.Source)
		remote.Texts = append(remote.Texts, text)
	}
	for _, id := range slices.Sorted(maps.Keys(kept.left)) {
		remote.Components = append(remote.Components, watch.Component{ID: strconv.Itoa(id), Status: statusOf(kept.left[id].state)})
	}
	return remote
}

// lately reports that something was changed since the instant, as far as that is known: the
// service says when in a time zone of its own.
func lately(changed string, since time.Time) bool {
	const zones = 24 * time.Hour
	at, err := time.Parse("2006-01-02 15:04:05", changed)
	return err != nil || at.After(since.Add(-zones))
}

func (c core) tooMany() error {
	return &alerts.DeliveryError{Channel: c.env.Name, Err: fmt.Errorf("read the list of incidents: it has more than %d entries: delete what is old", maxPages*perPage)}
}
