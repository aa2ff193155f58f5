package jwt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"syscall"

	"lapsewatch/checks"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/jose"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// keys are those that signatures are verified with in one pass.
type keys struct {
	// byIssuer are the sources of listed issuers; nil if none are listed.
	byIssuer map[string]*source
	// forAll is that of a file or URL; nil if none was given.
	forAll *source
}

// source is where keys are published.
type source struct {
	// id is stable and short, and shown what people read: no query of a URL.
	id, shown string
	set       jose.KeySet
	err       error
}

func newSource(sort, shown string) *source {
	return &source{id: holdoff.Digest([]byte(sort), []byte(shown)), shown: clean.Text(shown, maxShown)}
}

// of is the source of the keys for a token; nil where none was given, and not listed where
// its issuer is none of the list.
func (k keys) of(read jose.Token) (with *source, listed bool) {
	if k.byIssuer == nil {
		return k.forAll, true
	}
	with, listed = k.byIssuer[read.Issuer]
	return with, listed
}

// mostRedirects is for key sets alone, which are public.
const mostRedirects = 3

var (
	errMismatch = errors.New("its discovery document is that of another issuer")
	errNoKeys   = errors.New("its discovery document names no jwks_uri that can be used")
)

// readKeys reads what the options name, before any token is read, and tells of each source
// that cannot be read: once, whatever it hides.
func (c *check) readKeys(ctx context.Context, sink watch.Sink) keys {
	options := c.options.Keys
	var all []*source
	read := keys{}
	switch {
	case options.File != "":
		read.forAll = newSource("file", options.File)
		read.forAll.set, read.forAll.err = keysInFile(options.File)
		all = append(all, read.forAll)
	case options.URL != "":
		read.forAll = newSource("url", withoutQuery(options.URL))
		all = append(all, read.forAll)
	case len(options.Issuers) > 0:
		read.byIssuer = map[string]*source{}
		for _, issuer := range options.Issuers {
			if read.byIssuer[issuer] == nil {
				read.byIssuer[issuer] = newSource("issuer", issuer)
				all = append(all, read.byIssuer[issuer])
			}
		}
	}
	if options.File == "" && len(all) > 0 {
		c.readWeb(ctx, read)
	}
	for _, from := range all {
		if from.err != nil && ctx.Err() == nil {
			c.env.Expect(1)
			sink(from.problem())
		}
	}
	return read
}

// readWeb reads the keys that are published on the web.
func (c *check) readWeb(ctx context.Context, into keys) {
	client, err := webclient.Open(webclient.Setup{CAFile: c.options.CAFile, Redirects: mostRedirects}, webclient.Env{HTTP: c.env.HTTP, Now: c.env.Now, Timeout: c.env.Timeout})
	if err == nil {
		defer client.Close()
	}
	if from := into.forAll; from != nil {
		if from.err = err; err == nil {
			from.set, from.err = jose.ReadKeys(ctx, client, c.options.Keys.URL)
		}
		return
	}
	checks.Each(c.env.Concurrency, maps.Keys(into.byIssuer), func(issuer string) {
		from := into.byIssuer[issuer]
		if from.err = err; err == nil {
			from.set, from.err = keysOf(ctx, client, issuer)
		}
	}, func(issuer string, err error) { into.byIssuer[issuer].err = err })
}

// withoutQuery is a URL as it may be shown: a query may hold what lets one in.
func withoutQuery(address string) string {
	target, err := url.Parse(address)
	if err != nil {
		return "keys.url"
	}
	return target.Scheme + "://" + target.Host + target.EscapedPath()
}

// problem is that the keys could not be read. It hides the signatures that they are for.
func (s *source) problem() watch.Problem {
	told := watch.Problem{
		Subject: watch.Subject{ID: "keys/" + s.id, Name: clean.Text("keys of "+s.shown, maxPath)}, Reason: reasonOf(s.err),
		Err: fmt.Errorf("read the keys that signatures are verified with: %w", pathless(s.err)), Confined: true, HidesPrefix: signaturePrefix + s.id + "/",
		Details: map[string]any{"keys": s.shown},
	}
	failure, failed := errors.AsType[*webclient.Failure](s.err)
	switch {
	case errors.Is(s.err, errMismatch):
		told.Reason, told.Remedy = watch.IssuerMismatch, "Give the issuer in keys.issuers as its own discovery document spells it."
		return told
	case errors.Is(s.err, errNoKeys):
		told.Reason, told.Remedy = watch.NotFound, "Let the discovery document name an https URL in jwks_uri, or give the keys in keys.url or keys.file."
		return told
	case failed:
		told.Reason = failure.Reason
	}
	told.Remedy = map[watch.Reason]string{
		watch.AuthFailed:       "Let this machine read the keys without signing in, as whoever verifies tokens does.",
		watch.PermissionDenied: "Let this machine read the keys, as whoever verifies tokens does.",
		watch.NotFound:         "Correct keys: no keys are there.",
		watch.Unparsable:       "Correct keys: what is there is no JSON Web Key Set, or no discovery document that leads to one.",
	}[told.Reason]
	return told
}

func keysOf(ctx context.Context, client *webclient.Client, issuer string) (jose.KeySet, error) {
	found, err := jose.Discover(ctx, client, issuer)
	switch {
	case err != nil:
		return jose.KeySet{}, err
	case found.Mismatched():
		return jose.KeySet{}, errMismatch
	case found.JWKSURI == "":
		return jose.KeySet{}, errNoKeys
	}
	return jose.ReadKeys(ctx, client, found.JWKSURI)
}

func keysInFile(path string) (jose.KeySet, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe reads as empty
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("read %s: %w", clean.Text(path, maxPath), pathless(err))
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, jose.MaxKeySetBytes+1))
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("read %s: %w", clean.Text(path, maxPath), pathless(err))
	}
	set, err := jose.ParseKeySet(text)
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("read %s: %w", clean.Text(path, maxPath), err)
	}
	return set, nil
}
