package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"

	"lapsewatch/internal/faketenant"
	"lapsewatch/internal/pki"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lapsewatch": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			withoutHome(env)
			env.Values["tenant"] = new(*faketenant.Tenant)
			env.Values["status page"] = new(scriptPage)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"cert": makeCert, "tlsserver": startTLS, "smtpserver": startSMTP, "webhookserver": startWebhook, "blackhole": startBlackHole, "tenant": startTenant, "token": makeToken, "day": setDay, "statuspage": startStatusPage, "incident": onIncidents,
			"exitcode": wantExitCode, "sameid": wantSameID, "envsubst": substitute,
		},
		RequireExplicitExec: true,
	})
}

// withoutHome keeps the secrets, settings and homes of whoever runs the tests out of a script.
func withoutHome(env *testscript.Env) {
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
	env.Setenv("TMPDIR", env.WorkDir)
}

// spec reads key=value arguments: names=a,b; from= and to= (RFC 3339), or left=, so many
// days and half a day from now on, of a life of about a year.
func spec(ts *testscript.TestScript, args []string) pki.Spec {
	var spec pki.Spec
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "from", "to":
			date, err := time.Parse(time.RFC3339, value)
			ts.Check(err)
			if key == "from" {
				spec.NotBefore = date
			} else {
				spec.NotAfter = date
			}
		case "left":
			days, err := strconv.Atoi(value)
			ts.Check(err)
			spec.NotAfter = time.Now().AddDate(0, 0, days).Add(12 * time.Hour)
			spec.NotBefore = spec.NotAfter.AddDate(-1, 0, 0)
		case "names":
			spec.Names = strings.Split(value, ",")
			spec.CommonName = spec.Names[0]
		default:
			ts.Fatalf("unknown argument %q", arg)
		}
	}
	return spec
}

// issue signs with the script's own root, which lies in ca.pem for `trust`.
func issue(ts *testscript.TestScript, spec pki.Spec) pki.Pair {
	root, ok := ts.Value("root").(pki.Pair)
	if !ok {
		var err error
		root, err = pki.SelfSigned(pki.Spec{CommonName: "Script Root", IsCA: true,
			NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)})
		ts.Check(err)
	}
	pair, err := root.Issue(spec)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), root.ChainPEM(), 0o600))
	return pair
}

// cert FILE key=value… writes a certificate as PEM.
func makeCert(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), issue(ts, spec(ts, args[1:])).ChainPEM(), 0o600))
}

// tlsserver VARIABLE key=value… starts a TLS server and puts host:port into VARIABLE.
// With pem=FILE it serves the certificate and key of that file.
func startTLS(ts *testscript.TestScript, _ bool, args []string) {
	var served tls.Certificate
	var err error
	if file, given := strings.CutPrefix(args[1], "pem="); given {
		served, err = tls.LoadX509KeyPair(ts.MkAbs(file), ts.MkAbs(file))
		ts.Check(err)
	} else {
		served = issue(ts, spec(ts, args[1:])).TLS()
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{served}})
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			}()
		}
	}()
	ts.Setenv(args[0], listener.Addr().String())
}

// blackhole VARIABLE starts a server that takes connections and never says a word.
func startBlackHole(ts *testscript.TestScript, _ bool, args []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	ts.Setenv(args[0], listener.Addr().String())
}

// smtpserver VARIABLE starts a plain SMTP server that keeps mails as mail-1.eml, ….
func startSMTP(ts *testscript.TestScript, _ bool, args []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{folder: ts.MkAbs(".")}, nil }))
	server.Domain = "localhost"
	go func() { _ = server.Serve(listener) }()
	ts.Defer(func() { _ = server.Close() })
	ts.Setenv(args[0], fmt.Sprint(listener.Addr().(*net.TCPAddr).Port))
}

type mailSession struct{ folder string }

func (*mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (*mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (*mailSession) Reset()                               {}
func (*mailSession) Logout() error                        { return nil }
func (s *mailSession) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for number := 1; ; number++ {
		file, err := os.OpenFile(filepath.Join(s.folder, fmt.Sprintf("mail-%d.eml", number)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if os.IsExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = file.Write(bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n")))
		return err
	}
}

// webhookserver VARIABLE STATUS PREFIX starts an HTTPS receiver that keeps bodies as
// PREFIX-1.json, … and their paths in PREFIX.log, and answers with the status; its
// certificate lies in hook-ca.pem and in PREFIX-ca.pem.
func startWebhook(ts *testscript.TestScript, _ bool, args []string) {
	var status int
	_, err := fmt.Sscan(args[1], &status)
	ts.Check(err)
	folder := ts.MkAbs(".")
	var received atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_ = os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d.json", args[2], received.Add(1))), body, 0o600)
		appendLine(filepath.Join(folder, args[2]+".log"), r.Method+" "+r.URL.Path)
		w.WriteHeader(status)
	}))
	ts.Defer(server.Close)
	pool := pki.Pair{Chain: []*x509.Certificate{server.Certificate()}}
	ts.Check(os.WriteFile(ts.MkAbs("hook-ca.pem"), pool.ChainPEM(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]+"-ca.pem"), pool.ChainPEM(), 0o600))
	ts.Setenv(args[0], server.URL)
}

func appendLine(path, line string) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, _ = io.WriteString(file, line+"\n")
		_ = file.Close()
	}
}

// exitcode N COMMAND… runs the command and wants exactly that exit code.
func wantExitCode(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// envsubst FILE… puts the script's variables into files, which keep their templates.
func substitute(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		template := ts.MkAbs(name) + ".template"
		if _, err := os.Stat(template); os.IsNotExist(err) {
			ts.Check(os.Rename(ts.MkAbs(name), template))
		}
		text, err := os.ReadFile(template)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(os.Expand(string(text), ts.Getenv)), 0o600))
	}
}

// sameid FILE FILE wants two CloudEvents to have the same id.
func wantSameID(ts *testscript.TestScript, _ bool, args []string) {
	var ids []string
	for _, name := range args {
		var event struct{ ID string }
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(name)), &event))
		ids = append(ids, event.ID)
	}
	if ids[0] == "" || ids[0] != ids[1] {
		ts.Fatalf("the ids are %q", ids)
	}
}
