package oauth

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/entry"
	"lapsewatch/watch"
)

const (
	maxText       = 2000
	maxScopes     = 100
	maxResources  = 20
	maxParameters = 20
	maxArguments  = 50
	maxVariables  = 50
	maxTolerance  = time.Hour
	maxLatency    = 10 * time.Minute
	// longestLife is far beyond any token's, and within what time.Duration can hold.
	longestLife = 100 * 366 * 24 * time.Hour
)

var (
	errNothing      = errors.New("there is nothing to look at: give sign_ins, introspections or refresh_tokens")
	errNoServer     = errors.New("name the authorization server: give issuer, or the URL of its endpoint")
	errNoStore      = errors.New("is needed with the grant refresh_token: a server that rotates answers with a new refresh token and forgets the old one, which would be lost")
	errStoreUnused  = errors.New("only the grant refresh_token brings something to store")
	errTwoStores    = errors.New("want exactly one of file and command")
	errStoreRead    = errors.New("say where the token that the command has stored can be read: want {file: PATH}, since a variable of this process never changes")
	errStoreItself  = errors.New("is read from store.file: leave it out")
	errNoSecret     = errors.New("is needed by this client_auth")
	errNotUsed      = errors.New("is of no use with this client_auth")
	errReserved     = errors.New("has a key of its own, or may be a secret")
	errNoEnd        = errors.New("give life or idle: no refresh token says until when it works; the authorization server's documentation or settings do (usual ones: docs/checks/oauth.md)")
	errNotWhole     = errors.New("want the whole path: two runs must mean the same file")
	errNoIssued     = errors.New("is needed: an environment variable does not tell when it was set")
	errScope        = errors.New("want a scope without spaces (RFC 6749, section 3.3)")
	errURL          = errors.New("want an https URL without user name or fragment")
	errAudience     = fmt.Errorf("want at most %d visible characters", maxText)
	errVariable     = errors.New("want letters, digits and _, and no digit first")
	variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// reserved are parameters that this check sets itself.
	reserved = []string{"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "refresh_token", "scope", "resource", "audience", "assertion", "code", "password"}
)

// wrongs collects what is wrong, each with its place.
type wrongs []error

func (w *wrongs) add(path string, err error) {
	*w = append(*w, &watch.FieldError{Path: path, Err: err})
}

// Validate reports what cannot be looked at, each with its place.
func (o Options) Validate() error {
	var wrong wrongs
	if len(o.SignIns)+len(o.Introspections)+len(o.RefreshTokens) == 0 {
		wrong.add("sign_ins", errNothing)
	}
	if o.ClockTolerance <= 0 || time.Duration(o.ClockTolerance) > maxTolerance {
		wrong.add("clock_tolerance", fmt.Errorf("want more than nothing and at most %s", maxTolerance))
	}
	wrong = append(wrong, entry.ListFaults("sign_ins", o.SignIns)...)
	wrong = append(wrong, entry.ListFaults("introspections", o.Introspections)...)
	wrong = append(wrong, entry.ListFaults("refresh_tokens", o.RefreshTokens)...)
	stores := map[string]string{}
	names := map[string]string{}
	for i, s := range o.SignIns {
		at := fmt.Sprintf("sign_ins[%d]", i)
		s.validate(at, stores, &wrong)
		if s.grant() == refreshToken {
			names[s.Name] = at
		}
	}
	for i, one := range o.Introspections {
		one.validate(fmt.Sprintf("introspections[%d]", i), &wrong)
	}
	for i, r := range o.RefreshTokens {
		at := fmt.Sprintf("refresh_tokens[%d]", i)
		if first, taken := names[r.Name]; taken {
			wrong.add(at+".name", fmt.Errorf("%q is the name of %s too, whose refresh token is watched already", r.Name, first))
		}
		r.validate(at, &wrong)
	}
	return errors.Join(wrong...)
}

func (s SignIn) validate(at string, stores map[string]string, wrong *wrongs) {
	s.Client.validate(at, s.TokenURL, "token_url", wrong)
	if s.Grant != "" && s.Grant != clientCredentials && s.Grant != refreshToken {
		wrong.add(at+".grant", errors.New("want client_credentials or refresh_token"))
	}
	checkScopes(at+".scopes", s.Scopes, wrong)
	checkScopes(at+".expect_scopes", s.ExpectScopes, wrong)
	if len(s.Resources) > maxResources {
		wrong.add(at+".resources", fmt.Errorf("%d resources are more than %d", len(s.Resources), maxResources))
	}
	for i, resource := range s.Resources {
		if parsed, err := url.Parse(resource); err != nil || !parsed.IsAbs() || parsed.Fragment != "" || len(resource) > maxText {
			wrong.add(fmt.Sprintf("%s.resources[%d]", at, i), errors.New("want an absolute URI without a fragment (RFC 8707, section 2)"))
		}
	}
	if clean.Text(s.Audience, maxText) != s.Audience {
		wrong.add(at+".audience", errAudience)
	}
	s.validateParameters(at+".parameters", wrong)
	if s.LatencyLimit < 0 || time.Duration(s.LatencyLimit) > maxLatency {
		wrong.add(at+".latency_limit", fmt.Errorf("want at most %s", maxLatency))
	}
	if !s.SecretExpires.IsZero() && s.Secret.IsZero() {
		wrong.add(at+".secret_expires", errors.New("there is no client_secret"))
	}
	s.validateStore(at, stores, wrong)
	s.Lifetime.validate(at, wrong)
}

func (s SignIn) validateParameters(at string, wrong *wrongs) {
	if len(s.Parameters) > maxParameters {
		wrong.add(at, fmt.Errorf("%d parameters are more than %d", len(s.Parameters), maxParameters))
	}
	for i, parameter := range s.Parameters {
		name, value := parameter.Name, parameter.Value
		lower := strings.ToLower(name)
		switch {
		case name == "" || len(name)+len(value) > maxText || clean.Text(name, maxText) != name:
			wrong.add(fmt.Sprintf("%s[%d]", at, i), fmt.Errorf("want names that can be seen, and at most %d characters", maxText))
		case slices.Contains(reserved, lower) || strings.Contains(lower, "secret") || strings.Contains(lower, "password"):
			wrong.add(fmt.Sprintf("%s[%d].name", at, i), fmt.Errorf("%q %w", clean.Text(name, maxText), errReserved))
		}
	}
}

func (s SignIn) validateStore(at string, stores map[string]string, wrong *wrongs) {
	store := s.Store
	if s.grant() != refreshToken {
		given := []bool{!store.isZero(), !s.RefreshToken.IsZero(), !s.Issued.IsZero(), s.Life > 0, s.Idle > 0}
		for i, key := range []string{"store", "refresh_token", "issued", "life", "idle"} {
			if given[i] {
				wrong.add(at+"."+key, errStoreUnused)
			}
		}
		return
	}
	if s.Life == 0 && s.Idle == 0 {
		wrong.add(at+".life", errNoEnd)
	}
	path, key := store.File, ".store.file"
	switch {
	case store.isZero():
		wrong.add(at+".store", errNoStore)
	case (store.File == "") == (len(store.Command) == 0):
		wrong.add(at+".store", errTwoStores)
	case store.File != "" && !s.RefreshToken.IsZero():
		wrong.add(at+".refresh_token", errStoreItself)
	case store.File == "" && s.RefreshToken.File == "":
		wrong.add(at+".refresh_token", errStoreRead)
	case store.File == "":
		path, key = s.RefreshToken.File, ".refresh_token.file"
	}
	if path == "" {
		return
	}
	if !filepath.IsAbs(path) {
		wrong.add(at+key, errNotWhole)
	}
	if first, taken := stores[filepath.Clean(path)]; taken {
		wrong.add(at+key, fmt.Errorf("is that of %s too: each of the two would use up the other's token", first))
	}
	stores[filepath.Clean(path)] = at
	store.validateCommand(at+".store", wrong)
}

func (s Store) validateCommand(at string, wrong *wrongs) {
	if len(s.Command) > maxArguments {
		wrong.add(at+".command", fmt.Errorf("%d arguments are more than %d", len(s.Command), maxArguments))
	}
	if len(s.Command) > 0 && !filepath.IsAbs(s.Command[0]) {
		wrong.add(at+".command[0]", errors.New("want the whole path of the program"))
	}
	if len(s.Environment) > maxVariables || len(s.Command) == 0 && len(s.Environment) > 0 {
		wrong.add(at+".environment", fmt.Errorf("want at most %d variables, for a command", maxVariables))
	}
	for i, variable := range s.Environment {
		here := fmt.Sprintf("%s.environment[%d]", at, i)
		if !variablePattern.MatchString(variable.Name) {
			wrong.add(here+".name", errVariable)
		}
		if err := variable.Value.Validate(); err != nil {
			wrong.add(here+".value", err)
		}
	}
}

func (l Lifetime) validate(at string, wrong *wrongs) {
	for i, key := range []string{"life", "idle"} {
		if value := []watch.Duration{l.Life, l.Idle}[i]; value < 0 || time.Duration(value) > longestLife {
			wrong.add(at+"."+key, fmt.Errorf("want at most %d days", longestLife/(24*time.Hour)))
		}
	}
}

func (i Introspection) validate(at string, wrong *wrongs) {
	i.Client.validate(at, i.IntrospectionURL, "introspection_url", wrong)
	if err := i.Token.Validate(); err != nil {
		wrong.add(at+".token", err)
	}
	if i.TokenTypeHint != "" && i.TokenTypeHint != "access_token" && i.TokenTypeHint != refreshToken {
		wrong.add(at+".token_type_hint", errors.New("want access_token or refresh_token"))
	}
	checkScopes(at+".expect_scopes", i.ExpectScopes, wrong)
}

func (r RefreshToken) validate(at string, wrong *wrongs) {
	if err := r.Token.Validate(); err != nil {
		wrong.add(at+".token", err)
	}
	if r.Life == 0 && r.Idle == 0 {
		wrong.add(at+".life", errNoEnd)
	}
	if r.Token.Env != "" && r.Issued.IsZero() {
		wrong.add(at+".issued", errNoIssued)
	}
	r.Lifetime.validate(at, wrong)
}

func checkScopes(at string, scopes []string, wrong *wrongs) {
	if len(scopes) > maxScopes {
		wrong.add(at, fmt.Errorf("%d scopes are more than %d", len(scopes), maxScopes))
		return
	}
	for i, scope := range scopes {
		if scope == "" || strings.ContainsAny(scope, " \"\\") || clean.Text(scope, maxText) != scope {
			wrong.add(fmt.Sprintf("%s[%d]", at, i), errScope)
		}
	}
}
