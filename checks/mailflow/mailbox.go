package mailflow

import (
	"context"
	"crypto/tls"
	"slices"
	"time"

	"lapsewatch/internal/cafile"
	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/imapread"
	"lapsewatch/watch"
)

// mailbox is one that is open.
type mailbox interface {
	// find looks for canaries in a folder, which may hold several copies of each.
	find(ctx context.Context, folder string, wanted []sought) ([]arrival, error)
	// remove removes copies that find gave. gone is false where they are only marked.
	remove(ctx context.Context, copies []arrival) (gone bool, err error)
	// try opens a folder.
	try(ctx context.Context, folder string) error
	close()
}

// sought is a canary that is looked for. messageID is without its brackets. late: nobody
// waits for it any longer.
type sought struct {
	id, messageID string
	late          bool
}

// arrival is a copy of a canary in a mailbox.
type arrival struct {
	id, folder string
	// at is when the mailbox's server got it, by that one's clock; zero if it does not say.
	at       time.Time
	received []string
	uid      uint32
	graphID  string
}

// mailbox opens that of a flow. Its error is a *fault, an *imapread.Failure or a
// *msgraph.Failure, or wraps that of ctx.
func (p *pass) mailbox(ctx context.Context, f Flow) (mailbox, error) {
	if f.Arrive.Graph != nil {
		return p.openGraph(ctx, f)
	}
	return p.openIMAP(ctx, *f.Arrive.IMAP)
}

// imapBox is a mailbox that is read by IMAP.
type imapBox struct{ session *imapread.Session }

func (p *pass) openIMAP(ctx context.Context, options IMAP) (mailbox, error) {
	encryption := options.encryption(imapread.Implicit)
	host, address := options.address(imapPorts[encryption])
	given, err := p.credentialOf(ctx, options.Server)
	if err != nil {
		return nil, err
	}
	settings := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, Time: p.env.TLSTime}
	if options.CAFile != "" {
		if settings.RootCAs, err = cafile.Pool(options.CAFile); err != nil {
			return nil, &fault{reason: watch.Unreadable, text: err.Error(), remedy: "Correct ca_file."}
		}
	}
	gate := p.gateOf("arrive", address, options.Username)
	leave, known, held, err := gate.enter(ctx, p, given.mark)
	if err != nil {
		return nil, err
	}
	defer leave()
	if held != nil {
		return nil, &fault{reason: held.Reason, text: "log in at " + address + " as " + options.Username + ": " + held.Clause() + ": " + held.Text, remedy: logInRemedy}
	}
	session, err := imapread.Open(ctx, imapread.Setup{
		Address: address, Encryption: encryption, TLS: settings, Dial: p.env.Dial, Timeout: p.env.Timeout,
		Username: options.Username, Credential: given.secret, Bearer: given.bearer,
	})
	if failure := refusedLogin(err); failure != nil {
		gate.book.Refused(ctx, known, holdoff.Refusal{Reason: failure.Reason, Code: failure.Code, Text: failure.Text, Lasting: true}, 0, given.mark, p.env.Now())
	}
	if err != nil {
		return nil, err
	}
	gate.book.Succeeded(ctx)
	return &imapBox{session}, nil
}

func (b *imapBox) find(ctx context.Context, folder string, wanted []sought) ([]arrival, error) {
	var found []arrival
	for some := range slices.Chunk(wanted, imapread.MaxValues) {
		var ids []string
		for _, one := range some {
			ids = append(ids, one.id)
		}
		messages, err := b.session.Find(ctx, folder, headerName, ids, wantedHeaders())
		if err != nil {
			return nil, err
		}
		for _, one := range messages {
			header := readHeader(one.Header)
			if id, ok := canaryOf(header, some); ok {
				found = append(found, arrival{id: id, folder: folder, at: one.Arrived, received: header["Received"], uid: one.UID})
			}
		}
	}
	return found, nil
}

func (b *imapBox) remove(ctx context.Context, copies []arrival) (gone bool, err error) {
	byFolder := map[string][]uint32{}
	for _, one := range copies {
		byFolder[one.folder] = append(byFolder[one.folder], one.uid)
	}
	gone = true
	for folder, uids := range byFolder {
		expunged, err := b.session.Remove(ctx, folder, uids)
		if err != nil {
			return false, err
		}
		gone = gone && expunged
	}
	return gone, nil
}

func (b *imapBox) try(ctx context.Context, folder string) error { return b.session.Try(ctx, folder) }

func (b *imapBox) close() { b.session.Close() }
