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
	told  sync.Map
	found atomic.Int64
	// denied is set once Azure DevOps says that the sign-in may not list tokens, so that it
	// is not asked for each user.
	denied atomic.Bool
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

// tellOwnCertificate tells until when Lapsewatch can sign in, where that can be read. Of a
// secret only a check of kind entra knows.
func (l *lister) tellOwnCertificate(entra *msgraph.Client) {
	if l.options.List.Method != msgraph.ClientCert {
		return
	}
	own, err := entra.OwnKey()
	if err != nil || own.NotAfter.IsZero() {
		return // the sign-in says what is wrong
	}
	l.env.Expect(1)
	l.sink(watch.Credential{
		Subject: watch.Subject{ID: "own-certificate", Name: "the certificate that Lapsewatch signs in with"},
		Form:    watch.ClientCertificate, Identity: "until:" + own.NotAfter.Format(time.RFC3339), NotBefore: own.NotBefore, NotAfter: own.NotAfter, Self: true,
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
	checks.Each(min(l.env.Concurrency, mostAtOnce), users.each(), func(user user) {
		if ctx.Err() != nil || l.denied.Load() {
			return
		}
		if err := l.tokensOf(ctx, user); err != nil && ctx.Err() == nil && !l.denied.Load() {
			l.sink(l.problem(user.listSubject(), user.prefix(), err))
		}
	}, func(user user, fault error) {
		told := l.problem(user.listSubject(), user.prefix(), fault)
		told.Reason = watch.InternalError
		l.sink(told)
	})
	if l.denied.Load() {
		return &webclient.Failure{Doing: "list personal access tokens", Reason: watch.PermissionDenied, Text: "whoever signs in may not administrate tokens", Lasting: true}
	}
	return nil
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
		case watch.PermissionDenied:
			problem.Remedy = "Make whoever signs in a member of Project Collection Administrators of the organization, or list with whose: own and a user's sign-in."
		case watch.AuthFailed:
			problem.Remedy = "Add whoever signs in to the organization (Organization settings, Users), which has to be connected to this tenant; whose: own needs a user's sign-in."
		default: // listedtoken says, or policy
		}
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
