package github

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v84/github"

	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	// backdated and assertionLife are what GitHub asks for: issued a minute ago, for no
	// more than ten (https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app).
	backdated     = time.Minute
	assertionLife = 9 * time.Minute
)

// who is how GitHub knows the App.
func (s SignIn) who() string { return cmp.Or(s.ClientID, strconv.FormatInt(s.AppID, 10)) }

// assertion signs a statement that this is the App, and names the key as GitHub's page of
// the App does. The key itself is forgotten.
func (s SignIn) assertion(pem watch.Secret, now time.Time) (signed watch.Secret, fingerprint string, err error) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(pem.Reveal()))
	if err != nil {
		return watch.Secret{}, "", s.badKey("it is no RSA key in PEM without a passphrase")
	}
	claims := jwt.MapClaims{"iat": now.Add(-backdated).Unix(), "exp": now.Add(assertionLife - backdated).Unix(), "iss": s.who()}
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
	if err != nil {
		return watch.Secret{}, "", s.badKey("nothing can be signed with it")
	}
	return watch.NewSecret(text), fingerprintOf(&key.PublicKey), nil
}

func (s SignIn) badKey(why string) error {
	return &webclient.Trouble{
		Err: fmt.Errorf("read the private key in %s: %s", s.PrivateKey, why), Reason: watch.Unparsable,
		Remedy: "Put the key as GitHub gave it (-----BEGIN RSA PRIVATE KEY-----) where the check's options refer to.",
	}
}

func fingerprintOf(key *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return "SHA256:" + base64.StdEncoding.EncodeToString(sum[:])
}

const newKey = "Make a new private key on the App's page at GitHub, and put it where the old one is used and where this check's options refer to."

// run proves that GitHub accepts the App's key.
func (a App) run(ctx context.Context, p *pass, l look) error {
	pem, err := p.key(a.PrivateKey)
	if err != nil {
		return err
	}
	what := "the key of App " + a.who()
	known, stands := p.standing(ctx, l, pem)
	if stands {
		p.sink(refusedFact(l, what, pem, *known, true, newKey))
		return nil
	}
	signed, fingerprint, err := a.assertion(pem, p.ownTime())
	if err != nil {
		return err
	}
	ask, err := p.with(signed)
	if err != nil {
		return err
	}
	var app github.App
	_, failure := ask.get(ctx, "app", &app)
	if failure == nil && (app.GetID() <= 0 || app.GetSlug() == "") {
		failure = ask.unlike("the answer is not what GitHub's documentation says: it describes no App", http.StatusOK)
	}
	switch {
	case failure != nil && untimely(failure):
		return clockTrouble(failure)
	case failure != nil && (isRefusal(failure) || unknownApp(failure)):
		explained := *failure
		explained.Text += notItsKey(failure)
		p.sink(refusedFact(l, what, pem, p.refused(ctx, l, known, &explained, pem), false, newKey))
		return nil
	case failure != nil:
		return p.unread(failure)
	}
	l.book.Succeeded(ctx)
	if l.subject.Link == "" && app.Owner.GetType() == "Organization" && organizationName.MatchString(app.Owner.GetLogin()) && organizationName.MatchString(app.GetSlug()) {
		l.subject.Link = fmt.Sprintf("%s/organizations/%s/settings/apps/%s", p.options.web(), app.Owner.GetLogin(), app.GetSlug())
	}
	p.sink(watch.Condition{
		Subject: l.subject, Identity: listedtoken.Identity(pem), Text: fmt.Sprintf("GitHub accepts its key as App %q; GitHub gives keys no date", shown(cmp.Or(app.GetSlug(), app.GetName()))),
		Details: map[string]any{"app": shown(cmp.Or(app.GetSlug(), app.GetName())), "app_owner": shown(app.Owner.GetLogin()), "key_fingerprint": fingerprint},
	})
	return nil
}

// untimely: it is the time that GitHub objects to. It says "'Issued at' claim ('iat') must
// be an Integer …" of one that lies ahead, and the like of 'exp'.
func untimely(failure *webclient.Failure) bool {
	return isRefusal(failure) && (strings.Contains(failure.Text, "('iat')") || strings.Contains(failure.Text, "('exp')"))
}

// unknownApp: what is asked for is the App itself, which GitHub does not find.
func unknownApp(failure *webclient.Failure) bool {
	return failure.Status == http.StatusNotFound && strings.Contains(failure.Text, "Integration not found")
}

func notItsKey(failure *webclient.Failure) string {
	if strings.Contains(failure.Text, "could not be decoded") {
		return " (the key is not, or no longer, one of this App)"
	}
	return ""
}

func clockTrouble(failure *webclient.Failure) error {
	return &webclient.Trouble{
		Err: failure, Reason: watch.AuthAssertionTime,
		Remedy: "Check the clock of this machine: GitHub refuses what is signed a minute ahead of its own.",
	}
}

// installed signs in as an App, and finds where it is installed in an organization.
func (p *pass) installed(ctx context.Context, s SignIn, organization string, pem watch.Secret) (*caller, int64, error) {
	signed, _, err := s.assertion(pem, p.ownTime())
	if err != nil {
		return nil, 0, err
	}
	ask, err := p.with(signed)
	if err != nil {
		return nil, 0, err
	}
	var installation github.Installation
	_, failure := ask.get(ctx, "orgs/"+organization+"/installation", &installation)
	switch {
	case failure != nil:
		return nil, 0, explainedSignIn(failure, organization)
	case installation.GetID() <= 0:
		return nil, 0, ask.unlike("the answer is not what GitHub's documentation says: it describes no installation", http.StatusOK)
	}
	return ask, installation.GetID(), nil
}

// mint asks for a token of an installation that lasts an hour, and may read what the one
// permission allows and nothing else.
func (c *caller) mint(ctx context.Context, installation int64, permission string) (watch.Secret, *webclient.Failure) {
	wanted, err := json.Marshal(map[string]any{"permissions": map[string]string{permission: "read"}})
	if err != nil {
		return watch.Secret{}, &webclient.Failure{Doing: c.doing(), Reason: watch.Unreadable, Text: "the request cannot be made", Lasting: true}
	}
	var made github.InstallationToken
	address := fmt.Sprintf("%s/app/installations/%d/access_tokens", strings.TrimSuffix(c.options.APIURL, "/"), installation)
	if failure := c.post(ctx, address, wanted, &made); failure != nil {
		return watch.Secret{}, failure
	}
	if made.GetToken() == "" {
		return watch.Secret{}, c.unlike("the answer is not what GitHub's documentation says: it holds no token", http.StatusCreated)
	}
	return watch.NewSecret(made.GetToken()), nil
}

func explainedSignIn(failure *webclient.Failure, organization string) error {
	switch {
	case untimely(failure):
		return clockTrouble(failure)
	case failure.Status == http.StatusNotFound && !unknownApp(failure):
		return &webclient.Trouble{Err: failure, Remedy: "Install the App in the organization " + organization + ", or correct the organization's name."}
	}
	return failure
}
