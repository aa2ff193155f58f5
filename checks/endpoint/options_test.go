package endpoint_test

import (
	"errors"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/endpoint"
	"lapsewatch/internal/entry"
	"lapsewatch/watch"
)

const minimal = "groups: [{name: rings, members: [{name: ring-1, url: 'https://ring-1.example'}]}]"

func TestOptionsAreReadFromConfiguration(t *testing.T) {
	env := checktest.Env(time.Now())
	for name, text := range map[string]string{
		"as few as there can be": minimal,
		"a status as a number":   strings.Replace(minimal, "}]}]", ", expect_status: 200}]}]", 1),
		"a list of statuses":     strings.Replace(minimal, "}]}]", ", expect_status: '200-299, 401'}]}]", 1),
		"all there is": `{warn: 500ms, timeout: 3s, samples: 5, peers: {factor: 2.5, at_least: 100ms}, ca_file: /etc/ca.pem, groups: [
			{name: rings, owners: [ops@example.com], link: 'https://wiki.example.com', members: [
				{name: ring-1, url: 'https://ring-1.example/health', method: GET, headers: [{name: Authorization, value: {env: T}}, {name: Accept, text: text/plain}],
				 expect_status: 200-204, expect_text: ready, redirects: 1, version_json: /version, owners: [one@example.com]},
				{name: db, url: 'tcp://[::1]:5432'}]}]}`,
	} {
		if _, err := endpoint.Kind.Build(checktest.YAML(text), env); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := endpoint.Kind.Build(checktest.YAML(minimal+"\nwarn: 1m"), env)
	checktest.WantRefusal(t, err, "warn: want 1ms or more, and less than 1m0s")
	_, err = endpoint.Kind.Build(checktest.YAML(minimal+"\nwarn: 10s\ntimeout: 5s"), env)
	checktest.WantRefusal(t, err, "warn: want less than the timeout of 5s: nothing would ever be slow")
}

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	secret := watch.SecretRef{Env: "T"}
	member := func(change func(*endpoint.Member)) func(*endpoint.Options) {
		return func(o *endpoint.Options) { change(&o.Groups[0].Members[0]) }
	}
	header := func(h ...endpoint.Header) func(*endpoint.Options) {
		return member(func(m *endpoint.Member) { m.Headers = h })
	}
	address := func(text string) func(*endpoint.Options) { return member(func(m *endpoint.Member) { m.URL = text }) }
	const m = "groups[0].members[0]"
	for _, row := range []struct {
		name   string
		change func(*endpoint.Options)
		want   string
	}{
		{"nothing is wrong", func(*endpoint.Options) {}, ""},
		{"no groups", func(o *endpoint.Options) { o.Groups = nil }, "groups: there is nothing to look at: give at least one group"},
		{"too many groups", func(o *endpoint.Options) { o.Groups = make([]endpoint.Group, 201) }, "groups: 201 groups are more than 200"},
		{"a group twice", func(o *endpoint.Options) { o.Groups = append(o.Groups, o.Groups[0]) }, `groups[1].name: "rings" is the name of groups[0] too`},
		{"no members", func(o *endpoint.Options) { o.Groups[0].Members = nil }, "groups[0].members: give at least one member"},
		{"too many members", func(o *endpoint.Options) { o.Groups[0].Members = make([]endpoint.Member, 101) }, "groups[0].members: 101 members are more than 100"},
		{"a member twice", func(o *endpoint.Options) { o.Groups[0].Members = append(o.Groups[0].Members, o.Groups[0].Members[0]) }, `groups[0].members[1].name: "ring-1" is the name of groups[0].members[0] too`},
		{"a warning after a minute", func(o *endpoint.Options) { o.Warn = watch.Duration(time.Hour) }, "warn: want 1ms or more, and less than 1m0s"},
		{"a timeout of an hour", func(o *endpoint.Options) { o.Timeout = watch.Duration(time.Hour) }, "timeout: want no more than 1m0s"},
		{"no samples", func(o *endpoint.Options) { o.Samples = 0 }, "samples: want 1 to 10"},
		{"a factor below one", func(o *endpoint.Options) { o.Peers.Factor = 0.5 }, "peers.factor: want 1 to 1000"},
		{"a factor that is no number", func(o *endpoint.Options) { o.Peers.Factor = math.NaN() }, "peers.factor: want 1 to 1000"},
		{"no difference at all", func(o *endpoint.Options) { o.Peers.AtLeast = 0 }, "peers.at_least: want 1ms to 1m0s"},
		{"no address", address(""), m + ".url: want https://…, http://… or tcp://HOST:PORT"},
		{"another scheme", address("ftp://ring.example"), m + ".url: want https://…, http://… or tcp://HOST:PORT"},
		{"a password", address("https://u:p@ring.example"), m + ".url: it holds a user name or password: send an Authorization header instead"},
		{"no host", address("https:///x"), m + ".url: it names no host"},
		{"a fragment", address("https://ring.example/#x"), m + ".url: what stands behind # is never sent"},
		{"a port beyond the last", address("https://ring.example:65536"), m + ".url: want a port from 1 to 65535"},
		{"an empty port", address("https://ring.example:"), m + ".url: want a port from 1 to 65535"},
		{"a long address", address("https://ring.example/" + strings.Repeat("x", 2000)), m + ".url: want at most 2000 bytes"},
		{"TCP without a port", address("tcp://ring.example"), m + ".url: want tcp://HOST:PORT and nothing behind it"},
		{"TCP with a path", address("tcp://ring.example:1/"), m + ".url: want tcp://HOST:PORT and nothing behind it"},
		{"TCP with a status", member(func(m *endpoint.Member) { m.URL, m.ExpectStatus = "tcp://ring.example:1", "200" }), m + ".expect_status: has no meaning with tcp://, where only the connection is measured"},
		{"another method", member(func(m *endpoint.Member) { m.Method = "POST" }), m + ".method: want GET or HEAD"},
		{"a status that is none", member(func(m *endpoint.Member) { m.ExpectStatus = "2xx" }), m + ".expect_status: want statuses from 200 to 599, such as 200 or 200-299,401"},
		{"statuses the wrong way round", member(func(m *endpoint.Member) { m.ExpectStatus = "300-200" }), m + ".expect_status: want statuses from 200 to 599, such as 200 or 200-299,401"},
		{"a text of the answer to HEAD", member(func(m *endpoint.Member) { m.Method, m.ExpectText = "HEAD", "x" }), m + ".expect_text: the answer to HEAD has no content: use GET"},
		{"a long text", member(func(m *endpoint.Member) { m.ExpectText = strings.Repeat("x", 1001) }), m + ".expect_text: want at most 1000 bytes"},
		{"many redirects", member(func(m *endpoint.Member) { m.Redirects = 6 }), m + ".redirects: want 0 to 5"},
		{"a version header that is none", member(func(m *endpoint.Member) { m.VersionHeader = "X Y" }), m + ".version_header: want the name of an HTTP header"},
		{"a pointer without a slash", member(func(m *endpoint.Member) { m.VersionJSON = "version" }), m + ".version_json: want a JSON pointer (RFC 6901) of at most 200 bytes, such as /build/version"},
		{"a pointer with a stray tilde", member(func(m *endpoint.Member) { m.VersionJSON = "/~2" }), m + ".version_json: want a JSON pointer (RFC 6901) of at most 200 bytes, such as /build/version"},
		{"two sources of the version", member(func(m *endpoint.Member) { m.VersionJSON, m.VersionHeader = "/x", "Server" }), m + ".version_json: want either version_header or version_json"},
		{"a version in the answer to HEAD", member(func(m *endpoint.Member) { m.VersionJSON, m.Method = "/x", "HEAD" }), m + ".version_json: the answer to HEAD has no content: use GET"},
		{"a header without a name", header(endpoint.Header{Text: "x"}), m + ".headers[0].name: want the name of an HTTP header"},
		{"a header of the connection", header(endpoint.Header{Name: "host", Text: "x"}), m + ".headers[0].name: Host cannot be given"},
		{"a header twice", header(endpoint.Header{Name: "Accept", Text: "x"}, endpoint.Header{Name: "accept", Text: "y"}), m + ".headers[1].name: Accept is given twice"},
		{"a header without a value", header(endpoint.Header{Name: "Accept"}), m + ".headers[0].value: want exactly one of value and text"},
		{"a header with two", header(endpoint.Header{Name: "Accept", Text: "x", Value: secret}), m + ".headers[0].value: want exactly one of value and text"},
		{"a secret in the configuration", header(endpoint.Header{Name: "X-Api-Key", Text: "x"}), m + ".headers[0].text: such a header holds a secret, which is given by reference: value: {file: PATH} or {env: NAME}"},
		{"a token in the configuration", header(endpoint.Header{Name: "X-Jwt", Text: "x"}), m + ".headers[0].text: such a header holds a secret, which is given by reference: value: {file: PATH} or {env: NAME}"},
		{"a bearer in the configuration", header(endpoint.Header{Name: "Bearer", Text: "x"}), m + ".headers[0].text: such a header holds a secret, which is given by reference: value: {file: PATH} or {env: NAME}"},
		{"a password in the configuration", header(endpoint.Header{Name: "X-Pass", Text: "x"}), m + ".headers[0].text: such a header holds a secret, which is given by reference: value: {file: PATH} or {env: NAME}"},
		{"a short password in the configuration", header(endpoint.Header{Name: "X-Pwd", Text: "x"}), m + ".headers[0].text: such a header holds a secret, which is given by reference: value: {file: PATH} or {env: NAME}"},
		{"a word in the configuration", header(endpoint.Header{Name: "X-Bypass-Cache", Text: "x"}), ""},
		{"an address twice", func(o *endpoint.Options) {
			o.Groups[0].Members = append(o.Groups[0].Members, endpoint.Member{Entry: entry.Entry{Name: "ring-2"}, URL: o.Groups[0].Members[0].URL})
		}, "groups[0].members[1].url: repeats groups[0].members[0]: a member is no peer of itself"},
		{"an address twice, by another header", func(o *endpoint.Options) {
			o.Groups[0].Members = append(o.Groups[0].Members, endpoint.Member{Entry: entry.Entry{Name: "ring-2"}, URL: o.Groups[0].Members[0].URL, Headers: []endpoint.Header{{Name: "X-Ring", Text: "2"}}})
		}, ""},
		{"a text that cannot be seen", header(endpoint.Header{Name: "Accept", Text: "a\r\nb"}), m + ".headers[0].text: want at most 1000 characters that can be seen"},
		{"a reference to two places", header(endpoint.Header{Name: "X", Value: watch.SecretRef{Env: "T", File: "t"}}), m + ".headers[0].value: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"a secret over http", member(func(m *endpoint.Member) {
			m.URL, m.Headers = "http://ring.example", []endpoint.Header{{Name: "X", Value: secret}}
		}),
			m + ".headers[0].value: a secret is sent over https only: anybody on the way reads it over http"},
		{"too many headers", header(make([]endpoint.Header, 21)...), m + ".headers: want at most 20"},
	} {
		t.Run(row.name, func(t *testing.T) {
			options := usual("ring-1")
			options.Groups[0].Members[0].URL = "https://ring-1.example"
			row.change(&options)
			checktest.WantRefusal(t, options.Validate(), row.want)
		})
	}
}

func TestEachWrongValueHasItsPlace(t *testing.T) {
	options := endpoint.Options{Groups: []endpoint.Group{{Entry: entry.Entry{Link: "http://x"}}}}
	got := strings.Join(checktest.Places(t, options.Validate()), " ")
	checktest.Equal(t, "the places", got, "warn samples peers.factor peers.at_least groups[0].name groups[0].link groups[0].members")
}

func TestAMemberHasTheOwnersAndTheLinkOfItsGroup(t *testing.T) {
	options := at("ring-1", "tcp://127.0.0.1:1", "ring/2", "tcp://127.0.0.1:2")
	options.Groups[0].Owners, options.Groups[0].Link = []string{"ops@example.com"}, "https://wiki.example.com/rings"
	options.Groups[0].Members[1].Owners, options.Groups[0].Members[1].Link = []string{"two@example.com"}, "https://wiki.example.com/ring-2"
	env := real(t)
	facts, _ := checktest.ByID(t, pass(t, options, env))
	first, second := facts["rings/ring-1"].About(), facts["rings/ring%2F2"].About()
	checktest.Equal(t, "ring-1", strings.Join(append(first.Owners, first.Link, first.Name), " "), "ops@example.com https://wiki.example.com/rings rings/ring-1")
	checktest.Equal(t, "ring/2", strings.Join(append(second.Owners, second.Link, second.Name), " "), "two@example.com https://wiki.example.com/ring-2 rings/ring/2")
}

func TestTheCheckConforms(t *testing.T) {
	server := listen(t, func(conn net.Conn) { never(conn, 0) })
	options := at("ring-1", "tcp://"+server, "ring-2", "http://"+server, "ring-3", "https://"+server)
	options.Timeout, options.Warn = watch.Duration(300*time.Millisecond), watch.Duration(200*time.Millisecond)
	options.Groups[0].Members[2].Headers = []endpoint.Header{secretHeader()}
	checktest.Run(t, checktest.Case{Kind: endpoint.Kind, Decode: checktest.Given(options), Env: withSecret(real(t), ""), Readable: 2, Unreadable: 1})
}

func TestABrokenEnvironmentIsAFaultOfLapsewatch(t *testing.T) {
	env := real(t)
	env.Secrets = func(watch.SecretRef) (watch.Secret, error) { panic("no keeper") }
	options := at("ring-1", "https://127.0.0.1:1", "ring-2", "tcp://127.0.0.1:1")
	options.Groups[0].Members[0].Headers = []endpoint.Header{secretHeader()}
	facts, _ := checktest.ByID(t, pass(t, options, env))
	broken := checktest.Of[watch.Problem](t, facts, "rings/ring-1")
	if broken.Reason != watch.InternalError || broken.Err == nil || !strings.HasPrefix(broken.Err.Error(), "panic: no keeper") {
		t.Errorf("got %+v", errors.Join(broken.Err))
	}
	checktest.WantCondition(t, facts["rings/ring-2"], watch.ResponseFailed, "the attempt failed: the connection was refused")
}
