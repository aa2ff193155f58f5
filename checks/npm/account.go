package npm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// account is one whose tokens are listed once, however many of the options' tokens are its.
type account struct {
	// name is empty where the registry does not say whose a token is.
	name string
	// tokens are the places of its tokens in the options, and by is that which listed.
	tokens []int
	by     int
	listed []listedToken
}

// accountsOf are the accounts of the tokens that work, in the order of the options.
func accountsOf(results []result) []*account {
	var all []*account
	known := map[string]*account{}
	for i, result := range results {
		if result.fault != nil || !result.look.Works() {
			continue
		}
		its := known[result.account]
		if its == nil || result.account == "" {
			its = &account{name: result.account}
			known[result.account], all = its, append(all, its)
		}
		its.tokens = append(its.tokens, i)
	}
	return all
}

// listAccount lists by the first of an account's tokens that may, and writes down for each
// how many there are, or why it may not.
func (p *pass) listAccount(ctx context.Context, a *account, results []result) {
	for _, i := range a.tokens {
		found, err := p.list(ctx, results[i].token)
		if err != nil {
			results[i].unlisted = err
			continue
		}
		a.by, a.listed = i, found
		for _, j := range a.tokens {
			results[j].listed, results[j].unlisted = len(found), nil
			for k := range found {
				if found[k].matches(results[j].token.Reveal()) {
					found[k].watchedAs = append(found[k].watchedAs, p.options.Tokens[j].Name)
				}
			}
		}
		return
	}
}

// facts are those of one of the options' tokens.
func (c *check) facts(token Token, result result) []watch.Fact {
	if result.fault != nil {
		return []watch.Fact{c.hiding(watch.Problem{Subject: subject(token), Reason: watch.InternalError, Err: result.fault, Confined: true})}
	}
	if !result.look.Works() {
		told := result.look.Fact()
		if problem, unread := told.(watch.Problem); unread {
			return []watch.Fact{c.hiding(problem)}
		}
		if !c.options.List {
			return []watch.Fact{told}
		}
		return []watch.Fact{told, c.hiding(watch.Problem{
			Subject: listSubject(token), Reason: watch.AuthFailed, Confined: true, Remedy: makeNew,
			Err: errors.New("the token that would list them " + result.look.Err.Error()),
		})}
	}
	text, details := "the token works, as "+clean.Prose(result.account), map[string]any{"account": result.account}
	if result.account == "" {
		text, details = "the token works, and may not ask whose it is", nil
	}
	if !c.options.List {
		text += "; its date is told in the list of its account's tokens only (list: true)"
	}
	facts := []watch.Fact{watch.Condition{Subject: result.look.Subject, Identity: result.look.Identity, Text: text, Details: details}}
	switch {
	case !c.options.List:
	case result.unlisted != nil:
		facts = append(facts, c.listProblem(token, result.unlisted))
	default:
		facts = append(facts, watch.Condition{Subject: listSubject(token), Text: counted(result.listed), Details: details})
	}
	return facts
}

// hiding makes a problem hide what was listed, where that is.
func (c *check) hiding(problem watch.Problem) watch.Problem {
	if c.options.List {
		problem.HidesPrefix = listedPrefix
	}
	return problem
}

func counted(tokens int) string {
	if tokens == 1 {
		return "its account has 1 token"
	}
	return fmt.Sprintf("its account has %d tokens", tokens)
}

// listSubject is the list of an account's tokens, as read by one of them. It begins with
// listedPrefix, and no token's ID does so: what hides the tokens hides the list's problem too.
func listSubject(token Token) watch.Subject {
	subject := token.Subject(listedPrefix + "by/" + token.Name)
	subject.Name = "tokens of the account of " + token.Name
	return subject
}

func (c *check) listProblem(token Token, err error) watch.Problem {
	problem := c.hiding(watch.Problem{Subject: listSubject(token), Reason: watch.Incomplete, Err: err, Confined: true})
	if failure, ok := errors.AsType[*webclient.Failure](err); ok {
		problem.Reason, problem.Remedy = failure.Reason, listedtoken.NextStep(failure.Reason, c.registry.String())
	}
	if problem.Reason == watch.PermissionDenied || problem.Reason == watch.AuthFailed || problem.Reason == watch.NotFound {
		problem.Remedy = "Use a token that may list the tokens of its account, or set list: false, and keep the date of the token in a check that knows it."
	}
	return problem
}

var plainKey = regexp.MustCompile(`^[0-9A-Za-z_-]{6,128}$`)

// id tells the tokens of a list apart: by the registry's key, unless it hides that.
func (l listedToken) id(account string) string {
	if plainKey.MatchString(l.key) {
		return l.key
	}
	return "digest-" + holdoff.Digest([]byte(account), []byte(l.name), []byte(l.created.Format(time.RFC3339Nano)), []byte(l.expiry.Format(time.RFC3339Nano)))
}

// listed are the facts of each listed token, once however many accounts see it. Two of which
// the registry tells nothing that is different are two all the same.
func (c *check) listed(accounts []*account) []watch.Fact {
	var facts []watch.Fact
	keys := map[string]bool{}
	for _, account := range accounts {
		alike := map[string]int{}
		for _, listed := range account.listed {
			id := listed.id(account.name)
			if !plainKey.MatchString(listed.key) {
				if alike[id]++; alike[id] > 1 {
					id = fmt.Sprintf("%s-%d", id, alike[id])
				}
			}
			if keys[id] {
				continue
			}
			keys[id] = true
			facts = append(facts, c.fact(c.options.Tokens[account.by], account.name, listed, id))
		}
	}
	return facts
}

func (c *check) fact(by Token, name string, listed listedToken, id string) watch.Fact {
	named := cmp.Or(listed.name, "token "+id)
	subject := by.Subject(listedPrefix + id)
	subject.Name = fmt.Sprintf("%s of %s", named, cmp.Or(name, "the account of "+by.Name))
	if subject.Link == "" && c.options.Registry == defaultRegistry && name != "" {
		subject.Link = "https://www.npmjs.com/settings/" + url.PathEscape(name) + "/tokens"
	}
	if listed.fault != nil {
		return watch.Problem{
			Subject: subject, Reason: watch.Unparsable, Err: fmt.Errorf("read what the registry lists: %w", listed.fault), Confined: true,
			Remedy: "Look at the token on the registry's own page; if its date is right there, please report this message.",
		}
	}
	credential := watch.Credential{
		Subject: subject, Form: watch.AccessToken, Identity: id, NotAfter: listed.expiry,
		Details: map[string]any{"read_only": listed.readonly, "bypass_2fa": listed.bypass2FA}, Remedy: makeNew,
	}
	if !listed.expiry.IsZero() {
		credential.LeftOverFrom = listed.expiry.Add(leftOverAfter)
		if !listed.created.IsZero() {
			credential.Life = max(0, listed.expiry.Sub(listed.created))
		}
	}
	if name != "" {
		credential.Details["account"] = name
	}
	if listed.description != "" {
		credential.Details["description"] = listed.description
	}
	if len(listed.permissions) > 0 {
		credential.Details["permissions"] = listed.permissions
	}
	if !listed.accessed.IsZero() {
		credential.Details["last_used"] = listed.accessed.Format(time.RFC3339)
	}
	if slices.Sort(listed.watchedAs); len(listed.watchedAs) > 0 {
		credential.Details["watched_as"] = slices.Compact(listed.watchedAs)
	}
	return credential
}
