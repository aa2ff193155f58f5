package oauth_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/watch"
)

func TestWhereNothingIsRememberedNoRefreshTokenIsUsed(t *testing.T) {
	const day = 24 * time.Hour
	r := newRefreshing(t)
	r.env.Keeps, r.env.Memory = false, checks.Forgetful()
	options := r.options(nil)
	second := options.SignIns[0]
	second.Name, second.Store = "second", oauth.Store{File: r.file("second", "canary-second")}
	plain := signInAt(r.server, nil).SignIns[0]
	plain.Name = "plain"
	options.SignIns = append(options.SignIns, second, plain)
	for range 2 {
		got := r.collect(options)
		untried := got.problem("refresh")
		checktest.Equal(t, "name", untried.Subject.Name, "sign-ins by refresh token")
		checktest.Equal(t, "what it hides", untried.HidesPrefix, "refresh/")
		checktest.Equal(t, "error", untried.Err.Error(), "they are not tried here: each may use up its refresh token, and nothing that is learnt here is remembered")
		checktest.Equal(t, "remedy", untried.Remedy, "`lapsewatch run` tries them.")
		checktest.Equal(t, "date", got.credential("refresh-token/crm").NotAfter, asOf.Add(13*day))
		checktest.Equal(t, "facts", fmt.Sprint(len(got.byID), got.byID["refresh-token/second"] != nil, got.byID["sign-in/plain"] != nil), "4 true true")
		for _, ability := range r.check(options).(watch.Trier).Try(t.Context()) {
			if ability.Required && ability.Name != "plain" && ability.Err != nil {
				t.Errorf("%s: %v", ability.Name, ability.Err)
			}
		}
	}
	checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0000")
	checktest.Equal(t, "tokens", len(r.given), 1)
	r.onlyFiles("second", "token")
}

// forgetting fails to remember.
type forgetting struct{ watch.Memory }

func (forgetting) Remember(context.Context, string, []byte) error { return os.ErrPermission }

func TestWhereTheLedgerCannotBeWrittenNothingIsSent(t *testing.T) {
	r := newRefreshing(t)
	r.env.Memory = forgetting{checks.Forgetful()}
	reason, text := r.told(nil)
	checktest.Equal(t, "reason", reason, watch.StoreUnusable)
	checktest.Equal(t, "text", text, "nothing was sent: remember that a refresh token is used: permission denied")
	checktest.Equal(t, "requests", len(r.server.Requests()), 0)
	r.onlyFiles("token", "token.lock")
}

func TestATryStoresWhatItGets(t *testing.T) {
	r := newRefreshing(t)
	for range 2 {
		for _, ability := range r.check(r.options(nil)).(watch.Trier).Try(t.Context()) {
			if ability.Err != nil {
				t.Errorf("%s: %v", ability.Name, ability.Err)
			}
		}
		checktest.Equal(t, "store", content(t, r.store), r.current)
	}
	checktest.Equal(t, "tokens", len(r.given), 3)
	checktest.Equal(t, "reused", len(r.reused), 0)
}
