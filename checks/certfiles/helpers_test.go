package certfiles

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// june is the notAfter of most certificates here.
var june = time.Date(2027, 6, 1, 12, 0, 0, 0, time.UTC)

func issue(t testing.TB, name string, notAfter time.Time) pki.Pair {
	t.Helper()
	pair, err := authority(t).Issue(pki.Spec{CommonName: name, Names: []string{name}, NotBefore: june.AddDate(-1, 0, 0), NotAfter: notAfter})
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func authority(t testing.TB) pki.Pair {
	t.Helper()
	root, err := oneAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

var oneAuthority = sync.OnceValues(func() (pki.Pair, error) {
	return pki.SelfSigned(pki.Spec{CommonName: "Test Root", IsCA: true, NotBefore: june.AddDate(-5, 0, 0), NotAfter: june.AddDate(5, 0, 0)})
})

func certPEM(der []byte) string { return blockPEM("CERTIFICATE", der) }

func blockPEM(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func keyPEM(t testing.TB, pair pki.Pair) string {
	t.Helper()
	key, err := pair.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	return string(key)
}

func write[T string | []byte](t testing.TB, path string, content T) string {
	t.Helper()
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// later makes files that were written just now settled enough to be remembered.
func later() time.Time { return time.Now().Add(time.Hour) }

func testEnv() checks.Env {
	env := checks.DefaultEnv(func(ref watch.SecretRef) (watch.Secret, error) {
		value, set := os.LookupEnv(ref.Env)
		if !set {
			return watch.Secret{}, fmt.Errorf("read secret from %s: not set", ref)
		}
		return watch.NewSecret(value), nil
	})
	env.Now = later
	return env
}

func newCheck(t testing.TB, edit func(*Options), paths ...string) watch.Check {
	t.Helper()
	options := defaults()
	options.Paths = paths
	if edit != nil {
		edit(&options)
	}
	if err := options.Validate(); err != nil {
		t.Fatal(err)
	}
	check, err := New(options, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	return check
}

// facts are those of one pass, by the ID of their subject.
type facts map[string]watch.Fact

func collect(t testing.TB, check watch.Check) facts {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	all := facts{}
	err := check.Collect(ctx, func(fact watch.Fact) {
		mu.Lock()
		defer mu.Unlock()
		id := fact.About().ID
		if _, twice := all[id]; twice {
			t.Errorf("two facts are about %q", id)
		}
		all[id] = fact
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func scan(t testing.TB, paths ...string) facts {
	t.Helper()
	return collect(t, newCheck(t, nil, paths...))
}

func (f facts) ids() []string {
	ids := make([]string, 0, len(f))
	for id := range f {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (f facts) want(t testing.TB, ids ...string) {
	t.Helper()
	slices.Sort(ids)
	if got := f.ids(); !slices.Equal(got, ids) {
		t.Fatalf("the subjects are\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(ids, "\n  "))
	}
}

func (f facts) credential(t testing.TB, id string) watch.Credential {
	t.Helper()
	credential, ok := f[id].(watch.Credential)
	if !ok {
		t.Fatalf("%s gave %+v, want a credential; there are %q", id, f[id], f.ids())
	}
	return credential
}

func (f facts) problem(t testing.TB, id string) watch.Problem {
	t.Helper()
	problem, ok := f[id].(watch.Problem)
	if !ok {
		t.Fatalf("%s gave %+v, want a problem; there are %q", id, f[id], f.ids())
	}
	return problem
}

// wantProblem checks what an operator sees of a problem.
func (f facts) wantProblem(t testing.TB, id string, reason watch.Reason, confined bool, words string) {
	t.Helper()
	problem := f.problem(t, id)
	if problem.Reason != reason || problem.Confined != confined || problem.Err.Error() != words {
		t.Errorf("%s gave %s (confined: %t)\n  %v\nwant %s (confined: %t)\n  %s", id, problem.Reason, problem.Confined, problem.Err, reason, confined, words)
	}
}

func (f facts) wantDate(t testing.TB, id string, notAfter time.Time) {
	t.Helper()
	if got := f.credential(t, id).NotAfter; !got.Equal(notAfter) {
		t.Errorf("%s ends on %s, want %s", id, got, notAfter)
	}
}
