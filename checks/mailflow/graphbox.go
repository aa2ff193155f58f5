package mailflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// find asks for the Message-ID first, which is exact. Exchange gives mail that is submitted
// by Graph one of its own, so that the rest is found by its subject.
func (b *graphBox) find(ctx context.Context, folder, id, messageID string) ([]arrival, error) {
	found, err := b.list(ctx, folder, id, "internetMessageId eq '<"+strings.ReplaceAll(messageID, "'", "''")+">'")
	if err != nil || len(found) > 0 {
		return found, err
	}
	return b.list(ctx, folder, id, "receivedDateTime ge "+b.since.Format(time.RFC3339)+" and contains(subject,'"+subjectWords+"')")
}

func (b *graphBox) folder(name string) string { return "/users/" + b.user + "/mailFolders/" + name }

func (b *graphBox) list(ctx context.Context, folder, id, filter string) ([]arrival, error) {
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
		if header := one.header(); isCanary(header, id) && graphID.MatchString(one.ID) {
			found = append(found, arrival{folder: folder, at: one.Received.UTC(), received: header["Received"], graphID: one.ID})
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
		if err := b.client.Adapter().SendNoContent(ctx, request, nil); err != nil {
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
