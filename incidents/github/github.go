// Package github keeps stubs as issues of a repository that serves as a status log, on
// github.com or GitHub Enterprise Server. An issue is found again by a label and a hidden
// line in its text. It finds nothing by title or search, assigns nobody, and writes
// nothing for staff into a repository that everybody may read.
package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/githubissues"
	"lapsewatch/internal/hiddenline"
	"lapsewatch/internal/stubkey"
	"lapsewatch/internal/stubseen"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// Kind is the status log in GitHub issues.
var Kind = incidents.Define("github", defaults, New)

type system struct {
	options Options
	env     incidents.Env
	issues  *githubissues.Client

	mu sync.Mutex
	// account is the token's, once it was asked for.
	account *githubissues.Account
}

// New makes a status log from valid options.
func New(options Options, env incidents.Env) (incidents.System, error) {
	remedies := map[int]string{http.StatusUnprocessableEntity: "look at labels: the token's owner must be allowed to set them"}
	return &system{options: options, env: env, issues: githubissues.New(env.Env, options.access(), remedies)}, nil
}

// Traits: without `public_repository` only a private repository is written to, which is asked for
// anew before each write.
func (s *system) Traits() incidents.Traits {
	return incidents.Traits{
		Private: !s.options.PublicRepository, Plans: true, Place: "github " + s.options.Repository,
		TitleLimit: githubissues.MaxTitle, TextLimit: maxText, Quote: githubissues.Quote,
	}
}

// List gives the issues with our label and a key of this installation: all that are open,
// and those closed since.
func (s *system) List(ctx context.Context, since time.Time) ([]incidents.Remote, error) {
	found := map[string]githubissues.Issue{}
	take := func(issue githubissues.Issue) (enough bool) {
		remote := s.remote(issue)
		if remote.Key != "" && (remote.Open || !remote.ResolvedAt.Before(since)) {
			found[remote.ID] = issue
		}
		return false
	}
	open := url.Values{"labels": {s.options.Labels[0]}, "state": {"open"}}
	if err := githubissues.EveryPage(ctx, s.issues, s.issues.Path(""), open, take); err != nil {
		return nil, err
	}
	closed := url.Values{"labels": {s.options.Labels[0]}, "state": {"closed"}, "since": {since.UTC().Format(time.RFC3339)}}
	if err := githubissues.EveryPage(ctx, s.issues, s.issues.Path(""), closed, take); err != nil {
		return nil, err
	}
	all := make([]incidents.Remote, 0, len(found))
	for _, issue := range found {
		remote, err := s.believed(ctx, issue)
		if err != nil {
			return nil, err
		}
		if remote.Key != "" {
			all = append(all, remote)
		}
	}
	slices.SortFunc(all, func(a, b incidents.Remote) int { return number(a.ID) - number(b.ID) })
	return all, nil
}

// number is that of an issue, 0 of what is none.
func number(id string) int {
	n, err := strconv.Atoi(id)
	if err != nil {
		return 0
	}
	return n
}

// Read asks for one issue. One that was moved to another repository is not here any more.
func (s *system) Read(ctx context.Context, id string) (read incidents.Remote, found bool, err error) {
	issue, err := s.issue(ctx, id)
	switch {
	case ticket.Missing(err):
		return incidents.Remote{}, false, nil
	case githubissues.Missing(err):
		// So answers an issue that was moved, and all of a repository that was renamed.
		_, err = s.issues.Private(ctx)
		return incidents.Remote{}, false, err
	case err != nil:
		return incidents.Remote{}, false, err
	}
	if read, err = s.believed(ctx, issue); err != nil {
		return incidents.Remote{}, false, err
	}
	return read, true, nil
}

func (s *system) issue(ctx context.Context, id string) (issue githubissues.Issue, err error) {
	path := s.issues.Path("/" + url.PathEscape(id))
	if err = s.issues.Read(ctx, path, &issue); err != nil {
		return githubissues.Issue{}, err
	}
	return issue, s.proved(http.MethodGet, path, issue)
}

// proved requires an issue of an answer: many things are JSON.
func (s *system) proved(method, path string, issue githubissues.Issue) error {
	if issue.Number <= 0 || issue.State == "" {
		return s.issues.Unproven(method, path, errors.New("without the number and the state of an issue"))
	}
	return nil
}

// Create makes the issue.
func (s *system) Create(ctx context.Context, stub incidents.Stub) (incidents.Remote, error) {
	if err := s.mayWrite(ctx); err != nil {
		return incidents.Remote{}, err
	}
	path := s.issues.Path("")
	fresh := newIssue{Title: title(stub), Body: sealed(stub, nil, !s.options.PublicRepository), Labels: s.labels(stub, nil)}
	var made githubissues.Issue
	_, err := s.issues.Write(ctx, ticket.Call{Method: http.MethodPost, Path: path, Send: fresh, Receive: &made})
	if err == nil {
		err = s.proved(http.MethodPost, path, made)
	}
	if err != nil {
		return incidents.Remote{}, err
	}
	if !made.Labelled(s.options.Labels[0]) {
		s.env.Log.Warn("GitHub left out the label by which the issue is found again: the token's owner needs the right to triage", "incidents", s.env.Name, "issue", made.Number, "label", s.options.Labels[0])
	}
	return s.remote(made), nil
}

func title(stub incidents.Stub) string { return githubissues.Cut(stub.Title, githubissues.MaxTitle) }

// Update edits the issue. Watchers get no mail of that, but of a comment, which is
// written only where subscribers are to be told.
func (s *system) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	issue, err := s.ours(ctx, current.ID, stub.Key)
	if err != nil {
		return incidents.Remote{}, err
	}
	parts := partsOf(issue.Body)
	wanted, needed := s.change(issue, stub, parts)
	if !needed {
		return s.remote(issue), nil
	}
	if err := s.mayChange(issue, current); err != nil {
		return incidents.Remote{}, err
	}
	if stub.Notify && !slices.ContainsFunc(parts, func(p part) bool { return p.Name == updateSection && p.Value == hiddenline.Mark(stub.Mark) }) {
		if err := s.comment(ctx, current.ID, incidents.Note{Mark: stub.Mark, Text: stub.Text, At: stub.At}); err != nil {
			return incidents.Remote{}, err
		}
	}
	path := s.issues.Path("/" + current.ID)
	var changed githubissues.Issue
	if _, err := s.issues.Write(ctx, ticket.Call{Method: http.MethodPatch, Path: path, Send: wanted, Receive: &changed}); err != nil {
		return incidents.Remote{}, err
	}
	if err := s.proved(http.MethodPatch, path, changed); err != nil {
		return incidents.Remote{}, err
	}
	if wanted.State != "" && changed.State != wanted.State {
		return incidents.Remote{}, s.issues.Unproven(http.MethodPatch, path, fmt.Errorf("the issue is not %s", wanted.State))
	}
	return s.remote(changed), nil
}

// mayChange refuses to write over what a person wrote, whether the runner knows of it or not.
func (s *system) mayChange(issue githubissues.Issue, current incidents.Remote) error {
	standing := s.remote(issue)
	if err := stubseen.Meanwhile(s.env.Name, current, standing); err != nil {
		return err
	}
	if edited(issue.Body, standing.Key) {
		return s.failure(fmt.Errorf("issue #%d was changed by a person, and is left to them: close it by hand when it is over", issue.Number))
	}
	return nil
}

// change is what an issue lacks to be the stub.
func (s *system) change(issue githubissues.Issue, stub incidents.Stub, parts []part) (wanted change, needed bool) {
	if body := sealed(stub, parts, !s.options.PublicRepository); stubtext.Tidy(body) != stubtext.Tidy(issue.Body) {
		wanted.Body, needed = body, true
	}
	if title := title(stub); title != issue.Title {
		wanted.Title, needed = title, true
	}
	if labels := s.labels(stub, issue.Labels); !sameLabels(labels, issue.Labels) {
		wanted.Labels, needed = labels, true
	}
	switch over := stub.Phase == watch.Over; {
	case over && issue.Open():
		wanted.State, wanted.Reason, needed = "closed", "completed", true
	case !over && !issue.Open():
		wanted.State, needed = "open", true
	}
	return wanted, needed
}

// ours reads the issue before it is touched: only one that carries a key of the same cause
// is, which may be an earlier one where the ledger was lost.
func (s *system) ours(ctx context.Context, id, key string) (githubissues.Issue, error) {
	if err := s.mayWrite(ctx); err != nil {
		return githubissues.Issue{}, err
	}
	issue, err := s.issue(ctx, id)
	if err != nil {
		return githubissues.Issue{}, err
	}
	standing, err := s.believed(ctx, issue)
	if err != nil {
		return githubissues.Issue{}, err
	}
	if !stubkey.SameCause(standing.Key, key, s.env.Source) {
		return githubissues.Issue{}, s.failure(fmt.Errorf("issue #%d does not carry the key %s any more, and is left alone", issue.Number, key))
	}
	return issue, nil
}

// mayWrite refuses a repository that everybody may read, unless that is asked for. A
// repository may be made public at any time, so that it is looked at before each write.
func (s *system) mayWrite(ctx context.Context) error {
	private, err := s.issues.Private(ctx)
	if err != nil || private || s.options.PublicRepository {
		return err
	}
	return s.failure(fmt.Errorf("the repository %s is public, and nothing is written there: set public_repository: true to write where everybody may read it, or give a private repository", s.options.Repository))
}

func (s *system) failure(err error) error {
	return &alerts.DeliveryError{Channel: s.env.Name, Err: err}
}
