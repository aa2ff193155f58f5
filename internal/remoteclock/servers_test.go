package remoteclock_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh/knownhosts"

	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/remoteclock"
	"lapsewatch/watch"
)

const (
	day = 24 * time.Hour
	// closeEnough is what a reading of a real server may be away from the truth.
	closeEnough = 50 * time.Millisecond
)

var dial = (&net.Dialer{}).DialContext

// holds fails unless the reading is near the truth and its bounds cover it.
func holds(t *testing.T, reading remoteclock.Reading, truth time.Duration) {
	t.Helper()
	off := (reading.Offset - truth).Abs()
	if off > reading.Uncertainty {
		t.Errorf("the offset is %v ± %v, which leaves out the truth, %v: %v", reading.Offset, reading.Uncertainty, truth, reading.Details)
	}
	if off > closeEnough {
		t.Errorf("the offset %v is %v away from the truth: %v", reading.Offset, off, reading.Details)
	}
	if since := time.Since(reading.At); since < 0 || since > time.Minute || reading.At.Location() != time.UTC {
		t.Errorf("it was read at %v", reading.At)
	}
}

func read(t *testing.T, way remoteclock.Way) remoteclock.Reading {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reading, err := way.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return reading
}

// refused is the failure of a reading that must not succeed.
func refused(t *testing.T, way remoteclock.Way) *remoteclock.Failure {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reading, err := way.Read(ctx)
	failure, ok := errors.AsType[*remoteclock.Failure](err)
	if !ok {
		t.Fatalf("reading %+v, error %v", reading, err)
	}
	return failure
}

func issue(t *testing.T, spec pki.Spec) (root, leaf pki.Pair) {
	t.Helper()
	root, err := pki.NewRoot("Clock Root")
	if err != nil {
		t.Fatal(err)
	}
	spec.CommonName, spec.Names = "localhost", []string{"localhost", "127.0.0.1"}
	if leaf, err = root.Issue(spec); err != nil {
		t.Fatal(err)
	}
	return root, leaf
}

func TestTheDateOfAShiftedWebServerIsReadWithItsBounds(t *testing.T) {
	t.Parallel()
	root, leaf := issue(t, pki.Spec{})
	// They mostly wait, so they do it at the same time.
	var readings sync.WaitGroup
	defer readings.Wait()
	for _, shift := range []time.Duration{0, 90 * time.Second, -400 * day, 365 * day, -250 * time.Millisecond, 100 * 365 * day} {
		server := parts.ShiftedNginx(t, leaf, shift)
		for _, url := range []string{server.HTTP, server.HTTPS} {
			readings.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				way := remoteclock.HTTP{URL: url, Dial: dial, TLS: remoteclock.TLS{Roots: root.Pool()}}
				reading, err := way.Read(ctx)
				if err != nil {
					t.Errorf("shifted by %v: %v", shift, err)
					return
				}
				holds(t, reading, shift)
				if reading.By != "the Date header" || reading.Self || !strings.HasPrefix(reading.Details["server"].(string), "nginx/") || reading.Details["http_status"] != 200 {
					t.Errorf("the reading is %+v", reading)
				}
			})
		}
	}
	readings.Wait()
}

func TestACacheBeforeTheHostIsRefused(t *testing.T) {
	t.Parallel()
	_, leaf := issue(t, pki.Spec{})
	url := parts.CachingNginx(t, parts.ShiftedNginx(t, leaf, 0).HTTP)
	failure := refused(t, remoteclock.HTTP{URL: url, Dial: dial})
	want := "read the Date of " + url + `/: the answer is that of a cache or proxy and not the host's own: it carries "X-Cache: MISS"`
	if failure.Reason != watch.Unreadable || failure.Error() != want || failure.Remedy == "" {
		t.Errorf("failure %+v\nwant %s", failure, want)
	}
}

func TestNodeExporterShowsItsClock(t *testing.T) {
	t.Parallel()
	reading := read(t, remoteclock.NodeExporter{URL: parts.NodeExporter(t), Dial: dial})
	holds(t, reading, 0)
	for _, name := range []string{"timex_sync_status", "timex_maxerror_seconds", "timex_offset_seconds"} {
		if _, ok := reading.Details[name].(float64); !ok {
			t.Errorf("%s is missing: %v", name, reading.Details)
		}
	}
}

func TestNodeExporterWithAPassword(t *testing.T) {
	t.Parallel()
	root, leaf := issue(t, pki.Spec{})
	way := remoteclock.NodeExporter{URL: parts.SecuredNodeExporter(t, leaf), Dial: dial, TLS: remoteclock.TLS{Roots: root.Pool()}}
	if failure := refused(t, way); failure.Reason != watch.PermissionDenied {
		t.Errorf("without credentials: %+v", failure)
	}
	way.User, way.Password = "lapsewatch", watch.NewSecret("wrong-canary")
	if failure := refused(t, way); failure.Reason != watch.PermissionDenied || strings.Contains(failure.Error()+failure.Remedy, "canary") {
		t.Errorf("with the wrong password: %+v", failure)
	}
	way.Password = watch.NewSecret("x")
	holds(t, read(t, way), 0)
	way.TLS.Unverified = true
	if failure := refused(t, way); failure.Reason != watch.PermissionDenied || !strings.HasSuffix(failure.Error(), "credentials are not sent to a server that need not prove who it is") {
		t.Errorf("unverified: %+v", failure)
	}
	way.URL = strings.Replace(way.URL, "https:", "http:", 1)
	if failure := refused(t, way); failure.Reason != watch.PermissionDenied || !strings.HasSuffix(failure.Error(), "credentials are not sent over http") {
		t.Errorf("over http: %+v", failure)
	}
}

func TestChronySaysHowFarItIsFromItsSource(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		server  parts.ChronydOptions
		truth   time.Duration
		stratum int
	}{
		"a host that is as its source is":         {parts.ChronydOptions{}, 0, 3},
		"a host that is 90 s behind its source":   {parts.ChronydOptions{Offset: 90 * time.Second}, -90 * time.Second, 4},
		"a host that is 80 ms before its source":  {parts.ChronydOptions{Offset: -80 * time.Millisecond}, 80 * time.Millisecond, 4},
		"a host that is 400 d before its source":  {parts.ChronydOptions{Offset: -400 * day}, 400 * day, 4},
		"a host that follows no source does tell": {parts.ChronydOptions{Unsynchronised: true}, 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.server.Command = true
			reading := read(t, remoteclock.Chrony{Address: parts.Chronyd(t, test.server).Command, Dial: dial})
			if off := (reading.Offset - test.truth).Abs(); off > reading.Uncertainty {
				t.Errorf("the offset is %v ± %v, which leaves out the truth, %v", reading.Offset, reading.Uncertainty, test.truth)
			}
			if !reading.Self || reading.By != "its own account (chrony)" || reading.Details["stratum"] != test.stratum {
				t.Errorf("the reading is %+v", reading)
			}
			unsynchronised := len(reading.Observations) == 1 && reading.Observations[0].Reason == watch.ClockUnsynchronised
			if unsynchronised != test.server.Unsynchronised {
				t.Errorf("observations %v", reading.Observations)
			}
		})
	}
}

func TestAChronydThatLetsNobodyAskIsRefusedWithTheRemedy(t *testing.T) {
	t.Parallel()
	address := strings.Replace(parts.TrueTime(t).NTP, "127.0.0.1", "127.0.0.2", 1) // nobody listens there
	failure := refused(t, remoteclock.Chrony{Address: address, Dial: dial})
	want := "ask chronyd at " + address + " for its tracking: connection refused"
	if failure.Reason != watch.Refused || failure.Error() != want || !strings.Contains(failure.Remedy, "cmdallow") {
		t.Errorf("failure %+v", failure)
	}
}

func TestSSHReadsTheClockOfAShiftedHost(t *testing.T) {
	t.Parallel()
	for _, shift := range []time.Duration{0, 90 * time.Second, -400 * day, 365 * day} {
		server := parts.Sshd(t, shift)
		reading := read(t, remoteclock.SSH{
			Address: server.Addr, User: server.User, Dial: dial, Key: watch.NewSecret(server.PrivateKey), HostKey: server.HostKey,
		})
		holds(t, reading, shift)
		if reading.By != "SSH" || reading.Details["resolution"] != "1ns" {
			t.Errorf("the reading is %+v", reading)
		}
	}
}

func TestSSHSignsInOnlyWhereTheHostKeyIsKnown(t *testing.T) {
	t.Parallel()
	server, other := parts.Sshd(t, 0), parts.Sshd(t, 0)
	way := remoteclock.SSH{Address: server.Addr, User: server.User, Dial: dial, Key: watch.NewSecret(server.PrivateKey)}
	known := func(lines ...string) string {
		path := filepath.Join(t.TempDir(), "known_hosts")
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	line := knownhosts.Normalize(server.Addr) + " " + server.HostKey
	tests := map[string]struct{ hostKey, file, want string }{
		"a key in the file of known hosts":       {"", known("# hosts", line), ""},
		"a key of another kind beside it":        {"", known(strings.Fields(line)[0]+" "+ecdsaLine, line), ""},
		"an empty file of known hosts":           {"", known(), "is not known"},
		"another key in the file of known hosts": {"", known(strings.Fields(line)[0] + " " + other.HostKey), "is not the one that is known"},
		"another key given as it is":             {other.HostKey, "", "is not the one that is known"},
		"a given key of a kind the host has not": {ecdsaLine, "", "no common algorithm for host key"},
		"a key that is revoked":                  {"", known(line, "@revoked * "+server.HostKey), "is revoked"},
		"a file that is missing":                 {"", "/nonexistent/known_hosts", "no such file or directory"},
		"a file of something else":               {"", known("\x00\x01 hello world"), "known_hosts:1"},
		"neither a key nor a file":               {"", "", "want exactly one of a host key and a known_hosts file"},
		"both a key and a file":                  {server.HostKey, known(line), "want exactly one of a host key and a known_hosts file"},
		"a key line that is none":                {"hello", "", "want a line like"},
		"an authority that signs keys of hosts":  {"", known("@cert-authority " + strings.Fields(line)[0] + " " + other.HostKey), "no common algorithm for host key"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			way := way
			way.HostKey, way.KnownHosts = test.hostKey, test.file
			if test.want == "" {
				holds(t, read(t, way), 0)
				return
			}
			if failure := refused(t, way); !strings.Contains(failure.Error(), test.want) {
				t.Errorf("failure %v, want %s", failure, test.want)
			}
		})
	}
}

const ecdsaLine = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg="

func TestSSHSaysWhatIsWrongWithTheKeyWithoutShowingIt(t *testing.T) {
	t.Parallel()
	server, other := parts.Sshd(t, 0), parts.Sshd(t, 0)
	encrypted := encryptedKey(t, "open sesame")
	tests := map[string]struct {
		key, passphrase string
		reason          watch.Reason
		want            string
	}{
		"a key that the host does not know":  {other.PrivateKey, "", watch.PermissionDenied, "sign in to " + server.Addr + " as " + server.User + " by SSH: the host does not accept the key for this account"},
		"an encrypted key alone":             {encrypted, "", watch.PassphraseMissing, "read the private key for " + server.Addr + ": it is encrypted, and no passphrase is given"},
		"an encrypted key, wrong passphrase": {encrypted, "canary", watch.PassphraseWrong, "read the private key for " + server.Addr + ": the passphrase does not decrypt it"},
		"an encrypted key, opened":           {encrypted, "open sesame", watch.PermissionDenied, "sign in to " + server.Addr + " as " + server.User + " by SSH: the host does not accept the key for this account"},
		"text that is no key":                {"canary", "", watch.Unreadable, "read the private key for " + server.Addr + ": it is no private key in PEM that is known here"},
		"no key":                             {"", "", watch.Unreadable, "read the private key for " + server.Addr + ": it is no private key in PEM that is known here"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			failure := refused(t, remoteclock.SSH{
				Address: server.Addr, User: server.User, Dial: dial, HostKey: server.HostKey,
				Key: watch.NewSecret(test.key), Passphrase: watch.NewSecret(test.passphrase),
			})
			if failure.Reason != test.reason || failure.Error() != test.want {
				t.Errorf("failure %s: %v\nwant    %s: %s", failure.Reason, failure, test.reason, test.want)
			}
		})
	}
}
