package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type reload struct {
	loaded *Config
	err    error
}

// startWatch watches the file until the test ends, and gives what onChange is told.
func startWatch(t *testing.T, path string) <-chan reload {
	t.Helper()
	quietEnvironment(t)
	told := make(chan reload, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- Watch(ctx, Source{Path: path}, testCatalog(nil), func(loaded *Config, err error) { told <- reload{loaded, err} })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Watch ended with %v", err)
		}
	})
	return told
}

func next(t *testing.T, told <-chan reload) reload {
	t.Helper()
	select {
	case change := <-told:
		return change
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was told in 20 s")
		return reload{}
	}
}

func namesOf(t *testing.T, change reload) string {
	t.Helper()
	if change.err != nil {
		t.Fatal(change.err)
	}
	var names []string
	for _, check := range change.loaded.Checks {
		names = append(names, check.Name)
	}
	return strings.Join(names, ",")
}

func named(name string) string { return strings.Replace(smallest, "web", name, 1) }

func overwrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWatch_TheFirstLoadAndEveryChangeAreTold(t *testing.T) {
	path := write(t, named("one"))
	told := startWatch(t, path)
	if got := namesOf(t, next(t, told)); got != "one" {
		t.Errorf("first load: %s", got)
	}
	overwrite(t, path, named("two"))
	if got := namesOf(t, next(t, told)); got != "two" {
		t.Errorf("after a rewrite: %s", got)
	}
	replacement := filepath.Join(filepath.Dir(path), "new")
	overwrite(t, replacement, named("three"))
	if err := os.Rename(replacement, path); err != nil {
		t.Fatal(err)
	}
	if got := namesOf(t, next(t, told)); got != "three" {
		t.Errorf("after a rename over it: %s", got)
	}
}

func TestWatch_ABrokenFileIsToldOnceAndAMendedOneIsTaken(t *testing.T) {
	path := write(t, named("one"))
	told := startWatch(t, path)
	namesOf(t, next(t, told))
	overwrite(t, path, named("two")+"oops: 1\n")
	change := next(t, told)
	if change.loaded != nil || change.err == nil || !strings.HasSuffix(change.err.Error(), "lapsewatch.yaml:5: oops: unknown key (known: alerts, checks, clock, default_to, heartbeat, incident_source, incidents, ledger, limits, log, policy, report, routes)") {
		t.Errorf("got %+v", change)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if change := next(t, told); !errors.Is(change.err, os.ErrNotExist) {
		t.Errorf("after the file was removed: %+v", change)
	}
	overwrite(t, path, named("three"))
	if got := namesOf(t, next(t, told)); got != "three" {
		t.Errorf("after it was written again: %s", got)
	}
}

func TestWatch_RewritingInPlaceNeverYieldsAnEmptyConfiguration(t *testing.T) {
	path := write(t, named("start"))
	told := startWatch(t, path)
	namesOf(t, next(t, told))
	const rewrites = 20
	for i := range rewrites {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			t.Fatal(err)
		}
		text := named("rewrite" + string(rune('a'+i)))
		for _, part := range []string{text[:10], text[10:]} {
			if _, err := file.WriteString(part); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for {
		change := next(t, told)
		if change.err != nil {
			// On a very slow machine a half-written file is read, and refused.
			if change.loaded != nil {
				t.Fatalf("a configuration beside the error %v", change.err)
			}
			continue
		}
		switch got := namesOf(t, change); {
		case got == "rewrite"+string(rune('a'+rewrites-1)):
			return
		case !strings.HasPrefix(got, "rewrite"):
			t.Fatalf("a configuration of the checks %q", got)
		}
	}
}

// Kubernetes mounts a ConfigMap as links: file → ..data/file, ..data → ..TIME, and turns
// ..data to publish a change.
func TestWatch_AConfigMapThatIsReplacedIsSeen(t *testing.T) {
	dir := t.TempDir()
	publish := func(version, name string) {
		t.Helper()
		data := filepath.Join(dir, version)
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Fatal(err)
		}
		overwrite(t, filepath.Join(data, fileName), named(name))
		if err := errors.Join(os.Symlink(version, filepath.Join(dir, "..data_tmp")), os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data"))); err != nil {
			t.Fatal(err)
		}
	}
	publish("..1", "one")
	path := filepath.Join(dir, fileName)
	if err := os.Symlink(filepath.Join("..data", fileName), path); err != nil {
		t.Fatal(err)
	}
	told := startWatch(t, path)
	namesOf(t, next(t, told))
	for _, version := range []string{"two", "three"} {
		publish(".."+version, version)
		if got := namesOf(t, next(t, told)); got != version {
			t.Errorf("got %s, want %s", got, version)
		}
	}
}

func TestWatch_AChangeBehindALinkIsSeen(t *testing.T) {
	real := write(t, named("one"))
	path := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(real, path); err != nil {
		t.Fatal(err)
	}
	told := startWatch(t, path)
	namesOf(t, next(t, told))
	overwrite(t, real, named("two"))
	if got := namesOf(t, next(t, told)); got != "two" {
		t.Errorf("got %s", got)
	}
}

func TestWatch_OtherFilesAndAnUnchangedTextAreNotTold(t *testing.T) {
	path := write(t, named("one"))
	told := startWatch(t, path)
	namesOf(t, next(t, told))
	overwrite(t, filepath.Join(filepath.Dir(path), "lapsewatch.db"), "x")
	overwrite(t, path, named("one"))
	time.Sleep(3 * quietPeriod)
	overwrite(t, path, named("two"))
	if got := namesOf(t, next(t, told)); got != "two" {
		t.Errorf("told of %s", got)
	}
}

func TestWatch_WithoutAFolderThereIsNothingToWatch(t *testing.T) {
	err := Watch(t.Context(), Source{Path: "/nowhere/lapsewatch.yaml"}, testCatalog(nil), func(*Config, error) { t.Error("told") })
	if want := "watch configuration /nowhere/lapsewatch.yaml: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
