package upstream

import (
	"bytes"
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// wanted says which feed it must be, and what of it counts.
type wanted struct {
	// root is how the document must begin, empty for RSS and Atom both.
	root string
	// title is the feed's own, empty for any.
	title string
	// emptyIsWell: the provider takes out what is over, so that nothing is good news.
	emptyIsWell bool
	// since is from when on an item counts; zero for ever.
	since   time.Time
	regions []string
}

const (
	maxItems = 1000
	feedTime = "Mon, 02 Jan 2006 15:04:05 Z"
	accepted = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.8"
)

func readFeed(ctx context.Context, l *look, s Source) (reading, error) {
	body, err := l.public(ctx, s.document(), accepted)
	if err != nil {
		return reading{}, err
	}
	what := wanted{title: s.Title, emptyIsWell: s.EmptyIsWell}
	if s.ItemsFor > 0 {
		what.since = l.now.Add(-time.Duration(s.ItemsFor))
	}
	return parseFeed(body, what)
}

func readAzureFeed(ctx context.Context, l *look, s Source) (reading, error) {
	body, err := l.public(ctx, s.document(), accepted)
	if err != nil {
		return reading{}, err
	}
	what := wanted{root: "rss", title: azureTitle, emptyIsWell: true, regions: l.upstream.Regions}
	if s.Title != "" {
		what.title = s.Title
	}
	return parseFeed(body, what)
}

// parseFeed reads an RSS or Atom feed of incidents.
func parseFeed(body []byte, what wanted) (reading, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	shape, err := shapeOf(body)
	if err != nil {
		return reading{}, err
	}
	if what.root != "" && shape.root != what.root {
		return reading{}, notThis("feed in RSS: it begins with <" + shown(shape.root) + ">")
	}
	feed, err := gofeed.NewParser().Parse(bytes.NewReader(body))
	switch {
	case err != nil: // its error may repeat what was sent
		return reading{}, notThis("feed that can be read")
	case what.title != "" && !same(feed.Title, what.title):
		return reading{}, &unread{
			reason: watch.Unparsable, text: "its title is \"" + shown(feed.Title) + "\", and not \"" + shown(what.title) + "\": it is another feed",
			remedy: "Check the source's URL and title.",
		}
	case len(feed.Items) != shape.items:
		return reading{}, notThis("feed that is read in one way only: some of its items stand where no items belong")
	case len(feed.Items) > maxItems:
		return reading{}, &unread{reason: watch.TooLarge, text: "it holds more items than a feed of incidents does"}
	}
	r := reading{page: feed.Link}
	if len(feed.Items) == 0 && !what.emptyIsWell {
		r.doubts = append(r.doubts, doubt{
			reason: watch.Incomplete, text: "it holds no items, which proves nothing",
			remedy: "If this provider takes an item out once it is over, set title and empty_is_well; otherwise read its status page by another kind of source.",
		})
	}
	items, regions := itemsOf(feed), finderOf(what.regions)
	for i, one := range items {
		if one.counts(what, regions) && !one.overtaken(items, i) {
			r.item(one)
		}
	}
	return r, nil
}

// item is one of a feed.
type item struct {
	title string
	// prose is all else that it says, without markup.
	prose string
	// tags are its categories.
	tags  []string
	link  string
	at    time.Time
	state state
	// about is the same for all items about one incident.
	about string
}

func itemsOf(feed *gofeed.Feed) []item {
	items := make([]item, 0, len(feed.Items))
	for _, from := range feed.Items {
		bold, prose := proseOf(from.Content)
		if other, more := proseOf(from.Description); bold == "" {
			bold, prose = other, more+" "+prose
		} else {
			prose += " " + more
		}
		one := item{title: from.Title, prose: prose, tags: from.Categories, link: from.Link, at: dateOf(from)}
		one.state = stateOf(one.title, bold, one.prose, one.tags)
		one.about = strings.ToLower(bare(one.title[:min(len(one.title), longestTitle)])) + " " + place(from.Link, from.GUID)
		items = append(items, one)
	}
	return items
}

// dateOf is when an item was last changed, zero if it does not say. Azure writes a zone of
// "Z", which RFC 822 does not know.
func dateOf(from *gofeed.Item) time.Time {
	for _, text := range []string{from.Updated, from.Published} {
		if at, err := time.Parse(feedTime, strings.TrimSpace(text)); err == nil {
			return at.UTC()
		}
	}
	for _, at := range []*time.Time{from.UpdatedParsed, from.PublishedParsed} {
		if at != nil && at.Year() > 1 {
			return at.UTC()
		}
	}
	return time.Time{}
}

// place is where an incident is described, whichever of its updates an item is about.
func place(link, id string) string {
	if link == "" {
		link = id
	}
	address, err := url.Parse(link)
	if err != nil {
		return link
	}
	address.Fragment = ""
	return address.String()
}

// overtaken reports whether a newer item says that the same incident is over. Both title and
// link must be the same: some feeds give all items one link.
func (i item) overtaken(all []item, at int) bool {
	if i.at.IsZero() {
		return false
	}
	for k, other := range all {
		if k != at && other.state == over && other.about == i.about && other.at.After(i.at) && !reopened(all, other) {
			return true
		}
	}
	return false
}

// reopened reports whether something newer than the end of an incident says that it is not
// over.
func reopened(all []item, end item) bool {
	for _, other := range all {
		if other.about == end.about && other.state != over && !other.at.Before(end.at) {
			return true
		}
	}
	return false
}

// counts reports whether an item is recent enough, and about a region that counts.
func (i item) counts(what wanted, regions finder) bool {
	if !what.since.IsZero() && !i.at.IsZero() && i.at.Before(what.since) {
		return false
	}
	return len(what.regions) == 0 || regions.concerns(what.regions, i.title+" . "+strings.Join(i.tags, " . "), i.prose)
}

// item adds what an item says. Whatever it is called, an open one is bad.
func (r *reading) item(one item) {
	switch one.state {
	case over, upcoming:
		return
	case unclear:
		r.doubt(watch.Unparsable, "nobody can tell whether \""+shown(one.title)+"\" is over")
		return
	case underWay:
		r.raise(maintenance)
	case open:
		r.raise(degraded)
	}
	r.incidents = append(r.incidents, incident{name: clean.Text(one.title, shownRunes), status: one.state.word(), started: one.at, link: one.link})
}
