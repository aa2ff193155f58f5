package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	perPage = 100
	// maxPages bounds a list to 50,000 tokens.
	maxPages = 500
)

// run lists the tokens that can reach the organization.
func (o Organization) run(ctx context.Context, p *pass, l look) error {
	ref := o.Token
	if o.App != nil {
		ref = o.App.PrivateKey
	}
	credential, err := p.secret(ref)
	if err != nil {
		return err
	}
	known, stands := p.standing(ctx, l, credential)
	if stands {
		return signInRefused(refusalText("what Lapsewatch signs in with", *known, true))
	}
	refused := func(err error) error {
		failure, ok := errors.AsType[*webclient.Failure](err)
		if !ok || untimely(failure) || !isRefusal(failure) && !unknownApp(failure) {
			return err
		}
		return signInRefused(refusalText("what Lapsewatch signs in with", p.refused(ctx, l, known, failure, credential), false))
	}
	token := credential
	if o.App != nil {
		if token, err = p.appToken(ctx, *o.App, o.Organization, credential); err != nil {
			return refused(err)
		}
	}
	ask, err := p.with(token)
	if err != nil {
		return err
	}
	header, failure := o.fineGrained(ctx, ask, l)
	if failure != nil && isRefusal(failure) {
		return refused(failure)
	}
	l.book.Succeeded(ctx)
	if failure != nil && ctx.Err() == nil {
		part := o.part(l, "pat", "fine-grained personal access tokens")
		p.sink(webclient.Problem(part.subject, part.hides, p.unlisted(failure, "Personal access tokens")))
	}
	if o.App == nil && header != nil {
		o.own(p, l, token, header)
	}
	if o.SSO && ctx.Err() == nil {
		if failure := o.authorized(ctx, ask, l); failure != nil && ctx.Err() == nil {
			part := o.part(l, "sso", "tokens authorized for single sign-on")
			p.sink(webclient.Problem(part.subject, part.hides, p.unlisted(failure, "Administration")))
		}
	}
	return nil
}

// part is one list of an organization, whose failure hides what is in it.
func (o Organization) part(l look, part, name string) look {
	l.hides = l.subject.ID + "/" + part + "/"
	l.subject.ID += "/" + part
	l.subject.Name = fmt.Sprintf("%s of %s", name, o.Organization)
	return l
}

func signInRefused(text string) error {
	return &webclient.Trouble{
		Err: errors.New(text), Reason: watch.AuthFailed,
		Remedy: "Put a new token, or a key of the App that GitHub knows, where the check's options refer to; until then the organization's tokens are not watched.",
	}
}

// own tells until when the token works that Lapsewatch itself lists with, if that has an end.
func (o Organization) own(p *pass, l look, token watch.Secret, header http.Header) {
	end, err := endOf(header)
	subject := watch.Subject{
		ID: l.subject.ID + "/own-token", Name: "the token that Lapsewatch lists " + o.Organization + " with",
		Owners: l.subject.Owners, Labels: map[string]string{"self": "true"}, Link: p.options.web() + sortOf(token).page,
	}
	if err != nil {
		p.sink(watch.Problem{Subject: subject, Reason: watch.Unparsable, Err: err, Confined: true})
		return
	}
	if !end.IsZero() {
		p.sink(watch.Credential{
			Subject: subject, Form: watch.AccessToken, Identity: listedtoken.Identity(token), NotAfter: end, Self: true,
			Details: map[string]any{"token_kind": sortOf(token).name},
			Remedy:  "Make a new token with the same rights, and put it where this check's options refer to.",
		})
	}
}

// list walks through all pages of a list and hands over each element; header is that of
// the first answer. Only a list that was read to its end is one without failure.
func (c *caller) list(ctx context.Context, path string, each func(json.RawMessage)) (header http.Header, failure *webclient.Failure) {
	for page := 1; ; {
		var elements []json.RawMessage
		got, failure := c.get(ctx, fmt.Sprintf("%s?per_page=%d&page=%d", path, perPage, page), &elements)
		if failure != nil {
			if page > 1 && failure.Status != http.StatusTooManyRequests && failure.Reason != watch.Throttled {
				failure.Reason, failure.Text = watch.Incomplete, fmt.Sprintf("the list broke off at page %d: %s", page, failure.Text)
			}
			return header, failure
		}
		if header == nil {
			header = got.header
		}
		for _, element := range elements {
			each(element)
		}
		switch {
		case got.nextPage > page:
			page = got.nextPage
		case got.nextPage == 0 && !got.linked && len(elements) >= perPage:
			page++ // something on the way may have taken the Link away
		default:
			return header, nil
		}
		if page > maxPages {
			return header, &webclient.Failure{Doing: c.doing(), Reason: watch.TooLarge, Text: fmt.Sprintf("the list has more than %d pages of %d", maxPages, perPage), Lasting: true}
		}
	}
}

// unlisted adds the next step to why something could not be listed.
func (p *pass) unlisted(failure *webclient.Failure, permission string) error {
	if failure.Reason == watch.PermissionDenied {
		return &webclient.Trouble{Err: failure, Remedy: fmt.Sprintf("Give the App, or the fine-grained token, the organization permission %q (read), and let an owner of the organization approve it.", permission)}
	}
	if failure.Reason == watch.NotFound {
		return &webclient.Trouble{Err: failure, Remedy: "Check the organization's name and plan: the list of fine-grained tokens needs an App or a token with the organization permission \"Personal access tokens\" (read); that of single sign-on needs GitHub Enterprise Cloud with SAML, or leave sso out."}
	}
	return failure
}

// unread adds the next step to why GitHub could not be asked.
func (p *pass) unread(failure *webclient.Failure) error {
	if failure.Reason == watch.PermissionDenied {
		return &webclient.Trouble{Err: failure, Remedy: "Look at the message: GitHub knows the credential and lets it in nowhere, such as for a suspended account or App, or an address that is not on its list of allowed addresses."}
	}
	if failure.Reason == watch.NotFound {
		return &webclient.Trouble{Err: failure, Remedy: "Check api_url: of GitHub Enterprise Server it is https://HOST/api/v3."}
	}
	return failure
}

// post sends a request once, since it makes something at GitHub.
func (c *caller) post(ctx context.Context, address string, into any) *webclient.Failure {
	request := webclient.Request{
		Method: http.MethodPost, URL: address, Secrets: []watch.Secret{c.secret},
		Header: http.Header{"Authorization": {"Bearer " + strings.TrimSpace(c.secret.Reveal())}, "Accept": {"application/vnd.github+json"}},
	}
	answer, err := c.client.Once(ctx, request)
	if err != nil {
		return c.client.Explain(webclient.Doing(http.MethodPost, address), err, c.secret)
	}
	if answer.Status != http.StatusCreated {
		var said struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(answer.Body, &said) // without words the body is shown
		return c.client.Refusal(request, answer, said.Message)
	}
	if json.Unmarshal(answer.Body, into) != nil {
		return &webclient.Failure{Doing: webclient.Doing(http.MethodPost, address), Reason: watch.Unreadable, Text: "the answer is not what GitHub's documentation says", Status: answer.Status}
	}
	return nil
}
