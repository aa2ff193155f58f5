package oauth_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/watch"
)

// byCommand lets a script store the token; it is run by sh with the folder as $1.
func (r refreshing) byCommand(script string) func(*oauth.SignIn) {
	r.t.Helper()
	path := r.file("store.sh", script)
	shell, err := exec.LookPath("sh")
	if err != nil {
		r.t.Fatal(err)
	}
	return func(s *oauth.SignIn) {
		s.RefreshToken = inFile(r.store)
		s.Store = oauth.Store{Command: []string{shell, path, r.folder}, Environment: []oauth.Variable{{Name: "VAULT", Value: env("VAULT")}}}
	}
}

func TestACommandStoresTheToken(t *testing.T) {
	r := newRefreshing(t)
	r.secrets["VAULT"] = "vault-canary-0123456789"
	t.Setenv("LAPSEWATCH_OTHER_SECRET", "canary-of-another")
	edit := r.byCommand(`
echo "$0 $*" >>"$1/arguments"
env >>"$1/environment"
test "$VAULT" = vault-canary-0123456789 || exit 3
cat >"$1/token.tmp" && mv "$1/token.tmp" "$1/token"`)
	for range 3 {
		reason, text := r.told(edit)
		checktest.Equal(t, text, reason, "")
		checktest.Equal(t, "store", content(t, r.store), r.current)
	}
	checktest.Equal(t, "reused", len(r.reused), 0)
	if strings.Contains(content(t, filepath.Join(r.folder, "environment")), "canary-of-another") {
		t.Error("the command is shown the own environment")
	}
	if err := os.Remove(filepath.Join(r.folder, "environment")); err != nil { // it holds VAULT, as it must
		t.Fatal(err)
	}
	r.onlyFiles("arguments", "store.sh", "token", "token.lock")
	r.end(filepath.Join(r.folder, "store.sh"))
}

func TestNothingIsSentWhereTheCommandCannotStore(t *testing.T) {
	for _, row := range []struct{ name, script, want string }{
		{"it fails, and says why with what it was given", `echo "cannot write $(cat) with $VAULT" >&2; exit 4`, "the command did not end well: exit status 4"},
		{"it is killed", `kill -9 $$`, "the command did not end well: signal: killed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRefreshing(t)
			r.secrets["VAULT"] = "vault-canary-0123456789"
			edit := r.byCommand(row.script)
			reason, text := r.told(edit)
			checktest.Equal(t, "reason", reason, watch.StoreUnusable)
			shell, _ := exec.LookPath("sh")
			checktest.Equal(t, "text", text, "nothing was sent: store the refresh token with "+shell+": "+row.want)
			checktest.Equal(t, "requests", len(r.server.Requests()), 0)
			r.end()
		})
	}
	r := newRefreshing(t)
	r.secrets["VAULT"] = "vault-canary-0123456789"
	reason, text := r.told(func(s *oauth.SignIn) {
		r.byCommand("")(s)
		s.Store.Command[0] = "/nowhere/to-be-found"
	})
	checktest.Equal(t, "reason", reason, watch.StoreUnusable)
	checktest.Equal(t, "text", text, "nothing was sent: store the refresh token with /nowhere/to-be-found: the command did not end well: fork/exec /nowhere/to-be-found: no such file or directory")
}

func TestATokenThatTheCommandDoesNotTakeIsRescued(t *testing.T) {
	r := newRefreshing(t)
	r.secrets["VAULT"] = "vault-canary-0123456789"
	edit := r.byCommand(`test ! -e "$1/down" || exit 1; cat >"$1/token.tmp" && mv "$1/token.tmp" "$1/token"`)
	r.before = func() { r.file("down", "") }
	reason, text := r.told(edit)
	checktest.Equal(t, "reason", reason, watch.TokenNotStored)
	if !strings.HasPrefix(text, "signed in, but the new refresh token could not be stored, and the old one is used up; the new one stands in "+r.store+".rescued: ") {
		t.Errorf("it tells %q", text)
	}
	r.before = nil
	if err := os.Remove(filepath.Join(r.folder, "down")); err != nil {
		t.Fatal(err)
	}
	reason, text = r.told(edit)
	checktest.Equal(t, text, reason, "")
	checktest.Equal(t, "store", content(t, r.store), r.current)
	checktest.Equal(t, "reused", len(r.reused), 0)
}

func TestWhatTheCommandHasStoredMustShowBeforeTheNextRequest(t *testing.T) {
	r := newRefreshing(t)
	r.secrets["VAULT"] = "vault-canary-0123456789"
	edit := r.byCommand(`cat >"$1/far-away"`)
	reason, text := r.told(edit)
	checktest.Equal(t, text, reason, "")
	reason, text = r.told(edit)
	checktest.Equal(t, "reason", reason, watch.StoreUnusable)
	checktest.Equal(t, "text", text, "nothing was sent: the refresh token in "+r.store+" was used up at 2026-11-22 06:00 UTC, and what replaced it does not stand there")
	checktest.Equal(t, "requests", len(r.server.Requests()), 1)
	r.file("token", content(t, filepath.Join(r.folder, "far-away")))
	reason, text = r.told(edit)
	checktest.Equal(t, text, reason, "")
}

func TestAStoreThatAnotherRunUsesIsLeftAlone(t *testing.T) {
	r := newRefreshing(t)
	lock, err := os.Create(r.store + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	r.env.Timeout = 100 * time.Millisecond
	reason, text := r.told(nil)
	checktest.Equal(t, "reason", reason, watch.StoreUnusable)
	checktest.Equal(t, "text", text, "nothing was sent: lock "+r.store+".lock: another run of Lapsewatch, or a program that takes the same lock, is using it")
	checktest.Equal(t, "requests", len(r.server.Requests()), 0)
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	r.env.Timeout = 20 * time.Second
	r.works()
}
