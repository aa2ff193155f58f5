package jwt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

var (
	errNoToken  = jose.ErrNoToken
	errTooLarge = jose.ErrTooLarge
	errSpecial  = errors.New("it is not a regular file")
)

// maxFile leaves room around the largest token for what jose.Bare takes away.
const maxFile = jose.MaxTokenBytes + 1024

// look reads one place and tells what it holds. The token itself is dropped on the way out.
func (c *check) look(p *place, keys keys, sink watch.Sink) {
	token, err := c.read(p)
	defer clear(token)
	if err != nil {
		c.unread(p, err, sink)
		return
	}
	read, err := jose.Read(token)
	if err != nil {
		c.unread(p, err, sink)
		return
	}
	if p.folder != nil {
		p.folder.used.Store(true)
	}
	sink(c.fact(p, read, keys.verify(token, read)))
}

func (c *check) read(p *place) ([]byte, error) {
	if p.path != "" {
		return readFile(p.path)
	}
	secret, err := c.env.Secrets(p.ref)
	return []byte(secret.Reveal()), err
}

// readFile never waits: a pipe that nobody writes to reads as no regular file.
func readFile(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errSpecial
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, errTooLarge
	}
	return text, nil
}

// unread tells that a place gave no token. In a folder lie other files too, which are passed
// over, and in usual places there need be none.
func (c *check) unread(p *place, err error, sink watch.Sink) {
	aside := p.optional || p.folder != nil
	other := errors.Is(err, errNoToken) || errors.Is(err, errTooLarge) || errors.Is(err, errSpecial)
	switch {
	case aside && (other || reasonOf(err) == watch.NotFound):
		// A file that went away since it was listed is none either.
	case aside && errors.Is(err, jose.ErrEncrypted):
		if p.folder != nil {
			p.folder.used.Store(true)
		}
		sink(watch.Remark{Text: p.where() + " holds an encrypted token (JWE), whose dates only its recipient can read"})
	default:
		if p.folder != nil {
			p.folder.used.Store(true)
		}
		sink(p.problem(reasonOf(err), err))
	}
}

// problem is that of one place, and hides nothing else.
func (p *place) problem(reason watch.Reason, err error) watch.Problem {
	err = pathless(err)
	if p.path != "" || errors.Is(err, jose.ErrNoToken) || errors.Is(err, jose.ErrEncrypted) {
		err = fmt.Errorf("read the token in %s: %w", p.where(), err)
	}
	problem := watch.Problem{Subject: p.subject, Reason: reason, Err: err, Confined: true, Details: map[string]any{"place": p.where()}}
	if p.path != "" && p.folder == nil {
		problem.HidesPrefix = below(p.path) // it may have been a folder
	}
	switch {
	case errors.Is(err, jose.ErrEncrypted):
		problem.Reason, problem.Remedy = watch.Unparsable, "Note its date in a check of kind register, or watch how it is renewed: it cannot be read here."
	case reason == watch.Unparsable:
		problem.Remedy = "Check that it is the token that was meant: header, claims and signature, in base64url, with dots between them (RFC 7515, 7.1)."
	case reason == watch.PermissionDenied:
		problem.Remedy = "Let the user that runs Lapsewatch read it."
	}
	return problem
}
