package remoteclock_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"lapsewatch/internal/remoteclock"
	"lapsewatch/watch"
)

// oddHost lets everybody in and answers each command by the given function. It is for
// what OpenSSH and GNU date do not do.
type oddHost struct {
	addr string
	key  ssh.Signer
}

func newOddHost(t *testing.T, key ssh.Signer, answer func(session ssh.Channel)) oddHost {
	t.Helper()
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	config.AddHostKey(key)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(func() { _ = listener.Close() })
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { serveSSH(conn, config, answer) })
		}
	})
	return oddHost{listener.Addr().String(), key}
}

func serveSSH(conn net.Conn, config *ssh.ServerConfig, answer func(ssh.Channel)) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, asked, err := offered.Accept()
		if err != nil {
			return
		}
		go func() {
			for request := range asked {
				_ = request.Reply(request.Type == "exec", nil)
				if request.Type == "exec" {
					go answer(channel)
				}
			}
		}()
	}
}

func hostKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func (h oddHost) way(t *testing.T) remoteclock.SSH {
	t.Helper()
	return remoteclock.SSH{
		Address: h.addr, User: "watch", Dial: dial, Passphrase: watch.NewSecret("x"), Key: watch.NewSecret(encryptedKey(t, "x")),
		HostKey: string(ssh.MarshalAuthorizedKey(h.key.PublicKey())),
	}
}

func printing(text string) func(ssh.Channel) {
	return func(session ssh.Channel) {
		_, _ = io.WriteString(session, text)
		_, _ = session.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{0}))
		_ = session.Close()
	}
}

func TestADateWithoutNanosecondsIsReadToTheSecond(t *testing.T) {
	for name, form := range map[string]string{
		"musl's BusyBox": "%d.\n", "glibc's BusyBox": "%d.%%N\n", "an old BSD": "%d.N\n", "seconds alone": "%d", "a carriage return": "%d.\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			host := newOddHost(t, hostKey(t), func(session ssh.Channel) {
				printing(fmt.Sprintf(form, time.Now().Add(90*time.Second).Unix()))(session)
			})
			reading := read(t, host.way(t))
			if off := (reading.Offset - 90*time.Second).Abs(); off > reading.Uncertainty || reading.Uncertainty < 500*time.Millisecond || reading.Details["resolution"] != "1s" {
				t.Errorf("reading %+v", reading)
			}
		})
	}
}

func TestOddHostsFailWithWhatIsOddAboutThem(t *testing.T) {
	tests := map[string]struct {
		answer func(ssh.Channel)
		reason watch.Reason
		want   string
	}{
		"a greeting before the date": {printing("Welcome\x1b[2J!\n1700000000.5\n"), watch.Unparsable, `it shows no time in seconds: "Welcome�[2J!�1700000000.5�"`},
		"nothing":                    {printing(""), watch.Unparsable, `it shows no time in seconds: ""`},
		"a flood":                    {func(session ssh.Channel) { _, _ = io.Copy(session, endless{}) }, watch.Unparsable, "it shows no time in seconds: "},
		"a command that fails": {func(session ssh.Channel) {
			_, _ = io.WriteString(session.Stderr(), "date: \x1b]0;not found"+strings.Repeat("!", 5000))
			_, _ = session.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{127}))
			_ = session.Close()
		}, watch.Unreadable, `it ended with status 127: "date: �]0;not found!!`},
		"a connection that breaks": {func(session ssh.Channel) { _ = session.Close() }, watch.Unparsable, `it shows no time in seconds: ""`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			host := newOddHost(t, hostKey(t), test.answer)
			failure := refused(t, host.way(t))
			want := `run "date -u +%s.%N" at ` + host.addr + ": " + test.want
			if failure.Reason != test.reason || !strings.HasPrefix(failure.Error(), want) || len(failure.Error()) > 500 {
				t.Errorf("failure %s: %v\nwant    %s: %s", failure.Reason, failure, test.reason, want)
			}
		})
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

func TestAHostThatHangsIsGivenUpInTime(t *testing.T) {
	silent, stop := raw(func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	defer stop()
	host := newOddHost(t, hostKey(t), func(ssh.Channel) {})
	for name, dial := range map[string]remoteclock.Dial{"in the handshake": silent, "in the command": dial} {
		t.Run(name, func(t *testing.T) {
			way := host.way(t)
			way.Dial = dial
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := way.Read(ctx)
			if failure, ok := errors.AsType[*remoteclock.Failure](err); !ok || failure.Reason != watch.TimedOut || !strings.HasSuffix(failure.Error(), ": no answer in time") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAHostWhoseKeyAnAuthoritySignedIsKnownByTheAuthority(t *testing.T) {
	authority, key := hostKey(t), hostKey(t)
	certificate := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
	if err := certificate.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	host := newOddHost(t, signer, func(session ssh.Channel) { printing(fmt.Sprintf("%d.5\n", time.Now().Unix()))(session) })
	way := host.way(t)
	way.HostKey, way.KnownHosts = "", filepath.Join(t.TempDir(), "known_hosts")
	for authorised, line := range map[ssh.Signer]string{authority: "", key: "the known hosts name another authority"} {
		content := "@cert-authority " + knownhosts.Normalize(host.addr) + " " + string(ssh.MarshalAuthorizedKey(authorised.PublicKey()))
		if err := os.WriteFile(way.KnownHosts, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if line == "" {
			read(t, way)
		} else if failure := refused(t, way); failure.Reason != watch.HandshakeFailed {
			t.Errorf("failure %+v", failure)
		}
	}
}
