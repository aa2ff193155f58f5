package domain

import (
	"bytes"
	"encoding/json"
)

// object is what is read of an answer of RDAP: a domain (RFC 9083, 5.3) or an error (RFC
// 9083, 6). Registries differ in small ways, so that a member of another type than the
// standard's is as if it were not there, and spoils no other.
//
// Package github.com/openrdap/rdap decodes such answers as well, but its command line comes
// with it, which keeps the linker from leaving out what nothing uses: 18 MB of Lapsewatch.
type object struct {
	class, handle, ldhName, unicodeName string
	status                              []string
	events                              []event
	nameservers                         []object
	entities                            []entity
	// signed is nil where nothing is said of it.
	signed *bool

	errorCode   int
	title       string
	description []string
}

type event struct{ action, date string }

type entity struct {
	object
	roles []string
	// fullName is that of the jCard (RFC 7095).
	fullName  string
	publicIDs map[string]string
}

// maxMembers bounds each list of an answer.
const maxMembers = 1000

// members are those of a JSON object, by their name.
type members map[string]json.RawMessage

// parse reads the top of an answer.
func parse(body []byte) (object, bool) {
	var all members
	if json.Unmarshal(body, &all) != nil || all == nil {
		return object{}, false
	}
	found := shallow(all)
	found.errorCode = value[int](all["errorCode"])
	found.title, found.description = value[string](all["title"]), list[string](all["description"])
	found.signed = value[*bool](value[members](all["secureDNS"])["delegationSigned"])
	for _, server := range list[members](all["nameservers"]) {
		found.nameservers = append(found.nameservers, shallow(server))
	}
	for _, one := range list[members](all["entities"]) {
		e := entity{object: shallow(one), roles: list[string](one["roles"]), fullName: fullName(one["vcardArray"]), publicIDs: map[string]string{}}
		for _, id := range list[members](one["publicIds"]) {
			e.publicIDs[value[string](id["type"])] = text(id["identifier"])
		}
		found.entities = append(found.entities, e)
	}
	return found, true
}

// shallow reads what all objects have in common, and nothing within.
func shallow(all members) object {
	found := object{
		class: value[string](all["objectClassName"]), handle: text(all["handle"]),
		ldhName: value[string](all["ldhName"]), unicodeName: value[string](all["unicodeName"]), status: list[string](all["status"]),
	}
	for _, one := range list[members](all["events"]) {
		found.events = append(found.events, event{action: value[string](one["eventAction"]), date: value[string](one["eventDate"])})
	}
	return found
}

// value is a member if it is of that type, and otherwise nothing.
func value[T any](raw json.RawMessage) T {
	var read, none T
	if len(raw) == 0 || json.Unmarshal(raw, &read) != nil {
		return none
	}
	return read
}

// list are those elements of a list that are of that type.
func list[T any](raw json.RawMessage) []T {
	var found []T
	for _, one := range value[[]json.RawMessage](raw) {
		if len(found) == maxMembers {
			break
		}
		var read T
		if !bytes.Equal(one, []byte("null")) && json.Unmarshal(one, &read) == nil {
			found = append(found, read)
		}
	}
	return found
}

// text is a text, or a number as it is written.
func text(raw json.RawMessage) string {
	if number := value[json.Number](raw); number != "" {
		return number.String()
	}
	return value[string](raw)
}

// fullName is the first fn of ["vcard", [[name, parameters, type, value], …]].
func fullName(raw json.RawMessage) string {
	card := value[[]json.RawMessage](raw)
	if len(card) != 2 {
		return ""
	}
	for _, property := range list[[]json.RawMessage](card[1]) {
		if len(property) == 4 && value[string](property[0]) == "fn" {
			return value[string](property[3])
		}
	}
	return ""
}
