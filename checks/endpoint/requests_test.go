package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/endpoint"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

const canary = "canary-2c9f1e7a"

func secretHeader() endpoint.Header {
	return endpoint.Header{Name: "Authorization", Value: watch.SecretRef{Env: "TOKEN"}}
}

// behind are options for members behind servers of vendortest.
func behind(server *vendortest.Server, path string) endpoint.Options {
	options := at("ring", server.URL+path)
	options.CAFile = server.CAFile
	return options
}

func withSecret(env checks.Env, secret string) checks.Env {
	env.Secrets = checktest.Secrets{"TOKEN": secret}.Read
	return env
}

var fine http.HandlerFunc = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"build":{"version":"7.1"}}`)) }

func TestEachMemberGetsAsManyRequestsAsItIsToAndNoMore(t *testing.T) {
	server := vendortest.Start(t, fine, vendortest.Manner{Answer: vendortest.Status(503, "1"), Times: vendortest.Always})
	options := behind(server, "/health?x=1")
	options.Samples = 5
	options.Groups[0].Members[0].Headers = []endpoint.Header{{Name: "X-Ring", Text: "1"}}
	wantMasked(t, pass(t, options, real(t)), "rings/ring: critical response_failed: 5 of 5 requests failed: it answered 503 Service Unavailable")
	requests := server.Requests()
	checktest.Equal(t, "requests", len(requests), 5)
	for _, request := range requests {
		got := fmt.Sprint(request.Method, " ", request.Path, "?", request.Query, " ", request.Header["User-Agent"], request.Header["X-Ring"], request.Header["Accept-Encoding"])
		checktest.Equal(t, "the request", got, "GET /health?x=1 [lapsewatch] [1] []")
	}
}

func TestAnAnswerIsHeldAgainstWhatIsExpected(t *testing.T) {
	server := vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/closed":
			w.WriteHeader(http.StatusUnauthorized)
		case "/long":
			_, _ = w.Write([]byte(strings.Repeat("x", 1<<20-3) + "ready"))
		default:
			_, _ = w.Write([]byte("the shop is ready"))
		}
	}), vendortest.Manner{On: "never"})
	for _, row := range []struct {
		name, path string
		change     func(*endpoint.Member)
		want       string
	}{
		{"any page", "/", nil, "ok: answers in N ms"},
		{"a redirect that is not followed", "/moved", nil, "ok: answers in N ms"},
		{"a redirect where a page is wanted", "/moved", func(m *endpoint.Member) { m.ExpectStatus = "200" }, "critical response_failed: the request failed: it answered 302 Found"},
		{"a redirect that is followed", "/moved", func(m *endpoint.Member) { m.ExpectStatus, m.Redirects, m.ExpectText = "200", 1, "ready" }, "ok: answers in N ms"},
		{"a page that wants a sign-in", "/closed", nil, "critical response_failed: the request failed: it answered 401 Unauthorized"},
		{"a page that wants a sign-in, as it should", "/closed", func(m *endpoint.Member) { m.ExpectStatus = "200-299, 401" }, "ok: answers in N ms"},
		{"the text is there", "/", func(m *endpoint.Member) { m.ExpectText = "ready" }, "ok: answers in N ms"},
		{"the text is not there", "/", func(m *endpoint.Member) { m.ExpectText = "open" }, `critical response_failed: the request failed: its answer, 200 OK, lacks the text "open"`},
		{"the text ends behind the first MiB", "/long", func(m *endpoint.Member) { m.ExpectText = "ready" }, `critical response_failed: the request failed: its answer, 200 OK, lacks the text "ready"`},
		{"a text up to the first MiB", "/long", func(m *endpoint.Member) { m.ExpectText = "xrea" }, "ok: answers in N ms"},
		{"HEAD", "/", func(m *endpoint.Member) { m.Method = http.MethodHead }, "ok: answers in N ms"},
	} {
		t.Run(row.name, func(t *testing.T) {
			options := behind(server, row.path)
			if row.change != nil {
				row.change(&options.Groups[0].Members[0])
			}
			wantMasked(t, pass(t, options, real(t)), "rings/ring: "+row.want)
		})
	}
}

func TestWhatAServiceSaysOfItsVersionIsADetail(t *testing.T) {
	server := vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Version", "7.1 \u202e"+strings.Repeat("x", 200))
		switch r.URL.Path {
		case "/page":
			_, _ = w.Write([]byte(vendortest.HostilePage))
		case "/large":
			_, _ = w.Write([]byte(`{"x":"` + strings.Repeat("x", 300<<10) + `"}`))
		case "/echo":
			w.Header().Set("X-Version", r.Header.Get("Authorization"))
		default:
			_, _ = w.Write([]byte(`{"build":{"version":"7.1","number":1234567890123456789,"list":["a"]},"a/b":{"~":"x"}}`))
		}
	}), vendortest.Manner{On: "never"})
	for _, row := range []struct{ name, path, header, pointer, version, missing string }{
		{"a text", "/", "", "/build/version", "7.1", ""},
		{"a number", "/", "", "/build/number", "1234567890123456789", ""},
		{"in a list", "/", "", "/build/list/0", "a", ""},
		{"escaped", "/", "", "/a~1b/~0", "x", ""},
		{"not there", "/", "", "/build/no", "", "the answer has nothing at /build/no"},
		{"behind the end of a list", "/", "", "/build/list/1", "", "the answer has nothing at /build/list/1"},
		{"neither text nor number", "/", "", "/build", "", "what the answer has at /build is neither a text nor a number"},
		{"a page of the web", "/page", "", "/build", "", "the answer is no JSON"},
		{"a large answer", "/large", "", "/x", "", "the answer is larger than 256 KiB"},
		{"a header that is hostile", "/", "X-Version", "", "7.1 \ufffd" + strings.Repeat("x", 94) + "…", ""},
		{"a header that is not there", "/", "X-Build", "", "", "the answer has no header X-Build"},
		{"a header that repeats the credential", "/echo", "X-Version", "", "<redacted>", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			options := behind(server, row.path)
			m := &options.Groups[0].Members[0]
			m.VersionHeader, m.VersionJSON, m.Headers = row.header, row.pointer, []endpoint.Header{secretHeader()}
			found := checktest.As[watch.Condition](t, pass(t, options, withSecret(real(t), canary))[0])
			got := fmt.Sprintf("%v, %v", found.Details["version"], found.Details["version_missing"])
			want := fmt.Sprintf("%v, %v", listed(row.version), orNil(row.missing))
			checktest.Equal(t, "version and why there is none", got, want)
			checktest.Equal(t, "the reason", found.Reason, "")
		})
	}
}

func listed(version string) any {
	if version == "" {
		return nil
	}
	return []string{version}
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func TestARefusedCredentialIsNotSentAgainForAWhile(t *testing.T) {
	server := vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer new" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}), vendortest.Manner{On: "never"})
	options := behind(server, "/")
	options.Samples = 3
	options.Groups[0].Members[0].Headers = []endpoint.Header{secretHeader()}
	memory := &checktest.Memory{}
	now := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	env := withSecret(real(t), "Bearer "+canary)
	env.Memory, env.Now = memory, func() time.Time { return now }
	look := func(want string, requests int) {
		t.Helper()
		facts := pass(t, options, env)
		wantMasked(t, facts, "rings/ring: "+want)
		checktest.Equal(t, "requests", len(server.Requests()), requests)
		checktest.WantNone(t, []string{canary}, map[string]string{"facts": checktest.Shown(t, facts...), "memory": memory.Ever()})
	}
	look("critical response_failed: it answered 401 Unauthorized to the credential in the headers (not asked again before 2026-11-22 07:00 UTC, after 1 refusal)", 1)
	now = now.Add(30 * time.Minute)
	look("unknown auth_failed: could not be read: not measured since 2026-11-22 06:00 UTC: it answered 401 Unauthorized to the credential in the headers (not asked again before 2026-11-22 07:00 UTC, after 1 refusal)", 1)
	check := checktest.Build(t, endpoint.Kind, options, env).(watch.Trier)
	abilities := checktest.ShownOfTry(check.Try(t.Context()))
	checktest.WantWords(t, "the trial", abilities, "it answered 401 Unauthorized to the credential in the headers", "rings/ring")
	checktest.Equal(t, "requests", len(server.Requests()), 2)
	now = now.Add(3 * time.Hour)
	look("critical response_failed: it answered 401 Unauthorized to the credential in the headers (not asked again before 2026-11-22 13:30 UTC, after 3 refusals)", 3)
	env.Secrets = checktest.Secrets{"TOKEN": "Bearer new"}.Read
	look("ok: answers in N ms (median of 3 requests)", 6)
	checktest.Equal(t, "what is kept", memory.Kept(), 0)
}

func TestASecretThatCannotBeReadIsAProblemOfItsMember(t *testing.T) {
	for secret, want := range map[string]string{
		"":                         "read the header Authorization: it is empty",
		"two\nlines":               "read the header Authorization: it holds characters that no header can carry",
		strings.Repeat("x", 1<<15): "read the header Authorization: it is longer than 16384 bytes",
	} {
		options := at("ring", "https://127.0.0.1:1", "other", "tcp://127.0.0.1:1")
		options.Groups[0].Members[0].Headers = []endpoint.Header{secretHeader()}
		facts, _ := checktest.ByID(t, pass(t, options, withSecret(real(t), secret)))
		checktest.WantProblem(t, facts["rings/ring"], watch.Unreadable, want)
		checktest.WantCondition(t, facts["rings/other"], watch.ResponseFailed, "the attempt failed: the connection was refused")
	}
}

func TestA13_NoHeaderGoesAlongToAnotherHost(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	note := func(where string, then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			seen = append(seen, fmt.Sprintf("%s%s %q %q", where, r.URL.Path, r.Header.Get("X-Ring"), r.Header.Get("Referer")))
			mu.Unlock()
			then(w, r)
		}
	}
	var home *httptest.Server
	other := httptest.NewServer(note("other", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, home.URL+"/end", http.StatusFound) }))
	defer other.Close()
	home = httptest.NewServer(note("home", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/start":
			http.Redirect(w, r, "/next?secret", http.StatusFound)
		case "/next":
			http.Redirect(w, r, other.URL+"/away", http.StatusFound)
		}
	}))
	defer home.Close()
	options := at("ring", home.URL+"/start")
	m := &options.Groups[0].Members[0]
	m.Headers = []endpoint.Header{{Name: "X-Ring", Text: "one"}}
	m.Redirects = 5
	wantMasked(t, pass(t, options, real(t)), "rings/ring: ok: answers in N ms")
	checktest.Equal(t, "requests", strings.Join(seen, "\n"), strings.Join([]string{`home/start "one" ""`, `home/next "one" ""`, `other/away "" ""`, `home/end "" ""`}, "\n"))
	m.Redirects = 1
	m.ExpectStatus = "200"
	wantMasked(t, pass(t, options, real(t)), "rings/ring: critical response_failed: the request failed: it answered 302 Found")
}

func TestNoRedirectLeadsOutOfHTTPS(t *testing.T) {
	clear := httptest.NewServer(fine)
	defer clear.Close()
	for _, target := range []string{clear.URL, "ftp://127.0.0.1", strings.Replace(clear.URL, "http://", "http://user:password@", 1)} {
		server := vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) }), vendortest.Manner{On: "never"})
		options := behind(server, "/")
		options.Groups[0].Members[0].Redirects, options.Groups[0].Members[0].ExpectStatus = 5, "200"
		wantMasked(t, pass(t, options, real(t)), "rings/ring: critical response_failed: the request failed: it answered 302 Found")
	}
}

func TestATrialAsksOnceAndDoesNotMindALateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{services: map[string]service{"late": quick(2 * time.Second), "silent": never, "good": quick(0)}}
		trier := checktest.Build(t, endpoint.Kind, usual("late", "silent", "good", "nowhere"), w.env()).(watch.Trier)
		var lines []string
		for _, ability := range trier.Try(t.Context()) {
			lines = append(lines, fmt.Sprintf("%s %s %v %s", ability.Name, ability.Gives, ability.Err, ability.Reason))
		}
		checktest.Equal(t, "the trial", strings.Join(lines, "\n"), strings.Join([]string{
			"rings/good answers as expected <nil> ",
			"rings/late answers as expected <nil> ",
			"rings/nowhere answers as expected look up nowhere: no such host name_not_found",
			"rings/silent answers as expected the request had no answer within 5s, while 2 of its 3 peers answer: late in 2.00 s, good in 0.0 ms response_timed_out",
		}, "\n"))
		checktest.Equal(t, "requests", len(w.requests), 4)
	})
}

func TestAPassThatIsCutShortTellsNothingOfWhatItBrokeOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{services: map[string]service{"ring-1": never, "ring-2": quick(0)}}
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		var facts []watch.Fact
		err := checktest.Build(t, endpoint.Kind, usual("ring-1", "ring-2"), w.env()).Collect(ctx, func(fact watch.Fact) { facts = append(facts, fact) })
		if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "the pass over endpoints was cut short: context deadline exceeded" || len(facts) > 0 {
			t.Errorf("told %v, ended with %v", facts, err)
		}
	})
}
