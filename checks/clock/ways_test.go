package clock_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/clock"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

func localhost(t *testing.T) pki.Pair {
	t.Helper()
	pair, err := pki.SelfSigned(pki.Spec{
		CommonName: "localhost", Names: []string{"localhost", "127.0.0.1"},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func written(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// only is the options of a check over one target.
func only(target clock.Target) clock.Options {
	o := options()
	o.Targets = []clock.Target{target}
	return o
}

// withSecrets reads secrets from files, as lapsewatch does.
func withSecrets(env checks.Env) checks.Env {
	env.Secrets = func(ref watch.SecretRef) (watch.Secret, error) {
		text, err := os.ReadFile(ref.File)
		return watch.NewSecret(string(text)), err
	}
	return env
}

// A host may be read in many ways; each gives the same offset within its own bounds.
func TestEveryWayReadsARealServer(t *testing.T) {
	const shift = 90 * time.Second
	pair := localhost(t)
	ca := written(t, "ca.pem", pair.ChainPEM())
	tests := map[string]struct {
		start func(t *testing.T) clock.Target
		want  time.Duration
		by    string
		// exactly is the uncertainty that the way reaches on loopback.
		exactly time.Duration
	}{
		"the Date of a web server": {
			func(t *testing.T) clock.Target {
				return clock.Target{URL: parts.ShiftedNginx(t, pair, shift).HTTP}
			}, shift, "the Date header", 100 * time.Millisecond,
		},
		"the Date of a web server by TLS": {
			func(t *testing.T) clock.Target {
				return clock.Target{URL: parts.ShiftedNginx(t, pair, -400*day).HTTPS, CAFile: ca}
			}, -400 * day, "the Date header", 3 * time.Second,
		},
		"node_exporter": {
			func(t *testing.T) clock.Target { return clock.Target{URL: "node+" + parts.NodeExporter(t)} }, 0, "node_exporter", 2 * time.Second,
		},
		"node_exporter by TLS and with a password": {
			func(t *testing.T) clock.Target {
				return clock.Target{URL: "node+" + parts.SecuredNodeExporter(t, pair), User: "lapsewatch", Password: watch.SecretRef{File: written(t, "password", []byte("x"))}, CAFile: ca}
			}, 0, "node_exporter", 2 * time.Second,
		},
		"chronyd's own account": {
			func(t *testing.T) clock.Target {
				server := parts.Chronyd(t, parts.ChronydOptions{Offset: shift, Command: true})
				// It says that this machine's clock is behind the one that it serves.
				return clock.Target{URL: "chrony://" + server.Command}
			}, -shift, "its own account (chrony)", time.Second,
		},
		"SSH": {
			func(t *testing.T) clock.Target {
				server := parts.Sshd(t, shift)
				return clock.Target{URL: "ssh://" + server.User + "@" + server.Addr, HostKey: server.HostKey, PrivateKey: watch.SecretRef{File: written(t, "key", []byte(server.PrivateKey))}}
			}, shift, "SSH", 5 * time.Second,
		},
		"PostgreSQL": {
			func(t *testing.T) clock.Target {
				return clock.Target{URL: "postgres://postgres@" + parts.PostgreSQL(t, pair).Addr + "/postgres", CAFile: ca}
			}, 0, "SQL", time.Second,
		},
		"MariaDB": {
			func(t *testing.T) clock.Target {
				return clock.Target{URL: "mysql://root@" + parts.MariaDB(t, pair).Addr + "/information_schema", CAFile: ca}
			}, 0, "SQL", time.Second,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := only(test.start(t))
			o.Timeout = watch.Duration(20 * time.Second)
			got := read(t, o, withSecrets(believing(0)))
			near(t, got, test.want)
			if got.Details["read_by"] != test.by || got.Uncertainty > test.exactly {
				t.Errorf("read by %v as %v ± %v; want by %s, and no worse than %v", got.Details["read_by"], got.Offset, got.Uncertainty, test.by, test.exactly)
			}
		})
	}
}

func TestTheOwnAccountOfAHostIsSaidToBeOneAndNeedsNoReferences(t *testing.T) {
	server := parts.Chronyd(t, parts.ChronydOptions{Offset: 90 * time.Second, Command: true})
	found := findings(t, built(t, options("chrony://"+server.Command), checks.DefaultEnv(nil)))[0]
	// It proves that a clock is wrong, and never that it is right.
	right := parts.Chronyd(t, parts.ChronydOptions{Command: true})
	if ok := findings(t, built(t, options("chrony://"+right.Command), believing(0)))[0]; ok.Severity != watch.Notice || ok.Reason != watch.SelfReported {
		t.Errorf("its own account makes it %s, %s", ok.Severity, ok.Reason)
	}
	if want := "clock is 90.000 s behind what it follows itself"; found.Severity != watch.Critical || !strings.HasPrefix(found.Message, want) {
		t.Errorf("%s %q, want critical %q…", found.Severity, found.Message, want)
	}
}

func TestWhyAClockCouldNotBeReadIsSaidWithItsReason(t *testing.T) {
	pair := localhost(t)
	web := parts.ShiftedNginx(t, pair, 0)
	tests := map[string]struct {
		target clock.Target
		reason watch.Reason
		says   string
	}{
		"nobody listens":                     {clock.Target{URL: "http://127.0.0.1:9/"}, watch.Refused, "127.0.0.1:9"},
		"nobody listens for NTP":             {clock.Target{URL: "ntp://127.0.0.1:9"}, watch.Refused, "ask 127.0.0.1:9 by NTP: connection refused"},
		"a name that is none":                {clock.Target{URL: "ntp://no.such.host.invalid"}, watch.NameNotFound, "look up no.such.host.invalid"},
		"a cache answers for the host":       {clock.Target{URL: parts.CachingNginx(t, web.HTTP)}, watch.Unreadable, "X-Cache"},
		"nobody knows who signed for it":     {clock.Target{URL: web.HTTPS}, watch.HandshakeFailed, "certificate"},
		"a web server is no node_exporter":   {clock.Target{URL: "node+" + web.HTTP}, "", "metrics"},
		"a secret that is not there":         {clock.Target{URL: "postgres://u@127.0.0.1:9/d", Password: watch.SecretRef{File: "/nonexistent"}}, watch.Unreadable, "/nonexistent"},
		"a file of authorities is not there": {clock.Target{URL: web.HTTPS, CAFile: "/nonexistent"}, watch.Unreadable, "/nonexistent"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := findings(t, built(t, only(test.target), withSecrets(believing(0))))[0]
			if found.Severity != watch.Unknown || test.reason != "" && found.Reason != test.reason || !strings.Contains(found.Message, test.says) || found.Remedy == "" {
				t.Errorf("%s, %s %q (%s), want %s with %q", found.Severity, found.Reason, found.Message, found.Remedy, test.reason, test.says)
			}
		})
	}
}

func TestEachHostCanBeTriedBeforeItIsReliedOn(t *testing.T) {
	server := parts.TrueTime(t)
	abilities := built(t, options("ntp://"+server.NTP, "ntp://127.0.0.1:9"), checks.DefaultEnv(nil)).(watch.Trier).Try(t.Context())
	var said []string
	for _, ability := range abilities {
		said = append(said, fmt.Sprintf("%s %s: %v (%s)", ability.Name, ability.Gives, ability.Err, ability.Reason))
	}
	slices.Sort(said)
	want := []string{
		"ntp://" + server.NTP + " reads its clock: <nil> ()",
		"ntp://127.0.0.1:9 reads its clock: ask 127.0.0.1:9 by NTP: connection refused (refused)",
	}
	slices.Sort(want)
	if !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
}
