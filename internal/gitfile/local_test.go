package gitfile_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/internal/gitfile"
	"lapsewatch/watch"
)

func (p *place) hook(name, script string) {
	p.t.Helper()
	path := filepath.Join(p.bare, "hooks", name)
	write(p.t, path, "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		p.t.Fatal(err)
	}
}

// A hook that hangs is ended with all that it has started, and so are the pipes that it
// has given to somebody who left its group.
func TestAHookThatHangsIsLeftWhenTheTimeIsUp(t *testing.T) {
	for name, script := range map[string]string{
		"in its group":      "sleep 300",
		"out of its group":  "setsid sleep 30",
		"after the answer":  "exec >/dev/null 2>&1; sleep 300",
		"that says nothing": "trap '' TERM; while :; do sleep 1; done",
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.hook("pre-receive", "echo $$ >>"+filepath.Join(p.bare, "pids")+"\n"+script)
			write(t, p.file("stub.md"), "one")
			ended := make(chan error, 1)
			go func() {
				ended <- p.publisher(func(o *gitfile.Options) { o.Timeout = watch.Duration(2 * time.Second) }).Publish(t.Context(), "Stub", "stub.md")
			}()
			select {
			case err := <-ended:
				failure(t, err, true, "push to "+p.bare+": context deadline exceeded")
			case <-time.After(2 * time.Minute):
				t.Fatal("it is still waited for")
			}
			requireEnded(t, strings.Fields(read(t, filepath.Join(p.bare, "pids"))))
			p.hook("pre-receive", "exit 0")
			p.publish("stub.md")
		})
	}
}

// requireEnded requires that processes are gone, or will be as soon as the system is told.
func requireEnded(t *testing.T, pids []string) {
	t.Helper()
	for _, pid := range pids {
		for range 100 {
			state, err := os.ReadFile("/proc/" + pid + "/stat")
			if err != nil || strings.Contains(string(state), ") Z ") {
				pid = ""
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if pid != "" {
			t.Errorf("the process %s still runs", pid)
		}
	}
}

func TestAContextThatEndsIsToldAsSuch(t *testing.T) {
	p := newPlace(t)
	p.hook("pre-receive", "sleep 300")
	write(t, p.file("stub.md"), "one")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	failure(t, p.publisher(nil).Publish(ctx, "Stub", "stub.md"), true, "context deadline exceeded")
}

func TestHooksOfARemoteSeeNothingOfOurEnvironment(t *testing.T) {
	t.Setenv("LAPSEWATCH_TOKEN", token)
	p := newPlace(t)
	seen := filepath.Join(p.bare, "environment")
	p.hook("pre-receive", "env >"+seen)
	write(t, p.file("stub.md"), "one")
	p.publish("stub.md")
	if text := read(t, seen); strings.Contains(text, token) {
		t.Errorf("the hook has seen\n%s", text)
	}
}

func TestAFolderIsNamedFromTheClone(t *testing.T) {
	p := newPlace(t)
	git(t, p.ours, "config", "remote.origin.url", "../"+filepath.Base(p.bare))
	write(t, p.file("stub.md"), "one")
	p.publish("stub.md")
}

func TestWhatTheProgramSaysIsTold(t *testing.T) {
	p := newPlace(t)
	write(t, filepath.Join(p.bare, "config"), "[core\n")
	err := p.publisher(nil).Publish(t.Context(), "Stub")
	failure(t, err, true, "fetch from "+p.bare+": git says: fatal: bad config line 1 in file ")
}
