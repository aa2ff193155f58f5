package oauth

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/jose"
	"lapsewatch/watch"
)

// tellGranted tells of a sign-in that worked.
func (p *pass) tellGranted(s SignIn, r *tokenRequest) {
	details := s.details()
	took := r.got.Took
	details["latency_ms"] = took.Milliseconds()
	life, malformed := r.got.span("expires_in")
	issued, isJWT := r.read()
	if life == 0 && isJWT && !issued.ExpiresAt.IsZero() {
		life = issued.ExpiresAt.Sub(r.came)
	}
	text := fmt.Sprintf("signs in: answered in %d ms, token of %s", took.Milliseconds(), spanText(life))
	if life > 0 {
		details["expires_in_seconds"] = int64(life.Seconds())
	}
	if kind := r.got.text("token_type"); kind != "" {
		details["token_type"] = r.got.said(kind, shownCode)
	}
	told := watch.Condition{Subject: s.subject(), Text: text, Details: details}
	for _, wrong := range []observed{p.scopes(s, r, issued, details), p.clock(r, issued, details), malformedLife(malformed), slow(s, took)} {
		if wrong.reason == "" {
			continue
		}
		if told.Reason == "" {
			told.Reason, told.Text, told.Remedy = wrong.reason, "signs in, but "+wrong.text, wrong.remedy
		} else {
			told.Text += "; " + wrong.text
		}
	}
	p.sink(told)
}

const serverClock = "Look at the time synchronisation of the authorization server."

// observed is what is wrong with an answer that granted a token.
type observed struct {
	reason watch.Reason
	text   string
	// remedy is the next step where policy's is about something else.
	remedy string
}

func malformedLife(clause string) observed {
	if clause == "" {
		return observed{}
	}
	return observed{watch.ClaimsMalformed, "its answer's " + clause, "Let the authorization server write expires_in as a number of seconds (RFC 6749, section 5.1)."}
}

func slow(s SignIn, took time.Duration) observed {
	limit := time.Duration(s.LatencyLimit)
	if limit == 0 || took <= limit {
		return observed{}
	}
	return observed{watch.SignInSlow, fmt.Sprintf("it took %d ms, longer than the %s of latency_limit", took.Milliseconds(), limit), ""}
}

// read reads the dates of the access token, if it is a JSON Web Token. Nothing else is done
// with it.
func (r *tokenRequest) read() (jose.Token, bool) {
	token, err := jose.Read([]byte(r.got.text("access_token")))
	return token, err == nil
}

// scopes compares what was granted to what must be. A server that says nothing granted what
// it was asked for (RFC 6749, section 5.1), unless its token says otherwise: one by RFC 9068
// names its scopes.
func (p *pass) scopes(s SignIn, r *tokenRequest, issued jose.Token, details map[string]any) observed {
	granted, given := r.got.scopes()
	if !given {
		granted = issued.Scopes
		if kind := strings.TrimPrefix(strings.ToLower(issued.Type), "application/"); len(granted) == 0 && kind != "at+jwt" {
			granted = s.Scopes
		}
	}
	return compareScopes(s.ExpectScopes, granted, r.got, details)
}

func compareScopes(expected, granted []string, said answer, details map[string]any) observed {
	shown := make([]string, 0, min(len(granted), maxScopes))
	for _, scope := range granted[:min(len(granted), maxScopes)] {
		shown = append(shown, said.said(scope, shownCode))
	}
	if len(shown) > 0 {
		details["scopes"] = shown
	}
	var missing []string
	for _, scope := range expected {
		if !slices.Contains(granted, scope) {
			missing = append(missing, scope)
		}
	}
	if len(missing) == 0 {
		return observed{}
	}
	return observed{watch.ClaimsUnexpected, "lacks the scope " + strings.Join(missing, ", "), "Grant the client what it lacks, or correct expect_scopes."}
}

// clock compares the server's clock to the own one: by its Date, whose fraction of a second
// is cut off, and by when it says that it issued the token. Whoever verifies a token of the
// future refuses it.
func (p *pass) clock(r *tokenRequest, issued jose.Token, details map[string]any) observed {
	tolerance := time.Duration(p.options.ClockTolerance)
	doubt := p.reference().Doubt()
	ahead, behind := time.Duration(0), time.Duration(0)
	if date := r.got.Date; !date.IsZero() {
		details["clock_offset_seconds"] = date.Sub(r.came).Round(time.Second).Seconds()
		ahead, behind = date.Sub(r.came), r.came.Sub(date.Add(time.Second))
	}
	for _, at := range []time.Time{issued.IssuedAt, issued.NotBefore} {
		if !at.IsZero() {
			ahead = max(ahead, at.Sub(r.came))
		}
	}
	over := issued.ExpiresAt
	switch {
	case doubt != "":
		details["clock_verified"] = false
		return observed{}
	case ahead > tolerance:
		return observed{watch.ClockDrift, fmt.Sprintf("the server's clock is %s ahead: whoever verifies its tokens refuses them until then", watch.Span(ahead)), serverClock}
	case !over.IsZero() && !over.After(r.came):
		return observed{watch.ClockDrift, fmt.Sprintf("its token had expired %s before it came: the server's clock is behind", watch.Span(r.came.Sub(over))), serverClock}
	case behind > tolerance:
		return observed{watch.ClockDrift, fmt.Sprintf("the server's clock is %s behind", watch.Span(behind)), serverClock}
	}
	return observed{}
}

// spanText is a token's life for people.
func spanText(life time.Duration) string {
	switch {
	case life <= 0:
		return "a life that is not said"
	case life < 2*time.Minute:
		return fmt.Sprintf("%d s", int64(life/time.Second))
	case life < 2*time.Hour:
		return fmt.Sprintf("%d min", int64(life/time.Minute))
	case life < 48*time.Hour:
		return fmt.Sprintf("%d h", int64(life/time.Hour))
	}
	return fmt.Sprintf("%d days", int64(life/(24*time.Hour)))
}
