package upstream

import (
	"bytes"
	"context"
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
	regions regionSet
}

const (
	maxItems = 1000
	feedTime = "Mon, 02 Jan 2006 15:04:05 Z"
	accepted = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.8"
)

func readFeed(ctx context.Context, l *look, s Source) (reading, error) {
	body, err := l.public(ctx, s, accepted)
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
	body, err := l.public(ctx, s, accepted)
	if err != nil {
		return reading{}, err
	}
	what := wanted{root: "rss", title: azureTitle, emptyIsWell: true, regions: regionsOf(l.upstream.Regions)}
	if s.Title != "" {
		what.title = s.Title
	}
	return parseFeed(body, what)
}

// parseFeed reads an RSS or Atom feed of incidents.
func parseFeed(body []byte, what wanted) (reading, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	shape, err := shapeOf(body)
	switch {
	case err != nil:
		return reading{}, err
	case what.root != "" && shape.root != what.root:
		return reading{}, notThis("feed in RSS: it begins with <" + shown(shape.root) + ">")
	case shape.items > maxItems:
		return reading{}, tooLarge("items than a feed of incidents does")
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
	}
	r := reading{page: feed.Link, updated: latest(feed.Updated, feed.Published, feed.UpdatedParsed, feed.PublishedParsed), empty: len(feed.Items) == 0}
	if r.empty && !what.emptyIsWell {
		r.doubts = append(r.doubts, doubt{
			reason: watch.Incomplete, text: "it holds no items, which proves nothing",
			remedy: "If this provider takes an item out once it is over, set title and empty_is_well; otherwise read its status page by another kind of source.",
		})
	}
	items, regions := settled(itemsOf(feed), feed.Link), finderOf()
	for _, one := range items {
		if one.counts(what, regions) {
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
	// about is the title without its status; place is where it is described, and id the
	// feed's name for it. Empty ones tell nothing.
	about, place, id string
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
		one := item{
			title: from.Title, prose: prose, tags: from.Categories, link: from.Link, place: place(from.Link), id: place(from.GUID),
			at: latest(from.Updated, from.Published, from.UpdatedParsed, from.PublishedParsed),
		}
		one.state = stateOf(one.title, bold, one.prose, one.tags)
		one.about = strings.ToLower(bare(one.title[:min(len(one.title), longestTitle)]))
		items = append(items, one)
	}
	return items
}

// latest is when something was last changed, or else published, zero if it does not say.
// Azure writes a zone of "Z", which RFC 822 does not know.
func latest(updated, published string, parsed ...*time.Time) time.Time {
	for _, text := range []string{updated, published} {
		if at, err := time.Parse(feedTime, strings.TrimSpace(text)); err == nil {
			return at.UTC()
		}
	}
	for _, at := range parsed {
		if at != nil && at.Year() > 1 {
			return at.UTC()
		}
	}
	return time.Time{}
}

// counts reports whether an item is recent enough, and about a region that counts.
func (i item) counts(what wanted, regions finder) bool {
	if !what.since.IsZero() && !i.at.IsZero() && i.at.Before(what.since) {
		return false
	}
	return regions.concerns(what.regions, i.title+" . "+strings.Join(i.tags, " . "), i.prose)
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
