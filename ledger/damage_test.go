package ledger

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"lapsewatch/policy"
)

// afterwards is what a ledger says of the next pass and of what it owes.
func afterwards(t testing.TB, path string) (string, error) {
	l, err := Open(t.Context(), "sqlite:"+path)
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	owed, err := l.Due(t.Context(), day(2))
	if err != nil {
		return "", err
	}
	var said []string
	for _, delivery := range owed {
		said = append(said, delivery.Channel+" "+delivery.Recipient+" "+strings.Join(told(delivery.Events), ", "))
	}
	outcome, err := l.Record(t.Context(), passAt(day(2), warned("a"), warned("b"), warned("c")), policy.Telling{}, somebody)
	return strings.Join(append(said, told(outcome.Events)...), "\n"), err
}

func TestF16_AFlippedBitIsRefusedOrHarmless(t *testing.T) {
	t.Parallel()
	sound := state(t)
	path := filepath.Join(t.TempDir(), "lapsewatch.db")
	writeFile(t, path, sound)
	want, err := afterwards(t, path)
	if err != nil || want == "" {
		t.Fatal(want, err)
	}
	// Only pages with content are worth a try, and few of their bytes are content.
	var content []int
	for i, octet := range sound {
		if octet != 0 {
			content = append(content, i)
		}
	}
	random := rand.New(rand.NewPCG(16, 16))
	const flips = 160
	refused := 0
	for range flips {
		at := content[random.IntN(len(content))]
		flipped := bytes.Clone(sound)
		flipped[at] ^= 1 << random.IntN(8)
		path := filepath.Join(t.TempDir(), "lapsewatch.db")
		writeFile(t, path, flipped)
		got, err := afterwards(t, path)
		switch {
		case err == nil && got != want:
			t.Errorf("byte %d: told\n%s\nwant\n%s", at, got, want)
		case err != nil:
			refused++
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrNewer) {
				t.Errorf("byte %d: %v", at, err)
			}
		}
	}
	if refused < flips/2 {
		t.Errorf("only %d of %d were refused", refused, flips)
	}
}

func TestF16_ATruncatedFileIsRefusedWhereverItEnds(t *testing.T) {
	t.Parallel()
	sound := state(t)
	random := rand.New(rand.NewPCG(16, 17))
	for range 40 {
		size := random.IntN(len(sound))
		path := filepath.Join(t.TempDir(), "lapsewatch.db")
		writeFile(t, path, sound[:size])
		_, err := Open(t.Context(), "sqlite:"+path)
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) {
			t.Errorf("cut to %d of %d bytes: %v", size, len(sound), err)
		}
		if !bytes.Equal(readFile(t, path), sound[:size]) {
			t.Errorf("cut to %d bytes: the file was changed", size)
		}
	}
}
