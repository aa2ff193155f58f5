package oauth_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestATokenThatCannotBeStoredIsRescued(t *testing.T) {
	r := newRefreshing(t)
	aside := r.store + "-aside"
	r.before = func() { // while the answer is on its way, a folder takes the store's place
		if os.Rename(r.store, aside) != nil || os.MkdirAll(filepath.Join(r.store, "x"), 0o700) != nil {
			t.Error("the store was not moved")
		}
	}
	got := r.collect(r.options(nil)).condition("refresh/crm")
	checktest.Equal(t, "reason", got.Reason, watch.TokenNotStored)
	rescue := r.store + ".rescued"
	if want := "signed in, but the new refresh token could not be stored, and the old one is used up; the new one stands in " + rescue + ": read the store once more: "; !strings.HasPrefix(got.Text, want) {
		t.Errorf("it tells %q, want %q", got.Text, want)
	}
	checktest.Equal(t, "remedy", got.Remedy, "Mend the store: the next run then moves the token from "+rescue+" into it. Services that use the old token fail until then.")
	checktest.Equal(t, "rescued", content(t, rescue), r.current+"\n")
	info, err := os.Stat(rescue)
	if err != nil {
		t.Fatal(err)
	}
	checktest.Equal(t, "mode", info.Mode().Perm(), os.FileMode(0o600))

	r.before = nil
	if err := errors.Join(os.RemoveAll(r.store), os.Rename(aside, r.store)); err != nil {
		t.Fatal(err)
	}
	r.works()
	r.onlyFiles("token", "token.lock")
	if !strings.Contains(r.log.String(), "a refresh token that an earlier run could not store was found beside the store") {
		t.Errorf("the log says %s", r.log.String())
	}
	r.end()
}

func TestATokenThatNobodyCanKeepIsToldAsLost(t *testing.T) {
	r := newRefreshing(t)
	folder := filepath.Join(r.folder, "mount")
	before := r.store
	r.store = filepath.Join(folder, "token")
	if err := errors.Join(os.Remove(before), os.Mkdir(folder, 0o700), os.WriteFile(r.store, []byte(r.current), 0o600)); err != nil {
		t.Fatal(err)
	}
	r.before = func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	}
	got := r.collect(r.options(nil)).condition("refresh/crm")
	checktest.Equal(t, "reason", got.Reason, watch.TokenNotStored)
	if want := "signed in, but the new refresh token could not be stored and is lost, and the old one is used up: "; !strings.HasPrefix(got.Text, want) {
		t.Errorf("it tells %q, want %q", got.Text, want)
	}
	checktest.Equal(t, "remedy", got.Remedy, "Mend the store. Let a person sign in again, and put the new refresh token into the store.")
	r.end()
}

func TestWhatAKilledRunLeftIsUsed(t *testing.T) {
	for _, row := range []struct {
		name string
		// left is how things stand; the server knows the newest token only.
		left func(r refreshing)
	}{
		{"the new token beside the store, whole", func(r refreshing) {
			r.file("token.rescued", "canary-refresh-0001\n")
		}},
		{"the new token in the room that was kept for it", func(r refreshing) {
			r.file("token.rescued", "canary-refresh-0001\n"+strings.Repeat("\x00", 60_000))
		}},
		{"the new token in both places", func(r refreshing) {
			r.file("token", "canary-refresh-0001")
			r.file("token.rescued", "canary-refresh-0001\n")
		}},
		{"the new token in the store, and an older one beside it", func(r refreshing) {
			r.dated(r.file("token.rescued", "canary-refresh-0000\n"), asOf.Add(-time.Hour))
			r.file("token", "canary-refresh-0001")
		}},
		{"half of the new token in the making", func(r refreshing) {
			r.file("token.new", "canary-refr")
			r.file("token.rescued", "canary-refresh-0001\n")
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRefreshing(t)
			r.current, r.given = "canary-refresh-0001", []string{"canary-refresh-0000", "canary-refresh-0001"}
			r.remembers("canary-refresh-0000")
			row.left(r)
			r.works()
			r.onlyFiles("token", "token.lock")
			r.end()
		})
	}
}

// remembers is that a run has sent a token, and was killed.
func (r refreshing) remembers(sent string) {
	r.t.Helper()
	sum := sha256.Sum256([]byte(sent))
	print := "sha256:" + hex.EncodeToString(sum[:])[:12]
	known := object(r.t, map[string]any{"token": print, "issued": asOf.Add(-24 * time.Hour), "sent": print, "sent_at": time.Now().UTC()})
	if err := r.memory.Remember(r.t.Context(), "refresh-token:"+holdoff.Digest([]byte("crm")), []byte(known)); err != nil {
		r.t.Fatal(err)
	}
}

func TestHalfATokenThatAKilledRunLeftIsNotUsed(t *testing.T) {
	for _, left := range []string{"", "canary-refr", strings.Repeat("\x00", 65_537), "canary-refr" + strings.Repeat("\x00", 60_000), "\x00\x00canary\n"} {
		r := newRefreshing(t)
		r.file("token.rescued", left)
		r.works()
		r.onlyFiles("token", "token.lock")
	}

	// Where the server has used up the token, the message says what became of it.
	r := newRefreshing(t)
	r.dated(r.file("token.rescued", strings.Repeat("\x00", 65_537)), asOf.Add(-time.Hour))
	r.current = "canary-refresh-9999"
	reason, text := r.told(nil)
	checktest.Equal(t, "reason", reason, watch.SignInGrantRefused)
	checktest.Equal(t, "text", text, "cannot sign in at "+r.server.URL+" as client crm-client: its refresh token is refused (invalid_grant: token was used before); an answer was lost at 2026-11-22 05:00 UTC, and with it perhaps the token that replaced this one")
}

func TestALostAnswerIsTold(t *testing.T) {
	r := newRefreshing(t)
	r.server.Misbehave(vendortest.Manner{Answer: vendortest.CutShort()})
	reason, text := r.told(nil)
	checktest.Equal(t, "reason", reason, watch.Unreadable)
	checktest.Equal(t, "text", text, "sign in at "+r.server.URL+" as client crm-client: the server closed the connection; the server may have used up the refresh token, and its answer with the new one was lost")
	checktest.Equal(t, "store", content(t, r.store), "canary-refresh-0000")
	r.onlyFiles("token", "token.lock")

	r.pass(time.Hour)
	reason, text = r.told(nil)
	checktest.Equal(t, "reason", reason, watch.SignInGrantRefused)
	want := "its refresh token is refused (invalid_grant: token was used before); an answer was lost at 2026-11-22 06:00 UTC, and with it perhaps the token that replaced this one"
	checktest.Equal(t, "text", text, "cannot sign in at "+r.server.URL+" as client crm-client: "+want)
	_, text = r.told(nil)
	checktest.Equal(t, "text of the hold", text, "cannot sign in at "+r.server.URL+" as client crm-client: not asked again before 2026-11-22 08:00 UTC, after 1 refusal: "+want)
	checktest.Equal(t, "requests", len(r.server.Requests()), 2)

	r.file("token", r.current) // a person has signed in again
	r.reused = nil
	r.works()
	r.end()
}
