package endpoint_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/endpoint"
	"lapsewatch/watch"
)

const millisecond = time.Millisecond

func TestMembersAreToldBesideTheirPeers(t *testing.T) {
	for _, row := range []struct {
		name     string
		services map[string]service
		want     []string
	}{
		{"both rings answer", map[string]service{"ring-1": quick(31 * millisecond), "ring-2": quick(8 * millisecond)}, []string{
			"rings/ring-1: ok: answers in 31 ms (median of 3 requests)",
			"rings/ring-2: ok: answers in 8.0 ms (median of 3 requests)",
		}},
		{"a member that is alone", map[string]service{"ring-1": quick(1500 * millisecond)}, []string{
			"rings/ring-1: warning response_slow: answers in 1.50 s (median of 3 requests), over its limit of 1s",
		}},
		{"one of two rings times out, as in O3", map[string]service{"ring-1": never, "ring-2": quick(31 * millisecond)}, []string{
			"rings/ring-1: critical response_timed_out: 2 of 2 requests had no answer within 5s, while its peer ring-2 answers in 31 ms",
			"rings/ring-2: ok: answers in 31 ms (median of 3 requests)",
		}},
		{"one of two rings cannot be connected to", map[string]service{"ring-1": nil, "ring-2": quick(31 * millisecond)}, []string{
			"rings/ring-1: critical response_timed_out: 2 of 2 requests had no connection within 5s, while its peer ring-2 answers in 31 ms",
			"rings/ring-2: ok: answers in 31 ms (median of 3 requests)",
		}},
		{"two of three requests time out", map[string]service{"ring-1": inTurn(never, quick(millisecond), never), "ring-2": quick(31 * millisecond)}, []string{
			"rings/ring-1: critical response_timed_out: 2 of 3 requests had no answer within 5s, while its peer ring-2 answers in 31 ms",
			"rings/ring-2: ok: answers in 31 ms (median of 3 requests)",
		}},
		{"one of three requests times out", map[string]service{"ring-1": inTurn(never, quick(10*millisecond), quick(20*millisecond))}, []string{
			"rings/ring-1: ok: answers in 15 ms (median of 2 of 3 requests; 1 had no answer within 5s)",
		}},
		{"each request ends in a way of its own", map[string]service{"ring-1": inTurn(never, breaks, after(0, 503, ""))}, []string{
			"rings/ring-1: critical response_failed: 2 of 3 requests failed: it answered 503 Service Unavailable, and 1 had no answer within 5s",
		}},
		{"a ring is far slower than its peer and still below its limit", map[string]service{"ring-1": quick(600 * millisecond), "ring-2": quick(31 * millisecond)}, []string{
			"rings/ring-1: warning divergent_member: answers in 600 ms (median of 3 requests), while its peer ring-2 answers in 31 ms",
			"rings/ring-2: ok: answers in 31 ms (median of 3 requests)",
		}},
		{"a ring is far slower than its peer and over its limit", map[string]service{"ring-1": quick(1200 * millisecond), "ring-2": quick(31 * millisecond)}, []string{
			"rings/ring-1: warning divergent_member: answers in 1.20 s (median of 3 requests), over its limit of 1s, while its peer ring-2 answers in 31 ms",
			"rings/ring-2: ok: answers in 31 ms (median of 3 requests)",
		}},
		{"a ring is many times slower by next to nothing", map[string]service{"ring-1": quick(100 * millisecond), "ring-2": quick(millisecond)}, []string{
			"rings/ring-1: ok: answers in 100 ms (median of 3 requests)",
			"rings/ring-2: ok: answers in 1.0 ms (median of 3 requests)",
		}},
		{"a ring is slow and its peer nearly", map[string]service{"ring-1": quick(1100 * millisecond), "ring-2": quick(900 * millisecond)}, []string{
			"rings/ring-1: warning response_slow: answers in 1.10 s (median of 3 requests), over its limit of 1s, while its peer ring-2 answers in 900 ms",
			"rings/ring-2: ok: answers in 900 ms (median of 3 requests)",
		}},
		{"both rings are slow", map[string]service{"ring-1": quick(1100 * millisecond), "ring-2": quick(1200 * millisecond)}, []string{
			"rings/ring-1: warning response_slow: answers in 1.10 s (median of 3 requests), over its limit of 1s, like all 2 members of rings",
			"rings/ring-2: warning response_slow: answers in 1.20 s (median of 3 requests), over its limit of 1s, like all 2 members of rings",
		}},
		{"both rings time out", map[string]service{"ring-1": never, "ring-2": never}, []string{
			"rings/ring-1: critical response_timed_out: 2 of 2 requests had no answer within 5s, like all 2 members of rings",
			"rings/ring-2: critical response_timed_out: 2 of 2 requests had no answer within 5s, like all 2 members of rings",
		}},
		{"both fail, each in a way of its own", map[string]service{"ring-1": never, "ring-2": breaks}, []string{
			"rings/ring-1: critical response_timed_out: 2 of 2 requests had no answer within 5s, and no other member of rings is in order",
			"rings/ring-2: critical response_failed: 3 of 3 requests failed: the connection was closed without a complete answer, and no other member of rings is in order",
		}},
		{"of three regions one fails", map[string]service{"ring-1": after(0, 500, ""), "ring-2": quick(30 * millisecond), "ring-3": quick(40 * millisecond)}, []string{
			"rings/ring-1: critical response_failed: 3 of 3 requests failed: it answered 500 Internal Server Error, while its peers answer: ring-2 in 30 ms, ring-3 in 40 ms",
			"rings/ring-2: ok: answers in 30 ms (median of 3 requests)",
			"rings/ring-3: ok: answers in 40 ms (median of 3 requests)",
		}},
		{"of five regions three fail", map[string]service{"ring-1": breaks, "ring-2": never, "ring-3": never, "ring-4": quick(30 * millisecond), "ring-5": quick(40 * millisecond)}, []string{
			"rings/ring-1: critical response_failed: 3 of 3 requests failed: the connection was closed without a complete answer, while 2 of its 4 peers answer: ring-4 in 30 ms, ring-5 in 40 ms",
			"rings/ring-2: critical response_timed_out: 2 of 2 requests had no answer within 5s, while 2 of its 4 peers answer: ring-4 in 30 ms, ring-5 in 40 ms",
			"rings/ring-3: critical response_timed_out: 2 of 2 requests had no answer within 5s, while 2 of its 4 peers answer: ring-4 in 30 ms, ring-5 in 40 ms",
			"rings/ring-4: ok: answers in 30 ms (median of 3 requests)",
			"rings/ring-5: ok: answers in 40 ms (median of 3 requests)",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{services: row.services}
				var names []string
				for range row.services {
					names = append(names, fmt.Sprintf("ring-%d", len(names)+1))
				}
				wantTold(t, pass(t, usual(names...), w.env()), row.want...)
			})
		})
	}
}

func TestAPeerThatCouldNotBeLookedAtSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{services: map[string]service{"ring-1": never, "ring-2": quick(time.Millisecond)}}
		wantTold(t, pass(t, usual("ring-1", "elsewhere"), w.env()),
			"rings/elsewhere: unknown name_not_found: could not be read: look up elsewhere: no such host",
			"rings/ring-1: critical response_timed_out: 2 of 2 requests had no answer within 5s",
		)
	})
}

func TestWhenAllFailAlikeThePathIsLookedAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{services: map[string]service{"ring-1": never, "ring-2": never}}
		for _, fact := range pass(t, usual("ring-1", "ring-2"), w.env()) {
			const want = "Look first at what its members share: the path from this machine to them, the network in front of them, and what all of them wait for."
			checktest.Equal(t, "the remedy", checktest.As[watch.Condition](t, fact).Remedy, want)
		}
	})
}

func TestWhatAConnectionTakesIsMeasuredAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{services: map[string]service{"db-1": never, "db-2": nil}}
		options := usual("db-1", "db-2")
		for i := range options.Groups[0].Members {
			options.Groups[0].Members[i].URL = fmt.Sprintf("tcp://db-%d:5432", i+1)
		}
		wantTold(t, pass(t, options, w.env()),
			"rings/db-1: ok: accepts connections in 0.0 ms (median of 3 attempts)",
			"rings/db-2: critical response_timed_out: 2 of 2 attempts had no connection within 5s, while its peer db-1 answers in 0.0 ms",
		)
	})
}

func TestDetailsSayWhereTheTimeWent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drips := func(conn net.Conn, nth int) {
			after(20*time.Millisecond, 200, "", "X-Version: 7.1")(conn, nth)
		}
		slowEnd := func(conn net.Conn, _ int) {
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			time.Sleep(100 * time.Millisecond)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1")
			time.Sleep(50 * time.Millisecond)
			_, _ = io.WriteString(conn, "2")
		}
		w := &world{services: map[string]service{"ring-1": inTurn(never, slowEnd), "ring-2": drips}}
		options := usual("ring-1", "ring-2")
		options.Groups[0].Members[1].VersionHeader = "x-version"
		facts, _ := checktest.ByID(t, pass(t, options, w.env()))
		checktest.Equal(t, "ring-1", fmt.Sprint(checktest.Of[watch.Condition](t, facts, "rings/ring-1").Details),
			"map[address:http://ring-1 answered:2 connect_ms:0 first_byte_ms:100 latency_max_ms:150 latency_min_ms:150 latency_ms:150 peers_ms:20 remote_address:pipe samples:3 status:200 timed_out:1]")
		checktest.Equal(t, "ring-2", fmt.Sprint(checktest.Of[watch.Condition](t, facts, "rings/ring-2").Details),
			"map[address:http://ring-2 answered:3 connect_ms:0 first_byte_ms:20 latency_max_ms:20 latency_min_ms:20 latency_ms:20 peers_ms:150 remote_address:pipe samples:3 status:200 version:[7.1]]")
	})
}

func TestTheVersionIsThatOfAnswersInOrderWhereThereAreSome(t *testing.T) {
	const header = "X-Version: "
	app, newer, front := after(0, 200, "", header+"7.1"), after(0, 200, "", header+"7.2"), after(0, 502, "", header+"front")
	for want, services := range map[string]service{"[7.1]": inTurn(app, front, app), "[7.1 7.2]": inTurn(newer, app, newer), "[front]": front} {
		synctest.Test(t, func(t *testing.T) {
			options := usual("ring-1")
			options.Groups[0].Members[0].VersionHeader = "X-Version"
			found := checktest.As[watch.Condition](t, pass(t, options, (&world{services: map[string]service{"ring-1": services}}).env())[0])
			checktest.Equal(t, "the version", fmt.Sprint(found.Details["version"]), want)
		})
	}
}

func TestASecondLookAsksTheWholeGroupAndTellsOfItsSubjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{services: map[string]service{"ring-1": inTurn(never, never, quick(31*time.Millisecond)), "ring-2": quick(30 * time.Millisecond), "far": never}}
		options := usual("ring-1", "ring-2")
		options.Groups = append(options.Groups, usual("far").Groups...)
		options.Groups[1].Name = "others"
		check := checktest.Build(t, endpoint.Kind, options, w.env())
		wantTold(t, checktest.Pass(t, check),
			"others/far: critical response_timed_out: 2 of 2 requests had no answer within 5s",
			"rings/ring-1: critical response_timed_out: 2 of 2 requests had no answer within 5s, while its peer ring-2 answers in 30 ms",
			"rings/ring-2: ok: answers in 30 ms (median of 3 requests)",
		)
		checktest.Equal(t, "requests of the first look", len(w.requests), 7)
		wantTold(t, recheck(t, check, "rings/ring-1"), "rings/ring-1: ok: answers in 31 ms (median of 3 requests)")
		checktest.Equal(t, "requests of both looks", len(w.requests), 13)
		if facts := recheck(t, check, "rings/gone"); len(facts) != 0 || len(w.requests) != 13 {
			t.Errorf("of an unknown subject is told %v after %d requests", facts, len(w.requests))
		}
	})
}

func TestF4_BlackHolesHoldNoOtherGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{services: map[string]service{"good": quick(30 * time.Millisecond), "silent": never, "unreachable": nil}}
		options := usual("silent", "unreachable")
		options.Groups = append(options.Groups, usual("good").Groups...)
		options.Groups[1].Name = "others"
		start := time.Now()
		var mu sync.Mutex
		at := map[string]time.Duration{}
		err := checktest.Build(t, endpoint.Kind, options, w.env()).Collect(t.Context(), func(fact watch.Fact) {
			mu.Lock()
			defer mu.Unlock()
			at[fact.About().ID] = time.Since(start)
		})
		if err != nil {
			t.Fatal(err)
		}
		checktest.Equal(t, "when was told", fmt.Sprint(at), fmt.Sprint(map[string]time.Duration{
			"others/good": 90 * time.Millisecond, "rings/silent": 10 * time.Second, "rings/unreachable": 10 * time.Second,
		}))
	})
}

// Each of the silent ones holds a place for one request at a time, and gets no third one.
func TestF4_MoreBlackHolesThanPlacesDelayNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{services: map[string]service{"good": quick(0), "last": quick(0)}}
		options := usual()
		for i := range 80 {
			name := fmt.Sprintf("hole-%d", i)
			w.services[name] = nil
			options.Groups[0].Members = append(options.Groups[0].Members, usual(name).Groups[0].Members[0])
		}
		options.Groups[0].Members = append(options.Groups[0].Members, usual("last").Groups[0].Members[0])
		options.Groups = append(options.Groups, usual("good").Groups...)
		options.Groups[1].Name = "others"
		env := w.env()
		env.Concurrency = 16
		began := time.Now()
		var mu sync.Mutex
		at := map[string]time.Duration{}
		if err := checktest.Build(t, endpoint.Kind, options, env).Collect(t.Context(), func(fact watch.Fact) {
			mu.Lock()
			defer mu.Unlock()
			at[fact.About().ID] = time.Since(began)
		}); err != nil {
			t.Fatal(err)
		}
		checktest.Equal(t, "when the other group was told of", at["others/good"], 0)
		checktest.Equal(t, "when the one behind the holes was told of", at["rings/last"], 50*time.Second)
		checktest.Equal(t, "requests", len(w.requests), 80*2+2*3)
	})
}
