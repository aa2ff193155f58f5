package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/holdoff"
	"lapsewatch/watch"
)

const killedLife = watch.Duration(90 * 24 * time.Hour)

// beTheRun makes the test program one run of the check, to be killed.
const beTheRun = "LAPSEWATCH_TEST_BE_THE_RUN"

func TestMain(m *testing.M) {
	if options, set := os.LookupEnv(beTheRun); set {
		os.Exit(oneRun(options))
	}
	os.Exit(m.Run())
}

// notebook is a memory in a folder, for runs that are killed.
type notebook struct{ folder string }

func (n notebook) at(key string) string { return filepath.Join(n.folder, holdoff.Digest([]byte(key))) }

func (n notebook) Recall(_ context.Context, key string) ([]byte, error) {
	text, err := os.ReadFile(n.at(key))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return text, err
}

func (n notebook) Remember(_ context.Context, key string, value []byte) error {
	if err := os.WriteFile(n.at(key)+".new", value, 0o600); err != nil {
		return err
	}
	return os.Rename(n.at(key)+".new", n.at(key))
}

// oneRun collects once.
func oneRun(text string) int {
	var given struct{ URL, CAFile, Store, Memory string }
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return 2
	}
	env := checks.DefaultEnv(func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("secret"), nil })
	env.HTTP, env.Memory, env.Keeps = &http.Client{Transport: &http.Transport{}}, notebook{given.Memory}, true
	check, err := oauth.Kind.Build(decoding(oauth.Options{CAFile: given.CAFile, SignIns: []oauth.SignIn{{
		Entry: named("crm"), Client: oauth.Client{ClientID: "crm", Secret: watch.SecretRef{Env: "SECRET"}}, TokenURL: given.URL,
		Grant: "refresh_token", Store: oauth.Store{File: given.Store}, Lifetime: oauth.Lifetime{Life: killedLife},
	}}}), env)
	if err != nil {
		return 2
	}
	_, _ = io.WriteString(os.Stdout, "begins\n")
	if err := check.Collect(context.Background(), func(fact watch.Fact) {
		if problem, is := fact.(watch.Problem); is {
			_, _ = io.WriteString(os.Stdout, problem.Err.Error()+"\n"+problem.Remedy+"\n")
		}
	}); err != nil {
		return 1
	}
	return 0
}

// However a run ends, the store holds one whole token, and the newest that reached this
// machine's disk is the one that the next run uses.
func TestARunThatIsKilledLeavesAWholeToken(t *testing.T) {
	const kills = 25
	r := newRefreshing(t)
	r.clocked = false
	r.env.Memory = notebook{t.TempDir()}
	issued := time.Now().Add(-80 * 24 * time.Hour).Truncate(time.Second)
	r.dated(r.store, issued)
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
	kept, lost := 0, 0
	for range kills {
		run := exec.Command(os.Args[0])
		run.Env = append(os.Environ(), beTheRun+"="+object(t, map[string]string{"URL": r.server.URL + "/token", "CAFile": r.server.CAFile, "Store": r.store, "Memory": r.env.Memory.(notebook).folder}))
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
			lost++
		}
		serving.Unlock()
	}
	t.Logf("%d of %d killed runs kept the new token", kept, kills)
	if len(r.given) < kills/2 {
		t.Errorf("only %d tokens were replaced in %d runs", len(r.given), kills)
	}
	r.reused = nil
	// Whatever was killed when: nobody has signed in since, unless a token was lost.
	got := r.collect(r.options(func(s *oauth.SignIn) { s.Lifetime = oauth.Lifetime{Life: killedLife} }))
	checktest.Equal(t, "reason", got.condition("refresh/crm").Reason, "")
	if until := got.credential("refresh-token/crm").NotAfter; lost == 0 && !until.Equal(issued.Add(90*24*time.Hour)) {
		t.Errorf("it runs until %s, want 90 days from %s", until, issued)
	}
	r.works()
	r.onlyFiles("token", "token.lock")
}
