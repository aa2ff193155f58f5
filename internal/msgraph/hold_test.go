package msgraph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/internal/faketenant"
	"lapsewatch/internal/holdoff"
	"lapsewatch/watch"
)

// try signs in with a client of its own, as each run does.
func (w *world) try(t testing.TB, options SignIn, edit ...func(*Env)) *Failure {
	t.Helper()
	_, err := w.open(t, options, edit...).Authenticate(t.Context())
	if err == nil {
		return nil
	}
	failure, ok := errors.AsType[*Failure](err)
	if !ok {
		t.Fatal(err)
	}
	return failure
}

func expire(server *faketenant.Tenant) {
	server.Change(func(d *faketenant.Directory) {
		d.Applications[0].PasswordCredentials = []faketenant.PasswordCredential{secretOf(ownSecret, today.AddDate(0, 0, -1))}
	})
}

func attemptsAt(server *faketenant.Tenant) int { return len(server.To("/token")) }

func TestF11_AnExpiredSecretCostsOneAttemptPerStep(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	expire(server)
	options, asked := at(t, server), 0
	for count, step := range []time.Duration{1, 2, 4, 8, 16, 23, 23} {
		first := where.try(t, options)
		asked++
		next := where.now.Add(step * time.Hour)
		if first == nil || first.Held || first.Reason != watch.AuthSecretExpired || first.Attempts != count+1 || !first.RetryAt.Equal(next) {
			t.Fatalf("attempt %d: %+v, want to try again at %s", count+1, first, next)
		}
		for _, early := range []time.Duration{0, time.Minute, step*time.Hour - time.Second} {
			where.now = next.Add(-step * time.Hour).Add(early)
			held := where.try(t, options)
			want := fmt.Sprintf("sign in to tenant %s as application %s: not tried again before %s, after ", server.TenantID, ownApp, next.UTC().Format(time.RFC3339))
			if held == nil || !held.Held || held.Reason != watch.AuthSecretExpired || held.Code != "AADSTS7000222" || !held.RetryAt.Equal(next) || !strings.HasPrefix(held.Error(), want) || !strings.Contains(held.Error(), ": the client secret has expired (AADSTS7000222, correlation id ") {
				t.Fatalf("%s after attempt %d: %v", early, count+1, held)
			}
		}
		if got := attemptsAt(server); got != asked {
			t.Fatalf("%d attempts reached Entra, want %d", got, asked)
		}
		where.now = next
	}
}

func TestF11_FiftyRequestsAtOnceAreOneAttempt(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	expire(server)
	client := where.open(t, at(t, server), func(env *Env) { env.Memory = brokenMemory{} })
	var group sync.WaitGroup
	held := make(chan bool, 50)
	for range 50 {
		group.Go(func() {
			err := client.GetJSON(t.Context(), "read", client.Get("v1.0", "/organization", nil), &struct{}{})
			failure, _ := errors.AsType[*Failure](err)
			held <- failure != nil && failure.Held
		})
	}
	group.Wait()
	close(held)
	tried := 0
	for was := range held {
		if !was {
			tried++
		}
	}
	if tried != 1 || attemptsAt(server) != 1 {
		t.Errorf("%d requests tried, and %d attempts reached Entra", tried, attemptsAt(server))
	}
	if !strings.Contains(where.log.String(), "remember a refused sign-in") {
		t.Errorf("a memory that does not work goes unnoticed: %s", where.log)
	}
}

type brokenMemory struct{}

func (brokenMemory) Recall(context.Context, string) ([]byte, error) {
	return nil, errors.New("disk full")
}

func (brokenMemory) Remember(context.Context, string, []byte) error { return errors.New("disk full") }

func TestANewCredentialOrOtherOptionsEndTheHoldAtOnce(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	expire(server)
	options := at(t, server)
	if where.try(t, options) == nil {
		t.Fatal("an expired secret signed in")
	}
	other := options
	other.CAFile = write(t, "other.pem", server.RootPEM)
	if failure := where.try(t, other); failure == nil || failure.Held {
		t.Errorf("with other options: %v", failure)
	}
	server.Change(func(d *faketenant.Directory) {
		d.Applications[0].PasswordCredentials = append(d.Applications[0].PasswordCredentials, secretOf("new-canary-secret", today.AddDate(1, 0, 0)))
	})
	if failure := where.try(t, other); failure == nil || !failure.Held {
		t.Errorf("with the old secret: %v", failure)
	}
	where.secrets.set("OWN_SECRET", "new-canary-secret")
	if failure := where.try(t, other); failure != nil {
		t.Errorf("with the new secret: %v", failure)
	}
	if kept := where.memory.all(); len(kept) != 0 {
		t.Errorf("after a success is remembered: %s", kept)
	}
	where.secrets.set("OWN_SECRET", ownSecret)
	if failure := where.try(t, other); failure == nil || failure.Held || failure.Attempts != 1 {
		t.Errorf("with the old secret again: %v", failure)
	}
}

func TestARefusalOfAnotherSortBeginsWithItsFirstStep(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	options := at(t, server)
	server.Misbehave(faketenant.Manner{On: "/token", Times: 3, Answer: faketenant.Unavailable("")})
	outage := where.try(t, options)
	if outage == nil || outage.Lasting || outage.Attempts != 3 {
		t.Fatalf("an outage: %+v", outage)
	}
	expire(server)
	where.now = outage.RetryAt
	refused := where.try(t, options)
	if refused == nil || refused.Attempts != 1 || !refused.RetryAt.Equal(where.now.Add(time.Hour)) {
		t.Fatalf("an expired secret after it: %+v, want to try again in an hour", refused)
	}
}

func TestASuccessEndsTheHoldOfAClientThatLivesOn(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	client := where.open(t, at(t, server))
	server.Misbehave(faketenant.Manner{On: "/token", Times: 3, Answer: faketenant.Unavailable("")})
	refusal := func() *Failure {
		_, err := client.Authenticate(t.Context())
		failure, _ := errors.AsType[*Failure](err)
		return failure
	}
	for range 2 {
		if outage := refusal(); outage == nil || outage.Attempts != 3 {
			t.Fatalf("an outage: %+v, want three attempts in this and none before it", outage)
		}
		where.now = where.now.Add(time.Hour)
		if failure := refusal(); failure != nil {
			t.Fatalf("after it: %v", failure)
		}
		if kept := where.memory.all(); len(kept) != 0 {
			t.Fatalf("after a success is remembered: %s", kept)
		}
		// The token of that success is past its time by then.
		where.now = where.now.Add(2 * time.Hour)
		server.Misbehave(faketenant.Manner{On: "/token", Times: 3, Answer: faketenant.Unavailable("")})
	}
}

func TestARotatedCertificateEndsTheHold(t *testing.T) {
	t.Parallel()
	server, where, fresh := tenant(t, many(0)), newWorld(), mustRSA(today, today.AddDate(1, 0, 0))
	options := certificate(at(t, server))
	withCertificate(server, fresh)
	where.secrets.set("OWN_CERT", pemOf(t, rsaPair()))
	for range 2 {
		where.try(t, options)
	}
	if attemptsAt(server) != 1 {
		t.Errorf("%d attempts with the unknown certificate", attemptsAt(server))
	}
	where.secrets.set("OWN_CERT", pemOf(t, fresh))
	if failure := where.try(t, options); failure != nil {
		t.Errorf("with the registered one: %v", failure)
	}
}

func posts(server *faketenant.Tenant) int {
	count := 0
	for _, request := range server.To("/token") {
		if request.Method == http.MethodPost {
			count++
		}
	}
	return count
}

func TestAnOutageIsTriedAgainSooner(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	options, asked := at(t, server), 0
	const s, m = time.Second, time.Minute
	for run, row := range []struct {
		retryAfter string
		// posts of this run, and the waits within it.
		posts  int
		waited time.Duration
		wait   time.Duration
	}{
		{"", 3, 2*s + 8*s, m},
		{"", 1, 0, 2 * m},
		{"5", 1, 0, 4 * m},
		{"1800", 1, 0, 30 * m},
		{"86400", 1, 0, time.Hour},
		{"", 1, 0, 15 * m},
		{"-5", 1, 0, 15 * m},
	} {
		server.Misbehave(faketenant.Manner{On: "/token", Times: faketenant.Always, Answer: faketenant.Unavailable(row.retryAfter)})
		began := where.now
		failure := where.try(t, options)
		asked += row.posts
		if failure == nil || failure.Held || failure.Lasting || failure.Reason != watch.AuthFailed || failure.Status != 503 || failure.Attempts != asked || !failure.RetryAt.Equal(where.now.Add(row.wait)) {
			t.Fatalf("run %d: %+v, want to try again after %s", run+1, failure, row.wait)
		}
		if posts(server) != asked || where.now.Sub(began) != row.waited {
			t.Fatalf("run %d: %d requests so far, want %d; waited %s, want %s", run+1, posts(server), asked, where.now.Sub(began), row.waited)
		}
		if held := where.try(t, options); held == nil || !held.Held || posts(server) != asked {
			t.Fatalf("run %d, at once again: %+v after %d requests", run+1, held, posts(server))
		}
		where.now = failure.RetryAt
	}
	server.Misbehave()
	if failure := where.try(t, options); failure != nil {
		t.Errorf("after the outage: %v", failure)
	}
}

func TestAFailureOfAMomentCostsNoPass(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for name, row := range map[string]struct {
		on     string
		answer faketenant.Answer
		times  int
		posts  int
		waited time.Duration
	}{
		"one 503":                            {"/token", faketenant.Unavailable(""), 1, 2, 2 * s},
		"two of them":                        {"/token", faketenant.Unavailable(""), 2, 3, 10 * s},
		"one 429 that asks for five seconds": {"/token", faketenant.Throttled("5"), 1, 2, 5 * s},
		"a broken connection":                {"/token", broken, 1, 2, 2 * s},
		"a broken connection at the start":   {"/openid-configuration", broken, 1, 1, 2 * s},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, where := tenant(t, many(0)), newWorld()
			began := where.now
			server.Misbehave(faketenant.Manner{On: row.on, Times: row.times, Answer: row.answer})
			got := walk(t, where.open(t, at(t, server)))
			if got.err != nil || posts(server) != row.posts || where.now.Sub(began) != row.waited || len(where.memory.all()) != 0 {
				t.Errorf("%v; %d requests, want %d; waited %s; remembered %s", got.err, posts(server), row.posts, where.now.Sub(began), where.memory.all())
			}
		})
	}
}

// broken ends the connection in place of an answer.
func broken(*faketenant.Tenant, http.ResponseWriter, *http.Request, http.Handler) {
	panic(http.ErrAbortHandler)
}

func TestALongerRetryAfterEndsThePassAtOnce(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	server.Misbehave(faketenant.Manner{On: "/token", Times: faketenant.Always, Answer: func(t *faketenant.Tenant, w http.ResponseWriter, r *http.Request, usual http.Handler) {
		where.sleep(r.Context(), 30*time.Second) // the wait counts from the answer, and this one takes its time
		faketenant.Throttled("11")(t, w, r, usual)
	}})
	failure := where.try(t, at(t, server))
	if failure == nil || failure.Reason != watch.Throttled || failure.Attempts != 1 || posts(server) != 1 || !failure.RetryAt.Equal(where.now.Add(11*time.Second)) {
		t.Errorf("%+v after %d requests", failure, posts(server))
	}
}

func TestEachAttemptIsRememberedBeforeTheNext(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	server.Misbehave(faketenant.Manner{On: "/token", Times: faketenant.Always, Answer: faketenant.Unavailable("")})
	client := where.open(t, at(t, server))
	var counts []int
	ctx, cancel := context.WithCancel(t.Context())
	client.gate.sleep = func(ctx context.Context, wait time.Duration) bool {
		_, value := only(t, where.memory)
		var kept holdoff.Hold
		if err := json.Unmarshal(value, &kept); err != nil || !kept.RetryAt.Equal(where.now.Add(wait)) {
			t.Errorf("remembered %s, %v", value, err)
		}
		if counts = append(counts, kept.Count); len(counts) == 2 {
			cancel()
		}
		return where.sleep(ctx, wait)
	}
	_, err := client.Authenticate(ctx)
	if !errors.Is(err, context.Canceled) || !slices.Equal(counts, []int{1, 2}) || posts(server) != 2 {
		t.Errorf("%v, remembered %v, %d requests", err, counts, posts(server))
	}
}

func TestAWaitThatThePassHasNoTimeForEndsIt(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	server.Misbehave(faketenant.Manner{On: "/token", Times: faketenant.Always, Answer: faketenant.Throttled("9")})
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	_, err := where.open(t, at(t, server)).Authenticate(ctx)
	if reasonOf(err) != watch.Throttled || posts(server) != 1 {
		t.Errorf("%v after %d requests", err, posts(server))
	}
}

func TestWhatIsRememberedCanBeWrong(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	expire(server)
	options := at(t, server)
	where.try(t, options)
	key, value := only(t, where.memory)
	for name, damaged := range map[string]string{"half": string(value[:20]), "nothing of it": `{}`, "another type": `[1]`} {
		where.memory.kept[key] = []byte(damaged)
		if failure := where.try(t, options); failure == nil || failure.Held {
			t.Errorf("%s: %v", name, failure)
		}
		if !strings.Contains(where.log.String(), "what is remembered of earlier attempts is damaged, and is ignored") {
			t.Errorf("%s: it is ignored in silence", name)
		}
		where.log.Reset()
	}
}

func TestF7_AHoldWrittenByAClockThatWasAheadEndsInTime(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	expire(server)
	options := at(t, server)
	right := where.now
	where.now = right.AddDate(1, 0, 0)
	where.try(t, options)
	where.now = right
	held := where.try(t, options)
	if held == nil || !held.Held || !held.RetryAt.Equal(right.Add(time.Hour)) {
		t.Fatalf("after the clock was set right: %+v", held)
	}
	where.now = right.Add(61 * time.Minute)
	if failure := where.try(t, options); failure == nil || failure.Held {
		t.Errorf("an hour later: %v", failure)
	}
	key, value := only(t, where.memory)
	var kept holdoff.Hold
	if err := json.Unmarshal(value, &kept); err != nil {
		t.Fatal(err)
	}
	kept.RetryAt = kept.TriedAt.AddDate(0, 1, 0)
	where.memory.kept[key], _ = json.Marshal(kept)
	if failure := where.try(t, options); failure == nil || !failure.Held || failure.RetryAt.After(where.now.Add(holdoff.LongestLasting)) {
		t.Errorf("a wait of a month: %+v", failure)
	}
}

func TestAnInteractiveTryPassesTheHoldOnce(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	expire(server)
	options := at(t, server)
	where.try(t, options)
	client := where.open(t, options, func(env *Env) { env.Interactive = true })
	for count, held := range []bool{false, true} {
		_, err := client.Authenticate(t.Context())
		if failure, _ := errors.AsType[*Failure](err); failure == nil || failure.Held != held {
			t.Errorf("try %d: %v", count+1, err)
		}
	}
	if attemptsAt(server) != 2 {
		t.Errorf("%d attempts", attemptsAt(server))
	}
}

func TestATokenOfAShortLifeServesManyRequests(t *testing.T) {
	t.Parallel()
	options := many(450)
	options.TokenLifetime = 4 * time.Minute
	server := tenant(t, options)
	if got := walk(t, newWorld().open(t, at(t, server))); got.err != nil || attemptsAt(server) != 1 {
		t.Errorf("%d sign-ins for 5 pages, %v", attemptsAt(server), got.err)
	}
}

func TestGraphThatRefusesEveryTokenIsNotAskedForEver(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(50)), newWorld()
	server.Misbehave(faketenant.Manner{On: "/applications", Times: faketenant.Always, Answer: faketenant.TokenExpired()})
	client := where.open(t, at(t, server))
	for range 5 {
		got := walk(t, client)
		if reasonOf(got.err) != watch.AuthFailed {
			t.Fatalf("got %v", got.err)
		}
	}
	if attemptsAt(server) != 3 {
		t.Errorf("%d sign-ins, want the first and two renewals", attemptsAt(server))
	}
}

func TestASignInThatIsInterruptedIsNotHeldAgainstAnybody(t *testing.T) {
	t.Parallel()
	server, where := tenant(t, many(0)), newWorld()
	ctx, cancel := context.WithCancel(t.Context())
	server.Misbehave(faketenant.Manner{On: "/token", Answer: faketenant.Before(func(*faketenant.Tenant) { cancel(); time.Sleep(50 * time.Millisecond) })})
	_, err := where.open(t, at(t, server)).Authenticate(ctx)
	if !errors.Is(err, context.Canceled) || len(where.memory.all()) != 0 {
		t.Errorf("%v, remembered %s", err, where.memory.all())
	}
	if failure := where.try(t, at(t, server)); failure != nil {
		t.Errorf("the next run: %v", failure)
	}
}

func only(t testing.TB, memory *notebook) (key string, value []byte) {
	t.Helper()
	kept := memory.all()
	if len(kept) != 1 {
		t.Fatalf("%d things are remembered: %s", len(kept), kept)
	}
	for key, value := range kept {
		if len(value) > 4<<10 {
			t.Errorf("%d bytes are more than a memory takes", len(value))
		}
		return key, value
	}
	return "", nil
}
