package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// rotating is an authorization server that gives a new refresh token for each and forgets
// the old one. Reuse is refused.
type rotating struct {
	mu      sync.Mutex
	current string
	given   []string
	reused  []string
	// extra stands in each answer, and before runs once a token was replaced.
	extra  string
	before func()
}

func newRotating() *rotating {
	return &rotating{current: "canary-refresh-0000", given: []string{"canary-refresh-0000"}}
}

func (r *rotating) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := request.FormValue("refresh_token")
	if got != r.current {
		r.reused = append(r.reused, got)
		saysJSON(http.StatusBadRequest, `{"error":"invalid_grant","error_description":"token was used before"}`)(w, request)
		return
	}
	r.current = fmt.Sprintf("canary-refresh-%04d", len(r.given))
	r.given = append(r.given, r.current)
	if r.before != nil {
		r.before()
	}
	saysJSON(http.StatusOK, fmt.Sprintf(`{"access_token":"canary-access-token","expires_in":60,"refresh_token":%q%s}`, r.current, r.extra))(w, request)
}

// refreshing is a world with such a server and a store.
type refreshing struct {
	*world
	*rotating
	server *vendortest.Server
	store  string
}

func newRefreshing(t testing.TB) refreshing {
	t.Helper()
	r := refreshing{world: newWorld(t), rotating: newRotating()}
	r.secrets["SECRET"] = "canary-secret-0123456789"
	r.server = clean(t, r.ServeHTTP)
	r.store = r.file("token", r.current)
	r.dated(r.store, asOf.Add(-24*time.Hour))
	return r
}

func (r refreshing) dated(path string, at time.Time) {
	r.t.Helper()
	if err := os.Chtimes(path, at, at); err != nil {
		r.t.Fatal(err)
	}
}

func (r refreshing) options(edit func(*oauth.SignIn)) oauth.Options {
	return signInAt(r.server, func(s *oauth.SignIn) {
		s.Grant, s.Store, s.Life, s.Idle = "refresh_token", oauth.Store{File: r.store}, watch.Duration(90*24*time.Hour), watch.Duration(14*24*time.Hour)
		if edit != nil {
			edit(s)
		}
	})
}

// told are what the pass says of the sign-in.
func (r refreshing) told(edit func(*oauth.SignIn)) (reason watch.Reason, text string) {
	r.t.Helper()
	got := r.collect(r.options(edit))
	switch fact := got.byID["refresh/crm"].(type) {
	case watch.Condition:
		return fact.Reason, fact.Text
	case watch.Problem:
		return fact.Reason, fact.Err.Error()
	default:
		r.t.Fatalf("%+v", got.byID)
		return "", ""
	}
}

func (r refreshing) works() {
	r.t.Helper()
	if reason, text := r.told(nil); reason != "" {
		r.t.Errorf("it tells %s: %s", reason, text)
	}
	checktest.Equal(r.t, "store", strings.TrimSpace(content(r.t, r.store)), r.current)
	checktest.Equal(r.t, "tokens that were sent twice", fmt.Sprint(r.reused), "[]")
}

// end looks for tokens where they must not be.
func (r refreshing) end(except ...string) {
	r.t.Helper()
	r.nothingOf([]string{"canary-"}, append(except, r.store)...)
}

func TestEachPassUsesTheTokenThatTheLastOneStored(t *testing.T) {
	r := newRefreshing(t)
	for range 4 {
		r.works()
	}
	checktest.Equal(t, "tokens", len(r.given), 5)
	r.onlyFiles("token", "token.lock")
	r.end()
}

func TestTheDateOfARefreshTokenIsTheEarliestOfItsEnds(t *testing.T) {
	r := newRefreshing(t)
	got := r.collect(r.options(nil)).credential("refresh-token/crm")
	checktest.Equal(t, "date", got.NotAfter, asOf.Add(14*24*time.Hour))
	checktest.Equal(t, "decides", got.Decides, "14 days after its last use on 2026-11-22")
	checktest.Equal(t, "life", got.Life, 14*24*time.Hour)

	// The life counts from when a person signed in, whatever was replaced since.
	r.pass(80 * 24 * time.Hour)
	got = r.collect(r.options(nil)).credential("refresh-token/crm")
	checktest.Equal(t, "date", got.NotAfter, asOf.Add(89*24*time.Hour))
	checktest.Equal(t, "decides", got.Decides, "90 days after it was issued on 2026-11-21")

	r.extra = `,"refresh_token_expires_in":86400`
	got = r.collect(r.options(nil)).credential("refresh-token/crm")
	checktest.Equal(t, "date", got.NotAfter, asOf.Add(81*24*time.Hour))
	checktest.Equal(t, "decides", got.Decides, "as the authorization server said on 2027-02-10")
	r.end()
}

func TestNothingIsSentWhereTheStoreCannotBeWritten(t *testing.T) {
	for _, row := range []struct {
		name   string
		make   func(r *refreshing)
		reason watch.Reason
		want   string
	}{
		{"its name leaves no room for another beside it", func(r *refreshing) {
			r.store = r.file(strings.Repeat("n", 250), r.current)
		}, watch.StoreUnusable, "file name too long"},
		{"there is none", func(r *refreshing) { r.store = filepath.Join(r.folder, "none") }, watch.NotFound, "no such file or directory"},
		{"it is empty", func(r *refreshing) { r.store = r.file("token", "\n") }, watch.StoreUnusable, "holds none: want the token and nothing else"},
		{"it holds something else", func(r *refreshing) { r.store = r.file("token", "a\nb") }, watch.StoreUnusable, "holds none: want the token and nothing else"},
		{"it is a folder", func(r *refreshing) { r.store = r.folder }, watch.StoreUnusable, "is not a regular file"},
		{"it is without end", func(r *refreshing) { r.store = r.file("token", strings.Repeat("a", 70<<10)) }, watch.StoreUnusable, "is larger than 64 KiB"},
		{"something stands where the new one is made", func(r *refreshing) {
			if err := os.MkdirAll(filepath.Join(r.store+".new", "x"), 0o700); err != nil {
				r.t.Fatal(err)
			}
		}, watch.StoreUnusable, "file exists"},
		{"something stands where it would be rescued", func(r *refreshing) {
			if err := os.MkdirAll(filepath.Join(r.store+".rescued", "x"), 0o700); err != nil {
				r.t.Fatal(err)
			}
		}, watch.StoreUnusable, "is not a regular file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRefreshing(t)
			row.make(&r)
			for range 2 { // such a fault is not held: it is seen to be mended at once
				reason, text := r.told(nil)
				checktest.Equal(t, "reason", reason, row.reason)
				if !strings.HasPrefix(text, "nothing was sent: ") || !strings.Contains(text, row.want) {
					t.Errorf("it tells %q, want %q", text, row.want)
				}
			}
			checktest.Equal(t, "requests", len(r.server.Requests()), 0)
		})
	}
}

func TestAUserWithoutTheRightToWriteSendsNothing(t *testing.T) {
	if os.Geteuid() == 0 {
		return // root may write everywhere; the rows above hold for it
	}
	r := newRefreshing(t)
	if err := os.Chmod(r.folder, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(r.folder, 0o700) })
	reason, text := r.told(nil)
	checktest.Equal(t, "reason", reason, watch.StoreUnusable)
	if !strings.HasSuffix(text, "permission denied") {
		t.Errorf("it tells %q", text)
	}
	checktest.Equal(t, "requests", len(r.server.Requests()), 0)
}

func TestAServerThatWasNotReachedHasUsedUpNothing(t *testing.T) {
	r := newRefreshing(t)
	_, text := r.told(func(s *oauth.SignIn) { s.TokenURL = "https://127.0.0.1:1/token" })
	checktest.Equal(t, "text", text, "sign in at https://127.0.0.1:1 as client crm-client: connection refused")
	r.pass(time.Hour)
	r.works()
}

func TestANewTokenIsStoredWhateverElseTheAnswerSays(t *testing.T) {
	for name, body := range map[string]string{
		"without an access token": `{"refresh_token":"canary-refresh-0001"}`,
		"with a strange life":     `{"refresh_token":"canary-refresh-0001","access_token":"canary-access-token","expires_in":-1}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRefreshing(t)
			r.server.Misbehave(vendortest.Manner{Answer: vendortest.Reply(http.StatusOK, "application/json", body)})
			_, text := r.told(nil)
			checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0001")
			if strings.Contains(text, "lost") {
				t.Errorf("it tells %q", text)
			}
			r.end()
		})
	}
}

func TestAUsedUpTokenIsNeverSentAgain(t *testing.T) {
	r := newRefreshing(t)
	r.works()
	r.file("token", "canary-refresh-0000") // out of a backup
	reason, text := r.told(nil)
	checktest.Equal(t, "reason", reason, watch.StoreUnusable)
	checktest.Equal(t, "text", text, "nothing was sent: the refresh token in "+r.store+" was used up at 2026-11-22 06:00 UTC, and what replaced it does not stand there")
	checktest.Equal(t, "requests", len(r.server.Requests()), 1)
	r.file("token", r.current)
	r.works()
}

func TestAPassThatIsCutShortStillStoresTheNewToken(t *testing.T) {
	r := newRefreshing(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.server.Misbehave(always(func(w http.ResponseWriter, request *http.Request, usual http.Handler) {
		cancel()
		time.Sleep(100 * time.Millisecond)
		usual.ServeHTTP(w, request)
	}))
	err := r.check(r.options(nil)).Collect(ctx, func(watch.Fact) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the pass ended with %v", err)
	}
	checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0001")
	r.server.Misbehave()
	r.works()
}

func TestTwoRunsAtOnceUseATokenOnceEach(t *testing.T) {
	r := newRefreshing(t)
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			if err := r.check(r.options(nil)).Collect(t.Context(), func(fact watch.Fact) {
				if told, is := fact.(watch.Condition); is && told.Reason != "" {
					t.Errorf("it tells %s: %s", told.Reason, told.Text)
				}
			}); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	checktest.Equal(t, "tokens", len(r.given), 5)
	r.works()
}

func TestALinkToTheStoreStaysALink(t *testing.T) {
	r := newRefreshing(t)
	link := filepath.Join(r.folder, "link")
	if err := os.Symlink("token", link); err != nil {
		t.Fatal(err)
	}
	_, _ = r.told(func(s *oauth.SignIn) { s.Store.File = link })
	checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0001")
	if target, err := os.Readlink(link); err != nil || target != "token" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
}
