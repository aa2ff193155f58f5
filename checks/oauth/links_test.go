package oauth_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/watch"
)

// Whoever may write to the folder of the store has no more of Lapsewatch's rights than that.
func TestFilesThatOthersPutBesideTheStoreAreNotFollowed(t *testing.T) {
	for _, suffix := range []string{".rescued", ".lock"} {
		for name, link := range map[string]func(to, at string) error{"a symbolic link": os.Symlink, "another name": os.Link} {
			t.Run(name+" as "+suffix, func(t *testing.T) {
				r := newRefreshing(t)
				secret := r.file("of-root", "canary-of-root\n")
				if err := link(secret, r.store+suffix); err != nil {
					t.Fatal(err)
				}
				reason, text := r.told(nil)
				checktest.Equal(t, "reason", reason, watch.StoreUnusable)
				if !strings.HasSuffix(text, r.store+suffix+": it is a link, has another name, or belongs to another user") {
					t.Errorf("it tells %q", text)
				}
				checktest.Equal(t, "requests", len(r.server.Requests()), 0)
				checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0000")
				checktest.Equal(t, "the other file", content(t, secret), "canary-of-root\n")
			})
		}
	}
	if os.Geteuid() != 0 {
		return // only root can make files of others
	}
	r := newRefreshing(t)
	if err := errors.Join(os.Chown(r.store, 65533, -1), os.Chown(r.file("token.rescued", "canary-of-nobody\n"), 65534, -1)); err != nil {
		t.Fatal(err)
	}
	reason, _ := r.told(nil)
	checktest.Equal(t, "reason where it is another user's", reason, watch.StoreUnusable)
}

func TestAStoreOfAnotherUserIsKeptForItsGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		return // only root can give files away
	}
	const user, owner, group = 65534, 65533, 65532
	program := copyOfThis(t)
	for _, row := range []struct {
		name  string
		group int
		mode  os.FileMode
		want  string
	}{
		{"its group may read", group, 0o640, ""},
		{"its group may not", 65531, 0o604, "its owner cannot be kept: user 65533, group 65531: "},
		{"it has another group", 65531, 0o644, "its owner cannot be kept: user 65533, group 65531: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRefreshing(t)
			r.env.Memory = notebook{filepath.Join(r.folder, "memory")}
			ca := r.file("ca.pem", content(t, r.server.CAFile))
			err := errors.Join(os.Mkdir(filepath.Join(r.folder, "memory"), 0o777), os.Chmod(filepath.Join(r.folder, "memory"), 0o777), os.Chmod(ca, 0o644),
				os.Chown(r.store, owner, row.group), os.Chmod(r.store, row.mode), os.Chown(r.folder, 0, group), os.Chmod(r.folder, 0o775))
			for folder := filepath.Dir(r.folder); folder != "/" && err == nil; folder = filepath.Dir(folder) {
				if info, statErr := os.Stat(folder); statErr == nil && info.Mode().Perm()&0o001 == 0 {
					err = os.Chmod(folder, info.Mode().Perm()|0o011)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			run := exec.Command(program)
			run.Env = append(os.Environ(), beTheRun+"="+object(t, map[string]string{"URL": r.server.URL + "/token", "CAFile": ca, "Store": r.store, "Memory": filepath.Join(r.folder, "memory")}))
			run.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: group}}
			out, err := run.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if row.want != "" {
				if !strings.Contains(string(out), row.want) || !strings.Contains(string(out), "or let a group that Lapsewatch is in own it, and read it (chmod g+r).") {
					t.Errorf("it tells %s", out)
				}
				checktest.Equal(t, "requests", len(r.server.Requests()), 0)
				return
			}
			checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0001")
			info, err := os.Stat(r.store)
			if err != nil {
				t.Fatal(err)
			}
			checktest.Equal(t, "group", info.Sys().(*syscall.Stat_t).Gid, group)
			checktest.Equal(t, "mode", info.Mode().Perm(), row.mode)
		})
	}
}

// copyOfThis is the test program where others may run it.
func copyOfThis(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "lapsewatch-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	path := filepath.Join(folder, "run")
	if err := errors.Join(os.Chmod(folder, 0o755), os.WriteFile(path, text, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTwoRunsByACommandUseATokenOnceEach(t *testing.T) {
	r := newRefreshing(t)
	r.secrets["VAULT"] = "vault-canary-0123456789"
	edit := r.byCommand(`d=$(mktemp -d "$1/XXXXXX") && cat >"$d/t" && mv "$d/t" "$1/token" && rmdir "$d"`)
	options := r.options(edit)
	var running sync.WaitGroup
	for range 3 {
		running.Go(func() {
			if err := r.check(options).Collect(t.Context(), func(fact watch.Fact) {
				if told, is := fact.(watch.Condition); is && told.Reason != "" {
					t.Errorf("it tells %s: %s", told.Reason, told.Text)
				}
			}); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	checktest.Equal(t, "tokens", len(r.given), 4)
	checktest.Equal(t, "tokens that were sent twice", len(r.reused), 0)
	checktest.Equal(t, "store", content(t, r.store), r.current)
}

func TestTheLockOfACommandsStoreStandsElsewhereWhereItMust(t *testing.T) {
	if os.Geteuid() == 0 {
		return // root may write everywhere
	}
	r := newRefreshing(t)
	r.secrets["VAULT"] = "vault-canary-0123456789"
	locks := t.TempDir()
	t.Setenv("TMPDIR", locks)
	edit := r.byCommand(`chmod u+w "$1" && cat >"$1/token.tmp" && mv "$1/token.tmp" "$1/token" && chmod u-w "$1"`)
	if err := os.Chmod(r.folder, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(r.folder, 0o700) })
	for range 2 {
		reason, text := r.told(edit)
		checktest.Equal(t, text, reason, "")
	}
	r.onlyFiles("store.sh", "token")
	if found, err := filepath.Glob(filepath.Join(locks, "lapsewatch-*.lock")); err != nil || len(found) != 1 {
		t.Errorf("the locks are %v, %v", found, err)
	}
}

func TestNothingThatTheCommandWroteIsShownAndNothingOfItIsLeft(t *testing.T) {
	r := newRefreshing(t)
	r.secrets["VAULT"] = "vault-canary-0123456789"
	edit := r.byCommand(`token=$(cat); echo "bad: $(echo "$token" | cut -c1-18), vault said canary-of-the-vault" >&2; exit 1`)
	_, text := r.told(edit)
	if !strings.HasSuffix(text, "the command did not end well: exit status 1") {
		t.Errorf("it tells %q", text)
	}
	got := r.collect(r.options(edit)).problem("refresh/crm")
	checktest.Equal(t, "remedy", got.Remedy, "Run store.command by hand, as the user that runs Lapsewatch, and look what it says: it must end with 0 once it has stored what it reads.")
	r.nothingOf([]string{"canary-of-the-vault", "canary-refresh"}, r.store, filepath.Join(r.folder, "store.sh"))

	edit = r.byCommand(`cat >"$1/token.tmp" && mv "$1/token.tmp" "$1/token"; sh -c 'echo $$ >"$1/left"; exec sleep 300' sh "$1" >/dev/null 2>&1 </dev/null & exit 0`)
	reason, text := r.told(edit)
	checktest.Equal(t, text, reason, "")
	left, err := os.ReadFile(filepath.Join(r.folder, "left"))
	if err != nil {
		return // it was ended before it had begun
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(left)) + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
	}
	t.Error("what the command has started goes on")
}
