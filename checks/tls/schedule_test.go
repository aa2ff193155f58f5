package tls_test

import (
	"context"
	cryptotls "crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/tls"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// inBubble serves TLS over pipes within a synctest bubble: sockets would live outside.
// Addresses of 192.0.2.0/24 swallow everything.
func inBubble(t *testing.T, chain cryptotls.Certificate, dials *sync.Map) checks.Env {
	t.Helper()
	env := testEnv()
	env.Timeout = 5 * time.Second
	env.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
		count, _ := dials.LoadOrStore(address, new(atomic.Int64))
		count.(*atomic.Int64).Add(1)
		if strings.HasPrefix(address, "192.0.2.") {
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
		}
		client, server := net.Pipe()
		go func() {
			defer func() { _ = server.Close() }()
			if side := cryptotls.Server(server, &cryptotls.Config{Certificates: []cryptotls.Certificate{chain}}); side.Handshake() == nil {
				_, _ = io.Copy(io.Discard, side)
			}
		}()
		return client, nil
	}
	return env
}

func dialled(dials *sync.Map, address string) int64 {
	count, found := dials.Load(address)
	if !found {
		return 0
	}
	return count.(*atomic.Int64).Load()
}

func TestF4_ABlackHoleHoldsNobodyUp(t *testing.T) {
	root := newRoot(t, "test root")
	chain := made(root.Issue(pki.Spec{Names: []string{"www.example"}}))(t).TLS()
	trust := trusting(t, root)
	synctest.Test(t, func(t *testing.T) {
		var dials sync.Map
		env := inBubble(t, chain, &dials)
		options := tls.Options{Trust: trust, Concurrency: 200}
		for i := range 100 {
			options.Targets = append(options.Targets, tls.Target{Host: fmt.Sprintf("192.0.2.%d", i)}, tls.Target{Host: fmt.Sprintf("198.51.100.%d", i), VerifyName: new(false)})
		}
		check, err := tls.New(options, env)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var mu sync.Mutex
		var lastGood, end time.Duration
		silent := 0
		err = check.Collect(t.Context(), func(fact watch.Fact) {
			mu.Lock()
			defer mu.Unlock()
			end = time.Since(start)
			if problem, ok := fact.(watch.Problem); !ok {
				lastGood = end
			} else if silent++; problem.Reason != watch.TimedOut || !strings.HasSuffix(problem.Err.Error(), ": no answer within 5s, asked twice") {
				t.Errorf("%s: %s: %v", problem.Subject.ID, problem.Reason, problem.Err)
			}
		})
		if err != nil || silent != 100 {
			t.Errorf("%d silent hosts, %v", silent, err)
		}
		if lastGood != 0 {
			t.Errorf("the last good host was reported after %s of waiting", lastGood)
		}
		if end != 5*time.Second {
			t.Errorf("all took %s, want the timeout, second looks included", end)
		}
		if n := dialled(&dials, "192.0.2.7:443"); n != 2 {
			t.Errorf("a silent host was dialled %d times, want 2", n)
		}
		if n := dialled(&dials, "198.51.100.7:443"); n != 1 {
			t.Errorf("a good host was dialled %d times, want 1", n)
		}
	})
}

func TestAHostThatAnswersOnlyAtTheSecondLookIsNotReportedAsSilent(t *testing.T) {
	root := newRoot(t, "test root")
	chain := made(root.Issue(pki.Spec{Names: []string{"127.0.0.1"}, NotAfter: day("2031-05-06")}))(t).TLS()
	trust := trusting(t, root)
	synctest.Test(t, func(t *testing.T) {
		var dials sync.Map
		env := inBubble(t, chain, &dials)
		dial := env.Dial
		var looks atomic.Int64
		env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if looks.Add(1) == 1 {
				address = "192.0.2.1:443"
			}
			return dial(ctx, network, address)
		}
		credential := credentialOf(t, collect(t, env, tls.Options{Targets: []tls.Target{{Host: "127.0.0.1"}}, Trust: trust}))
		if !credential.NotAfter.Equal(day("2031-05-06")) {
			t.Errorf("notAfter is %s", credential.NotAfter)
		}
	})
}

func TestAPassThatIsCutShortReportsNobodyAndLeavesNothingBehind(t *testing.T) {
	silent := talker(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	options := tls.Options{Trust: tls.Trust{System: true}, Timeout: watch.Duration(time.Hour)}
	for i := range 50 {
		options.Targets = append(options.Targets, tls.Target{Host: fmt.Sprintf("127.0.1.%d", i), Port: silent.Port(), Addresses: []string{silent.Addr().String()}})
	}
	env := testEnv()
	dial := env.Dial
	var connected sync.WaitGroup
	connected.Add(len(options.Targets))
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		connected.Done()
		return conn, err
	}
	before := goroutinesOfTheCheck()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		connected.Wait()
		cancel()
	}()
	facts, err := collectWith(ctx, t, env, options)
	if !errors.Is(err, context.Canceled) || err.Error() != "the pass over 50 TLS services was cut short: context canceled" {
		t.Errorf("got error %v", err)
	}
	if len(facts) != 0 {
		t.Errorf("a pass that was cut short says of %d hosts that they are silent: %v", len(facts), facts[0])
	}
	if after := goroutinesOfTheCheck(); after > before {
		t.Errorf("%d goroutines of the check are left", after-before)
	}
}

// goroutinesOfTheCheck counts the goroutines that run code of the check itself.
func goroutinesOfTheCheck() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	count := 0
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "checks/tls.(*pass)") || strings.Contains(stack, "checks/tls.atEnd") {
			count++
		}
	}
	return count
}

func TestAPanicInOneLookIsThatHostsProblem(t *testing.T) {
	root := newRoot(t, "test root")
	address := presenting(t, made(root.Issue(pki.Spec{Names: []string{"good.example"}}))(t).TLS())
	env := testEnv()
	dial := env.Dial
	env.Resolver = &zone{addresses: map[string][]string{"two.example": {"192.0.2.1", "127.0.0.1"}}}
	env.Dial = func(ctx context.Context, network, to string) (net.Conn, error) {
		if strings.HasPrefix(to, "192.0.2.") {
			panic("hostile")
		}
		return dial(ctx, network, to)
	}
	options := tls.Options{Targets: []tls.Target{at("good.example", address), {Host: "192.0.2.2"}, {Host: "two.example", Port: address.Port()}}, Trust: trusting(t, root)}
	facts := collect(t, env, options)
	if len(facts) != 4 {
		t.Fatalf("got %d facts", len(facts))
	}
	panicked := 0
	for _, fact := range facts {
		if problem, ok := fact.(watch.Problem); ok && problem.Reason == watch.InternalError && strings.HasPrefix(problem.Err.Error(), "panic: hostile") {
			panicked++
		}
	}
	if panicked != 2 {
		t.Errorf("%d problems of the panics, want 2: %v", panicked, facts)
	}
}

func TestProgressCountsEverySubject(t *testing.T) {
	root := newRoot(t, "test root")
	address := presenting(t, made(root.Issue(pki.Spec{Names: []string{"a.example"}}))(t).TLS())
	env := testEnv()
	env.Resolver = &zone{addresses: map[string][]string{"three.example": {"127.0.0.1", "127.0.0.2", "127.0.0.3"}}}
	var expected atomic.Int64
	env.Expect = func(n int) { expected.Add(int64(n)) }
	facts := collect(t, env, tls.Options{Targets: []tls.Target{at("a.example", address), {Host: "three.example", Port: address.Port()}, {Host: "gone.example"}}, Trust: trusting(t, root)})
	if len(facts) != 5 || expected.Load() != 5 {
		t.Errorf("%d facts, %d announced, want 5 of each", len(facts), expected.Load())
	}
}

func TestTrustThatCannotBeReadStopsThePass(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	broken := "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	tests := []struct{ name, path, want string }{
		{"a missing file", filepath.Join(folder, "missing.pem"), "read CA file: open PATH: no such file or directory"},
		{"a file without certificates", write("empty.pem", "hello\n"), "read CA file PATH: it holds no PEM certificate"},
		{"a malformed certificate", write("broken.pem", broken), "read CA file PATH: certificate 1: x509: malformed certificate"},
		{"a huge file", write("huge.pem", strings.Repeat("\n", 8<<20+1)), "read CA file PATH: larger than 8388608 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := collectWith(t.Context(), t, testEnv(), tls.Options{Targets: []tls.Target{{Host: "127.0.0.1", Port: 1}}, Trust: tls.Trust{Files: []string{test.path}}})
			if want := strings.ReplaceAll(test.want, "PATH", test.path); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

const bareMachine = "LAPSEWATCH_TEST_WITHOUT_AUTHORITIES"

// TestAMachineWithoutAuthoritiesStillReadsDates runs itself again, because a process
// reads the system's authorities only once.
func TestAMachineWithoutAuthoritiesStillReadsDates(t *testing.T) {
	if os.Getenv(bareMachine) == "" {
		again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		again.Env = append(os.Environ(), bareMachine+"=1", "SSL_CERT_FILE="+os.DevNull, "SSL_CERT_DIR="+t.TempDir())
		if said, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, said)
		}
		return
	}
	root := newRoot(t, "test root")
	address := presenting(t, made(root.Issue(pki.Spec{Names: []string{"a.example"}, NotAfter: day("2031-05-06")}))(t).TLS())
	facts, err := collectWith(t.Context(), t, testEnv(), tls.Options{Targets: []tls.Target{at("a.example", address)}, Trust: tls.Trust{System: true}})
	if err == nil || !strings.HasPrefix(err.Error(), "no trusted authorities were found on this machine, so no chain was verified; install them") {
		t.Errorf("got error %v", err)
	}
	credential := credentialOf(t, facts)
	if !credential.NotAfter.Equal(day("2031-05-06")) {
		t.Errorf("notAfter is %s", credential.NotAfter)
	}
	wantObserved(t, credential)
}
