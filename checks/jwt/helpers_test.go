package jwt_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/jwt"
	"lapsewatch/internal/entry"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// asOf is the instant that the tests judge as of.
var asOf = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// desk is a check's surroundings, and what it wrote to its log.
type desk struct {
	env checks.Env
	log checktest.Log
}

func newDesk() *desk {
	d := &desk{env: checktest.Env(asOf)}
	d.env.Log = d.log.Logger()
	d.env.Secrets = func(ref watch.SecretRef) (watch.Secret, error) {
		if ref.File != "" {
			text, err := os.ReadFile(ref.File)
			if failed, ok := errors.AsType[*fs.PathError](err); ok {
				return watch.Secret{}, fmt.Errorf("read the secret in %s: %w", ref, failed.Err)
			}
			return watch.NewSecret(string(text)), err
		}
		text := os.Getenv(ref.Env)
		if text == "" {
			return watch.Secret{}, fmt.Errorf("read the secret in %s: it is empty or not set", ref)
		}
		return watch.NewSecret(text), nil
	}
	return d
}

func (d *desk) collect(t testing.TB, options jwt.Options) []watch.Fact {
	t.Helper()
	if options.ClockTolerance == 0 {
		options.ClockTolerance = watch.Duration(time.Minute)
	}
	facts := checktest.Pass(t, checktest.Build(t, jwt.Kind, options, d.env))
	slices.SortFunc(facts, func(a, b watch.Fact) int { return strings.Compare(a.About().ID, b.About().ID) })
	return facts
}

// told is what an operator is told of a fact: severity, reason, message.
func told(fact watch.Fact, now time.Time) string {
	finding := policy.Judge{}.Finding(policy.Origin{Check: "tokens", Kind: "jwt"}, fact, now)
	text := fmt.Sprintf("%s %s: %s", finding.Severity, finding.Reason, finding.Message)
	for _, also := range finding.Also {
		text += fmt.Sprintf(" | %s %s: %s", also.Severity, also.Reason, also.Message)
	}
	return text
}

func write(t testing.TB, path, content string) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

func listed(name string, ref watch.SecretRef) jwt.Token {
	return jwt.Token{Entry: entry.Entry{Name: name}, Token: ref}
}

// one collects from the only token of a check.
func (d *desk) one(t testing.TB, token string, options jwt.Options) watch.Fact {
	t.Helper()
	options.Tokens = []jwt.Token{listed("token", watch.SecretRef{File: write(t, filepath.Join(t.TempDir(), "token"), token)})}
	facts := d.collect(t, options)
	if len(facts) != 1 {
		t.Fatalf("%d facts: %+v", len(facts), facts)
	}
	return facts[0]
}

// facts are all that is told where there is one token, by the IDs of subjects.
func (d *desk) facts(t testing.TB, token string, options jwt.Options) checktest.Facts {
	t.Helper()
	options.Tokens = []jwt.Token{listed("token", watch.SecretRef{File: write(t, filepath.Join(t.TempDir(), "token"), token)})}
	facts, _ := checktest.ByID(t, d.collect(t, options))
	return facts
}

// signed is what is told of the only signature, or else of the keys.
func signed(t testing.TB, facts checktest.Facts) string {
	t.Helper()
	text := ""
	for id, fact := range facts {
		if strings.HasPrefix(id, "signature/") || strings.HasPrefix(id, "keys/") {
			if text != "" {
				t.Errorf("two facts: %+v", facts)
			}
			text = told(fact, asOf)
		}
	}
	return text
}
