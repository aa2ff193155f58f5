//go:build unix

package certfiles

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"lapsewatch/watch"
)

func TestWhatIsNoFileIsNeverOpened(t *testing.T) {
	folder := estate(t, "one.pem")
	if err := syscall.Mkfifo(folder+"/fifo.pem", 0o644); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", folder+"/socket.pem")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	symlink(t, "/dev/zero", folder+"/device.pem")
	t.Run("in a folder it is passed over", func(t *testing.T) {
		scan(t, folder).want(t, folder+"/one.pem#1")
	})
	t.Run("as a target it is a problem", func(t *testing.T) {
		got := scan(t, folder+"/fifo.pem", folder+"/socket.pem", folder+"/device.pem", "/dev/null")
		for _, path := range []string{folder + "/fifo.pem", folder + "/socket.pem", folder + "/device.pem", "/dev/null"} {
			got.wantProblem(t, path+"#1", watch.Unreadable, true, "read certificate file "+path+": is no regular file but a device, FIFO or socket")
		}
	})
	t.Run("a file that becomes a FIFO while it is looked at does not hold the reader", func(t *testing.T) {
		file, err := openFile(folder + "/fifo.pem")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if data, err := readRest(file, nil, 0, 100); err != nil || len(data) != 0 {
			t.Errorf("it reads %q and %v", data, err)
		}
	})
}

// childPaths tells the test binary to scan as somebody else.
const childPaths = "CERTFILES_TEST_PATHS"

func TestMain(m *testing.M) {
	if paths := os.Getenv(childPaths); paths != "" {
		os.Exit(scanAsChild(filepath.SplitList(paths)))
	}
	os.Exit(m.Run())
}

type childProblem struct {
	ID, Words string
	Reason    watch.Reason
	Confined  bool
}

func scanAsChild(paths []string) int {
	options := defaults()
	options.Paths, options.Concurrency = paths, 1
	check, err := New(options, testEnv())
	if err == nil {
		encoder := json.NewEncoder(os.Stdout)
		err = check.Collect(context.Background(), func(fact watch.Fact) {
			if problem, ok := fact.(watch.Problem); ok {
				err = errors.Join(err, encoder.Encode(childProblem{problem.Subject.ID, problem.Err.Error(), problem.Reason, problem.Confined}))
			}
		})
	}
	if err != nil {
		return 1
	}
	return 0
}

// scanUnprivileged scans in a process of its own, as the user nobody where the test runs
// as root, whom no permission stops.
func scanUnprivileged(t *testing.T, paths string) map[string]childProblem {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	if os.Geteuid() == 0 {
		// The test binary stands in a folder that only root may enter.
		child = exec.Command(publicCopy(t, self))
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	child.Env = append(os.Environ(), childPaths+"="+paths)
	child.Dir = "/"
	var out, complaints bytes.Buffer
	child.Stdout, child.Stderr = &out, &complaints
	if err := child.Run(); err != nil {
		t.Fatalf("scan as another user: %v\n%s", err, complaints.String())
	}
	problems := map[string]childProblem{}
	for decoder := json.NewDecoder(&out); ; {
		var problem childProblem
		if err := decoder.Decode(&problem); errors.Is(err, io.EOF) {
			return problems
		} else if err != nil {
			t.Fatal(err)
		}
		problems[problem.ID] = problem
	}
}

// publicFolder is one that every user may enter.
func publicFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "certfiles-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

func publicCopy(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(publicFolder(t), "test")
	if err := os.WriteFile(public, content, 0o755); err != nil {
		t.Fatal(err)
	}
	return public
}

func TestWhatMayNotBeRead(t *testing.T) {
	folder := publicFolder(t)
	for _, name := range []string{"open.pem", "locked.pem", "locked.txt", "locked.key", "closed/inside.pem"} {
		write(t, filepath.Join(folder, name), certPEM(issue(t, name, june).Cert.Raw))
	}
	for _, name := range []string{"locked.pem", "locked.txt", "locked.key", "closed"} {
		if err := os.Chmod(filepath.Join(folder, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(folder, "closed"), 0o755) })
	got := scanUnprivileged(t, folder)
	want := map[string]childProblem{
		folder + "/locked.pem#1": {folder + "/locked.pem#1", "read certificate file " + folder + "/locked.pem: permission denied", watch.PermissionDenied, true},
		folder + "/closed":       {folder + "/closed", "look for certificate files in " + folder + "/closed: permission denied", watch.PermissionDenied, false},
	}
	for id, problem := range want {
		if got[id] != problem {
			t.Errorf("%s gave %+v, want %+v", id, got[id], problem)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the problems are %+v", got)
	}
	asTarget := scanUnprivileged(t, folder+"/locked.txt:"+folder+"/closed/inside.pem")
	for _, path := range []string{folder + "/locked.txt", folder + "/closed/inside.pem"} {
		if got := asTarget[path+"#1"]; got.Reason != watch.PermissionDenied {
			t.Errorf("%s gave %+v", path, got)
		}
	}
}
