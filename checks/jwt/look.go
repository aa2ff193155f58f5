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
	errSpecial = errors.New("it is not a regular file")
	errSecond  = errors.New("it holds more than one token; name files that hold one each")
)

// maxFile leaves room around the largest token for what jose.Bare takes away.
const maxFile = jose.MaxTokenBytes + 1024

// look reads one place and tells what it holds. The token itself is dropped on the way out.
func (p *pass) look(at *place) {
	token, err := p.read(at)
	defer clear(token)
	if err != nil {
		p.unread(at, err)
		return
	}
	read, err := jose.Read(token)
	if err != nil {
		p.unread(at, err)
		return
	}
	at.use()
	p.held.does(at)
	subject := at.subject
	if at.path != "" {
		subject.Name = named(read, at.where())
	}
	signed := p.signature(at, subject, token, read)
	p.tell(at, read, p.fact(at, subject, read, signed))
	if signed.fact != nil {
		p.env.Expect(1)
		p.sink(*signed.fact)
	}
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
		return nil, jose.ErrTooLarge
	}
	return text, nil
}

// unread tells that a place gave no token. In a folder lie other files too, which are passed
// over unless they held one before or hold several; what only begins like one may be signed
// text of another kind. In usual places there need be none.
func (p *pass) unread(at *place, err error) {
	if at.folder == nil {
		at.use() // what is told of a token of the list is told of the folders that it lies in
	}
	aside, did := at.optional || at.folder != nil, p.held.did(at)
	other := errors.Is(err, jose.ErrNoToken) && !errors.Is(err, jose.ErrDamaged) || errors.Is(err, jose.ErrTooLarge) || errors.Is(err, errSpecial)
	switch {
	case aside && !did && (other || reasonOf(err) == watch.NotFound):
		// A file that went away since it was listed is none either.
		return
	case aside && !did && errors.Is(err, jose.ErrEncrypted):
		at.use()
		p.sink(watch.Remark{Text: at.where() + " holds an encrypted token (JWE), whose dates only its recipient can read"})
		return
	case at.folder != nil && !did && errors.Is(err, jose.ErrDamaged):
		p.sink(watch.Remark{Text: fmt.Sprintf("%s was passed over: %s", at.where(), err)})
		return
	}
	at.use()
	if did {
		p.held.does(at)
	}
	told := at.problem(reasonOf(err), err)
	if did && other {
		told.Err = fmt.Errorf("%w; it held a token before", told.Err)
		told.Remedy = "Look at whatever writes the token there; if it is not meant to any more, remove the file."
	}
	p.sink(told)
}

// problem is that of one place, and hides nothing else.
func (p *place) problem(reason watch.Reason, err error) watch.Problem {
	err = pathless(err)
	if errors.Is(err, jose.ErrSeveral) {
		err = errSecond
	}
	if p.path != "" || reason == watch.Unparsable || reason == watch.TooLarge {
		err = fmt.Errorf("read the token in %s: %w", p.where(), err)
	}
	problem := watch.Problem{Subject: p.subject, Reason: reason, Err: err, Confined: true, Details: map[string]any{"place": p.where()}}
	if p.path != "" && p.folder == nil {
		problem.HidesPrefix = below(p.path) // it may have been a folder
	}
	switch {
	case errors.Is(err, jose.ErrEncrypted):
		problem.Remedy = "Note its date in a check of kind register, or watch how it is renewed: it cannot be read here."
	case errors.Is(err, errSecond):
		problem.Remedy = "Put each token into a file of its own."
	case reason == watch.Unparsable:
		problem.Remedy = "Check that it is the token that was meant: header, claims and signature, in base64url, with dots between them (RFC 7515, 7.1)."
	case reason == watch.PermissionDenied:
		problem.Remedy = "Let the user that runs Lapsewatch read it."
	}
	return problem
}
