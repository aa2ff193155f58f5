package oauth_test

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/oauth"
	"lapsewatch/watch"
)

// beTheRun makes the test program one run of the check, to be killed.
const beTheRun = "LAPSEWATCH_TEST_BE_THE_RUN"

func TestMain(m *testing.M) {
	if options, set := os.LookupEnv(beTheRun); set {
		os.Exit(oneRun(options))
	}
	os.Exit(m.Run())
}

// oneRun collects once with a store alone: nothing is remembered.
func oneRun(text string) int {
	var given struct{ URL, CAFile, Store string }
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return 2
	}
	env := checks.DefaultEnv(func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("secret"), nil })
	env.HTTP = &http.Client{Transport: &http.Transport{}}
	check, err := oauth.Kind.Build(decoding(oauth.Options{CAFile: given.CAFile, SignIns: []oauth.SignIn{{
		Entry: named("crm"), Client: oauth.Client{ClientID: "crm", Secret: watch.SecretRef{Env: "SECRET"}}, TokenURL: given.URL,
		Grant: "refresh_token", Store: oauth.Store{File: given.Store},
	}}}), env)
	if err != nil {
		return 2
	}
	_, _ = io.WriteString(os.Stdout, "begins\n")
	if err := check.Collect(context.Background(), func(watch.Fact) {}); err != nil {
		return 1
	}
	return 0
}

// However a run ends, the store holds one whole token, and the newest that reached this
// machine's disk is the one that the next run uses.
func TestARunThatIsKilledLeavesAWholeToken(t *testing.T) {
	const kills = 25
	r := newRefreshing(t)
	answered := make(chan struct{}, 1)
	var serving sync.Mutex
	r.server.Misbehave(always(func(w http.ResponseWriter, request *http.Request, usual http.Handler) {
		serving.Lock()
		defer serving.Unlock()
		usual.ServeHTTP(w, request)
		_ = http.NewResponseController(w).Flush()
		select {
		case answered <- struct{}{}:
		default:
		}
	}))
	kept := 0
	for range kills {
		run := exec.Command(os.Args[0])
		run.Env = append(os.Environ(), beTheRun+"="+object(t, map[string]string{"URL": r.server.URL + "/token", "CAFile": r.server.CAFile, "Store": r.store}))
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = run.Wait(); close(ended) }()
		select {
		case <-answered:
			time.Sleep(rand.N(8 * time.Millisecond))
		case <-ended:
		}
		_ = run.Process.Kill()
		<-ended
		serving.Lock() // whatever it was answered is over
		select {
		case <-answered:
		default:
		}
		stored := content(t, r.store)
		rescued, _ := os.ReadFile(r.store + ".rescued") // there may be none
		whole, complete := strings.CutSuffix(strings.TrimRight(string(rescued), "\x00"), "\n")
		valid := map[string]bool{}
		for _, token := range r.given {
			valid[token] = true
		}
		if !valid[stored] || complete && !valid[whole] {
			serving.Unlock()
			t.Fatalf("the store holds %q, and %q stands beside it", stored, rescued)
		}
		if stored == r.current || complete && whole == r.current {
			kept++
		} else { // it had not reached the disk: a person signs in again
			r.file("token", r.current)
			r.dated(r.store, time.Now())
		}
		serving.Unlock()
	}
	t.Logf("%d of %d killed runs kept the new token", kept, kills)
	r.reused = nil
	r.works()
	r.onlyFiles("token", "token.lock")
}
