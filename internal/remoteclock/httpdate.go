package remoteclock

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// HTTP reads the Date that a web server puts into its answers (RFC 9110, 6.6.1). It has
// whole seconds; several requests, sent so that they arrive when a second of the host
// ought to begin, narrow that down to about 10 ms. They are HEAD requests, or GET ones
// for one byte where HEAD is not answered.
//
// Any status will do, a redirect's too, which is not followed. An answer that a cache or
// proxy has marked is refused. What cannot be seen from outside is a server that makes
// its Date less often than once a second, and a proxy that marks nothing: then the
// clock that is read is the proxy's.
type HTTP struct {
	// URL is http:// or https://; the path is "/" where it has none.
	URL  string
	Dial Dial
	TLS  TLS
	// Goal is an uncertainty that is small enough; zero means as small as can be had. With
	// a Goal, a hundred-thousandth of the offset is small enough too.
	Goal time.Duration
}

const (
	mostRequests = 10
	// betweenRequests makes it no more than four a second.
	betweenRequests = 250 * time.Millisecond
	// tick is how much too early a Date may be: time(2), by which many servers make it,
	// shows the second of the kernel's last timer tick.
	tick = 10 * time.Millisecond
	// heldBack is that of servers which make the Date on a timer that runs once a second.
	heldBack = time.Second + 100*time.Millisecond
	// slack is what is not worth another request.
	slack = 5 * time.Millisecond
	// forgivable is a contradiction that one host with a clock of whole seconds may show.
	forgivable = time.Second
)

// Read sends 1 to 10 requests, at most four a second. It needs up to 10 s; when ctx has
// less, the reading is less exact.
func (h HTTP) Read(ctx context.Context) (Reading, error) {
	w, err := newWeb(h.URL, "/", h.Dial, h.TLS)
	if err != nil {
		return Reading{}, err
	}
	defer w.close()
	n := narrowing{web: w, goal: h.Goal, doing: "read the Date of " + w.target.Redacted(), method: http.MethodHead}
	if err := n.first(ctx); err != nil {
		return Reading{}, err
	}
	for n.worthwhile() && n.wait(ctx) {
		answer, err := w.ask(ctx, n.method, w.target, n.header())
		if err != nil {
			// What was read until then holds.
			n.ended = w.failure(ctx, n.doing, err).Error()
			break
		}
		if err := n.take(answer); err != nil {
			return Reading{}, err
		}
	}
	return n.reading(), nil
}

// narrowing is one reading in the making.
type narrowing struct {
	*web
	goal   time.Duration
	doing  string
	method string
	bounds bounds
	// requests were answered with a date.
	requests int
	// shortest is the shortest time from sent to received.
	shortest time.Duration
	last     reply
	// stale is how much too early a Date may be.
	stale         time.Duration
	contradiction time.Duration
	ended         string
}

func (n *narrowing) header() http.Header {
	if n.method == http.MethodGet {
		return http.Header{"Range": {"bytes=0-0"}}
	}
	return http.Header{}
}

// first asks by HEAD, and by GET where HEAD gives no Date or breaks the connection.
func (n *narrowing) first(ctx context.Context) error {
	answer, err := n.ask(ctx, http.MethodHead, n.target, n.header())
	if err == nil && (len(answer.Header.Values("Date")) > 0 || notItsOwn(answer.Header) != nil) {
		return n.take(answer)
	}
	if err == nil {
		answer.done()
	} else if failure := n.failure(ctx, n.doing, err); failure.Reason != watch.Unreadable && failure.Reason != watch.Unparsable {
		return failure
	}
	if !sleep(ctx, betweenRequests) {
		return brokenOff(ctx, n.doing, ctx.Err())
	}
	n.method = http.MethodGet
	if answer, err = n.ask(ctx, http.MethodGet, n.target, n.header()); err != nil {
		return n.failure(ctx, n.doing, err)
	}
	return n.take(answer)
}

// take narrows the bounds by one answer.
func (n *narrowing) take(answer reply) error {
	defer answer.done()
	if err := notItsOwn(answer.Header); err != nil {
		return failed(watch.Unreadable, n.doing, err, askTheHost)
	}
	date, err := dateOf(answer.Header)
	if err != nil {
		return failed(watch.Unparsable, n.doing, err, "Ask another path or service of this host, or read its clock another way.")
	}
	n.stale = tick
	if answer.Header.Get("Server") == "Kestrel" {
		n.stale = heldBack
	}
	took := answer.received - answer.sent
	found := n.timeline.compare(date, time.Second+n.stale, answer.sent, answer.received)
	if n.requests == 0 {
		n.bounds, n.shortest = found, took
	}
	n.requests, n.shortest, n.last = n.requests+1, min(n.shortest, took), answer
	narrower := n.bounds.within(found)
	gap := watch.Minus(narrower.low, narrower.high)
	switch {
	case gap <= 0:
		n.bounds = narrower
	case gap <= forgivable:
		n.contradiction, n.bounds = max(n.contradiction, gap), n.bounds.around(found)
	default:
		return failed(watch.ClockUncertain, n.doing,
			fmt.Errorf("the answers contradict each other by at least %s: several hosts with different clocks answer here, or the clock was set meanwhile", gap.Truncate(time.Second)),
			"Give each host behind this name a target of its own.")
	}
	return nil
}

// worthwhile reports whether another request can make the reading better.
func (n *narrowing) worthwhile() bool {
	uncertainty := n.bounds.uncertainty()
	switch {
	case n.requests >= mostRequests || n.contradiction > 0 || n.stale > tick:
		return false
	case n.goal > 0 && (uncertainty <= n.goal || uncertainty <= n.bounds.middle().Abs()/100_000):
		return false
	default:
		// Below the time that an answer takes there is nothing to halve.
		return n.bounds.width() > n.stale+n.shortest+slack
	}
}

// wait waits for the moment at which a request arrives when a second of the host begins,
// as far as is known: whether the Date is then of that second or of the one before
// halves the bounds. It reports false where ctx does not last until the answer.
func (n *narrowing) wait(ctx context.Context) bool {
	ahead := n.shortest / 2
	if n.last.Close {
		ahead += n.last.sent - n.last.called // a connection has to be made first
	}
	arrival := n.last.sent + betweenRequests + ahead
	// Only the fractions matter; taken one by one they cannot overflow. A Date may be of
	// the second before for as long as a tick, hence half of that.
	phase := time.Duration(n.timeline.start.Nanosecond()) + arrival%time.Second + (n.bounds.middle()-tick/2)%time.Second
	phase = (phase%time.Second + time.Second) % time.Second
	send := arrival + (time.Second-phase)%time.Second - ahead
	pause := send - n.timeline.now()
	if deadline, limited := ctx.Deadline(); limited && time.Until(deadline) < pause+2*(ahead+n.shortest)+50*time.Millisecond {
		return false
	}
	return sleep(ctx, pause)
}

func (n *narrowing) reading() Reading {
	details := n.details()
	details["requests"] = n.requests
	details["http_status"] = n.last.StatusCode
	details["round_trip"] = n.shortest.String()
	if server := n.last.Header.Get("Server"); server != "" {
		details["server"] = clean.Text(server, maxQuoted)
	}
	if n.contradiction > 0 {
		details["contradiction"] = n.contradiction.String()
	}
	if n.ended != "" {
		details["ended_early"] = n.ended
	}
	return Reading{
		Offset: n.bounds.middle(), Uncertainty: n.bounds.uncertainty(), At: n.timeline.wall(n.last.received),
		By: "the Date header", Details: details,
	}
}

// dateOf reads the one Date of an answer, in any of the three forms of RFC 9110, 5.6.7.
func dateOf(header http.Header) (time.Time, error) {
	values := header.Values("Date")
	switch {
	case len(values) == 0:
		return time.Time{}, errors.New("the answer has no Date")
	case len(values) > 1:
		return time.Time{}, fmt.Errorf("the answer has %d Dates, so that it is not clear whose they are", len(values))
	}
	date, err := http.ParseTime(strings.TrimSpace(values[0]))
	if err != nil {
		return time.Time{}, fmt.Errorf("the Date of the answer is none: %q", clean.Text(values[0], maxQuoted))
	}
	return date.UTC(), nil
}

// sleep reports whether it could, or ctx ended.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
