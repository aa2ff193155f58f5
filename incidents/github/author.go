package github

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/githubissues"
)

// insiders are the ways in which an author may belong to a repository
// (https://docs.github.com/en/graphql/reference/enums#commentauthorassociation) that anybody
// else cannot have. It is read-only.
var insiders = []string{"OWNER", "MEMBER", "COLLABORATOR"}

// believed is an issue as the runner sees it. In a public repository anybody can open one
// and copy a key into it, which everybody can read there: such an issue counts as one
// without a key.
func (s *system) believed(ctx context.Context, issue githubissues.Issue) (incidents.Remote, error) {
	remote := s.remote(issue)
	if remote.Key == "" || !s.options.PublicRepository || slices.Contains(insiders, issue.Association) {
		return remote, nil
	}
	account, err := s.ownAccount(ctx)
	if err != nil {
		return incidents.Remote{}, err
	}
	if account.ID != 0 && account.ID == issue.User.ID || account.ID == 0 && issue.User.Bot() {
		return remote, nil
	}
	s.env.Log.Warn("somebody outside of the repository has copied a key into an issue of their own; it is left alone", "incidents", s.env.Name, "issue", issue.Number, "key", remote.Key)
	remote.Key = ""
	return remote, nil
}

// ownAccount is the one that writes issues with this token. The token of an app is of none:
// its issues are those of a bot, which no stranger can be.
func (s *system) ownAccount(ctx context.Context) (githubissues.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account != nil {
		return *s.account, nil
	}
	account, err := s.issues.Account(ctx)
	if failure, ok := errors.AsType[*alerts.DeliveryError](err); ok && failure.Status == http.StatusForbidden && !failure.Retryable {
		account, err = githubissues.Account{}, nil
	}
	if err != nil {
		return githubissues.Account{}, err
	}
	s.account = &account
	return account, nil
}
