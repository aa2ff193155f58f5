package upstream

import (
	"net/url"
	"strings"
	"time"
)

// longestPlace is longer than any link to an incident, and than any name of one.
const longestPlace = 2000

// place is where an incident is described, whichever of its updates an item is about; empty
// if that tells nothing.
func place(link string) string {
	link = strings.TrimSpace(link)
	if len(link) > longestPlace {
		return ""
	}
	address, err := url.Parse(link)
	if err != nil {
		return link
	}
	address.Fragment = ""
	return address.String()
}

// story is what the items about one incident say together.
type story struct {
	// over is when it was last said to be over, and open when it was last said not to be.
	over, open time.Time
}

// ends reports whether an item of before then is overtaken by the incident's end: something
// newer says that it is over, and nothing since that it is not.
func (s *story) ends(at time.Time) bool {
	return s != nil && !at.IsZero() && s.over.After(at) && s.over.After(s.open)
}

// stories are those of a feed, by what tells them apart.
type stories map[string]*story

func (s stories) add(key string, one item) {
	if key == "" {
		return
	}
	known := s[key]
	if known == nil {
		known = &story{}
		s[key] = known
	}
	if one.state == over && one.at.After(known.over) {
		known.over = one.at
	}
	if one.state != over && one.at.After(known.open) {
		known.open = one.at
	}
}

// key is the same for all items about one incident, as far as links tell that (by link) or
// the feed's names for its items.
func (i item) key(where string) string {
	if where == "" {
		return ""
	}
	return i.about + "\x00" + where
}

// settled leaves out the items of incidents that newer ones say are over. Where nothing but
// a title ties the two together, nobody can tell.
func settled(all []item, feedLink string) []item {
	telling := tellingLinks(all, feedLink)
	byLink, byID := stories{}, stories{}
	for _, one := range all {
		byLink.add(one.key(one.place), one)
		byID.add(one.key(one.id), one)
	}
	var left []item
	for _, one := range all {
		linked, named := byLink[one.key(one.place)], byID[one.key(one.id)]
		switch {
		case one.state == over:
			continue
		case telling[one.place] && linked.ends(one.at), !telling[one.place] && named.ends(one.at):
			continue
		case linked.ends(one.at):
			one.state = unclear
		}
		left = append(left, one)
	}
	return left
}

// tellingLinks are those that lead to one incident: with a path, not the feed's own, and not
// shared by items that are called otherwise.
func tellingLinks(all []item, feedLink string) map[string]bool {
	own := place(feedLink)
	titles := map[string]string{}
	telling := map[string]bool{}
	for _, one := range all {
		first, seen := titles[one.place]
		if !seen {
			titles[one.place] = one.about
			telling[one.place] = one.place != own && hasPath(one.place)
			continue
		}
		if first != one.about {
			telling[one.place] = false
		}
	}
	return telling
}

func hasPath(link string) bool {
	address, err := url.Parse(link)
	return err == nil && (strings.Trim(address.Path, "/") != "" || address.RawQuery != "")
}
