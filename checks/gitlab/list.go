package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go"

	"lapsewatch/internal/entry"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// list is one list of tokens.
type list struct {
	entry entry.Entry
	// name is what a person calls the list, of whom the words behind "of", and page where
	// the tokens are renewed.
	name, of, page string
	// prefix begins the IDs of what is in it.
	prefix string
	// needs says which right it takes.
	needs string
	fetch func(ctx context.Context, ask *caller, r *reading) *webclient.Failure
	// everybody: it holds what other lists hold too.
	everybody bool
	// deploy: it holds deploy tokens, which have IDs of their own.
	deploy bool
}

// subject stands for the list, whose tokens have subjects of their own.
func (l list) subject() watch.Subject {
	return watch.Subject{ID: l.prefix[:len(l.prefix)-1], Name: l.name + " of " + l.of, Owners: l.entry.Owners, Link: l.entry.Link}
}

// split takes the lists that hold what others hold too apart.
func split(lists []list) (some, everybody []list) {
	for _, l := range lists {
		if l.everybody {
			everybody = append(everybody, l)
		} else {
			some = append(some, l)
		}
	}
	return some, everybody
}

// allLists are those that the options ask for.
func (o Options) allLists() []list {
	var lists []list
	for _, project := range o.Projects {
		lists = append(lists, o.resource(project.Entry, "project", "projects", project.Project)...)
	}
	for _, group := range o.Groups {
		lists = append(lists, o.resource(group.Entry, "group", "groups", group.Group)...)
		if group.ServiceAccounts {
			lists = append(lists, o.serviceAccounts(group))
		}
	}
	if o.Personal {
		lists = append(lists, list{
			name: "personal access tokens", of: "all users", prefix: listedPrefix + "personal/", page: o.web("/admin/users"), everybody: true,
			needs: "Give token the scope read_api (with Admin Mode also admin_mode) and let it be an administrator's.",
			fetch: func(ctx context.Context, ask *caller, r *reading) *webclient.Failure {
				revoked := false
				return ask.all(ctx, at("personal_access_tokens"), paging{Revoked: &revoked}, r.accessToken)
			},
		})
	}
	return lists
}

// resource are the two lists of a project or group.
func (o Options) resource(e entry.Entry, sort, plural, of string) []list {
	prefix := listedPrefix + sort + "/" + url.PathEscape(e.Name) + "/"
	base := list{entry: e, of: sort + " " + of}
	access, deploy := base, base
	access.name, access.prefix = sort+" access tokens", prefix+"access/"
	access.needs = fmt.Sprintf("Give token the scope read_api, and its user the role Maintainer (of a group: Owner) in %s %s.", sort, of)
	access.fetch = func(ctx context.Context, ask *caller, r *reading) *webclient.Failure {
		return ask.all(ctx, at(plural, of, "access_tokens"), paging{}, r.accessToken)
	}
	deploy.deploy, deploy.name, deploy.prefix = true, "deploy tokens", prefix+"deploy/"
	deploy.needs = fmt.Sprintf("Give token the scope read_api, and its user the role Maintainer in %s %s.", sort, of)
	deploy.fetch = func(ctx context.Context, ask *caller, r *reading) *webclient.Failure {
		return ask.all(ctx, at(plural, of, "deploy_tokens"), paging{}, r.deployToken)
	}
	if _, err := strconv.Atoi(of); err != nil { // an ID does not lead to a page
		folder := "/"
		if sort == "group" {
			folder = "/groups/"
		}
		access.page, deploy.page = o.web(folder+of+"/-/settings/access_tokens"), o.web(folder+of+"/-/settings/repository")
	}
	return []list{access, deploy}
}

func (o Options) serviceAccounts(group Group) list {
	l := list{
		entry: group.Entry, name: "service account tokens", of: "group " + group.Group,
		prefix: listedPrefix + "group/" + url.PathEscape(group.Name) + "/service/",
		needs:  "Give token the scope read_api, and its user the role Owner in the top-level group " + group.Group + "; service accounts need GitLab Premium and their lists GitLab 17.11, or leave service_accounts out.",
	}
	l.fetch = func(ctx context.Context, ask *caller, r *reading) *webclient.Failure {
		var accounts []gitlab.GroupServiceAccount
		failure := ask.all(ctx, at("groups", group.Group, "service_accounts"), paging{}, func(raw json.RawMessage) {
			var account gitlab.GroupServiceAccount
			if json.Unmarshal(raw, &account) != nil || account.ID <= 0 {
				r.broken++
				return
			}
			accounts = append(accounts, account)
		})
		for _, account := range accounts {
			if failure != nil {
				return failure
			}
			r.holder = shown(account.UserName)
			failure = ask.all(ctx, at("groups", group.Group, "service_accounts", strconv.FormatInt(account.ID, 10), "personal_access_tokens"), paging{}, r.accessToken)
		}
		return failure
	}
	return l
}

// read reads the list, of which nothing is told yet.
func (l list) read(ctx context.Context, ask *caller) *reading {
	r := &reading{list: l, ask: ask, ids: map[int64]bool{}}
	switch failure := l.fetch(ctx, ask, r); {
	case failure != nil:
		r.err = l.unlisted(ask.pass, failure)
	case r.broken > 0:
		r.err = &webclient.Failure{Doing: ask.doing(), Reason: watch.Incomplete, Text: fmt.Sprintf("%d elements of the list cannot be read", r.broken), Lasting: true}
	}
	return r
}

// tell tells of what was read, and was not told of before.
func (r *reading) tell(ctx context.Context) {
	r.held = slices.DeleteFunc(r.held, func(token held) bool {
		id := tokenID{r.list.deploy, token.id}
		before := r.ask.seen[id]
		r.ask.seen[id] = true
		return before
	})
	told := func(tokens []held) {
		for _, token := range tokens {
			r.ask.env.Expect(1)
			r.ask.sink(token.fact)
		}
	}
	if r.list.everybody {
		later, soon := r.bySoon()
		told(later)
		r.held = soon
		r.name(ctx)
	}
	told(r.held)
	if r.err == nil {
		r.remark()
	}
}

// unlisted adds the next step to why a list was not read. GitLab answers 401 too where a
// right is missing: the token itself was accepted a moment before.
func (l list) unlisted(p *pass, failure *webclient.Failure) error {
	switch failure.Reason {
	case watch.AuthFailed, watch.PermissionDenied:
		return &webclient.Trouble{Err: failure, Reason: watch.PermissionDenied, Remedy: l.needs}
	case watch.NotFound:
		return &webclient.Trouble{Err: failure, Remedy: "Check that there is such a thing: GitLab hides what a token may not see. " + l.needs}
	default:
		return p.unread(failure)
	}
}

// reading is what was read of a list so far.
type reading struct {
	list list
	ask  *caller
	// holder is the account whose tokens are being read, if the list names it.
	holder string
	ids    map[int64]bool
	held   []held
	// revoked ones were left out, broken ones do not even say which they are.
	revoked, broken int
	// err is why the list was not read to its end, fault that we are to blame.
	err, fault error
}

// held is a token that was read, or is in the list and could not be.
type held struct {
	id   int64
	fact watch.Fact
}

// tokenID tells tokens of an instance apart.
type tokenID struct {
	deploy bool
	id     int64
}

// accessToken takes an element of a list of access tokens.
func (r *reading) accessToken(raw json.RawMessage) {
	var token gitlab.PersonalAccessToken
	if err := json.Unmarshal(raw, &token); err != nil || token.ID <= 0 {
		r.unreadable(raw)
		return
	}
	switch {
	case r.ids[token.ID]:
		return // a page moved while it was read
	case token.Revoked:
		r.revoked++
		return
	}
	r.ids[token.ID] = true
	holder := r.list.of
	if r.holder != "" {
		holder = r.holder
	} else if r.list.everybody {
		holder = fmt.Sprintf("user %d", token.UserID)
	}
	found := credentialOf(r.subject(token.ID, token.Name, holder), token)
	found.Use, found.LeftOverFrom = use(token.LastUsedAt, found.NotAfter, r.ask.env.Now()), leftOver(found.NotAfter)
	r.held = append(r.held, held{token.ID, found})
}

// deployToken takes an element of a list of deploy tokens, whose ends are instants
// (https://docs.gitlab.com/api/deploy_tokens/).
func (r *reading) deployToken(raw json.RawMessage) {
	var token gitlab.DeployToken
	if err := json.Unmarshal(raw, &token); err != nil || token.ID <= 0 {
		r.unreadable(raw)
		return
	}
	var end time.Time
	if token.ExpiresAt != nil {
		end = token.ExpiresAt.UTC()
	}
	switch {
	case r.ids[token.ID]:
		return
	case token.Revoked:
		r.revoked++
		return
	}
	r.ids[token.ID] = true
	details := map[string]any{"token_id": token.ID, "token_name": shown(token.Name), "user_name": shown(token.Username), "deploy_token": true}
	if scopes := allShown(token.Scopes); len(scopes) > 0 {
		details["scopes"] = scopes
	}
	r.held = append(r.held, held{token.ID, watch.Credential{
		Subject: r.subject(token.ID, token.Name, r.list.of), Form: watch.AccessToken, Identity: identity(token.ID, end), NotAfter: end, LeftOverFrom: leftOver(end), Details: details,
		Remedy: "Make a new deploy token, and give it to whatever uses the old one: a deploy token cannot be extended.",
	}})
}

func (r *reading) subject(id int64, name, holder string) watch.Subject {
	if name = shown(name); name == "" {
		name = fmt.Sprintf("token %d", id)
	}
	link := r.list.entry.Link
	if link == "" {
		link = r.list.page
	}
	return watch.Subject{ID: r.list.prefix + strconv.FormatInt(id, 10), Name: name + " of " + holder, Owners: r.list.entry.Owners, Link: link}
}

// unreadable tells of an element that GitLab describes in a form that cannot be read. It
// hides nothing but itself, if it says which it is.
func (r *reading) unreadable(raw json.RawMessage) {
	var said struct {
		ID int64 `json:"id"`
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || json.Unmarshal(fields["id"], &said.ID) != nil || said.ID <= 0 || r.ids[said.ID] {
		r.broken++
		return
	}
	r.ids[said.ID] = true
	r.held = append(r.held, held{said.ID, watch.Problem{
		Subject: r.subject(said.ID, "", r.list.of), Reason: watch.Unparsable, Confined: true,
		Err:    errors.New("read the token in the list of " + r.list.of + ": GitLab describes it in a form that cannot be read"),
		Remedy: "Look at the token's end at GitLab, and report this message as a fault of Lapsewatch.",
	}})
}

// remark tells what was left out.
func (r *reading) remark() {
	if r.revoked > 0 {
		r.ask.sink(watch.Remark{Text: fmt.Sprintf("%s: %d that were revoked were left out", r.list.subject().Name, r.revoked)})
	}
}
