package main

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canaries are secrets that must turn up nowhere.
type canaries struct {
	installation
	values map[string]string
	// at and posts are the HTTPS service that fails, mail the mail server that does, both
	// with the options of whoever sends there.
	at, authority, mail string
}

// file makes a secret, and gives a reference to the file that holds it.
func (c canaries) file(name, before, after string) string {
	c.values[name] = "cAnArY" + rand.Text()
	return fmt.Sprintf("{file: %q}", c.write("secrets/"+name, before+c.values[name]+after))
}

// endpoint are the options of an address that is itself a secret.
func (c canaries) endpoint(name, path, after string) string {
	return fmt.Sprintf("url_from: %s, ca_file: %q", c.file(name, c.at+path, after), c.authority)
}

// open are those of one that is none.
func (c canaries) open() string { return fmt.Sprintf("url: %q, ca_file: %q", c.at, c.authority) }

// alerts are the options of alerts of each kind, which use every secret that there is.
func (c canaries) alerts() map[string][]string {
	signing := "whsec_" + base64.StdEncoding.EncodeToString([]byte("cAnArY"+rand.Text()))
	c.values["signing"] = strings.TrimPrefix(signing, "whsec_")
	c.values["routing"] = "cAnArY" + rand.Text()
	routing := c.write("secrets/routing", c.values["routing"])
	options := func(format string, args ...any) string { return fmt.Sprintf(format, args...) }
	return map[string][]string{
		"email": {options("%s, from: a@example.com, to: [ops@example.com], username: lapsewatch, password: %s", c.mail, c.file("password", "", ""))},
		"webhook": {options("%s, signing_secrets: [{file: %q}], headers: [{name: Authorization, value: %s}, {name: X-Key, value: %s}]",
			c.endpoint("hook", "/", "?key=open"), c.write("secrets/signing", signing), c.file("authorization", "Bearer ", ""), c.file("header", "", ""))},
		"slack":      {c.endpoint("slack", "/services/T0/B0/", ""), options("%s, token: %s, channel: C0123456789", c.open(), c.file("bot", "xoxb-", ""))},
		"teams":      {c.endpoint("teams", "/workflows/1/triggers/manual/paths/invoke?sp=x&sig=", "&sv=1.0")},
		"discord":    {c.endpoint("discord", "/api/webhooks/123456789012345678/", "")},
		"googlechat": {c.endpoint("googlechat", "/v1/spaces/S/messages?key=open&token=", "%3D")},
		"ntfy": {
			options("%s, topic_from: %s, token: %s", c.open(), c.file("topic", "", ""), c.file("access", "tk_", "")),
			options("%s, topic: lapses, username: ada, password: %s", c.open(), c.file("ntfy", "", "")),
		},
		"pagerduty": {options("%s, routing_key: {file: %q}", c.open(), routing)},
		"opsgenie":  {options("%s, api_key: %s", c.open(), c.file("opsgenie", "", ""))},
		"exec":      {options("command: [%q], environment: [{name: API_TOKEN, value: %s}]", c.program(), c.file("variable", "", ""))},
		"syslog":    {options("host: 127.0.0.1, port: %d, transport: udp", c.receiver())}, // it has no secret but a key
		"alertmanager": {
			options("urls: [%q], ca_file: %q, bearer_token: %s", c.at, c.authority, c.file("bearer", "", "")),
			options("urls: [%q], ca_file: %q, username: ada, password: %s", c.at, c.authority, c.file("basic", "", "")),
		},
		"github":     {options("%s, repository: example/lapses, token: %s", c.open(), c.file("github", "ghp_", ""))},
		"jira":       {options("%s, deployment: cloud, email: ada@example.com, project: OPS, token: %s", c.open(), c.file("jira", "", ""))},
		"servicenow": {options("%s, username: ada, password: %s", c.open(), c.file("servicenow", "", ""))},
	}
}

// program is one that fails and says all that it was given.
func (c canaries) program() string {
	path := c.write("tell-all", "#!/bin/sh\nenv >&2\nexit 1\n")
	if err := os.Chmod(path, 0o700); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// receiver takes datagrams, and reads none.
func (c canaries) receiver() int {
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = socket.Close() })
	return socket.LocalAddr().(*net.UDPAddr).Port
}

// echoes are services that fail, and repeat all that they were sent.
func echoes() map[string]http.HandlerFunc {
	said := func(r *http.Request) string {
		request, _ := httputil.DumpRequest(r, true)
		asJSON, _ := json.Marshal(string(request))
		return fmt.Sprintf("%s\n%s\n%s\n", url.QueryEscape(string(request)), asJSON, request)
	}
	return map[string]http.HandlerFunc{
		"refused": func(w http.ResponseWriter, r *http.Request) {
			text := said(r)
			w.Header().Set("X-You-Sent", url.QueryEscape(text[:min(len(text), 4000)]))
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, text)
		},
		// Its first words are the secret ones, so that no limit cuts them off.
		"address first": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, "%s %s %s %s", r.Header.Get("Authorization"), r.URL.RequestURI(), r.URL.RawQuery, said(r))
		},
		"a JSON refusal": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			words := r.Header.Get("Authorization") + " " + r.URL.RequestURI() + " " + said(r)
			_ = json.NewEncoder(w).Encode(map[string]any{
				"error": words, "message": words, "status": words, "errors": []string{words}, "errorMessages": []string{words}, "detail": words,
			})
		},
		"moved": func(w http.ResponseWriter, r *http.Request) {
			words := strings.Fields(r.Header.Get("Authorization") + " x")
			w.Header().Set("Location", "https://"+strings.Trim(words[max(0, len(words)-2)], "=")+".example.net"+r.URL.RequestURI())
			w.WriteHeader(http.StatusFound)
		},
		"put off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, r.URL.RequestURI()+" "+said(r))
		},
		"a strange success": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Header.Get("Authorization")+r.URL.RequestURI()+said(r))
		},
	}
}

// echoMail refuses every login, and repeats it as it came and in plain text.
func echoMail(conn *tls.Conn) {
	_, _ = io.WriteString(conn, "220 localhost\r\n")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		answer := "250 OK"
		switch strings.ToUpper(verb) {
		case "EHLO":
			answer = "250-localhost\r\n250 AUTH PLAIN"
		case "AUTH":
			_, word, _ := strings.Cut(rest, " ")
			plain, _ := base64.StdEncoding.DecodeString(word)
			answer = fmt.Sprintf("535 5.7.8 wrong: %s = %s", word, strings.ReplaceAll(string(plain), "\x00", " "))
		case "QUIT":
			return
		}
		_, _ = io.WriteString(conn, answer+"\r\n")
	}
}

// A14: whatever the services repeat of what they were sent, no secret is shown or kept.
func TestF15_NoSecretOfAnyChannelIsShownOrKept(t *testing.T) {
	for name, handler := range echoes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lookForCanaries(t, handler)
		})
	}
}

func lookForCanaries(t *testing.T, handler http.HandlerFunc) {
	c := canaries{installation: newInstallation(t), values: map[string]string{}}
	if err := os.Mkdir(c.path("secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.at, c.authority = c.serveTLS(handler)
	mailAt, mailCA := c.serveRaw(echoMail)
	_, port, _ := strings.Cut(strings.TrimPrefix(mailAt, "https://"), ":")
	c.mail = fmt.Sprintf("host: 127.0.0.1, port: %s, tls: implicit, ca_file: %q", port, mailCA)
	options := c.alerts()
	var alerts []string
	for _, kind := range catalog().Alerts {
		if len(options[kind.Name()]) == 0 {
			t.Errorf("the kind %s has no canary: give it one, with all of its secrets", kind.Name())
		}
		for number, its := range options[kind.Name()] {
			alerts = append(alerts, fmt.Sprintf("{name: %s-%d, kind: %s, options: {%s}}", kind.Name(), number, kind.Name(), its))
		}
	}
	c.configure(alerts...)
	c.write("lapsewatch.yaml", string(c.read("lapsewatch.yaml"))+fmt.Sprintf("heartbeat: {%s}\n", c.endpoint("beat", "/ping/", "")))

	_, stdout, stderr := c.lapsewatch("run", "--output", "json")
	c.lookIn("stdout", stdout)
	c.lookIn("stderr", stderr)
	if !strings.Contains(stderr, "not delivered to email-0") {
		t.Errorf("the mail was not refused:\n%s", stderr)
	}
	_, stdout, stderr = c.lapsewatch("alerts", "list")
	c.lookIn("the list of alerts", stdout+stderr)
	for _, alert := range []string{"email-0", "webhook-0", "slack-1"} {
		_, stdout, stderr = c.lapsewatch("alerts", "test", alert)
		c.lookIn("the test of "+alert, stdout+stderr)
	}
	c.lookInFiles()
}

func (c canaries) lookInFiles() {
	looked := 0
	err := filepath.WalkDir(c.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == "secrets" {
				return fs.SkipDir
			}
			return err
		}
		content, err := os.ReadFile(path)
		c.lookIn(entry.Name(), string(content))
		looked++
		return err
	})
	if err != nil || looked < 3 {
		c.t.Errorf("looked in %d files: %v", looked, err)
	}
}

// lookIn looks for each secret as it is, and as it is written in Base64.
func (c canaries) lookIn(place, text string) {
	c.t.Helper()
	for name, value := range c.values {
		for _, form := range []string{value, base64.StdEncoding.EncodeToString([]byte(value)), base64.StdEncoding.EncodeToString([]byte("ada:" + value))} {
			at := strings.Index(strings.ToLower(text), strings.ToLower(form))
			if at >= 0 {
				c.t.Errorf("%s shows the secret %s: …%q…", place, name, text[max(0, at-300):min(len(text), at+100)])
			}
		}
	}
}
