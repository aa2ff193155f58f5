package gitfile_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/internal/gitfile"
	"lapsewatch/watch"
)

// serve gives the bare repository over HTTPS, by Git's own program, to who has the token.
// before may answer in its place.
func (p *place) serve(before func(w http.ResponseWriter, r *http.Request) (answered bool)) (url, caFile string) {
	p.t.Helper()
	git(p.t, p.bare, "config", "http.receivepack", "true")
	backend := &cgi.Handler{
		Path:   filepath.Join(git(p.t, p.bare, "--exec-path"), "git-http-backend"),
		Env:    []string{"GIT_PROJECT_ROOT=" + filepath.Dir(p.bare), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "HOME=" + p.t.TempDir()},
		Stderr: io.Discard, Logger: log.New(io.Discard, "", 0),
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before != nil && before(w, r) {
			return
		}
		if user, password, _ := r.BasicAuth(); user != "lapsewatch" || password != token {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "you sent "+r.Header.Get("Authorization"), http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	p.t.Cleanup(server.Close)
	caFile = filepath.Join(p.t.TempDir(), "ca.pem")
	write(p.t, caFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	url = server.URL + "/" + filepath.Base(p.bare)
	git(p.t, p.ours, "remote", "set-url", "origin", url)
	return url, caFile
}

func (p *place) overHTTPS(caFile string, names ...string) error {
	p.t.Helper()
	publisher := p.publisher(func(o *gitfile.Options) {
		o.URL = git(p.t, p.ours, "remote", "get-url", "origin")
		o.Username, o.Token, o.CAFile = "lapsewatch", watch.SecretRef{Env: "TOKEN"}, caFile
		o.Timeout = watch.Duration(time.Minute)
	})
	return publisher.Publish(p.t.Context(), "Stub lw: identified", names...)
}

func TestOverHTTPSCommitsAreFetchedAndPushed(t *testing.T) {
	p := newPlace(t)
	_, ca := p.serve(nil)
	write(t, p.file("stub.md"), "one")
	if err := p.overHTTPS(ca, "stub.md"); err != nil {
		t.Fatal(err)
	}
	git(t, p.theirs, "pull", "--quiet", "origin", "main")
	for i := range 5 {
		write(t, filepath.Join(p.theirs, "config.yml"), "title: Anna's "+strings.Repeat("x", i)+"\n")
		p.push("Anna's")
	}
	write(t, p.file("stub.md"), "two")
	if err := p.overHTTPS(ca, "stub.md"); err != nil {
		t.Fatal(err)
	}
	p.clean()
	if got := git(t, p.bare, "show", "main:content/issues/stub.md"); got != "two" {
		t.Errorf("the remote's file holds %q", got)
	}
	if got := read(t, filepath.Join(p.ours, "config.yml")); got != "title: Anna's xxxx\n" {
		t.Errorf("the clone's file holds %q", got)
	}
}

func TestWhoPushesMeanwhileIsWaitedFor(t *testing.T) {
	p := newPlace(t)
	var raced atomic.Bool
	_, ca := p.serve(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git-receive-pack") && !raced.Swap(true) {
			write(p.t, filepath.Join(p.theirs, "race.txt"), "Anna was faster")
			p.push("Anna's")
		}
		return false
	})
	write(t, p.file("stub.md"), "one")
	if err := p.overHTTPS(ca, "stub.md"); err != nil {
		t.Fatal(err)
	}
	p.clean()
	if got := git(t, p.bare, "log", "--format=%s", "main"); got != "Stub lw: identified\nAnna's\na first commit" {
		t.Errorf("the remote's commits are\n%s", got)
	}
}

func TestAFailureOverHTTPSIsClassifiedAndHoldsNoSecret(t *testing.T) {
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	says := func(status int, header ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			_, password, _ := r.BasicAuth()
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "you sent \x1b[31m"+password+r.Header.Get("Authorization"))
			return true
		}
	}
	tests := []struct {
		name      string
		before    func(http.ResponseWriter, *http.Request) bool
		retryable bool
		want      string
	}{
		{"a dead token", says(401), false, "it wants other credentials: the token is missing, wrong, expired or revoked: make a new one"},
		{"a token without the right", says(403), false, "the token may not do this: it needs to write the contents of this repository"},
		{"no such repository", says(404), false, "there is no such repository, or the token may not see it"},
		{"a server that is down", says(503), true, "it answered with the status code: 503 Service Unavailable"},
		{"too many requests", says(429), true, "it answered with the status code: 429 Too Many Requests"},
		{"a redirect", says(302, "Location", elsewhere.URL+"/status.git/info/refs?service=git-upload-pack"), false, "redirect"},
		{"a login page", says(200, "Content-Type", "text/html"), true, "fetch from https://127.0.0.1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPlace(t)
			_, ca := p.serve(test.before)
			err := p.overHTTPS(ca)
			failure(t, err, test.retryable, test.want)
			if err != nil && strings.Contains(err.Error(), "\x1b") {
				t.Errorf("the error holds an escape: %q", err)
			}
		})
	}
}

func TestAnotherAuthorityIsNotTrusted(t *testing.T) {
	p := newPlace(t)
	p.serve(nil)
	failure(t, p.overHTTPS(""), true, "certificate")
}
