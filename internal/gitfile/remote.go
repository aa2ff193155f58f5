package gitfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/revlist"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// remote is where commits are exchanged with.
type remote struct {
	*clone
	endpoint *transport.Endpoint
	client   transport.Transport
	auth     transport.AuthMethod
	secrets  []watch.Secret
	close    func()
}

func (c *clone) remote(ctx context.Context) (*remote, error) {
	configured, err := c.repository.Remote(c.options.Remote)
	if err != nil || len(configured.Config().URLs) == 0 {
		return nil, c.never(fmt.Errorf("the clone of %s has no remote %q with an address: run git remote add", c.path, c.options.Remote))
	}
	endpoint, err := transport.NewEndpoint(c.whole(configured.Config().URLs[0]))
	if err != nil {
		return nil, c.never(fmt.Errorf("the address of the remote %q cannot be parsed", c.options.Remote))
	}
	r := &remote{clone: c, endpoint: endpoint, close: func() {}}
	switch endpoint.Protocol {
	case "file":
		r.client = local{ctx}
		return r, nil
	case "https", "http":
		return r, r.overHTTP()
	default:
		return nil, c.never(fmt.Errorf("the remote %q is reached by %s: want an address that begins with https://, or a folder of this machine", c.options.Remote, clean.Text(endpoint.Protocol, maxName)))
	}
}

// whole is an address in which a folder that is named from the clone's own is named whole.
func (c *clone) whole(address string) string {
	if !strings.Contains(address, ":") && !filepath.IsAbs(address) {
		return filepath.Join(c.root.Name(), address)
	}
	return address
}

// host is where the remote is, as it is shown.
func (r *remote) host() string {
	shown := r.endpoint.Protocol + "://" + r.endpoint.Host
	if r.endpoint.Port != 0 {
		shown += ":" + strconv.Itoa(r.endpoint.Port)
	}
	return clean.Text(shown, maxName)
}

// name is the remote as it is shown, without user names, passwords and queries.
func (r *remote) name() string {
	if r.endpoint.Protocol == "file" {
		return clean.Text(r.endpoint.Path, maxName)
	}
	return clean.Text(r.host()+r.endpoint.Path, maxName)
}

// haves is how many commits the remote is told that we have.
const haves = 256

// fetch gets what the remote's branch has, and gives its last commit; zero where there is
// no such branch.
func (r *remote) fetch(ctx context.Context) (tip plumbing.Hash, err error) {
	session, err := r.client.NewUploadPackSession(r.endpoint, r.auth)
	if err != nil {
		return plumbing.ZeroHash, r.failed(ctx, "fetch from", err)
	}
	defer func() { _ = session.Close() }() // all that it gave was read
	advertised, err := session.AdvertisedReferencesContext(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return plumbing.ZeroHash, nil
	}
	if err != nil {
		return plumbing.ZeroHash, r.failed(ctx, "fetch from", err)
	}
	tip = advertised.References[r.branch.String()]
	if tip.IsZero() || r.storage.HasEncodedObject(tip) == nil {
		return tip, nil
	}
	request := packp.NewUploadPackRequestFromCapabilities(advertised.Capabilities)
	request.Wants = []plumbing.Hash{tip}
	request.Haves = r.known()
	answer, err := session.UploadPack(ctx, request)
	if err != nil {
		return plumbing.ZeroHash, r.failed(ctx, "fetch from", err)
	}
	err = packfile.UpdateObjectStorage(r.storage, demuxed(request.Capabilities, answer))
	if err = errors.Join(err, answer.Close()); err != nil {
		return plumbing.ZeroHash, r.failed(ctx, "fetch from", err)
	}
	return tip, nil
}

// known are the last commits that we have.
func (r *remote) known() []plumbing.Hash {
	var known []plumbing.Hash
	commits, err := r.repository.Log(&git.LogOptions{})
	if err != nil {
		return nil
	}
	// A clone may be shallow: what it lacks ends the list, and is no error.
	_ = commits.ForEach(func(commit *object.Commit) error {
		if known = append(known, commit.Hash); len(known) >= haves {
			return storer.ErrStop
		}
		return nil
	})
	return known
}

func demuxed(capabilities *capability.List, answer io.Reader) io.Reader {
	switch {
	case capabilities.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, answer)
	case capabilities.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, answer)
	default:
		return answer
	}
}

// push moves the remote's branch. done is false where it has moved meanwhile.
func (r *remote) push(ctx context.Context, from, to plumbing.Hash) (done bool, err error) {
	session, err := r.client.NewReceivePackSession(r.endpoint, r.auth)
	if err != nil {
		return false, r.failed(ctx, "push to", err)
	}
	defer func() { _ = session.Close() }() // all that it gave was read
	advertised, err := session.AdvertisedReferencesContext(ctx)
	if err != nil && !errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return false, r.failed(ctx, "push to", err)
	}
	if advertised == nil {
		advertised = packp.NewAdvRefs()
	}
	if advertised.References[r.branch.String()] != from {
		return false, nil
	}
	report, err := r.send(ctx, session, advertised, from, to)
	if err != nil {
		return false, r.failed(ctx, "push to", err)
	}
	if report == nil {
		return true, nil
	}
	return r.judged(ctx, report)
}

func (r *remote) send(ctx context.Context, session transport.ReceivePackSession, advertised *packp.AdvRefs, from, to plumbing.Hash) (*packp.ReportStatus, error) {
	var ignored []plumbing.Hash
	if !from.IsZero() {
		ignored = append(ignored, from)
	}
	objects, err := revlist.Objects(r.storage, []plumbing.Hash{to}, ignored)
	if err != nil {
		return nil, fmt.Errorf("list what to push: %w", err)
	}
	request := packp.NewReferenceUpdateRequestFromCapabilities(advertised.Capabilities)
	request.Commands = []*packp.Command{{Name: r.branch, Old: from, New: to}}
	reader, writer := io.Pipe()
	request.Packfile = reader
	encoded := make(chan error, 1)
	go func() {
		encoder := packfile.NewEncoder(writer, r.storage, !advertised.Capabilities.Supports(capability.OFSDelta))
		_, err := encoder.Encode(objects, window)
		encoded <- errors.Join(err, writer.CloseWithError(err))
	}()
	report, err := session.ReceivePack(ctx, request)
	if err != nil {
		_ = reader.Close() // the encoder ends with it, which is no failure of its own
		ended := <-encoded
		switch {
		case report != nil:
			return report, nil // the error is what the report says
		case errors.Is(ended, io.ErrClosedPipe):
			return nil, err
		default:
			return nil, errors.Join(err, ended)
		}
	}
	return report, <-encoded
}

// window is Git's own default of pack.window.
const window = 10

// judged reads what the remote says of the push. What it refuses may succeed on top of
// what somebody else has pushed; what a rule or a hook refuses will not.
func (r *remote) judged(ctx context.Context, report *packp.ReportStatus) (done bool, err error) {
	refused := report.Error()
	if refused == nil {
		return true, nil
	}
	for _, moved := range []string{"fetch first", "non-fast-forward", "failed to update ref", "cannot lock ref", "stale info", "incorrect old value"} {
		if strings.Contains(refused.Error(), moved) {
			return false, nil
		}
	}
	return false, r.failed(ctx, "push to", fmt.Errorf("the remote refused it: %s: look at the branch's protection and at the hooks there", clean.Text(refused.Error(), maxName)))
}

// failed classifies what went wrong with a remote. What is said there is shown in one
// line, without secrets.
func (r *remote) failed(ctx context.Context, doing string, err error) error {
	failure := &alerts.DeliveryError{Channel: r.env.Name}
	// It wraps what it holds without saying so.
	if unexpected, ok := errors.AsType[*plumbing.UnexpectedError](err); ok {
		err = unexpected.Err
	}
	said := r.said(err)
	var answered *githttp.Err
	switch {
	case ctx.Err() != nil:
		failure.Retryable, said = true, ctx.Err()
	case errors.Is(err, transport.ErrAuthenticationRequired):
		failure.Status, said = http.StatusUnauthorized, errors.New("it wants other credentials: the token is missing, wrong, expired or revoked: make a new one")
	case errors.Is(err, transport.ErrAuthorizationFailed):
		failure.Status, said = http.StatusForbidden, errors.New("the token may not do this: it needs to write the contents of this repository")
	case errors.Is(err, transport.ErrRepositoryNotFound):
		failure.Status, said = http.StatusNotFound, errors.New("there is no such repository, or the token may not see it")
	case errors.As(err, &answered):
		failure.Status = answered.StatusCode()
		said = fmt.Errorf("it answered with the status code: %d %s", failure.Status, http.StatusText(failure.Status))
		failure.Retryable = failure.Status >= 500 || failure.Status == http.StatusTooManyRequests || failure.Status == http.StatusRequestTimeout
	case strings.Contains(err.Error(), "the remote refused it"), strings.Contains(err.Error(), "redirect"):
	default:
		failure.Retryable = true
	}
	failure.Err = fmt.Errorf("%s %s: %w", doing, r.name(), said)
	return failure
}

const shownOfError = 300

// address is what an address looks like in an error of go-git or of net/http.
var address = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]*`)

// said is an error in one line, without addresses and secrets.
func (r *remote) said(err error) error {
	text := address.ReplaceAllString(err.Error(), "the remote")
	return redact.Error(errors.New(clean.Text(text, shownOfError)), r.secrets...)
}
