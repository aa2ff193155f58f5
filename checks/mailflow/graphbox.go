package mailflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"

	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// mostListed is how many messages of one search are read.
const mostListed = 200

// graphBox is a mailbox of Exchange Online that is read by Microsoft Graph.
type graphBox struct {
	client *msgraph.Client
	// user is the mailbox; public: it is one of the public cloud.
	user   string
	public bool
	// since is when the oldest canary can have arrived.
	since time.Time
}

func (p *pass) openGraph(ctx context.Context, f Flow) (mailbox, error) {
	options := *f.Arrive.Graph
	client, err := p.signIn(options.SignIn, "")
	if err != nil {
		return nil, err
	}
	if _, err := client.Token(ctx, watch.Secret{}); err != nil {
		client.Close()
		return nil, err
	}
	return &graphBox{
		client: client, user: cmp.Or(options.Mailbox, bare(f.To)), public: options.Cloud == "" || options.Cloud == msgraph.PublicCloud,
		since: p.now().Add(-2*f.lost() - clockMayBeAhead),
	}, nil
}

// graphMessage is a message as a list shows it (learn.microsoft.com/graph/api/resources/
// message).
type graphMessage struct {
	ID       string        `json:"id"`
	Received time.Time     `json:"receivedDateTime"`
	Headers  []graphHeader `json:"internetMessageHeaders"`
}

func (m graphMessage) header() netmail.Header {
	header := netmail.Header{}
	for _, one := range m.Headers {
		name := textproto.CanonicalMIMEHeaderKey(one.Name)
		header[name] = append(header[name], one.Value)
	}
	return header
}

// graphID keeps an answer from leading to another resource. Graph's own are Base64 for URLs.
var graphID = regexp.MustCompile(`^[A-Za-z0-9_=+-]{1,1000}$`)

// find asks by the subject, once for all: Exchange gives mail that is submitted by Graph a
// Message-ID of its own. One alone is asked for by its Message-ID first, which is exact, and
// so are all of them where too much has that subject.
func (b *graphBox) find(ctx context.Context, folder string, wanted []sought) ([]arrival, error) {
	if len(wanted) == 1 {
		found, err := b.exact(ctx, folder, wanted[0])
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	found, err := b.list(ctx, folder, wanted, "receivedDateTime ge "+b.since.Format(time.RFC3339)+" and contains(subject,'"+subjectWords+"')")
	if failure, ok := errors.AsType[*msgraph.Failure](err); !ok || failure.Reason != watch.TooLarge || len(wanted) == 1 {
		return found, err
	}
	found = nil
	for i, one := range wanted {
		some, failed := b.exact(ctx, folder, one)
		if failed != nil {
			return nil, outOfTime(ctx, failed, i, len(wanted))
		}
		if len(some) == 0 && !one.late {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

func (b *graphBox) exact(ctx context.Context, folder string, one sought) ([]arrival, error) {
	return b.list(ctx, folder, []sought{one}, "internetMessageId eq '<"+strings.ReplaceAll(one.messageID, "'", "''")+">'")
}

func (b *graphBox) folder(name string) string { return "/users/" + b.user + "/mailFolders/" + name }

func (b *graphBox) list(ctx context.Context, folder string, wanted []sought, filter string) ([]arrival, error) {
	doing := "search " + folder + " of " + b.user
	listing := msgraph.Listing[graphMessage]{Of: "messages in " + folder + " of " + b.user, Read: msgraph.Document[graphMessage],
		First: b.client.Get("v1.0", b.folder(folder)+"/messages", url.Values{
			"$filter": {filter}, "$select": {"id,receivedDateTime,internetMessageHeaders"}, "$top": {"50"},
		})}
	var found []arrival
	seen := 0
	count := func() error {
		if seen++; seen > mostListed {
			return &msgraph.Failure{Doing: doing, Reason: watch.TooLarge, Text: fmt.Sprintf("more than %d messages look like canaries", mostListed)}
		}
		return nil
	}
	var tooMany error
	err := listing.Each(ctx, b.client, func(one graphMessage) error {
		header := one.header()
		if id, ok := canaryOf(header, wanted); ok && graphID.MatchString(one.ID) {
			found = append(found, arrival{id: id, folder: folder, at: one.Received.UTC(), received: header["Received"], graphID: one.ID})
		}
		return count()
	}, func([]byte, error) { tooMany = errors.Join(tooMany, count()) })
	if err == nil {
		err = tooMany
	}
	return found, err
}

// remove deletes copies for good where the cloud can (learn.microsoft.com/graph/api/message-
// permanentdelete is of the public one only), and else into the deleted items.
func (b *graphBox) remove(ctx context.Context, copies []arrival) (gone bool, err error) {
	for _, one := range copies {
		request := b.client.Get("v1.0", "/users/"+b.user+"/messages/"+one.graphID, nil)
		request.Method = abstractions.DELETE
		if b.public {
			request = b.client.Get("v1.0", "/users/"+b.user+"/messages/"+one.graphID+"/permanentDelete", nil)
			request.Method = abstractions.POST
		}
		err := b.client.Adapter().SendNoContent(ctx, request, nil)
		if failure, ok := errors.AsType[*msgraph.Failure](err); ok && failure.Status == http.StatusNotFound {
			continue // somebody else was faster
		}
		if err != nil {
			return false, fmt.Errorf("remove a canary from %s of %s: %w", one.folder, b.user, err)
		}
	}
	return true, nil
}

func (b *graphBox) try(ctx context.Context, folder string) error {
	var read struct {
		ID string `json:"id"`
	}
	return b.client.GetJSON(ctx, "open "+folder+" of "+b.user, b.client.Get("v1.0", b.folder(folder), nil), &read)
}

func (b *graphBox) close() { b.client.Close() }
