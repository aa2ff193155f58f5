package npm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	// listedPrefix begins the IDs of what a registry lists.
	listedPrefix = "listed/"
	maxPages     = 100
	// maxListed is ten times what npmjs.com allows an account.
	maxListed = 10_000
	// leftOverAfter is how long an expired token is news.
	leftOverAfter = 30 * 24 * time.Hour
	// shownEnds is how much of each end of a token a registry shows at least.
	shownEnds = 4
)

// listedToken is one of a registry's list, in the fields that npmjs.com gives.
type listedToken struct {
	key, name, description string
	// abbreviation holds the ends of the token. It is compared and never shown.
	abbreviation              string
	created, expiry, accessed time.Time
	readonly, bypass2FA       bool
	permissions               []string
	// fault is why it could not be read; nothing but key and name is known then.
	fault error
	// watchedAs are the options' tokens that are this one.
	watchedAs []string
}

func (p *pass) listURL() *url.URL { return p.registry.JoinPath("-/npm/v1/tokens") }

// list walks through the tokens of an account, as npm-profile does.
func (p *pass) list(ctx context.Context, token watch.Secret) ([]listedToken, error) {
	next := p.listURL()
	asked := map[string]bool{}
	var all []listedToken
	for !asked[next.String()] {
		if len(asked) == maxPages || len(all) > maxListed {
			return nil, fmt.Errorf("list the tokens of the account: they fill more than %d pages or %d places", maxPages, maxListed)
		}
		asked[next.String()] = true
		page, err := p.page(ctx, next, token)
		if err != nil {
			return nil, err
		}
		for _, raw := range page.Objects {
			if found, revoked := read(raw); !revoked {
				all = append(all, found)
			}
		}
		if page.URLs.Next == "" {
			return all, nil
		}
		if next, err = p.follow(next, page.URLs.Next); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("list the tokens of the account: its pages lead in a circle")
}

type page struct {
	Objects []json.RawMessage `json:"objects"`
	URLs    struct {
		Next string `json:"next"`
	} `json:"urls"`
}

func (p *pass) page(ctx context.Context, address *url.URL, token watch.Secret) (page, error) {
	var found page
	answer, err := p.get(ctx, address.String(), token, &found)
	if refused, ok := errors.AsType[*listedtoken.Refused](err); ok {
		// The token works, or it would not have come here: it may not list.
		err = &webclient.Failure{Doing: "list the tokens of the account", Reason: watch.PermissionDenied, Text: refused.Text, Status: answer.Status, Lasting: true}
	}
	if err == nil && found.Objects == nil {
		err = noList(answer)
	}
	return found, err
}

// follow leads to the next page, at the same registry only, and below its path: the token
// goes there. A path is one of the registry, as npm's own client takes it.
func (p *pass) follow(from *url.URL, next string) (*url.URL, error) {
	address, err := url.Parse(next)
	switch {
	case err != nil:
	case address.Scheme == "" && address.Host == "" && address.Path != "" && !p.below(address):
		query := address.RawQuery
		address = p.registry.JoinPath(address.Path)
		address.RawQuery = query
	default:
		address = from.ResolveReference(address)
	}
	if err != nil || address.Scheme != p.registry.Scheme || address.Host != p.registry.Host || address.User != nil || !p.below(address) {
		return nil, &webclient.Failure{Doing: "list the tokens of the account", Reason: watch.Incomplete, Text: "the next page is not at this registry, and is not asked for", Status: http.StatusOK, Lasting: true}
	}
	address.Fragment = ""
	return address, nil
}

func (p *pass) below(address *url.URL) bool {
	return strings.HasPrefix(path.Clean(address.Path), strings.TrimSuffix(p.registry.Path, "/")+"/")
}

// listedEntry is a listed token as it is sent. What a registry may leave out, or write in another
// way, is read by itself.
type listedEntry struct {
	Key         string          `json:"key"`
	Token       string          `json:"token"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Created     json.RawMessage `json:"created"`
	Expiry      json.RawMessage `json:"expiry"`
	Accessed    json.RawMessage `json:"accessed"`
	Revoked     json.RawMessage `json:"revoked"`
	Readonly    json.RawMessage `json:"readonly"`
	Bypass2FA   json.RawMessage `json:"bypass_2fa"`
	Permissions json.RawMessage `json:"permissions"`
}

// read reads one of a list. revoked ones are gone, and have no date that matters.
func read(raw json.RawMessage) (found listedToken, revoked bool) {
	var sent listedEntry
	if err := json.Unmarshal(raw, &sent); err != nil || sent.Key+sent.Name+sent.Token == "" {
		found.fault = errors.New("it is not an object with the fields of a token")
	}
	found.key, found.abbreviation = sent.Key, sent.Token
	found.name, found.description = clean.Text(sent.Name, shownRunes), clean.Text(sent.Description, shownRunes)
	switch string(bytes.TrimSpace(sent.Revoked)) {
	case "", "null", "false", `""`, "0":
	default:
		return found, true
	}
	var err error
	if found.expiry, err = instant(sent.Expiry); err != nil && found.fault == nil {
		found.fault = errors.New("its expiry is no date")
	}
	// Without these a token is told of all the same.
	found.created, _ = instant(sent.Created)
	found.accessed, _ = instant(sent.Accessed)
	_ = json.Unmarshal(sent.Readonly, &found.readonly)
	_ = json.Unmarshal(sent.Bypass2FA, &found.bypass2FA)
	found.permissions = permissions(sent.Permissions)
	return found, false
}

// instant reads a time in ISO 8601; zero where there is none.
func instant(raw json.RawMessage) (time.Time, error) {
	var text *string
	if len(raw) == 0 {
		return time.Time{}, nil
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return time.Time{}, err
	}
	if text == nil || *text == "" {
		return time.Time{}, nil
	}
	read, err := time.Parse(time.RFC3339, *text)
	if err == nil && read.IsZero() {
		err = errors.New("the year 1 is none")
	}
	return read.UTC(), err
}

const maxPermissions = 20

func permissions(raw json.RawMessage) []string {
	var sent []struct{ Name, Action string }
	if json.Unmarshal(raw, &sent) != nil {
		return nil
	}
	var shown []string
	for _, each := range sent[:min(len(sent), maxPermissions)] {
		shown = append(shown, clean.Text(each.Name+":"+each.Action, shownRunes))
	}
	return shown
}

// matches reports whether the ends that the registry shows are those of a token.
func (l listedToken) matches(token string) bool {
	for _, dots := range []string{"...", "…"} {
		if begins, ends, cut := strings.Cut(l.abbreviation, dots); cut {
			return len(begins) >= shownEnds && len(ends) >= shownEnds && len(token) > len(begins)+len(ends) &&
				strings.HasPrefix(token, begins) && strings.HasSuffix(token, ends)
		}
	}
	return false
}
