package ledger

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestWhatACheckRemembersOutlastsTheRunAndIsItsOwn(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		dsn := s.fresh(t)
		l := openDSN(t, dsn)
		mine, others := l.Memory("tenant", nowIs(1)), l.Memory("other", nowIs(1))
		for _, value := range []string{"first", "second\x00with bytes \xff"} {
			if err := mine.Remember(t.Context(), "hold", []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := others.Recall(t.Context(), "hold"); err != nil || got != nil {
			t.Errorf("another check recalls %q, %v", got, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		again := openDSN(t, dsn).Memory("tenant", nowIs(1))
		if got, err := again.Recall(t.Context(), "hold"); err != nil || string(got) != "second\x00with bytes \xff" {
			t.Errorf("recalled %q, %v", got, err)
		}
		if err := again.Remember(t.Context(), "hold", nil); err != nil {
			t.Fatal(err)
		}
		if got, err := again.Recall(t.Context(), "hold"); err != nil || got != nil {
			t.Errorf("after it was forgotten, recalled %q, %v", got, err)
		}
	})
}

func TestAPassForgetsWhatChecksKeptThatAreGone(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		for _, check := range []string{"sites", "gone"} {
			if err := l.Memory(check, nowIs(1)).Remember(t.Context(), "k", []byte("v")); err != nil {
				t.Fatal(err)
			}
		}
		record(t, l, passAt(day(1), fine("a")), nobody)
		for check, want := range map[string]string{"sites": "v", "gone": ""} {
			if got, err := l.Memory(check, nowIs(1)).Recall(t.Context(), "k"); err != nil || string(got) != want {
				t.Errorf("check %s recalls %q, %v, want %q", check, got, err, want)
			}
		}
	})
}

func TestMemoriesAreBounded(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		m := s.new(t).Memory("tenant", nowIs(1))
		if err := m.Remember(t.Context(), "k", bytes.Repeat([]byte("x"), 4097)); err == nil || !strings.Contains(err.Error(), "remember k of check tenant") || !strings.Contains(err.Error(), "want at most 200 and 4096") {
			t.Errorf("too long a value gave %v", err)
		}
		if err := m.Remember(t.Context(), strings.Repeat("k", 201), []byte("v")); err == nil {
			t.Error("too long a key was taken")
		}
	})
}

func TestACheckKeepsNoMoreThanTenThousandValues(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		const fill = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
		INSERT INTO memories (check_name, key, value, kept_at, checksum) SELECT 'tenant', 'k' || i, '', '', '' FROM n`
		if _, err := l.db.ExecContext(t.Context(), fill); err != nil {
			t.Fatal(err)
		}
		m := l.Memory("tenant", nowIs(1))
		for _, key := range []string{"last", "last", "k1"} {
			if err := m.Remember(t.Context(), key, []byte("v")); err != nil {
				t.Errorf("%s was not taken: %v", key, err)
			}
		}
		if err := m.Remember(t.Context(), "one more", []byte("v")); err == nil || !strings.Contains(err.Error(), "the check keeps 10000 values already, and no more are taken") {
			t.Errorf("one more gave %v", err)
		}
		if err := l.Memory("other", nowIs(1)).Remember(t.Context(), "k", []byte("v")); err != nil {
			t.Errorf("another check suffers from it: %v", err)
		}
	})
}

func TestWhatIsRememberedInACopyIsLostWithIt(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		dsn := s.fresh(t)
		l := openDSN(t, dsn)
		kept := l.Memory("tenant", nowIs(1))
		if err := kept.Remember(t.Context(), "k", []byte("kept")); err != nil {
			t.Fatal(err)
		}
		copied, err := Peek(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		m := copied.Memory("tenant", nowIs(2))
		if got, err := m.Recall(t.Context(), "k"); err != nil || string(got) != "kept" {
			t.Errorf("the copy recalls %q, %v", got, err)
		}
		if err := m.Remember(t.Context(), "k", []byte("of the copy")); err != nil {
			t.Fatal(err)
		}
		if got, err := m.Recall(t.Context(), "k"); err != nil || string(got) != "of the copy" {
			t.Errorf("the copy then recalls %q, %v", got, err)
		}
		if err := copied.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := kept.Recall(t.Context(), "k"); err != nil || string(got) != "kept" {
			t.Errorf("the store recalls %q, %v", got, err)
		}
	})
}

func TestF16_ADamagedMemoryIsNotBelieved(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		m := l.Memory("tenant", nowIs(1))
		if err := m.Remember(t.Context(), "k", []byte("v")); err != nil {
			t.Fatal(err)
		}
		if _, err := l.db.ExecContext(t.Context(), `UPDATE memories SET value = 'eA=='`); err != nil {
			t.Fatal(err)
		}
		if got, err := m.Recall(t.Context(), "k"); !errors.Is(err, ErrDamaged) {
			t.Errorf("recalled %q, %v", got, err)
		}
	})
}

func nowIs(n int) func() time.Time { return func() time.Time { return day(n) } }
