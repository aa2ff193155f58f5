package parts

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// patience bounds how long a server may take to start or stop on a busy machine.
const patience = time.Minute

// program finds an installed program, in the places where servers are kept too.
func program(t testing.TB, name, debianPackage string) string {
	t.Helper()
	for _, folder := range []string{"", "/usr/sbin", "/usr/lib/postfix/sbin"} {
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path
		}
	}
	missing(t, name, debianPackage)
	return ""
}

func missing(t testing.TB, what, debianPackage string) {
	t.Helper()
	t.Fatalf("%s is not here; it comes with the Debian package %s: run `make test-parts`", what, debianPackage)
}

// listenOn gives each purpose a free port. The ports lie below those that the kernel
// hands out, so that no outgoing connection and no listener on port 0 takes one before
// the server does.
func (p *part) listenOn(purposes ...string) {
	p.t.Helper()
	p.Ports = map[string]int{}
	const lowest, outgoing = 10_000, 32_768
	for _, purpose := range purposes {
		for p.Ports[purpose] == 0 {
			port := lowest + rand.IntN(outgoing-lowest)
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				continue
			}
			// Held until all are chosen, so that they differ.
			defer listener.Close()
			p.Ports[purpose] = port
		}
	}
}

func (p *part) command(path string, args ...string) *exec.Cmd {
	command := exec.Command(path, args...)
	command.Dir = p.Dir
	// Nothing of the machine's own settings may reach a server.
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + p.Dir, "LC_ALL=C", "OPENSSL_CONF=/dev/null"}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 && !p.asRoot {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: p.UID, Gid: p.GID}
	}
	return command
}

// run waits for a program that prepares something for the server.
func (p *part) run(path string, args ...string) {
	p.t.Helper()
	if output, err := p.command(path, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("run %s: %v\n%s", filepath.Base(path), err, output)
	}
}

// start starts the server and returns once ready is content. The server and what it has
// started itself end with the test, asked by the given signal first; what it logged is
// shown if the test fails.
func (p *part) start(politely syscall.Signal, ready func() error, path string, args ...string) {
	p.t.Helper()
	name := filepath.Base(path)
	output, err := os.OpenFile(p.file(name+"-output.log", nil), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		p.t.Fatalf("start %s: %v", name, err)
	}
	defer output.Close()
	command := p.command(path, args...)
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		p.t.Fatalf("start %s: %v", name, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait(); close(ended) }()
	p.t.Cleanup(func() {
		stop(command.Process.Pid, politely, ended)
		if p.t.Failed() {
			p.t.Logf("%s logged:\n%s", name, p.logs())
		}
	})
	p.await(name, ready, ended)
}

func (p *part) await(name string, ready func() error, ended <-chan error) {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		notReady := ready()
		if notReady == nil {
			return
		}
		select {
		case err := <-ended:
			p.t.Fatalf("%s ended before it was ready: %v", name, err)
		case <-deadline:
			p.t.Fatalf("%s is not ready after %v: %v", name, patience, notReady)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop ends a server and whatever of its process group is left over. A process that has
// ended by itself cannot be signalled, which is no fault.
func stop(pid int, politely syscall.Signal, ended <-chan error) {
	_ = syscall.Kill(-pid, politely)
	select {
	case <-ended:
	case <-time.After(patience):
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	<-ended
}

// accepting reports when every port takes connections.
func (p *part) accepting() error {
	for purpose := range p.Ports {
		conn, err := net.DialTimeout("tcp", p.address(purpose), time.Second)
		if err != nil {
			return err
		}
		if err := conn.Close(); err != nil {
			return err
		}
	}
	return nil
}
