package azuredevops

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"regexp"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	patPageSize = "100"
	// leftOverAfter is how long an expired token is news.
	leftOverAfter = 30 * 24 * time.Hour
)

// user is one whose tokens are listed; the zero value is whoever signs in.
type user struct {
	Descriptor    string `json:"descriptor"`
	DisplayName   string `json:"displayName"`
	MailAddress   string `json:"mailAddress"`
	PrincipalName string `json:"principalName"`
}

// name is what a person reads.
func (u user) name() string {
	return clean.Text(cmp.Or(u.MailAddress, u.PrincipalName, u.DisplayName, u.Descriptor), shownRunes)
}

func (u user) prefix() string { return listedPrefix + u.Descriptor + "/" }

// listSubject begins with listedPrefix: what hides all tokens hides their problems too.
func (u user) listSubject() watch.Subject {
	return watch.Subject{ID: strings.TrimSuffix(u.prefix(), "/"), Name: "personal access tokens of " + u.name(), Owners: u.owners()}
}

// owners is the user, if there is an address to write to.
func (u user) owners() []string {
	for _, address := range []string{u.MailAddress, u.PrincipalName} {
		if mailAddress.MatchString(address) && len(address) <= 254 {
			return []string{address}
		}
	}
	return nil
}

var (
	mailAddress = regexp.MustCompile(`^[0-9A-Za-z.!#$%&'*+/=?^_{|}~-]+@[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+$`)
	// descriptor is how Azure DevOps names a user: "aad.NzQ…", "msa.ZWE…".
	descriptor = regexp.MustCompile(`^[0-9A-Za-z]{1,16}\.[0-9A-Za-z_=-]{1,255}$`)
	guid       = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

type users []user

// each gives the index of each.
func (u users) each() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range u {
			if !yield(i) {
				return
			}
		}
	}
}

// users are those of the organization who may have tokens
// (learn.microsoft.com/rest/api/azure/devops/graph/users/list).
func (l *lister) users(ctx context.Context) (users, error) {
	var all users
	seen := map[string]bool{}
	query := url.Values{"subjectTypes": {"aad,msa,imp"}}
	err := l.pages(ctx, "/_apis/graph/users", query, func(answer webclient.Answer) (string, error) {
		var page struct {
			Value []user `json:"value"`
		}
		if err := l.parse(answer, &page); err != nil {
			return "", err
		}
		if page.Value == nil {
			return "", l.failure(answer, watch.Unparsable, "the answer holds no list of users")
		}
		for _, found := range page.Value {
			if !descriptor.MatchString(found.Descriptor) {
				return "", l.failure(answer, watch.Unparsable, "a user has no descriptor")
			}
			if !seen[found.Descriptor] {
				seen[found.Descriptor] = true
				all = append(all, found)
			}
		}
		if len(all) > maxUsers {
			return "", l.failure(answer, watch.TooLarge, fmt.Sprintf("there are more than %d users", maxUsers))
		}
		return answer.Header.Get("X-MS-ContinuationToken"), nil
	})
	return all, err
}

// tokensOf lists the tokens of a user
// (learn.microsoft.com/rest/api/azure/devops/tokenadmin/personal-access-tokens/list).
func (l *lister) tokensOf(ctx context.Context, user user) error {
	path := "/_apis/tokenadmin/personalaccesstokens/" + url.PathEscape(user.Descriptor)
	return l.pages(ctx, path, url.Values{"pageSize": {patPageSize}, "isPublic": {"false"}}, func(answer webclient.Answer) (string, error) {
		var page struct {
			Value             []json.RawMessage `json:"value"`
			ContinuationToken string            `json:"continuationToken"`
		}
		if err := l.parse(answer, &page); err != nil {
			return "", err
		}
		if page.Value == nil {
			return "", l.failure(answer, watch.Unparsable, "the answer holds no list of tokens")
		}
		return page.ContinuationToken, l.tell(answer, page.Value, user)
	})
}

// own lists the tokens of whoever signs in, those that have expired as well, since they may
// still be in use (learn.microsoft.com/rest/api/azure/devops/tokens/pats/list).
func (l *lister) own(ctx context.Context) error {
	for _, status := range []string{"active", "expired"} {
		query := url.Values{"$top": {patPageSize}, "displayFilterOption": {status}}
		err := l.pages(ctx, "/_apis/tokens/pats", query, func(answer webclient.Answer) (string, error) {
			var page struct {
				PatTokens         []json.RawMessage `json:"patTokens"`
				ContinuationToken string            `json:"continuationToken"`
			}
			if err := l.parse(answer, &page); err != nil {
				return "", err
			}
			if page.PatTokens == nil {
				return "", l.failure(answer, watch.Unparsable, "the answer holds no list of tokens")
			}
			return page.ContinuationToken, l.tell(answer, page.PatTokens, user{})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pat is a token as either list has it.
type pat struct {
	AuthorizationID string   `json:"authorizationId"`
	DisplayName     string   `json:"displayName"`
	Scope           string   `json:"scope"`
	TargetAccounts  []string `json:"targetAccounts"`
	ValidFrom       string   `json:"validFrom"`
	ValidTo         string   `json:"validTo"`
	// IsValid is false for one that was revoked, or has expired; the list of own tokens leaves
	// the revoked out.
	IsValid *bool `json:"isValid"`
}

// tell tells of a page of tokens. One that cannot be read hides no other, unless it does not
// even say which it is.
func (l *lister) tell(answer webclient.Answer, page []json.RawMessage, of user) error {
	for _, raw := range page {
		var found pat
		unread := json.Unmarshal(raw, &found) != nil
		if !guid.MatchString(found.AuthorizationID) {
			return l.failure(answer, watch.Unparsable, "one of the tokens has no authorizationId")
		}
		// One that is not valid before its end was revoked. Of one past its end nobody knows:
		// it may be in use still.
		if until, known := instant(found.ValidTo); found.IsValid != nil && !*found.IsValid && known && until.After(l.env.Now()) {
			continue
		}
		fact := l.fact(found, unread, of)
		if _, again := l.told.LoadOrStore(fact.About().ID, true); again {
			continue
		}
		l.env.Expect(1)
		l.found.Add(1)
		l.sink(fact)
	}
	return nil
}

func (l *lister) fact(found pat, unread bool, of user) watch.Fact {
	prefix, whose := ownPrefix, ""
	if of.Descriptor != "" {
		prefix, whose = of.prefix(), " of "+of.name()
	}
	id := strings.ToLower(found.AuthorizationID)
	name := cmp.Or(clean.Text(found.DisplayName, shownRunes), "personal access token "+id)
	subject := watch.Subject{ID: prefix + id, Name: name + whose, Owners: of.owners(), Link: "https://dev.azure.com/" + l.options.Organization + "/_usersSettings/tokens"}
	until, known := instant(found.ValidTo)
	if unread || !known {
		return watch.Problem{
			Subject: subject, Reason: watch.Unparsable, Err: errors.New("read what Azure DevOps lists: its dates cannot be read"), Confined: true,
			Remedy: "Look at the token on its user's page; if its date is right there, please report this message.",
		}
	}
	credential := watch.Credential{
		Subject: subject, Form: watch.AccessToken, Identity: id, NotAfter: until, LeftOverFrom: until.Add(leftOverAfter), Remedy: makeNew,
		Details: map[string]any{"scope": clean.Text(found.Scope, shownRunes), "all_organizations": len(found.TargetAccounts) == 0},
	}
	if from, known := instant(found.ValidFrom); known && from.Before(until) {
		credential.Life = until.Sub(from)
	}
	if of.Descriptor != "" {
		credential.Details["user"] = of.name()
	}
	return credential
}

// instant reads a time of Azure DevOps; one without a zone is UTC.
func instant(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if read, err := time.Parse(layout, text); err == nil && read.Year() > 1 {
			return read.UTC(), true
		}
	}
	return time.Time{}, false
}
