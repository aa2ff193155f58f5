package oauth_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oauth"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// asOf is the instant that tests judge as of whose server is a fake.
var asOf = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

// world is what a check is given, and all that it leaves behind.
type world struct {
	t       testing.TB
	env     checks.Env
	secrets checktest.Secrets
	folder  string
	memory  checktest.Memory
	log     checktest.Log
	mu      sync.Mutex
	at      time.Time
	// clocked: the time stands still, and set moves it.
	clocked bool
	shown   bytes.Buffer
	// remarks are those of the last pass.
	remarks []string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, secrets: checktest.Secrets{}, folder: t.TempDir(), at: asOf, clocked: true}
	w.env = checktest.Env(asOf)
	w.env.HTTP = &http.Client{Transport: &http.Transport{}}
	w.env.Now, w.env.Memory, w.env.Secrets, w.env.Log, w.env.Keeps = w.now, &w.memory, w.read, w.log.Logger(), true
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.clocked {
		return time.Now()
	}
	return w.at
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

func (w *world) read(ref watch.SecretRef) (watch.Secret, error) {
	if ref.File != "" {
		text, err := os.ReadFile(ref.File)
		return watch.NewSecret(strings.TrimSuffix(string(text), "\n")), err
	}
	return w.secrets.Read(ref)
}

func (w *world) file(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func content(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (w *world) check(options oauth.Options) watch.Check {
	w.t.Helper()
	check, err := oauth.Kind.Build(decoding(options), w.env)
	if err != nil {
		w.t.Fatal(err)
	}
	return check
}

// decoding gives options over the defaults.
func decoding(options oauth.Options) watch.Decoder {
	return func(into any) error {
		filled := into.(*oauth.Options)
		if options.ClockTolerance == 0 {
			options.ClockTolerance = filled.ClockTolerance
		}
		*filled = options
		return nil
	}
}

// collect runs one pass. What it tells is kept in w.shown, for the grep.
func (w *world) collect(options oauth.Options) facts {
	w.t.Helper()
	return w.collectBy(w.check(options))
}

func (w *world) collectBy(check watch.Check) facts {
	w.t.Helper()
	told := checktest.Pass(w.t, check)
	w.shown.WriteString(checktest.Shown(w.t, told...))
	found, remarks := checktest.ByID(w.t, told)
	w.remarks = remarks
	return facts{w.t, found}
}

// facts are those of one pass.
type facts struct {
	t    testing.TB
	byID checktest.Facts
}

func (f facts) condition(id string) watch.Condition {
	f.t.Helper()
	return checktest.Of[watch.Condition](f.t, f.byID, id)
}

func (f facts) problem(id string) watch.Problem {
	f.t.Helper()
	fact := checktest.Of[watch.Problem](f.t, f.byID, id)
	if !fact.Confined || fact.Err == nil {
		f.t.Errorf("the problem of %s is not confined, or has no error: %+v", id, fact)
	}
	return fact
}

func (f facts) credential(id string) watch.Credential {
	f.t.Helper()
	return checktest.Of[watch.Credential](f.t, f.byID, id)
}

// nothingOf fails where anything that was told, logged, remembered or left in a file holds
// one of the texts. Files named are where the text belongs.
func (w *world) nothingOf(texts []string, except ...string) {
	w.t.Helper()
	places := map[string]string{"facts": w.shown.String(), "log": w.log.String(), "memory": w.memory.Ever()}
	err := filepath.WalkDir(w.folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		for _, own := range except {
			if path == own {
				return nil
			}
		}
		text, err := os.ReadFile(path)
		places[path] = string(text)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	checktest.WantNone(w.t, texts, places)
}

func named(name string) entry.Entry { return entry.Entry{Name: name} }

// on is a date as configuration has it.
func on(at time.Time) entry.Date {
	date, err := entry.ParseDate(at.UTC().Format(time.RFC3339))
	if err != nil {
		panic(err)
	}
	return date
}

func env(name string) watch.SecretRef { return watch.SecretRef{Env: name} }

func inFile(path string) watch.SecretRef { return watch.SecretRef{File: path} }

// clean serves a fake without faults.
func clean(t testing.TB, handler http.HandlerFunc) *vendortest.Server {
	t.Helper()
	server := vendortest.Start(t, handler)
	server.Misbehave()
	return server
}

// says answers every request with this.
func says(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func saysJSON(status int, body string) http.HandlerFunc {
	return says(status, "application/json", body)
}

// signInAt is one by a secret at a fake.
func signInAt(server *vendortest.Server, edit func(*oauth.SignIn)) oauth.Options {
	one := oauth.SignIn{Entry: named("crm"), Client: oauth.Client{ClientID: "crm-client", Secret: env("SECRET")}, TokenURL: server.URL + "/token"}
	if edit != nil {
		edit(&one)
	}
	return oauth.Options{SignIns: []oauth.SignIn{one}, CAFile: server.CAFile}
}

// matches compares texts in which numbers of milliseconds differ.
func matches(t testing.TB, what, got, want string) {
	t.Helper()
	words, wanted := strings.Fields(got), strings.Fields(want)
	if len(words) == len(wanted) {
		for i := range words {
			if wanted[i] == "N" {
				wanted[i] = words[i]
			}
		}
	}
	checktest.Equal(t, what, strings.Join(words, " "), strings.Join(wanted, " "))
}

// authority issues the certificates of a test.
func authority(t testing.TB, name string) pki.Pair {
	t.Helper()
	root, err := pki.NewRoot(name)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func issue(t testing.TB, root pki.Pair, spec pki.Spec) pki.Pair {
	t.Helper()
	pair, err := root.Issue(spec)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func keyPEM(t testing.TB, pair pki.Pair) string {
	t.Helper()
	text, err := pair.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func object(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
