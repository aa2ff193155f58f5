package npm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"lapsewatch/internal/clean"
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

// look tries a token and lists those of its account.
func (p *pass) look(ctx context.Context, token Token) result {
	var account string
	var listed []listedToken
	var unlisted error
	look := p.service.Look(ctx, subject(token), token.Token, func(ctx context.Context, secret watch.Secret) (err error) {
		if account, err = p.whoami(ctx, secret); err != nil || !p.options.List {
			return err
		}
		listed, unlisted = p.list(ctx, secret, token.Name)
		return nil
	})
	if look.Works() {
		return p.working(token, look, account, listed, unlisted)
	}
	if look.Reason == watch.PermissionDenied {
		look.Remedy = "Look at the message: the token may only be used from addresses that its settings allow, or not without a one-time password."
	}
	told := result{facts: []watch.Fact{look.Fact()}}
	if !p.options.List {
		return told
	}
	if problem, unread := told.facts[0].(watch.Problem); unread {
		problem.HidesPrefix = listedPrefix
		told.facts[0] = problem
		return told
	}
	told.facts = append(told.facts, watch.Problem{
		Subject: listSubject(token), Reason: watch.AuthFailed, Confined: true, HidesPrefix: listedPrefix, Remedy: makeNew,
		Err: errors.New("the token that would list them " + look.Err.Error()),
	})
	return told
}

// working are the facts of a token that its registry accepts.
func (p *pass) working(token Token, look listedtoken.Look, account string, listed []listedToken, unlisted error) result {
	text := "the token works, as " + clean.Prose(account)
	if !p.options.List {
		text += "; its date is told in the list of its account's tokens only (list: true)"
	}
	details := map[string]any{"account": account}
	told := result{account: account, listed: listed, facts: []watch.Fact{watch.Condition{Subject: look.Subject, Text: text, Details: details}}}
	switch {
	case !p.options.List:
	case unlisted != nil:
		told.facts = append(told.facts, p.listProblem(token, unlisted))
	default:
		told.facts = append(told.facts, watch.Condition{Subject: listSubject(token), Text: counted(len(listed)), Details: details})
	}
	return told
}

func counted(tokens int) string {
	if tokens == 1 {
		return "its account has 1 token"
	}
	return fmt.Sprintf("its account has %d tokens", tokens)
}

// listSubject is the list of an account's tokens, as read by one of them.
func listSubject(token Token) watch.Subject {
	subject := token.Subject("list/" + token.Name)
	subject.Name = "tokens of the account of " + token.Name
	return subject
}

func (p *pass) listProblem(token Token, err error) watch.Problem {
	problem := watch.Problem{Subject: listSubject(token), Reason: watch.Incomplete, Err: err, Confined: true, HidesPrefix: listedPrefix}
	if failure, ok := errors.AsType[*webclient.Failure](err); ok {
		problem.Reason, problem.Remedy = failure.Reason, listedtoken.NextStep(failure.Reason, p.registry.String())
	}
	if problem.Reason == watch.PermissionDenied || problem.Reason == watch.AuthFailed || problem.Reason == watch.NotFound {
		problem.Remedy = "Use a token that may list the tokens of its account, or set list: false, and keep the date of the token in a check that knows it."
	}
	return problem
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
	case answer.Status == http.StatusUnauthorized:
		return answer, unauthorized(answer, failure)
	case answer.Status != http.StatusOK:
		return answer, failure
	}
	if json.Unmarshal(answer.Body, into) != nil { // its error repeats what was sent
		failure.Reason, failure.Lasting = watch.Unparsable, true
		if !bytes.HasPrefix(bytes.TrimSpace(answer.Body), []byte("<")) {
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

// whoami is whose token it is.
func (p *pass) whoami(ctx context.Context, token watch.Secret) (account string, err error) {
	var said struct {
		Username string `json:"username"`
	}
	address := p.registry.JoinPath("-/whoami").String()
	answer, err := p.get(ctx, address, token, &said)
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
