package npm

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/holdoff"
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

// list walks through the tokens of an account, as npm-profile does. name is what the options
// call the token that asks.
func (p *pass) list(ctx context.Context, token watch.Secret, name string) ([]listedToken, error) {
	next := p.registry.JoinPath("-/npm/v1/tokens")
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
			found, revoked := read(raw)
			if revoked {
				continue
			}
			if found.matches(token.Reveal()) {
				found.watchedAs = []string{name}
			}
			all = append(all, found)
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
		err = &webclient.Failure{Doing: "list the tokens of the account", Reason: watch.Unparsable, Text: "the answer holds no list", Status: answer.Status, Lasting: true}
	}
	return found, err
}

// follow leads to the next page, at the same registry only: the token goes there.
func (p *pass) follow(from *url.URL, next string) (*url.URL, error) {
	address, err := from.Parse(next)
	if err != nil || address.Scheme != p.registry.Scheme || address.Host != p.registry.Host || address.User != nil {
		return nil, &webclient.Failure{Doing: "list the tokens of the account", Reason: watch.Incomplete, Text: "the next page is not at this registry, and is not asked for", Status: http.StatusOK, Lasting: true}
	}
	address.Fragment = ""
	return address, nil
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
	if gone, err := instant(sent.Revoked); err != nil || !gone.IsZero() {
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

var plainKey = regexp.MustCompile(`^[0-9A-Za-z_-]{6,128}$`)

// id tells the tokens of a list apart: by the registry's key, unless it hides that.
func (l listedToken) id() string {
	if plainKey.MatchString(l.key) {
		return l.key
	}
	return "digest-" + holdoff.Digest([]byte(l.name), []byte(l.created.Format(time.RFC3339Nano)))
}

// listed are the facts of each listed token, once however many of the options' tokens see it.
func (c *check) listed(results []result) []watch.Fact {
	type seen struct {
		by      Token
		account string
		listedToken
	}
	var order []string
	all := map[string]*seen{}
	for i, result := range results {
		for _, listed := range result.listed {
			id := listed.id()
			if first := all[id]; first != nil {
				first.watchedAs = append(first.watchedAs, listed.watchedAs...)
				continue
			}
			order = append(order, id)
			all[id] = &seen{c.options.Tokens[i], result.account, listed}
		}
	}
	facts := make([]watch.Fact, len(order))
	for i, id := range order {
		facts[i] = c.fact(all[id].by, all[id].account, all[id].listedToken, id)
	}
	return facts
}

func (c *check) fact(by Token, account string, listed listedToken, id string) watch.Fact {
	named := cmp.Or(listed.name, "token "+id)
	subject := by.Subject(listedPrefix + id)
	subject.Name = fmt.Sprintf("%s of %s", named, account)
	if subject.Link == "" && c.options.Registry == defaultRegistry {
		subject.Link = "https://www.npmjs.com/settings/" + url.PathEscape(account) + "/tokens"
	}
	if listed.fault != nil {
		return watch.Problem{
			Subject: subject, Reason: watch.Unparsable, Err: fmt.Errorf("read what the registry lists: %w", listed.fault), Confined: true,
			Remedy: "Look at the token on the registry's own page; if its date is right there, please report this message.",
		}
	}
	credential := watch.Credential{
		Subject: subject, Form: watch.AccessToken, Identity: id, NotAfter: listed.expiry,
		Details: map[string]any{"account": account, "read_only": listed.readonly, "bypass_2fa": listed.bypass2FA}, Remedy: makeNew,
	}
	if !listed.expiry.IsZero() {
		credential.LeftOverFrom = listed.expiry.Add(leftOverAfter)
		if !listed.created.IsZero() {
			credential.Life = max(0, listed.expiry.Sub(listed.created))
		}
	}
	if listed.description != "" {
		credential.Details["description"] = listed.description
	}
	if len(listed.permissions) > 0 {
		credential.Details["permissions"] = listed.permissions
	}
	if !listed.accessed.IsZero() {
		credential.Details["last_used"] = listed.accessed.Format(time.RFC3339)
	}
	if slices.Sort(listed.watchedAs); len(listed.watchedAs) > 0 {
		credential.Details["watched_as"] = slices.Compact(listed.watchedAs)
	}
	return credential
}
