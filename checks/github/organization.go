package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	perPage = 100
	// maxPages bounds a list to 50,000 tokens.
	maxPages = 500
)

// part is one list of an organization.
type part struct {
	// id is in the subjects' IDs; name is what a person reads.
	id, name string
	// permission is what an App needs, as GitHub's API calls it and as its pages do.
	permission, called string
}

var (
	pats = part{"pat", "fine-grained personal access tokens", "organization_personal_access_tokens", "Personal access tokens"}
	ssos = part{"sso", "tokens authorized for single sign-on", "organization_administration", "Administration"}
)

// who is what GitHub may refuse beside the credential.
func (o Organization) who() []string {
	if o.App != nil {
		return []string{o.Organization, o.App.who()}
	}
	return []string{o.Organization}
}

// run lists the tokens that can reach the organization.
func (o Organization) run(ctx context.Context, p *pass, l look) error {
	var credential watch.Secret
	var err error
	if o.App != nil {
		credential, err = p.key(o.App.PrivateKey)
	} else {
		credential, err = listedtoken.Read(p.env.Secrets, o.Token)
	}
	if err != nil {
		return err
	}
	known, stands := p.standing(ctx, l, credential)
	if stands {
		return signInRefused(refusalText("what Lapsewatch signs in with", *known, true))
	}
	if o.App != nil {
		err = o.byApp(ctx, p, l, credential)
	} else {
		err = o.byToken(ctx, p, l, credential)
	}
	failure, ok := errors.AsType[*webclient.Failure](err)
	_, explained := errors.AsType[*webclient.Trouble](err)
	if !ok || explained {
		return err
	}
	if !isRefusal(failure) && !unknownApp(failure) {
		return p.unread(failure)
	}
	return signInRefused(refusalText("what Lapsewatch signs in with", p.refused(ctx, l, known, failure, credential), false))
}

// byApp lists as an App, with a token for each list. Its error is why it could not sign in.
func (o Organization) byApp(ctx context.Context, p *pass, l look, pem watch.Secret) error {
	app, installation, err := p.installed(ctx, *o.App, o.Organization, pem)
	if err != nil {
		return err
	}
	l.book.Succeeded(ctx)
	parts := []part{pats}
	if o.SSO {
		parts = append(parts, ssos)
	}
	for _, each := range parts {
		token, failure := app.mint(ctx, installation, each.permission)
		if failure != nil && failure.Status != http.StatusUnprocessableEntity {
			return explainedSignIn(failure, o.Organization)
		}
		if failure != nil { // the App, or this installation of it, was not given the permission
			failure.Reason = watch.PermissionDenied
		} else if failure, err = o.partByApp(ctx, p, l, each, token); err != nil {
			return err
		}
		if failure != nil && ctx.Err() == nil {
			its := o.part(l, each)
			p.sink(webclient.Problem(its.subject, its.hides, o.unlisted(p, failure, each)))
		}
	}
	return nil
}

func (o Organization) partByApp(ctx context.Context, p *pass, l look, each part, token watch.Secret) (*webclient.Failure, error) {
	ask, err := p.with(token)
	if err != nil {
		return nil, err
	}
	if each == pats {
		return o.fineGrained(ctx, ask, l), nil
	}
	_, failure := o.authorized(ctx, ask, l)
	return failure, nil
}

// byToken lists with a token, which may read the list of single sign-on alone. What hides
// that hides when the token itself ends, too.
func (o Organization) byToken(ctx context.Context, p *pass, l look, token watch.Secret) error {
	ask, err := p.with(token)
	if err != nil {
		return err
	}
	header, failure := o.authorized(ctx, ask, l)
	if failure != nil && isRefusal(failure) {
		return failure
	}
	if failure == nil {
		l.book.Succeeded(ctx)
	}
	if header != nil {
		o.own(p, l, token, header)
	}
	if failure != nil && ctx.Err() == nil {
		p.sink(webclient.Problem(o.part(l, ssos).subject, l.hides, o.unlisted(p, failure, ssos)))
	}
	return nil
}

// part is one list of an organization, whose failure hides what is in it.
func (o Organization) part(l look, which part) look {
	l.hides = l.subject.ID + "/" + which.id + "/"
	l.subject.ID += "/" + which.id
	l.subject.Name = fmt.Sprintf("%s of %s", which.name, o.Organization)
	return l
}

func signInRefused(text string) error {
	return &webclient.Trouble{
		Err: errors.New(text), Reason: watch.AuthFailed,
		Remedy: "Put a new token, or a key of the App that GitHub knows, where the check's options refer to; until then the organization's tokens are not watched.",
	}
}

// own tells until when the token works that Lapsewatch itself lists with, if that has an end.
// A refusal to list tells it too.
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
		if header == nil {
			header = got.header
		}
		if failure != nil {
			if page > 1 && failure.Status != http.StatusTooManyRequests && failure.Reason != watch.Throttled {
				failure.Reason, failure.Text = watch.Incomplete, fmt.Sprintf("the list broke off at page %d: %s", page, failure.Text)
			}
			return header, failure
		}
		for _, element := range elements {
			each(element)
		}
		switch {
		case got.more && got.nextPage == page+1:
			page++
		case got.more:
			return header, &webclient.Failure{Doing: c.doing(), Reason: watch.Incomplete, Text: fmt.Sprintf("page %d of the list does not say where the next one is in a form that can be followed", page), Lasting: true}
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
func (o Organization) unlisted(p *pass, failure *webclient.Failure, which part) error {
	missing := failure.Reason == watch.PermissionDenied || failure.Reason == watch.NotFound || failure.Reason == watch.AuthFailed
	plan := ""
	if which == ssos {
		plan = " The list needs GitHub Enterprise Cloud with SAML single sign-on, or leave sso out."
	}
	switch {
	case missing && o.App != nil:
		return &webclient.Trouble{Err: failure, Remedy: fmt.Sprintf("Give the App the organization permission %q (read), and let an owner of %s accept it.", which.called, o.Organization) + plan}
	case missing:
		return &webclient.Trouble{Err: failure, Remedy: fmt.Sprintf("Let an owner of %s make a classic token with the scope read:org, authorize it for the organization's single sign-on, and put it where the check's options refer to.", o.Organization) + plan}
	}
	return p.unread(failure)
}

// unread adds the next step to why GitHub could not be asked.
func (p *pass) unread(failure *webclient.Failure) error {
	if failure.Reason == watch.PermissionDenied {
		return &webclient.Trouble{Err: failure, Remedy: "Look at the message: GitHub knows the credential and lets it in nowhere, such as for a suspended account or App, or an address that is not on its list of allowed addresses."}
	}
	if failure.Reason == watch.NotFound {
		return &webclient.Trouble{Err: failure, Remedy: "Check api_url: of GitHub Enterprise Server it is https://HOST/api/v3."}
	}
	if step := listedtoken.NextStep(failure.Reason, p.options.APIURL); step != "" {
		return &webclient.Trouble{Err: failure, Remedy: step}
	}
	return failure
}

// post sends a request once, since it makes something at GitHub.
func (c *caller) post(ctx context.Context, address string, body []byte, into any) *webclient.Failure {
	request := webclient.Request{
		Method: http.MethodPost, URL: address, JSON: body, Secrets: []watch.Secret{c.secret},
		Header: http.Header{"Authorization": {"Bearer " + c.secret.Reveal()}, "Accept": {"application/vnd.github+json"}},
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
		failure := c.client.Refusal(request, answer, said.Message)
		if answer.Status == http.StatusUnauthorized && listedtoken.IsPage(answer.Body) {
			return listedtoken.NotTheService(failure)
		}
		return failure
	}
	if json.Unmarshal(answer.Body, into) != nil {
		return c.unlike("the answer is not what GitHub's documentation says", answer.Status)
	}
	return nil
}
