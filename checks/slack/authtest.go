package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	shownRunes = 100
	// rotatingLife is the life of a token that rotates, and of one that configures apps.
	rotatingLife = 12 * time.Hour
	// longestLife is beyond any that Slack gives.
	longestLife = 366 * 24 * time.Hour
)

// family is what Slack says by how a token begins (docs.slack.dev/authentication/tokens).
type family int

const (
	otherToken family = iota
	// lastingToken is a bot's or user's of an app without token rotation.
	lastingToken
	// rotatingToken is one of an app with token rotation, or one that configures apps.
	rotatingToken
	// refreshToken buys others, and proves itself in no other way.
	refreshToken
)

func familyOf(token string) family {
	switch {
	case strings.HasPrefix(token, "xoxe.xox"):
		return rotatingToken
	case strings.HasPrefix(token, "xoxe-"), strings.HasPrefix(token, "xoxr-"):
		return refreshToken
	case strings.HasPrefix(token, "xoxb-"), strings.HasPrefix(token, "xoxp-"):
		return lastingToken
	}
	return otherToken
}

// answer is that of auth.test (docs.slack.dev/reference/methods/auth.test). ExpiresIn stands
// in the answer's type of Slack's own SDK for Node.js, and not on that page.
type answer struct {
	OK           *bool    `json:"ok"`
	Error        string   `json:"error"`
	Team         string   `json:"team"`
	TeamID       string   `json:"team_id"`
	User         string   `json:"user"`
	UserID       string   `json:"user_id"`
	BotID        string   `json:"bot_id"`
	AppID        string   `json:"app_id"`
	AppName      string   `json:"app_name"`
	EnterpriseID string   `json:"enterprise_id"`
	ExpiresIn    *float64 `json:"expires_in"`
}

// identity is whose a token is, and until when.
type identity struct {
	who      string
	notAfter time.Time
	details  map[string]any
}

// ask sends the token to auth.test. That changes nothing, so that it is asked again after a
// moment's outage.
func (c *check) ask(ctx context.Context, client *webclient.Client, token watch.Secret, family family) (identity, error) {
	if family == refreshToken {
		return identity{}, &webclient.Failure{Doing: "try the token", Reason: watch.Unparsable, Text: "it is a refresh token, which Slack accepts only in exchange for a new one", Lasting: true}
	}
	request := webclient.Request{
		Method: http.MethodPost, URL: strings.TrimRight(c.options.URL, "/") + "/auth.test", Form: url.Values{},
		Header: http.Header{"Authorization": {"Bearer " + token.Reveal()}, "Accept": {"application/json"}}, Secrets: []watch.Secret{token},
	}
	got, err := client.Get(ctx, request)
	if err != nil {
		return identity{}, err
	}
	said, readable := read(got.Body)
	if got.Status == http.StatusUnauthorized && listedtoken.IsPage(got.Body) {
		return identity{}, listedtoken.NotTheService(client.Refusal(request, got, ""))
	}
	if got.Status == http.StatusUnauthorized {
		return identity{}, &listedtoken.Refused{Text: client.Refusal(request, got, said.Error).Text, Code: got.Said(said.Error, shownRunes), Status: got.Status}
	}
	if got.Status != http.StatusOK {
		return identity{}, client.Refusal(request, got, said.Error)
	}
	if !readable {
		failure := client.Refusal(request, got, "")
		failure.Reason, failure.Text, failure.Lasting = watch.Unparsable, failure.Text+", which is no answer of auth.test", true
		return identity{}, failure
	}
	if !*said.OK {
		return identity{}, c.refusal(client, request, got, said.Error)
	}
	if said.odd() {
		failure := client.Refusal(request, got, "")
		failure.Reason, failure.Lasting = watch.Unparsable, true
		failure.Text = fmt.Sprintf("it accepts the token, and gives it %g seconds, which is no time that a token has left", *said.ExpiresIn)
		return identity{}, failure
	}
	now := c.env.Now()
	if !got.Date.IsZero() {
		now = got.Date // what is left counts from Slack's own clock
	}
	return said.identity(got, now), nil
}

// read reads an answer; one without a word whether it is ok is none. Where a field is not as
// it should be, what else could be read is given.
func read(body []byte) (said answer, readable bool) {
	err := json.Unmarshal(body, &said)
	return said, err == nil && said.OK != nil && (*said.OK || said.Error != "")
}

// refusals are the errors by which Slack says that a token is not, or no longer, one.
var refusals = map[string]string{
	"invalid_auth":     "the token is not valid, or this machine's address is not one that the app allows",
	"not_authed":       "it takes the token for none at all",
	"token_expired":    "the token has expired",
	"token_revoked":    "the token was revoked, its user or workspace deleted, or the app removed",
	"account_inactive": "its user or workspace was deleted, or its app removed",
}

// failures are the errors that say nothing of the token.
var failures = map[string]watch.Reason{
	"ratelimited": watch.Throttled, "rate_limited": watch.Throttled,
	"accesslimited": watch.PermissionDenied, "access_denied": watch.PermissionDenied, "no_permission": watch.PermissionDenied,
	"missing_scope": watch.PermissionDenied, "not_allowed_token_type": watch.PermissionDenied,
	"enterprise_is_restricted": watch.PermissionDenied, "ekm_access_denied": watch.PermissionDenied,
	"team_access_not_granted": watch.PermissionDenied, "two_factor_setup_required": watch.PermissionDenied,
}

func (c *check) refusal(client *webclient.Client, request webclient.Request, got webclient.Answer, code string) error {
	shown := got.Said(code, shownRunes)
	if meaning, known := refusals[code]; known {
		return &listedtoken.Refused{Text: fmt.Sprintf("%s (%s)", meaning, shown), Code: shown, Status: got.Status}
	}
	failure := client.Refusal(request, got, "")
	failure.Text = fmt.Sprintf("it answered with the error %q", shown)
	if reason, known := failures[code]; known {
		failure.Reason = reason
	}
	return failure
}

// odd reports whether the time that is left is none that a token can have.
func (a answer) odd() bool {
	return a.ExpiresIn != nil && (*a.ExpiresIn < 0 || *a.ExpiresIn > longestLife.Seconds())
}

// identity makes of an answer what is shown of it.
func (a answer) identity(got webclient.Answer, now time.Time) identity {
	found := identity{details: map[string]any{}}
	show := func(key, value string) string {
		shown := got.Said(value, shownRunes)
		if shown != "" {
			found.details[key] = shown
		}
		return shown
	}
	user, app, team := show("user", a.User), show("app", a.AppName), show("team", a.Team)
	for key, value := range map[string]string{"user_id": a.UserID, "team_id": a.TeamID, "bot_id": a.BotID, "app_id": a.AppID, "enterprise_id": a.EnterpriseID} {
		show(key, value)
	}
	switch {
	case user != "" && team != "":
		found.who = fmt.Sprintf(" as %s of %s", user, team)
	case app != "":
		found.who = " as the app " + app
	}
	if left := a.ExpiresIn; left != nil && !a.odd() {
		found.notAfter = now.Add(time.Duration(*left) * time.Second).UTC().Truncate(time.Second)
	}
	return found
}

// fact is what is told of a token that works.
func (i identity) fact(look listedtoken.Look, family family) watch.Fact {
	credential := watch.Credential{Subject: look.Subject, Form: watch.AccessToken, Identity: look.Identity, NotAfter: i.notAfter, Details: i.details}
	works := watch.Condition{Subject: look.Subject, Identity: look.Identity, Details: i.details, Text: "the token works" + clean.Prose(i.who)}
	switch {
	case !i.notAfter.IsZero():
		if family == rotatingToken {
			credential.Life = rotatingLife
			credential.Remedy = "Look at what refreshes this token (oauth.v2.access): it should have done so by now."
		}
		return credential
	case family == lastingToken:
		credential.Remedy = "Turn on token rotation for the app: without it this token never expires."
		return credential
	case family == rotatingToken:
		works.Text += "; it lasts for 12 hours, and Slack does not say when they end"
	default:
		works.Text += "; Slack tells no date for tokens of its kind"
	}
	return works
}
