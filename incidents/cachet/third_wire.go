package cachet

import (
	"encoding/json"
	"slices"
	"strconv"

	"lapsewatch/incidents"
	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

// document3 and listOf3 are those of JSON:API (https://jsonapi.org/format/).
type document3 struct {
	Data     resource3   `json:"data"`
	Included []resource3 `json:"included"`
}

type listOf3 struct {
	Data     *[]resource3 `json:"data"`
	Included []resource3  `json:"included"`
	Links    *struct {
		Next string `json:"next"`
	} `json:"links"`
}

type resource3 struct {
	ID            string          `json:"id"`
	Type          string          `json:"type"`
	Attributes    json.RawMessage `json:"attributes"`
	Relationships struct {
		Updates struct {
			Data []struct {
				ID string `json:"id"`
			} `json:"data"`
		} `json:"updates"`
	} `json:"relationships"`
}

type incident3 struct {
	ID            string          `json:"-"`
	Name          string          `json:"name"`
	Message       string          `json:"message"`
	Visible       number          `json:"visible"`
	Notifications number          `json:"notifications"`
	Meta          json.RawMessage `json:"meta"`
	Status        struct {
		Value number `json:"value"`
	} `json:"status"`
	Updated struct {
		String string `json:"string"`
	} `json:"updated"`
	// texts are those of its updates, oldest first.
	texts []string
}

// incident reads a resource, with its updates among those that came along.
func (r resource3) incident(included []resource3) (incident3, error) {
	var found incident3
	if r.ID == "" || json.Unmarshal(r.Attributes, &found) != nil {
		return incident3{}, errNoIncident
	}
	found.ID = r.ID
	type numbered struct {
		id   int
		text string
	}
	var updates []numbered
	for _, reference := range r.Relationships.Updates.Data {
		at := slices.IndexFunc(included, func(other resource3) bool { return other.Type == "updates" && other.ID == reference.ID })
		if at < 0 {
			return incident3{}, errNoUpdate
		}
		var said struct {
			Message string `json:"message"`
		}
		id, err := strconv.Atoi(reference.ID)
		if err != nil || json.Unmarshal(included[at].Attributes, &said) != nil {
			return incident3{}, errNoUpdate
		}
		updates = append(updates, numbered{id, stubtext.Tidy(said.Message)})
	}
	slices.SortFunc(updates, func(a, b numbered) int { return a.id - b.id })
	for _, update := range updates {
		found.texts = append(found.texts, update.text)
	}
	return found, nil
}

// last is the last text.
func (i incident3) last() string {
	if len(i.texts) == 0 {
		return stubtext.Tidy(i.Message)
	}
	return i.texts[len(i.texts)-1]
}

// key is that of the metadata: an object, or a list where there is none.
func (i incident3) key() string {
	var meta map[string]json.RawMessage
	var key string
	if json.Unmarshal(i.Meta, &meta) != nil || json.Unmarshal(meta[metaKey], &key) != nil {
		return ""
	}
	return key
}

// remote is an incident as the runner compares it. The components are left out: lists mix up
// their states where one has two incidents.
func (t *third) remote(found incident3) incidents.Remote {
	remote := incidents.Remote{
		ID: found.ID, URL: t.page(found.ID), Title: found.Name, Phase: phaseOf(int(found.Status.Value)), Hidden: found.Visible != 1,
		Texts: append([]string{stubtext.Tidy(found.Message)}, found.texts...),
	}
	remote.Open = remote.Phase != watch.Over
	if key, ours := watch.FindIncidentKey(found.key(), t.env.Source); ours {
		remote.Key = key.String()
	}
	return remote
}

type create3 struct {
	Name          string            `json:"name"`
	Status        int               `json:"status"`
	Message       string            `json:"message"`
	Visible       int               `json:"visible"`
	Stickied      bool              `json:"stickied"`
	Notifications bool              `json:"notifications"`
	Components    []state3          `json:"components,omitempty"`
	Meta          map[string]string `json:"meta"`
}

// change3 leaves the status to the updates, which have the last word on it.
type change3 struct {
	Name          string `json:"name"`
	Visible       int    `json:"visible"`
	Notifications bool   `json:"notifications"`
}

type update3 struct {
	Status     int      `json:"status"`
	Message    string   `json:"message"`
	Components []state3 `json:"components,omitempty"`
}

type state3 struct {
	ID     int `json:"id"`
	Status int `json:"status"`
}

// components are the states of a visible stub's: of a hidden one people would see them.
func (t *third) components(stub incidents.Stub) ([]state3, error) {
	if stub.Hidden {
		return nil, nil
	}
	var all []state3
	for _, component := range stub.Components {
		id, err := t.componentID(component.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, state3{ID: id, Status: t.state(component.Status)})
	}
	return all, nil
}
