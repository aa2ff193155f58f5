package msgraph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"golang.org/x/time/rate"

	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

func TestA13_TheTokenRequestFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	server, elsewhere := tenant(t, many(0)), tenant(t, many(0))
	for _, path := range []string{"/token", "/openid-configuration"} {
		server.Misbehave(faketenant.Manner{On: path, Times: faketenant.Always, Answer: faketenant.Redirect(elsewhere.GraphURL)})
		failure := newWorld().try(t, at(t, server))
		want := fmt.Sprintf("%s answers with a redirect to %s, which is not followed (status 307)", strings.TrimPrefix(server.GraphURL, "https://"), elsewhere.GraphURL)
		if failure == nil || failure.Reason != watch.Unreadable || !strings.HasSuffix(failure.Error(), want) {
			t.Errorf("%s: got %v, want …%s", path, failure, want)
		}
	}
	if len(elsewhere.Requests()) != 0 {
		t.Errorf("the other host was asked: %v", elsewhere.Requests())
	}
}

func TestA12_GraphCannotSteerTheTokenElsewhere(t *testing.T) {
	t.Parallel()
	server, elsewhere := tenant(t, many(250)), tenant(t, many(0))
	server.Misbehave(faketenant.Manner{On: "/applications", Page: 2, Times: faketenant.Always, Answer: faketenant.Redirect(elsewhere.GraphURL)})
	got := walk(t, newWorld().open(t, at(t, server)))
	want := "list applications, page 2: it answers with a redirect to " + elsewhere.GraphURL + ", which is not followed (status 307)"
	if got.err == nil || got.err.Error() != want || len(elsewhere.Requests()) != 0 {
		t.Errorf("got %v, want %s; %d requests elsewhere", got.err, want, len(elsewhere.Requests()))
	}
	client := newWorld().open(t, at(t, server))
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, elsewhere.GraphURL+"/v1.0/applications", nil)
	_, err := client.ask(request, nil)
	if reasonOf(err) != watch.Incomplete || len(elsewhere.Requests()) != 0 || attemptsAt(server) != 1 {
		t.Errorf("asked elsewhere: %v", err)
	}
}

func TestA12_AWaitWithoutEndIsForTheNextPass(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"1000000000":           longestRetryAfter,
		"99999999999999999999": longestRetryAfter,
		"no number":            0,
		"3600":                 time.Hour,
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			server, where := tenant(t, many(0)), newWorld()
			where.now = today
			server.Misbehave(faketenant.Manner{On: "/applications", Times: faketenant.Always, Answer: faketenant.Throttled(header)})
			got := walk(t, where.open(t, at(t, server), func(env *Env) { env.Now = func() time.Time { return today } }))
			failure, _ := errors.AsType[*Failure](got.err)
			if failure == nil || failure.Reason != watch.Throttled {
				t.Fatalf("got %v", got.err)
			}
			if want == 0 {
				if len(server.To("/applications")) != maxTries {
					t.Errorf("%d tries of what names no wait", len(server.To("/applications")))
				}
				return
			}
			until := today.Add(want)
			if !failure.RetryAt.Equal(until) || len(server.To("/applications")) != 1 || !strings.Contains(failure.Error(), "Too many requests.; it asks to wait until "+until.Format(time.RFC3339)+", longer than this pass has") {
				t.Errorf("got %v", failure)
			}
		})
	}
}

func TestTheWaitsGrowAndEndBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &Client{env: Env{Now: time.Now}, sleep: sleep}
		var waits []time.Duration
		for try := 1; try < maxTries; try++ {
			began := time.Now()
			if err := client.pause(t.Context(), try, &Failure{}); err != nil {
				t.Fatal(err)
			}
			waits = append(waits, time.Since(began))
		}
		for at, wait := range waits {
			if least := firstPause << at; wait < least || wait > least*5/4+1 {
				t.Errorf("wait %d is %s", at+1, wait)
			}
		}
		began := time.Now()
		asked := &Failure{RetryAt: time.Now().Add(90 * time.Second)}
		if err := client.pause(t.Context(), 1, asked); err != nil || time.Since(began) < 90*time.Second {
			t.Errorf("asked for 90 s, waited %s: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		began = time.Now()
		late := &Failure{Doing: "get /v1.0/x", Reason: watch.Unreadable, Text: "busy", RetryAt: time.Now().Add(90 * time.Second)}
		if err := client.pause(ctx, 1, late); reasonOf(err) != watch.Throttled || time.Since(began) != 0 {
			t.Errorf("with 30 s left: %v after %s", err, time.Since(began))
		}
	})
}

func TestAClockThatIsSetForwardEndsTheWait(t *testing.T) {
	t.Parallel()
	now := today
	advancing := func() time.Time { now = now.Add(time.Hour); return now }
	var waited time.Duration
	client := &Client{env: Env{Now: advancing}, sleep: func(_ context.Context, wait time.Duration) bool { waited = wait; return true }}
	if err := client.pause(t.Context(), 1, &Failure{RetryAt: today.Add(time.Second)}); err != nil || waited > 1 {
		t.Errorf("waited %s, %v", waited, err)
	}
}

func TestTheLastWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		client := &Client{env: Env{Now: time.Now}, sleep: sleep}
		began := time.Now()
		err := client.pause(ctx, 4, &Failure{Doing: "get /v1.0/x"})
		if !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestF10_RequestsForKeysStayBelowWhatMicrosoftAllows(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		pace   func(paces) *rate.Limiter
		most   int
		window time.Duration
	}{
		"150 a minute for keys":       {func(p paces) *rate.Limiter { return p.keys }, 150, time.Minute},
		"5 in 10 seconds for reports": {func(p paces) *rate.Limiter { return p.reports }, 5, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pace := row.pace(newPaces())
				var times []time.Time
				for at := range 500 {
					if at == 250 {
						time.Sleep(10 * time.Minute)
					}
					if err := keep(t.Context(), pace, "list"); err != nil {
						t.Fatal(err)
					}
					times = append(times, time.Now())
				}
				for at := row.most; at < len(times); at++ {
					if within := times[at].Sub(times[at-row.most]); within < row.window {
						t.Fatalf("%d requests within %s", row.most+1, within)
					}
				}
			})
		})
	}
}

func TestRetriesAndFurtherPagesKeepThePaceOfTheFirst(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(250))
	server.Misbehave(faketenant.Manner{On: "/applications", Page: 2, Times: 2, Answer: faketenant.Throttled("1")})
	client := newWorld().open(t, at(t, server))
	client.paces.keys = rate.NewLimiter(rate.Every(time.Hour), 4)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := apps(t, client, "id", "keyCredentials").Each(ctx, client, func(models.Applicationable) error { return nil }, func([]byte, error) {})
	if reasonOf(err) != watch.Throttled || !strings.Contains(err.Error(), "list applications, page 3: the pace that Microsoft allows leaves no time for it before the deadline") {
		t.Errorf("got %v", err)
	}
	if requests := len(server.To("/applications")); requests != 4 {
		t.Errorf("%d requests, want 4", requests)
	}
}

func TestA11_AnAnswerWithoutEndIsCutOff(t *testing.T) {
	t.Parallel()
	server := tenant(t, many(0))
	server.Misbehave(faketenant.Manner{On: "/applications", Times: faketenant.Always, Answer: faketenant.Endless()})
	got := walk(t, newWorld().open(t, at(t, server)))
	if reasonOf(got.err) != watch.TooLarge || !strings.Contains(got.err.Error(), "the answer is too large: more than 67108864 bytes") || len(server.To("/applications")) != 1 {
		t.Errorf("%v after %d requests", got.err, len(server.To("/applications")))
	}
	server.Misbehave(faketenant.Manner{On: "/token", Times: faketenant.Always, Answer: faketenant.Endless()})
	if failure := newWorld().try(t, at(t, server)); failure == nil || failure.Reason != watch.TooLarge {
		t.Errorf("the token: %v", failure)
	}
}

func TestAnEndpointThatCannotBeReachedIsToldByItsClass(t *testing.T) {
	t.Parallel()
	silent := listen(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	plain := listen(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "220 mail ready\r\n"); _ = conn.Close() })
	gone := listen(t, nil)
	server := tenant(t, many(0))
	for name, row := range map[string]struct {
		address string
		caFile  bool
		reason  watch.Reason
		want    string
		tries   int
		wait    time.Duration
	}{
		"nobody listens":        {"https://" + gone, true, watch.Refused, gone + ": connection refused", 3, time.Minute},
		"nobody answers":        {"https://" + silent, true, watch.TimedOut, silent + ": no answer in time", 3, time.Minute},
		"no TLS":                {"https://" + plain, true, watch.HandshakeFailed, plain + ": tls: first record does not look like a TLS handshake", 3, time.Minute},
		"an unknown authority":  {server.GraphURL, false, watch.UntrustedIssuer, ": x509: certificate signed by unknown authority", 1, 2 * time.Second},
		"a name that cannot be": {"https://login.invalid", true, watch.NameNotFound, "login.invalid: the name does not exist", 3, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options, where := at(t, server), newWorld()
			options.AuthorityURL = row.address
			if !row.caFile {
				options.CAFile = ""
			}
			failure := where.try(t, options, func(env *Env) {
				env.Timeout = 300 * time.Millisecond
				env.HTTP = httpClient(offline())
			})
			if failure == nil || failure.Reason != row.reason || !strings.Contains(failure.Error(), row.want) || failure.Lasting || failure.Proxy || failure.Attempts != row.tries || !failure.RetryAt.Equal(where.now.Add(row.wait)) {
				t.Errorf("got %+v, want %s: %s", failure, row.reason, row.want)
			}
		})
	}
}

// offline looks up no name: no test asks the Internet.
func offline() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "127.") {
			return dial(ctx, network, address)
		}
		name, _, _ := net.SplitHostPort(address)
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}}
	}
	return transport
}

func TestAGraphThatBreaksOffIsToldByItsClass(t *testing.T) {
	t.Parallel()
	server, gone := tenant(t, many(0)), listen(t, nil)
	options := at(t, server)
	options.GraphURL = faketenant.MicrosoftGraph // which the tenant gives tokens for
	client := newWorld().open(t, options, func(env *Env) {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		dial := transport.DialContext
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "graph.") {
				address = gone
			}
			return dial(ctx, network, address)
		}
		env.HTTP = httpClient(transport)
	})
	got := walk(t, client)
	if want := "list applications, page 1: graph.microsoft.com: connection refused; tried 5 times"; reasonOf(got.err) != watch.Refused || got.err.Error() != want {
		t.Errorf("got %v, want %s", got.err, want)
	}
}

func TestACAFileThatCannotBeReadIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Open(SignIn{Tenant: "contoso.com", CAFile: "/nowhere/ca.pem"}, newWorld().env())
	if err == nil || !strings.Contains(err.Error(), "read CA file: open /nowhere/ca.pem") {
		t.Errorf("got %v", err)
	}
}

// listen serves connections on a port, or none: then nobody listens there.
func listen(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if serve == nil {
		_ = listener.Close()
		return listener.Addr().String()
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return listener.Addr().String()
}
