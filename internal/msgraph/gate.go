package msgraph

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"golang.org/x/time/rate"

	"lapsewatch/internal/holdoff"
	"lapsewatch/watch"
)

const (
	signingIn = "sign in to tenant "
	// beforeExpiry is how long before its end a token is no longer used.
	beforeExpiry = 5 * time.Minute
	// longestWaitedOut is the longest hold that a pass waits for, so that one failure of a
	// moment does not cost a daily run its pass.
	longestWaitedOut = 10 * time.Second
)

// gate hands out the token, and lets nobody through to Entra while a refusal is to be
// honoured. Every sign-in reads the credential anew and forgets it afterwards; only the
// token is kept.
type gate struct {
	options SignIn
	env     Env
	wire    *wire
	sleep   func(context.Context, time.Duration) bool
	// turn is held by the one who looks for a token; unlike a mutex it can be waited for
	// as long as ctx lasts.
	turn chan struct{}
	// What follows belongs to who holds turn.
	token       azcore.AccessToken
	taken       time.Time
	holds       holdoff.Book
	interactive bool
	// renewals of tokens that Graph refuses before they end.
	renewals *rate.Limiter
}

func newGate(options SignIn, env Env, wire *wire) *gate {
	whole, _ := json.Marshal(options) // strings and references only, which always encode
	who := [][]byte{[]byte(options.endpoints().authority), []byte(options.Tenant), []byte(options.ClientID), []byte(options.method())}
	if env.Resource != "" {
		who = append(who, []byte(env.Resource))
	}
	g := &gate{
		options: options, env: env, wire: wire, sleep: sleep, interactive: env.Interactive,
		turn:     make(chan struct{}, 1),
		renewals: rate.NewLimiter(rate.Every(30*time.Minute), 2),
	}
	g.holds = holdoff.Book{
		Memory: env.Memory, Log: env.Log, Key: "sign-in:" + holdoff.Digest(who...), Options: holdoff.Digest(whole),
		Subject: "tenant " + options.Tenant, Waits: g.wait, Unasked: unasked,
	}
	return g
}

func (g *gate) doing() string {
	who := ""
	if g.options.ClientID != "" {
		who = " as application " + g.options.ClientID
	}
	return signingIn + g.options.Tenant + who
}

// take gives a token. stale is one that Graph has just refused; it is not given again.
func (g *gate) take(ctx context.Context, stale string) (string, error) {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return "", interrupted(ctx, g.doing())
	}
	now := g.env.Now()
	if g.token.Token != "" && g.token.Token != stale && g.usable(now) {
		return g.token.Token, nil
	}
	if stale != "" && stale == g.token.Token && !g.renewals.AllowN(now, 1) {
		return "", &Failure{Doing: g.doing(), Reason: watch.AuthFailed, Text: "Microsoft Graph refuses one fresh token after the other"}
	}
	fresh, err := g.signIn(ctx, stale != "")
	if err != nil {
		return "", err
	}
	if fresh.Token == stale {
		return "", &Failure{Doing: g.doing(), Reason: watch.AuthFailed, Text: "Microsoft Graph refuses the token, and no other is to be had before it ends"}
	}
	g.token, g.taken = fresh, g.env.Now()
	return fresh.Token, nil
}

// usable keeps away from a token's end; of a short life at least half is used, so that no
// request needs a token of its own.
func (g *gate) usable(now time.Time) bool {
	life := g.token.ExpiresOn.Sub(g.taken)
	return now.Before(g.token.ExpiresOn.Add(-min(beforeExpiry, life/2)))
}

// signIn makes an attempt, and further ones as long as their holds are short enough to be
// waited for.
func (g *gate) signIn(ctx context.Context, renew bool) (azcore.AccessToken, error) {
	for {
		token, err := g.attempt(ctx, renew)
		failure, ok := errors.AsType[*Failure](err)
		if !ok || failure.Held || !failure.soonOver() || failure.RetryAt.IsZero() {
			return token, err
		}
		wait := failure.RetryAt.Sub(g.env.Now())
		deadline, bounded := ctx.Deadline()
		if wait > longestWaitedOut || bounded && wait >= time.Until(deadline) {
			return token, err
		}
		if !g.sleep(ctx, wait) {
			return token, interrupted(ctx, g.doing())
		}
	}
}

// attempt makes one attempt, unless a hold stands against it.
func (g *gate) attempt(ctx context.Context, renew bool) (azcore.AccessToken, error) {
	now := g.env.Now()
	key, failure := g.read(now)
	if failure != nil {
		return azcore.AccessToken{}, failure
	}
	known := g.holds.Recall(ctx, now, key.material())
	if known != nil && now.Before(known.RetryAt) && !g.interactive {
		return azcore.AccessToken{}, heldFailure(g.doing(), known)
	}
	g.interactive = false
	witness := newWitness(g.options, g.wire, append(key.secrets(), g.wire.proxySecrets(g.options.endpoints().authority)...))
	request := policy.TokenRequestOptions{Scopes: []string{cmp.Or(g.env.Resource, g.options.endpoints().graph) + "/.default"}}
	if renew && g.options.method() == ManagedIdentity {
		request.Claims = "{}" // the one credential with a cache of the whole process: claims pass it by
	}
	got, err := getToken(ctx, g.options, key, witness, request)
	switch {
	case err == nil && got.Token != "":
		g.holds.Succeeded(ctx)
		return got, nil
	case err == nil:
		err = errors.New("the answer holds no token")
	case ctx.Err() != nil:
		return azcore.AccessToken{}, interrupted(ctx, g.doing())
	}
	ended := g.env.Now() // waits count from the answer, which may have taken a minute
	failure = g.explain(err, witness, ended)
	failure.hide(witness.secrets)
	held := g.holds.Refused(ctx, known, failure.refusal(), failure.RetryAt.Sub(ended), key.material(), ended)
	failure.Attempts, failure.RetryAt = held.Count, held.RetryAt
	return azcore.AccessToken{}, failure
}

// getToken asks azidentity, whose panics are errors.
func getToken(ctx context.Context, options SignIn, key ownKey, witness *witness, request policy.TokenRequestOptions) (got azcore.AccessToken, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("the sign-in library fails: %v", fault)
		}
	}()
	credential, err := newCredential(options, key, witness)
	if err != nil {
		return got, err
	}
	return credential.GetToken(ctx, request)
}
