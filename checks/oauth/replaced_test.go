package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestOnlyAnAnswerThatGrantsReplacesTheToken(t *testing.T) {
	const echo = `{"error":"invalid_request","access_token":"****","refresh_token":"****"}`
	for _, row := range []struct {
		status int
		body   string
	}{{200, echo}, {400, echo}, {401, echo}, {403, echo}, {500, echo}, {502, `{"refresh_token":"****"}`}, {302, `{"refresh_token":"****"}`}, {200, `{"error":{"x":1},"refresh_token":"****"}`}} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			r := newRefreshing(t)
			r.server.Misbehave(vendortest.Manner{Answer: vendortest.Reply(row.status, "application/json", row.body)})
			r.told(nil)
			checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0000")
			r.onlyFiles("token", "token.lock")
			r.pass(24 * time.Hour)
			r.works()
		})
	}
	r := newRefreshing(t)
	r.server.Misbehave(vendortest.Manner{Answer: vendortest.Reply(201, "application/json", `{"access_token":"canary-access-token","refresh_token":"canary-refresh-0001"}`)})
	r.told(nil)
	checktest.Equal(t, "store after 201", content(t, r.store), "canary-refresh-0001")
}

func TestATokenThatCannotBeTakenIsToldAndTheOldOneNotSentAgain(t *testing.T) {
	for _, row := range []struct{ name, token, want string }{
		{"too long", `"` + strings.Repeat("x", 65<<10) + `"`, "it is longer than 64 KiB"},
		{"of two lines", `"canary\nlines"`, "it holds what no refresh token does (RFC 6749, A.17)"},
		{"in another script", `"canäry-refresh"`, "it holds what no refresh token does (RFC 6749, A.17)"},
		{"a number", `12345678901234567890`, "it holds what no refresh token does (RFC 6749, A.17)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRefreshing(t)
			r.server.Misbehave(vendortest.Manner{Answer: vendortest.Reply(200, "application/json", `{"access_token":"canary-access-token","refresh_token":`+row.token+`}`)})
			reason, text := r.told(nil)
			checktest.Equal(t, "reason", reason, watch.TokenNotStored)
			checktest.Equal(t, "text", text, "signed in, but the new refresh token cannot be kept: "+row.want+"; it is lost, and the old one is used up")
			checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0000")
			reason, text = r.told(nil)
			checktest.Equal(t, "reason in the next run", reason, watch.StoreUnusable)
			checktest.Equal(t, "text in the next run", text, "nothing was sent: the refresh token in "+r.store+" was used up at 2026-11-22 06:00 UTC, and what replaced it does not stand there")
			checktest.Equal(t, "requests", len(r.server.Requests()), 1)
			r.end()
		})
	}
}

func TestATokenThatSomebodyElsePutThereMeanwhileIsUsed(t *testing.T) {
	for range 100 {
		if putMeanwhile(t) {
			return
		}
	}
	t.Error("the refresh never waited")
}

// putMeanwhile reports whether the refresh had to wait while the other token came.
func putMeanwhile(t *testing.T) (waited bool) {
	t.Helper()
	r := newRefreshing(t)
	order := make(chan string, 10)
	r.server.Misbehave(always(func(w http.ResponseWriter, request *http.Request, usual http.Handler) {
		order <- request.FormValue("grant_type")
		if request.FormValue("grant_type") == "refresh_token" {
			usual.ServeHTTP(w, request)
			return
		}
		for range 500 { // until the refresh has its lock; then it waits until the client is known
			if _, err := os.Stat(r.store + ".lock"); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
		r.rotating.mu.Lock()
		defer r.rotating.mu.Unlock()
		if len(r.given) == 1 {
			r.current = "canary-of-a-person"
			r.file("token", r.current)
		}
		saysJSON(http.StatusOK, grantedBody)(w, request)
	}))
	options := r.options(nil)
	first := signInAt(r.server, nil).SignIns[0]
	first.Name = "first"
	options.SignIns = append([]oauth.SignIn{first}, options.SignIns...)
	got := r.collect(options)
	checktest.Equal(t, "reason", got.condition("refresh/crm").Reason, "")
	checktest.Equal(t, "tokens that are not the server's", fmt.Sprint(r.reused), "[]")
	checktest.Equal(t, "store", content(t, r.store), r.current)
	return <-order == "client_credentials"
}

func TestATokenThatSomebodyElsePutThereDuringTheRequestStays(t *testing.T) {
	r := newRefreshing(t)
	r.before = func() { r.file("token", "canary-of-a-person") }
	reason, text := r.told(nil)
	rescue := r.store + ".rescued"
	checktest.Equal(t, "reason", reason, watch.TokenNotStored)
	checktest.Equal(t, "text", text, "signed in, but somebody else has put another refresh token into the store meanwhile: that was left there, and the new one stands in "+rescue)
	checktest.Equal(t, "store", content(t, r.store), "canary-of-a-person")
	checktest.Equal(t, "beside it", content(t, rescue), "canary-refresh-0001\n")

	// The person's is used from then on, however old its file says that it is, and what was
	// rescued is set aside.
	r.before = nil
	r.dated(r.store, asOf.Add(-48*time.Hour))
	r.current = "canary-of-a-person"
	r.works()
	aside, err := filepath.Glob(rescue + "-*")
	if err != nil || len(aside) != 1 {
		t.Fatalf("beside the store stand %v, %v", aside, err)
	}
	checktest.Equal(t, "what was set aside", content(t, aside[0]), "canary-refresh-0001\n")
	checktest.Equal(t, "remarks", fmt.Sprint(r.remarks), "[crm: a refresh token that an earlier run had rescued was not needed, and stands in "+aside[0]+"]")
	r.works()
	checktest.Equal(t, "remarks later", len(r.remarks), 0)
}

func TestNobodyGuessesWhichOfTwoTokensIsNewer(t *testing.T) {
	r := newRefreshing(t)
	r.file("token.rescued", "canary-refresh-0001\n")
	reason, text := r.told(nil)
	checktest.Equal(t, "reason", reason, watch.StoreUnusable)
	checktest.Equal(t, "text", text, "nothing was sent: "+r.store+" and "+r.store+".rescued: an earlier run has left a refresh token beside the store, and nothing is remembered that would say which of the two is newer")
	checktest.Equal(t, "requests", len(r.server.Requests()), 0)
	r.onlyFiles("token", "token.lock", "token.rescued")
}

func TestARescuedTokenTakesThePlaceOfAStoreThatIsGone(t *testing.T) {
	r := newRefreshing(t)
	if err := os.Rename(r.store, r.store+".rescued"); err != nil {
		t.Fatal(err)
	}
	r.file("token.rescued", r.current+"\n")
	r.works()
	r.onlyFiles("token", "token.lock")
}

func TestAStoreThatIsGoneIsOneProblem(t *testing.T) {
	r := newRefreshing(t)
	r.works()
	if err := os.Remove(r.store); err != nil {
		t.Fatal(err)
	}
	got := r.collect(r.options(nil))
	checktest.Equal(t, "facts", len(got.byID), 1)
	problem := got.problem("refresh/crm")
	checktest.Equal(t, "reason", problem.Reason, watch.NotFound)
	checktest.Equal(t, "what it hides", problem.HidesPrefix, "refresh-token/crm")
	checktest.Equal(t, "remedy", problem.Remedy, "Let a person sign in again, and put the new refresh token into the store.")
}

func TestAKilledRunMakesTheSignInNoYounger(t *testing.T) {
	const day = 24 * time.Hour
	for name, left := range map[string]func(r refreshing){
		"before it stored the new token": func(r refreshing) { r.file("token.rescued", "canary-refresh-0001\n") },
		"after it had stored it":         func(r refreshing) { r.file("token", "canary-refresh-0001") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRefreshing(t)
			r.remembers("canary-refresh-0000") // of a sign-in on 2026-11-21
			left(r)
			r.current, r.given = "canary-refresh-0001", []string{"canary-refresh-0000", "canary-refresh-0001"}
			got := r.collect(r.options(func(s *oauth.SignIn) { s.Idle = 0 })).credential("refresh-token/crm")
			checktest.Equal(t, "date", got.NotAfter, asOf.Add(89*day))
			checktest.Equal(t, "tokens that were sent twice", fmt.Sprint(r.reused), "[]")
		})
	}
	r := newRefreshing(t)
	r.remembers("canary-refresh-0000")
	r.current = "canary-of-a-person"
	r.dated(r.file("token", r.current), time.Now().Add(7*time.Minute))
	got := r.collect(r.options(func(s *oauth.SignIn) { s.Idle = 0 })).credential("refresh-token/crm")
	if got.NotAfter.Before(time.Now().Add(90 * day)) {
		t.Errorf("a token that a person put there later runs until %s", got.NotAfter)
	}
}

func TestARefusedTokenIsNotCalledOKForItsDate(t *testing.T) {
	r := newRefreshing(t)
	r.current = "another"
	for _, again := range []string{"", "not asked again before 2026-11-22 07:00 UTC, after 1 refusal: "} {
		got := r.collect(r.options(nil))
		checktest.Equal(t, "reason of the sign-in", got.condition("refresh/crm").Reason, watch.SignInGrantRefused)
		token := got.credential("refresh-token/crm")
		checktest.Equal(t, "observations", len(token.Observations), 1)
		checktest.Equal(t, "observation", token.Observations[0], watch.Observation{
			Reason: watch.TokenRefused, Text: "is refused by " + r.server.URL + ": " + again + "its refresh token is refused (invalid_grant: token was used before)",
			Remedy: "Let a person sign in again, and put the new refresh token into the store.",
		})
		checktest.Equal(t, "name of the sign-in", got.condition("refresh/crm").Subject.Name, "crm")
		checktest.Equal(t, "name of the token", token.Subject.Name, "crm: refresh token")
	}
}

func TestARefreshIsOnlyBegunWhereThePassLastsUntilItIsStored(t *testing.T) {
	for _, row := range []struct {
		name string
		edit func(r refreshing) func(*oauth.SignIn)
		left time.Duration
		want string
	}{
		{"a file", func(refreshing) func(*oauth.SignIn) { return nil }, 40 * time.Second, "43s"},
		{"a command", func(r refreshing) func(*oauth.SignIn) { return r.byCommand("exit 1") }, 100 * time.Second, "1m44s"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRefreshing(t)
			r.secrets["VAULT"] = "x"
			ctx, cancel := context.WithTimeout(t.Context(), row.left)
			defer cancel()
			var told []watch.Fact
			if err := r.check(r.options(row.edit(r))).Collect(ctx, func(fact watch.Fact) { told = append(told, fact) }); err != nil {
				t.Fatal(err)
			}
			problem, is := told[0].(watch.Problem)
			if !is || problem.Reason != watch.TimedOut || !strings.HasPrefix(problem.Err.Error(), "nothing was sent: the pass has too little time left: ") || !strings.HasSuffix(problem.Err.Error(), ", and a refresh wants "+row.want) {
				t.Errorf("it tells %+v", told[0])
			}
			checktest.Equal(t, "requests", len(r.server.Requests()), 0)
		})
	}
}

func TestACheckSaysThatItMustNotBeCutOffNow(t *testing.T) {
	r := newRefreshing(t)
	check := r.check(r.options(nil))
	unfinished := check.(watch.Unfinished).Unfinished
	ctx, cancel := context.WithCancel(t.Context())
	during := false
	r.before = func() { during = unfinished(); cancel() }
	before := unfinished()
	if err := check.Collect(ctx, func(watch.Fact) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	checktest.Equal(t, "before, during and after", fmt.Sprint(before, during, unfinished()), "false true false")
	checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0001")
}

func TestARefreshThatWaitsForItsTurnEndsWithThePass(t *testing.T) {
	r := newRefreshing(t)
	ctx, cancel := context.WithCancel(t.Context())
	busy := make(chan struct{}, 10)
	r.server.Misbehave(always(func(w http.ResponseWriter, request *http.Request, usual http.Handler) {
		if request.FormValue("grant_type") == "refresh_token" {
			usual.ServeHTTP(w, request)
			return
		}
		if busy <- struct{}{}; len(busy) == 4 { // no place is left at the host
			time.AfterFunc(200*time.Millisecond, cancel)
		}
		<-ctx.Done()
		time.Sleep(300 * time.Millisecond)
	}))
	options := r.options(nil)
	for n := range 4 {
		one := signInAt(r.server, nil).SignIns[0]
		one.Name, one.ClientID = fmt.Sprint(n), fmt.Sprint("client-", n)
		options.SignIns = append([]oauth.SignIn{one}, options.SignIns...)
	}
	r.env.Concurrency = 5
	if err := r.check(options).Collect(ctx, func(watch.Fact) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	if len(r.given) == 1 { // it may have been the first
		checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0000")
	}
	for _, sent := range r.server.Requests() {
		if strings.Contains(string(sent.Body), "refresh_token") && len(r.given) == 1 {
			t.Error("it was sent after the pass had ended")
		}
	}
}
