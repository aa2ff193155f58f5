// Package parts starts the real servers that tests talk to: unprivileged, on free ports
// of 127.0.0.1, with a certificate of the test's own, and gone with the test. It knows no
// package of Lapsewatch but pki, installs nothing (install.sh does), and is imported by
// tests only.
//
// A part that is not installed, or does not start, fails the test and says what to do.
package parts

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"lapsewatch/internal/pki"
)

//go:embed conf
var configurations embed.FS

// account is who a server runs as: nobody when the tests run as root, which several
// servers refuse to be, and otherwise the user who runs the tests.
type account struct {
	User, Group string
	UID, GID    uint32
}

// part is one server in the making: a folder of its own and the account it runs as.
type part struct {
	t testing.TB
	account
	// asRoot is for a server that changes its accounts itself.
	asRoot bool
	Dir    string
	// Chain and Key are PEM files in Dir.
	Chain, Key string
	Ports      map[string]int
}

// newPart makes a folder that only the server's account can read. The folder's name is
// short because servers put UNIX sockets into it, whose paths have at most 107 bytes.
func newPart(t testing.TB, pair pki.Pair) *part {
	t.Helper()
	p := &part{t: t, account: whoRuns(t)}
	dir, err := os.MkdirTemp("", "lapsewatch-part-")
	if err != nil {
		t.Fatalf("make a folder for a server: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the folder of a server: %v", err)
		}
	})
	p.Dir = dir
	p.own(dir)
	p.Chain, p.Key = p.pair("server", pair)
	return p
}

func whoRuns(t testing.TB) account {
	t.Helper()
	who, err := user.Current()
	if os.Geteuid() == 0 {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatalf("find the account that servers run as: %v", err)
	}
	group, err := user.LookupGroupId(who.Gid)
	if err != nil {
		t.Fatalf("find the group that servers run as: %v", err)
	}
	return account{User: who.Username, Group: group.Name, UID: number(t, who.Uid), GID: number(t, who.Gid)}
}

func number(t testing.TB, id string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		t.Fatalf("read the account number %q: %v", id, err)
	}
	return uint32(n)
}

func (p *part) own(path string) {
	p.t.Helper()
	if err := os.Chown(path, int(p.UID), int(p.GID)); err != nil {
		p.t.Fatalf("give a server its files: %v", err)
	}
}

// file writes a file that only the server's account can read.
func (p *part) file(name string, content []byte) string {
	p.t.Helper()
	path := filepath.Join(p.Dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		p.t.Fatalf("write for a server: %v", err)
	}
	p.own(path)
	return path
}

func (p *part) folder(name string) string {
	p.t.Helper()
	path := filepath.Join(p.Dir, name)
	if err := os.Mkdir(path, 0o700); err != nil {
		p.t.Fatalf("make a folder for a server: %v", err)
	}
	p.own(path)
	return path
}

// pair writes a chain and its key for a server to read.
func (p *part) pair(name string, pair pki.Pair) (chain, key string) {
	p.t.Helper()
	keyPEM, err := pair.KeyPEM()
	if err != nil {
		p.t.Fatalf("write the key of a server: %v", err)
	}
	return p.file(name+"-chain.pem", pair.ChainPEM()), p.file(name+"-key.pem", keyPEM)
}

// configure writes the configuration of that name, filled from data.
func (p *part) configure(name string, data any) string {
	p.t.Helper()
	return p.configureAs(name, name, data)
}

// configureAs does so for a server that wants another name.
func (p *part) configureAs(name, file string, data any) string {
	p.t.Helper()
	filled, err := template.ParseFS(configurations, "conf/"+name)
	var content bytes.Buffer
	if err == nil {
		err = filled.Option("missingkey=error").Execute(&content, data)
	}
	if err != nil {
		p.t.Fatalf("write the configuration of a server: %v", err)
	}
	return p.file(file, content.Bytes())
}

// address is where the server listens for the named purpose.
func (p *part) address(purpose string) string {
	return fmt.Sprintf("127.0.0.1:%d", p.Ports[purpose])
}

// logs is what the server wrote, on its outputs and into files.
func (p *part) logs() string {
	var all strings.Builder
	files, _ := filepath.Glob(filepath.Join(p.Dir, "*.log"))
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			content = []byte(err.Error())
		}
		fmt.Fprintf(&all, "--- %s\n%s\n", filepath.Base(file), content)
	}
	return all.String()
}
