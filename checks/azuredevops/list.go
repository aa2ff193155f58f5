package azuredevops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	// resource is Azure DevOps, as Entra calls it
	// (learn.microsoft.com/rest/api/azure/devops/tokens).
	resource   = "499b84ac-1321-427f-aa17-267ca6975798"
	apiVersion = "7.1-preview.1"
	// listedPrefix begins the IDs of what is listed.
	listedPrefix = "pat/"
	ownPrefix    = listedPrefix + "own/"
	// maxPages bounds each list, and maxPageBytes a page.
	maxPages     = 1000
	maxPageBytes = 16 << 20
	maxUsers     = 100_000
)

// lister reads lists of Azure DevOps with one sign-in.
type lister struct {
	*check
	client *webclient.Client
	token  watch.Secret
	sink   watch.Sink
	// told are the IDs of the tokens that were listed.
	told   sync.Map
	found  atomic.Int64
	denied denials
}

// listTokens lists with dates. Its error is about this machine only.
func (c *check) listTokens(ctx context.Context, sink watch.Sink, atOnce bool) error {
	entra, err := msgraph.Open(c.options.List.SignIn, msgraph.Env{
		Log: c.env.Log, HTTP: c.env.HTTP, Secrets: c.env.Secrets, Memory: c.env.Memory, Interactive: atOnce, Resource: resource,
	})
	if err != nil {
		return fmt.Errorf("list personal access tokens: %w", err)
	}
	defer entra.Close()
	setup := webclient.Setup{CAFile: c.options.List.CAFile, MaxBytes: maxPageBytes}
	client, err := webclient.Open(setup, c.webEnv())
	if err != nil {
		return fmt.Errorf("list personal access tokens: %w", err)
	}
	defer client.Close()
	c.env.Expect(1)
	l := &lister{check: c, client: client, sink: sink}
	l.tellOwnCertificate(entra)
	if l.token, err = entra.Token(ctx, watch.Secret{}); err == nil {
		err = l.all(ctx)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		sink(l.problem(l.listSubject(), listedPrefix, err))
	default:
		sink(watch.Condition{Subject: l.listSubject(), Text: fmt.Sprintf("%d personal access tokens are listed", l.found.Load())})
	}
	return nil
}

// tellOwnCertificate tells until when Lapsewatch can sign in, or why that is not known. Of a
// secret only a check of kind entra knows.
func (l *lister) tellOwnCertificate(entra *msgraph.Client) {
	if l.options.List.Method != msgraph.ClientCert {
		return
	}
	l.env.Expect(1)
	subject := watch.Subject{ID: "own-certificate", Name: "the certificate that Lapsewatch signs in with"}
	own, err := entra.OwnKey()
	if err == nil && own.NotAfter.IsZero() {
		err = errors.New("it holds no certificate with an end")
	}
	if err != nil {
		l.sink(watch.Problem{
			Subject: subject, Reason: watch.Unreadable, Err: fmt.Errorf("read when the certificate ends: %w", err), Confined: true,
			Remedy: fmt.Sprintf("Put the certificate and its key where they are referred to (%s).", l.options.List.Certificate),
		})
		return
	}
	l.sink(watch.Credential{
		Subject: subject, Form: watch.ClientCertificate, Identity: "until:" + own.NotAfter.Format(time.RFC3339), NotBefore: own.NotBefore, NotAfter: own.NotAfter, Self: true,
		Remedy: "Make a new certificate, add it to the application that Lapsewatch signs in as, and put it where this check's options refer to.",
	})
}

func (l *lister) listSubject() watch.Subject {
	if l.options.List.Whose == Own {
		return watch.Subject{ID: "list", Name: "own personal access tokens at " + l.options.Organization}
	}
	return watch.Subject{ID: "list", Name: "personal access tokens of " + l.options.Organization}
}

func (l *lister) all(ctx context.Context) error {
	if l.options.List.Whose == Own {
		return l.own(ctx)
	}
	users, err := l.users(ctx)
	if err != nil {
		return err
	}
	unread := make([]error, len(users))
	checks.Each(min(l.env.Concurrency, mostAtOnce), users.each(), func(i int) {
		if ctx.Err() == nil && !l.denied.stop() {
			unread[i] = l.tokensOf(ctx, users[i])
			l.denied.count(unread[i])
		}
	}, func(i int, fault error) {
		told := l.problem(users[i].listSubject(), users[i].prefix(), fault)
		told.Reason = watch.InternalError
		l.sink(told)
		l.denied.count(fault)
	})
	if ctx.Err() != nil {
		return nil
	}
	if err := l.denied.ofAll(len(users)); err != nil {
		return err
	}
	for i, err := range unread {
		if err != nil {
			l.sink(l.problemOf(users[i], err))
		}
	}
	return l.denied.ofSkipped(len(users))
}

// problem is one of a list, which hides what begins with prefix.
func (l *lister) problem(subject watch.Subject, prefix string, err error) watch.Problem {
	problem := watch.Problem{Subject: subject, Reason: watch.Incomplete, Err: err, Confined: true, HidesPrefix: prefix}
	if failure, ok := errors.AsType[*msgraph.Failure](err); ok {
		problem.Reason = failure.Reason
		if failure.Code != "" {
			problem.Details = map[string]any{"code": failure.Code}
		}
	}
	if failure, ok := errors.AsType[*webclient.Failure](err); ok {
		problem.Reason, problem.Remedy = failure.Reason, listedtoken.NextStep(failure.Reason, l.options.listAddress())
		if failure.Status != 0 {
			problem.Details = map[string]any{"status": failure.Status}
		}
		switch failure.Reason {
		case watch.NotFound:
			problem.Remedy = "Check organization, and list.url: what answers there knows users, and none of their tokens."
		case watch.PermissionDenied:
			problem.Remedy = "Make whoever signs in a member of Project Collection Administrators of the organization, or list with whose: own and a user's sign-in."
		case watch.AuthFailed:
			problem.Remedy = "Add whoever signs in to the organization (Organization settings, Users), which has to be connected to this tenant; whose: own needs a user's sign-in."
		default: // listedtoken says, or policy
		}
	}
	return problem
}

// problemOf is why the tokens of one user among others cannot be listed.
func (l *lister) problemOf(user user, err error) watch.Problem {
	problem := l.problem(user.listSubject(), user.prefix(), err)
	switch problem.Reason {
	case watch.NotFound:
		problem.Remedy = "If the user has left, remove them from the organization (Organization settings, Users)."
	case watch.AuthFailed, watch.PermissionDenied:
		problem.Reason = watch.PermissionDenied
		if l.denied.anyListed() {
			problem.Remedy = "Look at what is different of this user: the tokens of others are listed."
		}
	default: // it is nothing of this user's own
	}
	return problem
}

// pages walks through a list. next finds the token of the next page, empty at the end.
func (l *lister) pages(ctx context.Context, path string, query url.Values, read func(answer webclient.Answer) (next string, err error)) error {
	query.Set("api-version", apiVersion)
	asked := map[string]bool{}
	for page := 0; ; page++ {
		answer, err := l.get(ctx, path, query)
		if err != nil {
			return err
		}
		next, err := read(answer)
		if err != nil {
			return err
		}
		switch {
		case next == "":
			return nil
		case asked[next]:
			return l.failure(answer, watch.Incomplete, "its pages lead in a circle")
		case page >= maxPages:
			return l.failure(answer, watch.Incomplete, fmt.Sprintf("it has more than %d pages", maxPages))
		}
		asked[next] = true
		query.Set("continuationToken", next)
	}
}

func (l *lister) get(ctx context.Context, path string, query url.Values) (webclient.Answer, error) {
	request := webclient.Request{
		URL: l.options.listAddress() + path + "?" + query.Encode(), Secrets: []watch.Secret{l.token},
		Header: http.Header{"Authorization": {"Bearer " + l.token.Reveal()}, "Accept": {"application/json"}, noSignIn: {noSignInValue}},
	}
	answer, err := l.client.Get(ctx, request)
	if err != nil {
		return answer, err
	}
	if foreignPage(answer) {
		return answer, listedtoken.NotTheService(l.client.Refusal(request, answer, ""))
	}
	if signsIn(answer) {
		return answer, l.failure(answer, watch.AuthFailed, signInPage)
	}
	if answer.Status == http.StatusOK {
		return answer, nil
	}
	var said message
	_ = json.Unmarshal(answer.Body, &said) // what else the body is, Refusal says
	return answer, l.client.Refusal(request, answer, said.Message)
}

func (l *lister) failure(answer webclient.Answer, reason watch.Reason, text string) *webclient.Failure {
	return &webclient.Failure{Doing: webclient.Doing(http.MethodGet, l.options.listAddress()), Reason: reason, Text: text, Status: answer.Status, Lasting: true}
}

// parse reads an answer as JSON.
func (l *lister) parse(answer webclient.Answer, into any) error {
	if json.Unmarshal(answer.Body, into) != nil { // its error repeats what was sent
		return l.failure(answer, watch.Unparsable, "what it answered is not the list that was asked for")
	}
	return nil
}
