package jwt_test

import (
	"path/filepath"
	"strconv"
	"testing"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/jwt"
	"lapsewatch/internal/jose/josetest"
	"lapsewatch/watch"
)

func TestAPathThatIsNeverThereKeepsNothingOfOthers(t *testing.T) {
	folder, d := t.TempDir(), newDesk()
	memory := &checktest.Memory{}
	d.env.Memory = memory
	options := jwt.Options{Paths: []string{folder, filepath.Join(t.TempDir(), "gone")}}
	for pass := range 3 {
		var written []string
		for i := range 600 {
			// A life of a year is stated, so that none is learnt.
			token := josetest.Raw(header, claims(`{"iat":%d,"exp":%d}`, in(-day), in(364*day)), "s")
			written = append(written, write(t, filepath.Join(folder, strconv.Itoa(pass)+"-"+strconv.Itoa(i)), token))
		}
		d.collect(t, options)
		if kept := memory.Kept(); kept != 2 {
			t.Errorf("pass %d: %d keys are kept, want 2", pass, kept)
		}
		for _, path := range written {
			remove(t, path)
		}
	}
}

func TestWhatIsKnownOfAFolderThatIsAwayStaysBesideAnother(t *testing.T) {
	d, away, there := newDesk(), filepath.Join(t.TempDir(), "away"), t.TempDir()
	lost, dropped := write(t, filepath.Join(away, "token"), sample("a")), write(t, filepath.Join(there, "token"), sample("b"))
	write(t, filepath.Join(there, "stays"), sample("c"))
	options := jwt.Options{Paths: []string{away, there}}
	d.collect(t, options)
	remove(t, away)
	remove(t, dropped)
	d.collect(t, options)
	write(t, lost, "")
	write(t, dropped, "")
	facts, _ := checktest.ByID(t, d.collect(t, options))
	checktest.WantProblem(t, facts["file:"+lost], watch.Unparsable, "it held a token before")
	if len(facts) != 2 {
		t.Errorf("%+v", facts)
	}
}
