package jwt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"

	"lapsewatch/checks"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/jose"
	"lapsewatch/internal/webclient"
)

// keys are those that signatures are verified with in one pass.
type keys struct {
	// byIssuer are the sets of listed issuers; nil if none are listed.
	byIssuer map[string]keySet
	// forAll is the set of a file or URL; nil if none was given.
	forAll *keySet
}

type keySet struct {
	from string
	set  jose.KeySet
	err  error
}

// signature is what came of verifying one; State is empty where nobody asked for it.
type signature struct {
	jose.Verdict
	// from says whose keys it was verified with.
	from string
}

// mostRedirects is for key sets alone, which are public.
const mostRedirects = 3

var (
	errMismatch = errors.New("its discovery document is that of another issuer")
	errNoKeys   = errors.New("its discovery document names no jwks_uri that can be used")
)

// readKeys reads what the options name, before any token is read.
func (c *check) readKeys(ctx context.Context) keys {
	options := c.options.Keys
	switch {
	case options.File != "":
		set, err := keysInFile(options.File)
		return keys{forAll: &keySet{from: "file " + options.File, set: set, err: err}}
	case options.URL == "" && len(options.Issuers) == 0:
		return keys{}
	}
	client, err := webclient.Open(webclient.Setup{CAFile: c.options.CAFile, Redirects: mostRedirects}, webclient.Env{HTTP: c.env.HTTP, Now: c.env.Now, Timeout: c.env.Timeout})
	if err == nil {
		defer client.Close()
	}
	if options.URL != "" {
		one := keySet{from: options.URL, err: err}
		if err == nil {
			one.set, one.err = jose.ReadKeys(ctx, client, options.URL)
		}
		return keys{forAll: &one}
	}
	read := keys{byIssuer: map[string]keySet{}}
	var mu sync.Mutex
	keep := func(issuer string, set jose.KeySet, err error) {
		mu.Lock()
		defer mu.Unlock()
		read.byIssuer[issuer] = keySet{from: issuer, set: set, err: err}
	}
	checks.Each(c.env.Concurrency, slices.Values(options.Issuers), func(issuer string) {
		if err != nil {
			keep(issuer, jose.KeySet{}, err)
			return
		}
		set, err := keysOf(ctx, client, issuer)
		keep(issuer, set, err)
	}, func(issuer string, err error) { keep(issuer, jose.KeySet{}, err) })
	return read
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
		return jose.KeySet{}, fmt.Errorf("read the keys: %w", err) // it names the path
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, jose.MaxKeySetBytes+1))
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("read the keys: %w", err)
	}
	set, err := jose.ParseKeySet(text)
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("read the keys in %s: %w", path, err)
	}
	return set, nil
}

// verify verifies a token with the keys that are meant for it. Which those are never depends
// on more of the token than its issuer's being one of the list.
func (k keys) verify(token []byte, read jose.Token) signature {
	with := k.forAll
	if k.byIssuer != nil {
		own, listed := k.byIssuer[read.Issuer]
		if !listed {
			return signature{Verdict: jose.Verdict{State: jose.Unchecked, Text: "was not verified: its issuer is none of keys.issuers"}}
		}
		with = &own
	}
	switch {
	case with == nil && read.Unsigned():
		return signature{Verdict: jose.Verify(token, jose.KeySet{})}
	case with == nil:
		return signature{}
	case with.err != nil && !read.Unsigned():
		return signature{Verdict: jose.Verdict{State: jose.Unchecked, Text: "was not verified: " + clean.Text(with.err.Error(), maxShown)}, from: with.from}
	}
	return signature{Verdict: jose.Verify(token, with.set), from: with.from}
}
