package gitlab

import (
	"context"
	"strconv"
	"strings"

	"lapsewatch/internal/webclient"
)

// maxUsers bounds how many users a pass asks for.
const maxUsers = 200

// name puts the login name of its user to each token that ends soon enough to be told of.
// Where that cannot be had, the user's number stays.
func (r *reading) name(ctx context.Context) {
	logins := map[int64]string{}
	limit := r.ask.env.Now().Add(r.ask.env.Horizon)
	for i := range r.held {
		token := &r.held[i]
		id, known := token.Details["user_id"].(int64)
		if !known || token.NotAfter.IsZero() || token.NotAfter.After(limit) {
			continue
		}
		login, asked := logins[id]
		if !asked && len(logins) < maxUsers && ctx.Err() == nil {
			var failure *webclient.Failure
			if login, failure = r.ask.login(ctx, id); failure != nil {
				r.ask.env.Log.Debug("the user of a token was not looked up", "user_id", id, "error", failure)
			}
			logins[id] = login
		}
		if login != "" {
			token.Subject.Name = strings.TrimSuffix(token.Subject.Name, "user "+strconv.FormatInt(id, 10)) + login
			token.Subject.Labels = map[string]string{"login": login}
			token.Details["login"] = login
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
