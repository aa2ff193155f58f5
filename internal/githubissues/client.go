// Package githubissues speaks the part of GitHub's REST API that keeps issues
// (https://docs.github.com/en/rest/issues/issues), of github.com and of GitHub Enterprise
// Server, for all that keep records there. It decides nothing about an issue, remembers
// nothing, repeats no request and speaks no GraphQL.
package githubissues

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

const (
	// MaxTitle and MaxBody are the limits of an issue, in characters, which only its errors
	// tell: https://github.com/dead-claudia/github-limits
	MaxTitle, MaxBody = 256, 65536
	// MaxLabel and MaxLabels are those of labels.
	MaxLabel, MaxLabels = 50, 100
	// DefaultPause is what GitHub asks for between requests that write:
	// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
	DefaultPause = watch.Duration(time.Second)

	longestPause = watch.Duration(time.Minute)
	// publicAPI is the API of github.com.
	publicAPI = "https://api.github.com"
	// apiVersion is understood by github.com and by every supported Enterprise Server.
	apiVersion = "2022-11-28"
)

// Access is which repository, and how it is reached.
type Access struct {
	httpsend.Endpoint
	// Repository is owner/name.
	Repository string
	Token      watch.SecretRef
	// Pause is between two writes.
	Pause watch.Duration
}

var repositoryName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)

// Validate reports every wrong value with its place: url, repository, token and pause.
func (a Access) Validate() error {
	problems := []error{a.Or(publicAPI).Validate()}
	if !repositoryName.MatchString(a.Repository) || strings.HasSuffix(a.Repository, "/.") || strings.HasSuffix(a.Repository, "/..") {
		problems = append(problems, &watch.FieldError{Path: "repository", Err: errors.New("want owner/name, such as acme/infrastructure")})
	}
	if err := a.Token.Validate(); err != nil {
		problems = append(problems, &watch.FieldError{Path: "token", Err: err})
	}
	if a.Pause <= 0 || a.Pause > longestPause {
		problems = append(problems, &watch.FieldError{Path: "pause", Err: errors.New("want more than 0 and at most 1m")})
	}
	return errors.Join(problems...)
}

// ValidateLabels reports wrong labels with their places: labels and labels[i].
func ValidateLabels(labels []string) error {
	var problems []error
	if len(labels) < 1 || len(labels) > MaxLabels {
		problems = append(problems, &watch.FieldError{Path: "labels", Err: fmt.Errorf("want at least one, by which issues are found again, and at most %d", MaxLabels)})
	}
	for i, label := range labels {
		if label == "" || strings.TrimSpace(label) != label || strings.Contains(label, ",") || clean.Text(label, MaxLabel) != label {
			problems = append(problems, &watch.FieldError{Path: fmt.Sprintf("labels[%d]", i), Err: fmt.Errorf("want 1 to %d visible characters and no comma", MaxLabel)})
		}
	}
	return errors.Join(problems...)
}

// Client asks for and writes the issues of one repository. It may be used by several
// goroutines; writes take turns.
type Client struct {
	env    alerts.Env
	access Access
	api    ticket.API
	pace   *rate.Limiter
}

// New makes a client for a valid access. Remedies say what to do about a status in
// addition to what all issues have in common.
func New(env alerts.Env, access Access, remedies map[int]string) *Client {
	c := &Client{env: env, access: access, pace: rate.NewLimiter(rate.Every(time.Duration(access.Pause)), 1)}
	c.api = ticket.API{
		Env: env, Sender: httpsend.New(env, access.Or(publicAPI)), Authorize: c.authorize,
		Header:   http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {apiVersion}},
		Words:    words,
		Verdict:  c.verdict,
		Remedies: withCommon(remedies),
	}
	return c
}

func (c *Client) authorize(header http.Header) ([]watch.Secret, error) {
	token, err := c.env.Secrets(c.access.Token)
	if err != nil {
		return nil, fmt.Errorf("read the token: %w", err)
	}
	header.Set("Authorization", "Bearer "+strings.TrimSpace(token.Reveal()))
	return []watch.Secret{token}, nil
}

// Path is that of the repository's issues, followed by rest.
func (c *Client) Path(rest string) string {
	return "/repos/" + c.access.Repository + "/issues" + rest
}

// Read makes one request that changes nothing. The error is a *alerts.DeliveryError.
func (c *Client) Read(ctx context.Context, path string, into any) error {
	_, _, err := c.api.Do(ctx, ticket.Call{Path: path, Receive: into})
	return err
}

// Write makes one request that changes something, after the pause since the one before.
// The proof is GitHub's status; the error is a *alerts.DeliveryError.
func (c *Client) Write(ctx context.Context, call ticket.Call) (proof string, err error) {
	if err := c.pace.Wait(ctx); err != nil {
		return "", &alerts.DeliveryError{Channel: c.env.Name, Retryable: true, Err: fmt.Errorf("wait before the next write: %w", err)}
	}
	_, proof, err = c.api.Do(ctx, call)
	return proof, err
}

// Unproven is the failure of an answer that reads like a success and proves nothing.
func (c *Client) Unproven(method, path string, err error) error {
	return c.api.Unproven(method, path, err)
}

// Private reports whether only members see the repository
// (https://docs.github.com/en/rest/repos/repos#get-a-repository). An answer that does not
// say is an error.
func (c *Client) Private(ctx context.Context) (bool, error) {
	path := "/repos/" + c.access.Repository
	var repository struct {
		Private *bool `json:"private"`
	}
	if err := c.Read(ctx, path, &repository); err != nil {
		return false, err
	}
	if repository.Private == nil {
		return false, c.Unproven(http.MethodGet, path, errors.New("without saying whether the repository is private"))
	}
	return *repository.Private, nil
}

// Account is the token's own (https://docs.github.com/en/rest/users/users#get-the-authenticated-user).
// The token of an app's installation is of none, which GitHub answers with 403.
func (c *Client) Account(ctx context.Context) (Account, error) {
	const path = "/user"
	var account Account
	if err := c.Read(ctx, path, &account); err != nil {
		return Account{}, err
	}
	if account.ID == 0 {
		return Account{}, c.Unproven(http.MethodGet, path, errors.New("without the id of an account"))
	}
	return account, nil
}

// Missing reports that an issue is not there any more: deleted, or moved to another
// repository, which answers with a redirect.
func Missing(err error) bool {
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	return ticket.Missing(err) || ok && failure.Status == http.StatusMovedPermanently
}
