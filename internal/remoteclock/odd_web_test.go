package remoteclock_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/internal/pki"
	"lapsewatch/internal/remoteclock"
	"lapsewatch/watch"
)

// answering gives every request the same bytes.
func answering(answer string) (remoteclock.Dial, func()) {
	return raw(func(conn net.Conn) {
		for requests := bufio.NewReader(conn); ; {
			if _, err := http.ReadRequest(requests); err != nil {
				return
			}
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	})
}

const (
	good  = "HTTP/1.1 200 OK\r\nDate: Fri, 01 Jan 2100 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"
	doing = "read the Date of http://host.example/: "
)

func TestOddAnswersFailWithWhatIsOddAboutThem(t *testing.T) {
	answer := func(header string) string { return "HTTP/1.1 200 OK\r\n" + header + "Content-Length: 0\r\n\r\n" }
	tests := map[string]struct {
		answer string
		reason watch.Reason
		want   string
	}{
		"no Date":            {answer(""), watch.Unparsable, "the answer has no Date"},
		"two Dates":          {answer("Date: Fri, 01 Jan 2100 00:00:00 GMT\r\nDate: Fri, 01 Jan 2100 00:00:00 GMT\r\n"), watch.Unparsable, "the answer has 2 Dates, so that it is not clear whose they are"},
		"a Date of garbage":  {answer("Date: \x01\u202eyesterday\r\n"), watch.Unparsable, `what answers does not speak HTTP: net/http: HTTP/1.x transport connection broken: malformed MIME header line: "Date: \x01\u202eyesterday"`},
		"a Date in words":    {answer("Date: yesterday <script>\r\n"), watch.Unparsable, `the Date of the answer is none: "yesterday <script>"`},
		"a Date that hides":  {answer("Date: yester\u202eday\r\n"), watch.Unparsable, `the Date of the answer is none: "yester�day"`},
		"a stored answer":    {answer("Date: Fri, 01 Jan 2100 00:00:00 GMT\r\nAge: 7\r\n"), watch.Unreadable, `the answer is that of a cache or proxy and not the host's own: it carries "Age: 7"`},
		"a proxied answer":   {answer("Date: Fri, 01 Jan 2100 00:00:00 GMT\r\nVia: 1.1 varnish\u202e\r\n"), watch.Unreadable, `the answer is that of a cache or proxy and not the host's own: it carries "Via: 1.1 varnish�"`},
		"a delivery network": {answer("CF-Cache-Status: DYNAMIC\r\n"), watch.Unreadable, `the answer is that of a cache or proxy and not the host's own: it carries "Cf-Cache-Status: DYNAMIC"`},
		"another protocol":   {"SSH-2.0-OpenSSH_9.2\r\n", watch.Unparsable, `what answers does not speak HTTP: net/http: HTTP/1.x transport connection broken: malformed HTTP response "SSH-2.0-OpenSSH_9.2"`},
		"an endless header":  {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 100), watch.TooLarge, "the header of the answer has more than 65536 bytes"},
		"a closed door":      {"", watch.Unreadable, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial, stop := answering(test.answer)
				if test.answer == "" {
					stop()
					dial, stop = raw(func(conn net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(conn)) })
					test.want = "the server closed the connection"
				}
				defer stop()
				_, err := remoteclock.HTTP{URL: "http://host.example", Dial: dial}.Read(t.Context())
				failure, ok := errors.AsType[*remoteclock.Failure](err)
				if !ok || failure.Reason != test.reason || failure.Error() != doing+test.want {
					t.Errorf("error %v\nwant  %s%s", err, doing, test.want)
				}
			})
		})
	}
}

func TestASlowServerIsGivenUpInTime(t *testing.T) {
	for name, drip := range map[string]func(net.Conn){
		"one that says nothing":                func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
		"one that sends a byte every second":   dripping("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 1000)),
		"one whose early hints never end":      dripping(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000)),
		"one that does not even read requests": func(net.Conn) { time.Sleep(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial, stop := raw(drip)
				defer stop()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				began := time.Now()
				_, err := remoteclock.HTTP{URL: "http://host.example", Dial: dial}.Read(ctx)
				failure, ok := errors.AsType[*remoteclock.Failure](err)
				if !ok || failure.Reason != watch.TimedOut || failure.Error() != doing+"no answer in time" || time.Since(began) != 5*time.Second {
					t.Errorf("error %v after %v", err, time.Since(began))
				}
			})
		})
	}
}

func dripping(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		// A byte before the question would be none to it.
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			return
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		for i := range len(answer) {
			if _, err := io.WriteString(conn, answer[i:i+1]); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
}

func TestAnswersThatOnlyLookOddAreRead(t *testing.T) {
	date := "Date: Fri, 01 Jan 2100 00:00:00 GMT\r\n"
	for name, test := range map[string]struct {
		handle func(method string) string
		status int
	}{
		"a redirect, which is not followed": {func(string) string {
			return "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\n" + date + "Content-Length: 0\r\n\r\n"
		}, 302},
		"a refusal of HEAD that has a Date": {func(string) string { return "HTTP/1.1 405 Method Not Allowed\r\n" + date + "Content-Length: 0\r\n\r\n" }, 405},
		"a HEAD that breaks the connection": {func(method string) string {
			if method == http.MethodHead {
				return ""
			}
			return good
		}, 200},
		"a HEAD without a Date": {func(method string) string {
			if method == http.MethodHead {
				return "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n"
			}
			return "HTTP/1.1 206 Partial Content\r\n" + date + "Content-Length: 1\r\n\r\nx"
		}, 206},
		"early hints before the answer": {func(string) string { return "HTTP/1.1 103 Early Hints\r\n\r\n" + good }, 200},
		"a Date in the form of RFC 850": {func(string) string { return strings.Replace(good, "Fri, 01 Jan 2100", "Friday, 01-Jan-38", 1) }, 200},
		"HTTP/1.0":                      {func(string) string { return strings.Replace(good, "HTTP/1.1", "HTTP/1.0", 1) }, 200},
		"the year 9999":                 {func(string) string { return strings.Replace(good, "Fri, 01 Jan 2100", "Fri, 31 Dec 9999", 1) }, 200},
		"the year 1":                    {func(string) string { return strings.Replace(good, "Fri, 01 Jan 2100", "Mon, 01 Jan 0001", 1) }, 200},
		"the year 1970":                 {func(string) string { return strings.Replace(good, "Fri, 01 Jan 2100", "Thu, 01 Jan 1970", 1) }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial, stop := raw(func(conn net.Conn) {
					request, err := http.ReadRequest(bufio.NewReader(conn))
					if err == nil {
						_, _ = io.WriteString(conn, test.handle(request.Method))
					}
				})
				defer stop()
				reading, err := remoteclock.HTTP{URL: "http://host.example", Dial: dial, Goal: time.Minute}.Read(t.Context())
				if err != nil || reading.Details["http_status"] != test.status {
					t.Fatalf("reading %+v, error %v", reading, err)
				}
				if reading.Uncertainty < 505*time.Millisecond && reading.Offset.Abs() < math.MaxInt64-day || reading.Uncertainty > time.Second {
					t.Errorf("%v ± %v", reading.Offset, reading.Uncertainty)
				}
			})
		})
	}
}

func TestAnOffsetBeyond292YearsSaturates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for year, low := range map[string]time.Duration{"9999": math.MaxInt64 - time.Minute, "0001": math.MinInt64} {
			dial, stop := answering(strings.Replace(good, "Jan 2100", "Jan "+year, 1))
			reading, err := remoteclock.HTTP{URL: "http://host.example", Dial: dial}.Read(t.Context())
			stop()
			if err != nil || reading.Offset < low || reading.Offset > low+time.Minute {
				t.Errorf("year %s: %+v, %v", year, reading, err)
			}
		}
	})
}

func TestACertificateIsVerifiedWhateverTheDateIs(t *testing.T) {
	root, leaf := issue(t, pki.Spec{})
	stranger, _ := issue(t, pki.Spec{})
	now := time.Now()
	expired, err := root.Issue(pki.Spec{CommonName: "old", Names: []string{"localhost"}, NotBefore: now.Add(-time.Minute), NotAfter: now.Add(-time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	early, err := root.Issue(pki.Spec{CommonName: "early", Names: []string{"localhost"}, NotBefore: now.Add(day), NotAfter: now.Add(2 * day)})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		served pki.Pair
		tls    remoteclock.TLS
		want   string
		noted  bool
	}{
		"a good one":                           {leaf, remoteclock.TLS{Roots: root.Pool()}, "", false},
		"one that has expired":                 {expired, remoteclock.TLS{Roots: root.Pool()}, "", true},
		"one that is not yet valid":            {early, remoteclock.TLS{Roots: root.Pool()}, "", true},
		"one of an unknown authority":          {leaf, remoteclock.TLS{Roots: stranger.Pool()}, "certificate signed by unknown authority", false},
		"an expired one of an unknown one":     {expired, remoteclock.TLS{Roots: stranger.Pool()}, "certificate signed by unknown authority", false},
		"one for another name":                 {leaf, remoteclock.TLS{Roots: root.Pool(), ServerName: "other.example"}, "not other.example", false},
		"an expired one for another name":      {expired, remoteclock.TLS{Roots: root.Pool(), ServerName: "other.example"}, "not other.example", false},
		"any one where none need be verified":  {leaf, remoteclock.TLS{Unverified: true}, "", false},
		"one of an authority the system lacks": {leaf, remoteclock.TLS{}, "unknown authority", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{test.served.TLS()}})
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: silent()}
			go func() { _ = server.Serve(listener) }()
			defer func() { _ = server.Close() }()
			here := func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dial(ctx, network, listener.Addr().String())
			}
			way := remoteclock.HTTP{URL: "https://localhost", Dial: here, TLS: test.tls, Goal: time.Minute}
			if test.want != "" {
				failure := refused(t, way)
				if failure.Reason != watch.HandshakeFailed || !strings.Contains(failure.Error(), "the certificate cannot be verified: ") || !strings.Contains(failure.Error(), test.want) {
					t.Errorf("failure %+v", failure)
				}
				return
			}
			reading := read(t, way)
			if _, noted := reading.Details["certificate_dates"]; noted != test.noted {
				t.Errorf("details %v", reading.Details)
			}
			if _, unverified := reading.Details["certificate_verified"]; unverified != test.tls.Unverified {
				t.Errorf("details %v", reading.Details)
			}
		})
	}
}

func TestHostsThatCannotBeReachedAreClassified(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	plain, stop := serve(http.NotFound)
	defer stop()
	unknown := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Name: "nowhere.example", Err: "no such host", IsNotFound: true}}
	}
	tests := map[string]struct {
		url    string
		dial   remoteclock.Dial
		reason watch.Reason
		want   string
	}{
		"nobody listens":        {"http://" + free, dial, watch.Refused, "read the Date of http://" + free + "/: connection refused"},
		"the name is not known": {"http://nowhere.example", unknown, watch.NameNotFound, `read the Date of http://nowhere.example/: the name "nowhere.example" does not exist`},
		"it is not TLS":         {"https://host.example", plain, watch.NotTLS, `read the Date of https://host.example/: it answers "HTTP/" and not TLS`},
		"another scheme":        {"ftp://host.example", plain, watch.Unreadable, "read the address of a clock: ftp://host.example: want http://… or https://…"},
		"no host":               {"http:///path", plain, watch.Unreadable, "read the address of a clock: http:///path: want http://… or https://…"},
		"a password in the URL": {"http://me:canary@host.example", plain, watch.Unreadable, "read the address of a clock: http://me:xxxxx@host.example: credentials do not belong into a URL"},
		"no URL":                {"http://[canary", plain, watch.Unreadable, "read the address of a clock: it cannot be parsed as a URL"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			failure := refused(t, remoteclock.HTTP{URL: test.url, Dial: test.dial})
			if failure.Reason != test.reason || failure.Error() != test.want {
				t.Errorf("failure %s: %v\nwant    %s: %s", failure.Reason, failure, test.reason, test.want)
			}
		})
	}
}

func TestAnInterruptedReadingEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, stop := raw(func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err := remoteclock.HTTP{URL: "http://host.example", Dial: dial}.Read(ctx)
		if got := fmt.Sprint(err); got != doing+"context canceled" || time.Since(began) > 2*time.Second {
			t.Errorf("error %s after %v", got, time.Since(began))
		}
	})
}
