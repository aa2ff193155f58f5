package npm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	shownRunes = 100
	noticeMax  = 200
)

// pass is one pass over the options' tokens.
type pass struct {
	*check
	client  *webclient.Client
	service listedtoken.Service
}

// result is what was learnt of one of the options' tokens.
type result struct {
	look listedtoken.Look
	// token is kept for the pass, to list with; it is empty unless it works.
	token watch.Secret
	// account is whose it is; empty where the registry does not say.
	account string
	// listed is how many tokens its account has, unlisted why nobody knows.
	listed   int
	unlisted error
	// fault: we are to blame that nothing was learnt.
	fault error
}

// look tries a token.
func (p *pass) look(ctx context.Context, token Token) result {
	var found result
	found.look = p.service.Look(ctx, subject(token), token.Token, func(ctx context.Context, secret watch.Secret) (err error) {
		if found.account, err = p.whoami(ctx, secret); err == nil {
			found.token = secret
		}
		return err
	})
	if found.look.Reason == watch.PermissionDenied {
		found.look.Remedy = "Look at the message: the token may only be used from addresses that its settings allow, or not without a one-time password."
	}
	return found
}

// get asks the registry. What it says of a token that it does not accept is a *Refused.
func (p *pass) get(ctx context.Context, address string, token watch.Secret, into any) (webclient.Answer, error) {
	request := webclient.Request{
		URL: address, Secrets: []watch.Secret{token},
		Header: http.Header{"Authorization": {"Bearer " + token.Reveal()}, "Accept": {"application/json"}},
	}
	answer, err := p.client.Get(ctx, request)
	if err != nil {
		return answer, err
	}
	failure := p.client.Refusal(request, answer, words(answer))
	switch {
	case answer.Status == http.StatusUnauthorized && listedtoken.IsPage(answer.Body):
		return answer, listedtoken.NotTheService(failure)
	case answer.Status == http.StatusUnauthorized:
		return answer, unauthorized(answer, failure)
	case answer.Status != http.StatusOK:
		return answer, failure
	}
	if json.Unmarshal(answer.Body, into) != nil { // its error repeats what was sent
		failure.Reason, failure.Lasting = watch.Unparsable, true
		if !listedtoken.IsPage(answer.Body) {
			failure.Text = "what it answered is not what a registry answers" // it may hold parts of tokens
		}
		return answer, failure
	}
	return answer, nil
}

// unauthorized tells a token that is not accepted from one that is not enough, by the rules
// of npm's own client (npm-registry-fetch, lib/check-response.js).
func unauthorized(answer webclient.Answer, failure *webclient.Failure) error {
	for challenge := range strings.SplitSeq(strings.ToLower(strings.Join(answer.Header.Values("WWW-Authenticate"), ",")), ",") {
		switch strings.TrimSpace(challenge) {
		case "ipaddress":
			failure.Reason, failure.Text = watch.PermissionDenied, failure.Text+" (the token may not be used from this address)"
			return failure
		case "otp":
			failure.Reason, failure.Text = watch.PermissionDenied, failure.Text+" (it asks for a one-time password)"
			return failure
		}
	}
	text := failure.Text
	if notice := answer.Said(answer.Header.Get("npm-notice"), noticeMax); notice != "" {
		text += fmt.Sprintf(" (%q)", notice)
	}
	return &listedtoken.Refused{Text: text, Status: answer.Status}
}

// words are the registry's own, out of an error's body.
func words(answer webclient.Answer) string {
	var said struct {
		Error, Message any
	}
	if json.Unmarshal(answer.Body, &said) != nil {
		return ""
	}
	for _, value := range []any{said.Message, said.Error} {
		if text, ok := value.(string); ok && text != "" {
			return text
		}
	}
	return ""
}

// noList is the failure of an answer with success that holds none.
func noList(answer webclient.Answer) *webclient.Failure {
	return &webclient.Failure{Doing: "list the tokens of the account", Reason: watch.Unparsable, Text: "the answer holds no list", Status: answer.Status, Lasting: true}
}

// whoami is whose token it is. npm has not published which tokens may ask that, so that a
// 401 without a word why is one of the token's only if the list of tokens answers so too.
func (p *pass) whoami(ctx context.Context, token watch.Secret) (account string, err error) {
	var said struct {
		Username string `json:"username"`
	}
	address := p.registry.JoinPath("-/whoami").String()
	answer, err := p.get(ctx, address, token, &said)
	if refused, ok := errors.AsType[*listedtoken.Refused](err); ok && !ended.MatchString(refused.Text) {
		return "", p.doubted(ctx, token, refused)
	}
	if err != nil {
		return "", err
	}
	if account = answer.Said(said.Username, shownRunes); account == "" {
		return "", &webclient.Failure{
			Doing: webclient.Doing(http.MethodGet, address), Status: answer.Status, Reason: watch.Unparsable, Lasting: true,
			Text: "it does not say whose token it is, so that nothing proves that it was looked at",
		}
	}
	return account, nil
}

// ended is how npm says that a token is no longer one.
var ended = regexp.MustCompile(`(?i)\b(expired|revoked)\b`)

// doubted asks for the list with a token that may not ask whose it is. A registry without a
// list has said all that it says.
func (p *pass) doubted(ctx context.Context, token watch.Secret, refused *listedtoken.Refused) error {
	var found page
	answer, err := p.get(ctx, p.listURL().String(), token, &found)
	if _, again := errors.AsType[*listedtoken.Refused](err); again {
		return refused
	}
	switch {
	case answer.Status == http.StatusNotFound || answer.Status == http.StatusMethodNotAllowed || answer.Status == http.StatusNotImplemented:
		return refused
	case err == nil && found.Objects == nil:
		return noList(answer)
	}
	return err
}
