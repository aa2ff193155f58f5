package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"lapsewatch/internal/vendortest"
)

// statusSystems are the options of status systems of each kind, with all of their secrets.
func (c canaries) statusSystems() map[string]string {
	options := func(format string, args ...any) string { return fmt.Sprintf(format, args...) }
	return map[string]string{
		"statuspage":  options("%s, page: %s, token: %s", c.open(), statusPage, c.file("statuspage", "", "")),
		"cachet":      options("%s, version: \"3\", token: %s", c.open(), c.file("cachet", "", "")),
		"instatus":    options("%s, page: ckf01fonve9i40a32oas5b0uw, api_key: %s", c.open(), c.file("instatus", "", "")),
		"betterstack": options("%s, page: \"123456\", token: %s", c.open(), c.file("betterstack", "", "")),
		"incidentio":  options("%s, as: incident, api_key: %s", c.open(), c.file("incidentio", "", "")),
		"opsgenie":    options("%s, api_key: %s", c.open(), c.file("opsgenie-incidents", "", "")),
		"github":      options("%s, repository: example/status, public_repository: true, token: %s", c.open(), c.file("github-status", "ghp_", "")),
		"cstate":      options("folder: %q", c.path("status")), // it has no secret
	}
}

// A14: whatever status systems repeat of what they were sent, no secret is shown or kept.
func TestF15_NoSecretOfAnyStatusSystemIsShownOrKept(t *testing.T) {
	for name, handler := range echoes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lookForStatusCanaries(t, handler)
		})
	}
}

func lookForStatusCanaries(t *testing.T, handler http.HandlerFunc) {
	c := canaries{installation: newInstallation(t), values: map[string]string{}}
	c.installation.certificate("web.pem", -1)
	for _, folder := range []string{"secrets", "status"} {
		if err := os.Mkdir(c.path(folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c.at, c.authority = c.serveTLS(handler)
	options := c.statusSystems()
	var systems []string
	for _, kind := range catalog().Incidents {
		its, known := options[kind.Name()]
		if !known {
			t.Errorf("the kind %s has no canary: give it one, with all of its secrets", kind.Name())
			continue
		}
		systems = append(systems, fmt.Sprintf("{name: %s, kind: %s, public: true, options: {%s}}", kind.Name(), kind.Name(), its))
	}
	c.write("lapsewatch.yaml", fmt.Sprintf(`
checks: [{name: files, kind: certfiles, options: {paths: [%q]}}]
alerts: []
ledger: {dsn: "sqlite:%s"}
log: {level: debug}
incidents:
  - %s
`, c.path("web.pem"), c.path("ledger.db"), strings.Join(systems, "\n  - ")))
	_, stdout, stderr := c.lapsewatch("run", "--output", "json")
	c.lookIn("stdout", stdout)
	c.lookIn("stderr", stderr)
	wantSaid(t, stderr, "incident stub on statuspage is not as it should be", "incident stub on github is not as it should be")
	for _, args := range [][]string{{"incidents", "list"}, {"incidents", "preview"}, {"config", "check", "--online"}, {"run", "--dry-run"}, {"run"}} {
		_, stdout, stderr = c.lapsewatch(args...)
		c.lookIn(strings.Join(args, " "), stdout+stderr)
	}
	c.lookInFiles()
}

// The page lets itself be read, and refuses to be written to with all that it was sent.
func TestF15_NoSecretIsShownOrKeptWhereThePageRefusesAnIncident(t *testing.T) {
	t.Parallel()
	d := openStatusDesk(t)
	d.configure()
	d.door.behave(func(r *http.Request, _ int) vendortest.Answer {
		if r.Method == http.MethodGet {
			return nil
		}
		return vendortest.Echo(http.StatusForbidden)
	})
	stdout, stderr := d.wantRun(exitFailed)
	wantSaid(t, stderr, "the key's user may not manage the incidents of this page: give that user the right to")
	_, listed, _ := d.lapsewatch("incidents", "list")
	wantSaid(t, listed, "not as it should be since ", "after 1 attempt: ")
	for place, text := range map[string]string{"stdout": stdout, "stderr": stderr, "the list": listed, "the ledger": string(d.read("ledger.db"))} {
		if strings.Contains(text, statusToken) {
			t.Errorf("%s shows the token", place)
		}
	}
}
