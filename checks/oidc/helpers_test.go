package oidc_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/oidc"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// start is the instant of the first pass.
var start = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// desk is a check's surroundings over several passes.
type desk struct {
	env checks.Env
	now time.Time
}

func newDesk() *desk {
	d := &desk{now: start}
	d.env = checktest.Env(start)
	d.env.Now = func() time.Time { return d.now }
	d.env.Secrets = func(ref watch.SecretRef) (watch.Secret, error) {
		text, err := os.ReadFile(ref.File)
		return watch.NewSecret(string(text)), err
	}
	return d
}

func shopOf(issuer *josetest.Issuer) oidc.Options {
	return oidc.Options{
		CAFile: issuer.CAFile, ChangesShown: watch.Duration(72 * time.Hour),
		Issuers: []oidc.Issuer{{Entry: entry.Entry{Name: "shop"}, Issuer: issuer.Name()}},
	}
}

// living are the options of a shop whose tokens live for so long.
func living(issuer *josetest.Issuer, life time.Duration) oidc.Options {
	options := shopOf(issuer)
	options.Issuers[0].MaxTokenLife = watch.Duration(life)
	return options
}

// pass gives what an operator is told of each subject, and of remarks.
func (d *desk) pass(t testing.TB, options oidc.Options) (map[string]string, []watch.Fact) {
	t.Helper()
	facts := checktest.Pass(t, checktest.Build(t, oidc.Kind, options, d.env))
	told := map[string]string{}
	for _, fact := range facts {
		if remark, ok := fact.(watch.Remark); ok {
			told["remark"] = remark.Text
			continue
		}
		finding := policy.Judge{}.Finding(policy.Origin{Check: "issuers", Kind: "oidc"}, fact, d.now)
		text := strings.TrimSpace(fmt.Sprintf("%s %s", finding.Severity, finding.Reason)) + ": " + finding.Message
		if _, twice := told[fact.About().ID]; twice {
			t.Errorf("two facts of %s", fact.About().ID)
		}
		told[fact.About().ID] = text
	}
	return told, facts
}

// expect compares what is told, in the order of the subjects.
func expect(t testing.TB, got, want map[string]string) {
	t.Helper()
	var ids []string
	for id := range got {
		ids = append(ids, id)
	}
	for id := range want {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if got[id] != want[id] {
			t.Errorf("%s\ngot  %s\nwant %s", id, got[id], want[id])
		}
	}
}

func write(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := errors.Join(os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	inOrder = "ok: its discovery document is in order"
	there   = "ok: the key is published"
)
