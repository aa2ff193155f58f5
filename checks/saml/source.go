package saml

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/renewal"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	accepted = "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
	// settle is more than the second in which validUntil is written.
	settle = 1100 * time.Millisecond
)

// read reads a document from where it stands.
func (p *pass) read(ctx context.Context, m Metadata) (document, error) {
	if m.File != "" {
		return p.readFile(m)
	}
	if p.clientErr != nil {
		return document{}, p.clientErr
	}
	request := webclient.Request{URL: m.URL, Header: http.Header{"Accept": {accepted}}}
	answer, err := p.client.Get(ctx, request)
	if err != nil {
		return document{}, err
	}
	if answer.Status != http.StatusOK {
		return document{}, p.client.Refusal(request, answer, "")
	}
	return read(bytes.NewReader(answer.Body), p.options.MaxBytes, m.Entities)
}

func (p *pass) readFile(m Metadata) (document, error) {
	about, err := os.Stat(m.File)
	if err != nil {
		return document{}, fmt.Errorf("read the metadata: %w", err) // it names the path
	}
	if !about.Mode().IsRegular() {
		return document{}, malformed("it is no regular file")
	}
	file, err := os.Open(m.File)
	if err != nil {
		return document{}, fmt.Errorf("read the metadata: %w", err)
	}
	defer func() { _ = file.Close() }()
	return read(file, p.options.MaxBytes, m.Entities)
}

const largeRemedy = "Name the entities to watch in entities; if the document itself is too large, raise max_bytes."

// problem says why a document could not be read. It hides all that the document describes.
func (m Metadata) problem(err error) watch.Problem {
	found := watch.Problem{
		Subject: m.Subject(m.id()), Reason: watch.Unreadable, Err: err,
		Confined: true, HidesPrefix: m.id() + "/", Details: m.details(),
	}
	_, bad := errors.AsType[malformed](err)
	_, much := errors.AsType[excessive](err)
	failure, failed := errors.AsType[*webclient.Failure](err)
	switch {
	case bad:
		found.Reason, found.Remedy = watch.Unparsable, "Look at what stands there: partners that read it fail as well."
	case much:
		found.Reason, found.Remedy = watch.TooLarge, largeRemedy
	case failed:
		found.Reason = failure.Reason
		found.Remedy = map[watch.Reason]string{
			watch.AuthFailed:       "Give an address that wants no sign-in: metadata is public, as a rule.",
			watch.PermissionDenied: "Give an address that lets this machine in: metadata is public, as a rule.",
			watch.NotFound:         "Correct the url, or ask whoever publishes the metadata where it is now.",
			watch.TooLarge:         largeRemedy,
			watch.TimedOut:         "Check that the server answers; the aggregate of a federation may need a longer limits.timeout.",
		}[failure.Reason]
	case errors.Is(err, fs.ErrNotExist):
		found.Reason = watch.NotFound
	case errors.Is(err, fs.ErrPermission):
		found.Reason, found.Remedy = watch.PermissionDenied, "Let the user that runs Lapsewatch read the file."
	}
	return found
}

// life is how long the document holds from its issue to its end; zero if that is not known.
// Many are issued anew every day, or for each reader, to hold for some days: without their
// life they would seem to be about to lapse for ever.
func (p *pass) life(ctx context.Context, m Metadata, found document) time.Duration {
	until := found.until.at
	switch {
	case !found.until.stated() || found.until.wrong != "":
		return 0
	case !found.created.IsZero() && found.created.Before(until):
		return until.Sub(found.created)
	}
	book := renewal.Book{Memory: p.env.Memory, Key: "issue:" + holdoff.Digest([]byte(m.Name), []byte(m.URL), []byte(m.File))}
	life, err := book.Life(ctx, until, p.env.Now(), func() bool { return p.slides(ctx, m, until) })
	if err != nil {
		p.env.Log.Warn("learn how long SAML metadata lives", "metadata", m.Name, "error", err)
	}
	return life
}

// slides reports whether a document that ends soon, and was never seen before, is made for
// each reader: then it ends later if it is read later.
func (p *pass) slides(ctx context.Context, m Metadata, until time.Time) bool {
	now := p.env.Now()
	if m.URL == "" || !until.After(now) || until.Sub(now) > p.env.Horizon {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(settle):
	}
	again, err := p.read(ctx, m)
	return err == nil && again.until.stated() && again.until.at.After(until)
}
