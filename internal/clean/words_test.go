package clean

import (
	"slices"
	"testing"
)

func TestACommandIsNeverBroken(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       []string
	}{
		{"plain words", "renew it  now", []string{"renew", "it", "now"}},
		{"a command in back-ticks", "Run `az ad app list --all`. Then wait.", []string{"Run", "`az ad app list --all`.", "Then", "wait."}},
		{"a command of one word", "Run `true` now", []string{"Run", "`true`", "now"}},
		{"two commands", "`a b` or `c d`", []string{"`a b`", "or", "`c d`"}},
		{"an odd back-tick", "a ` b c", []string{"a", "`", "b", "c"}},
		{"nothing", "", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := Words(row.text); !slices.Equal(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
