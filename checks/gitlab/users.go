package gitlab

import (
	"context"
	"strconv"
	"strings"
	"time"

	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	// maxUsers bounds how many users a pass asks for, and lookUpFor for how long: who a user
	// is matters less than the tokens.
	maxUsers  = 200
	lookUpFor = 5 * time.Second
)

// bySoon takes the tokens apart that end soon enough to be told of by their user's name.
func (r *reading) bySoon() (later, soon []held) {
	limit := r.ask.env.Now().Add(r.ask.env.Horizon)
	for _, token := range r.held {
		found, dated := token.fact.(watch.Credential)
		if dated && !found.NotAfter.IsZero() && !found.NotAfter.After(limit) {
			soon = append(soon, token)
		} else {
			later = append(later, token)
		}
	}
	return later, soon
}

// name puts the login name of its user to each token. Where that cannot be had, the user's
// number stays, and the first failure is the last question.
func (r *reading) name(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookUpFor)
	defer cancel()
	logins := map[int64]string{}
	failed := false
	for i, each := range r.held {
		token := each.fact.(watch.Credential) //nolint:forcetypeassert // bySoon gives no others
		id, known := token.Details["user_id"].(int64)
		if !known {
			continue
		}
		login, asked := logins[id]
		if !asked && !failed && len(logins) < maxUsers {
			var failure *webclient.Failure
			login, failure = r.ask.login(ctx, id)
			if failure != nil {
				r.ask.env.Log.Debug("the user of a token was not looked up", "user_id", id, "error", failure)
				failed = failure.Reason != watch.NotFound
			}
			logins[id] = login
		}
		if login != "" {
			token.Subject.Name = strings.TrimSuffix(token.Subject.Name, "user "+strconv.FormatInt(id, 10)) + login
			token.Subject.Labels = map[string]string{"login": login}
			token.Details["login"] = login
			r.held[i].fact = token
		}
	}
}

// login is the name that a user signs in with (https://docs.gitlab.com/api/users/).
func (c *caller) login(ctx context.Context, id int64) (string, *webclient.Failure) {
	var user struct {
		Username string `json:"username"`
	}
	if _, failure := c.get(ctx, at("users", strconv.FormatInt(id, 10)), nil, &user); failure != nil {
		return "", failure
	}
	return shown(user.Username), nil
}
