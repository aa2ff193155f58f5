package azuredevops

import (
	"context"
	"encoding/base64"
	"encoding/json"
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
	// anonymous is the user as whom Azure DevOps answers those whom it does not know, where
	// an organization has public projects.
	anonymous = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
	// noSignIn asks for an honest 401 in place of the sign-in page.
	noSignIn      = "X-TFS-FedAuthRedirect"
	noSignInValue = "Suppress"
	signInPage    = "it answered with its sign-in page"
)

// try tells whether a token works.
func (c *check) try(ctx context.Context, client *webclient.Client, service listedtoken.Service, token Token) watch.Fact {
	var user string
	look := service.Look(ctx, subject(token), token.Token, func(ctx context.Context, secret watch.Secret) (err error) {
		user, err = c.connect(ctx, client, secret)
		return err
	})
	switch look.Reason {
	case watch.PermissionDenied:
		look.Remedy = "Look at the message: a Conditional Access or IP policy of the organization keeps this machine from trying the token."
	case watch.NotFound:
		look.Remedy = "Check organization, or url: there is none of that name."
	default: // listedtoken says, or policy
	}
	if !look.Works() {
		return look.Fact()
	}
	text := "the token works, as " + clean.Prose(user)
	if token.Expires.IsZero() {
		text += "; no API tells its date, so give it as expires, from the page of the user's personal access tokens"
	}
	return watch.Condition{Subject: look.Subject, Identity: look.Identity, Text: text, Details: map[string]any{"user": user}}
}

// tellDates tells the dates that the options know, whatever becomes of the tokens.
func (c *check) tellDates(sink watch.Sink) {
	for _, token := range c.options.Tokens {
		if token.Expires.IsZero() {
			continue
		}
		dated := token.Subject(datedPrefix + token.Name)
		dated.Name += " (date in expires)"
		c.env.Expect(1)
		sink(watch.Credential{
			Subject: dated, Form: watch.AccessToken, Identity: "until:" + token.Expires.Time().Format(time.RFC3339), NotAfter: token.Expires.Time(),
			Remedy: makeNew + " Then correct expires in the check's options.",
		})
	}
}

// connect asks who the token's user is.
func (c *check) connect(ctx context.Context, client *webclient.Client, token watch.Secret) (user string, err error) {
	pair := ":" + token.Reveal() // the user name is left empty
	request := webclient.Request{
		URL: c.options.address() + "/_apis/connectionData", Secrets: []watch.Secret{token, watch.NewSecret(pair)},
		Header: http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}, "Accept": {"application/json"}, noSignIn: {noSignInValue}},
	}
	answer, err := client.Get(ctx, request)
	if err != nil {
		return "", err
	}
	var said struct {
		AuthenticatedUser struct {
			ID                  string `json:"id"`
			ProviderDisplayName string `json:"providerDisplayName"`
		} `json:"authenticatedUser"`
		message
	}
	readable := json.Unmarshal(answer.Body, &said) == nil
	failure := client.Refusal(request, answer, said.Message)
	switch {
	case signsIn(answer):
		return "", &listedtoken.Refused{Text: signInPage, Status: answer.Status}
	case foreignPage(answer):
		return "", listedtoken.NotTheService(failure)
	case answer.Status == http.StatusUnauthorized:
		return "", &listedtoken.Refused{Text: failure.Text, Status: answer.Status}
	case answer.Status != http.StatusOK:
		return "", failure
	case readable && said.AuthenticatedUser.ID == anonymous:
		return "", &listedtoken.Refused{Text: "it takes whoever shows the token for an anonymous visitor", Status: answer.Status}
	case !readable || said.AuthenticatedUser.ID == "":
		failure.Reason, failure.Text, failure.Lasting = watch.Unparsable, failure.Text+", which does not say whose token it is", true
		return "", failure
	}
	if user = answer.Said(said.AuthenticatedUser.ProviderDisplayName, shownRunes); user == "" {
		user = answer.Said(said.AuthenticatedUser.ID, shownRunes)
	}
	return user, nil
}

// message is how Azure DevOps words an error.
type message struct {
	Message string `json:"message"`
}

// signsIn reports whether the answer is, or leads to, the page where a person signs in:
// 203, or a redirect. That is how Azure DevOps says that it does not know a token.
func signsIn(answer webclient.Answer) bool {
	switch answer.Status {
	case http.StatusNonAuthoritativeInfo:
		return true
	case http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusMovedPermanently:
		leads, err := url.Parse(answer.Header.Get("Location"))
		return err == nil && strings.Contains(strings.ToLower(leads.Path), "/_signin")
	}
	return false
}

// foreignPage reports whether a 401 is a page that something else than Azure DevOps answered
// with: of its own pages each bears one of its headers.
func foreignPage(answer webclient.Answer) bool {
	if answer.Status != http.StatusUnauthorized || !listedtoken.IsPage(answer.Body) {
		return false
	}
	for name := range answer.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-tfs-") || strings.HasPrefix(lower, "x-vss-") {
			return false
		}
	}
	return true
}
