package remoteclock

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// NodeExporter reads node_time_seconds of a Prometheus node_exporter, which is the host's
// clock at the time of the request, and what its kernel says of the clock's
// synchronisation (node_timex_…).
//
// It asks for these two collectors alone, and for everything where that is refused. It
// does not ask Prometheus: what is stored there is old by the time that it is read.
type NodeExporter struct {
	// URL is http:// or https://; the path is "/metrics" where it has none.
	URL  string
	Dial Dial
	TLS  TLS
	// User and Password (basic), or Token (bearer), are sent by https only, and only to
	// a server that proves who it is.
	User            string
	Password, Token watch.Secret
}

const (
	maxMetrics    = 8 << 20
	maxMetricLine = 64 << 10
	// unsynchronisedFrom is the maximum error, in seconds, at which the kernel gives a
	// clock up (NTP_PHASE_LIMIT in Linux' timex.h). The mixin of node_exporter alerts by it
	// together with the sync status.
	unsynchronisedFrom = 16
	// floatStep covers what a number of seconds since 1970 loses as a float64.
	floatStep = time.Microsecond
)

// timex are the samples that are wanted, by the name of their metric.
type timex struct {
	// time is unset while at is zero.
	time, syncStatus, maxError, offset sample
}

type sample struct {
	value float64
	set   bool
	at    time.Duration
}

// Read scrapes once.
func (n NodeExporter) Read(ctx context.Context) (Reading, error) {
	w, err := newWeb(n.URL, "/metrics", n.Dial, n.TLS)
	if err != nil {
		return Reading{}, err
	}
	defer w.close()
	doing := "read the metrics of " + w.target.Redacted()
	if err := n.authorise(w); err != nil {
		return Reading{}, failed(watch.PermissionDenied, doing, err, "Use https, and let the certificate be verified.")
	}
	answer, err := n.scrape(ctx, w, doing)
	if err != nil {
		return Reading{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	found, err := readMetrics(answer.Body, w.timeline.now)
	switch {
	case errors.Is(err, errTooMuch):
		return Reading{}, failed(watch.TooLarge, doing, err, "Check the path: node_exporter says far less.")
	case errors.Is(err, errMetrics):
		return Reading{}, failed(watch.Unparsable, doing, err, "Check the path: what answers there is no node_exporter with the collector \"time\".")
	case err != nil:
		return Reading{}, brokenOff(ctx, doing, err)
	}
	return found.reading(w, answer), nil
}

func (n NodeExporter) authorise(w *web) error {
	password, token := n.Password.Reveal(), n.Token.Reveal()
	switch {
	case n.User == "" && token == "":
		return nil
	case w.target.Scheme != "https":
		return errors.New("credentials are not sent over http")
	case w.tls.Unverified:
		return errors.New("credentials are not sent to a server that need not prove who it is")
	case n.User != "":
		w.authorise = func(request *http.Request) { request.SetBasicAuth(n.User, password) }
	default:
		w.authorise = func(request *http.Request) { request.Header.Set("Authorization", "Bearer "+token) }
	}
	return nil
}

// scrape asks for the two collectors, and for everything where the server does not know
// how to choose, or has one of the two turned off.
func (n NodeExporter) scrape(ctx context.Context, w *web, doing string) (reply, error) {
	chosen := *w.target
	query := chosen.Query()
	query["collect[]"] = []string{"time", "timex"}
	chosen.RawQuery = query.Encode()
	for _, target := range []*url.URL{&chosen, w.target} {
		answer, err := w.ask(ctx, http.MethodGet, target, http.Header{"Accept": {"text/plain;version=0.0.4"}})
		if err != nil {
			return reply{}, w.failure(ctx, doing, err)
		}
		refused := refusedScrape(answer, doing)
		if refused == nil {
			return answer, nil
		}
		answer.done()
		if target == w.target || answer.StatusCode != http.StatusBadRequest {
			return reply{}, refused
		}
	}
	return reply{}, failed(watch.InternalError, doing, errors.New("nothing was asked"), "")
}

func refusedScrape(answer reply, doing string) error {
	if err := notItsOwn(answer.Header); err != nil {
		return failed(watch.Unreadable, doing, err, askTheHost)
	}
	status := fmt.Errorf("it answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	switch answer.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized, http.StatusForbidden:
		return failed(watch.PermissionDenied, doing, status, "Give the credentials that node_exporter asks for (--web.config.file).")
	case http.StatusNotFound:
		return failed(watch.NotFound, doing, status, "Correct the path; node_exporter's own is /metrics.")
	default:
		return failed(watch.Unreadable, doing, status, "")
	}
}

var (
	errTooMuch = fmt.Errorf("the metrics are larger than %d bytes, or one line than %d", maxMetrics, maxMetricLine)
	errMetrics = errors.New("no usable node_time_seconds")
)

// readMetrics finds four samples in Prometheus' text format and notes when each was
// read. A parser of the whole format would keep all of what may be megabytes of other
// metrics, and is out of proportion to four lines without labels: this one holds a line.
func readMetrics(from io.Reader, now func() time.Duration) (timex, error) {
	var found timex
	wanted := map[string]*sample{
		"node_time_seconds": &found.time, "node_timex_sync_status": &found.syncStatus,
		"node_timex_maxerror_seconds": &found.maxError, "node_timex_offset_seconds": &found.offset,
	}
	limited := &io.LimitedReader{R: from, N: maxMetrics + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxMetricLine)
	missing := len(wanted)
	for missing > 0 && lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || wanted[fields[0]] == nil || wanted[fields[0]].set {
			continue
		}
		// A third field is a time stamp: somebody has kept the sample, and passes it on.
		value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if len(fields) != 2 || err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
			return timex{}, fmt.Errorf("%w: %q", errMetrics, clean.Text(lines.Text(), maxQuoted))
		}
		*wanted[fields[0]] = sample{value: value, set: true, at: now()}
		missing--
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong) || limited.N == 0:
		return timex{}, errTooMuch
	case err != nil:
		return timex{}, err
	case !found.time.set:
		return timex{}, errMetrics
	default:
		return found, nil
	}
}

func (x timex) reading(w *web, answer reply) Reading {
	found := w.timeline.compare(unixTime(x.time.value), 0, answer.sent, x.time.at)
	reading := Reading{
		Offset: found.middle(), Uncertainty: watch.Plus(found.uncertainty(), floatStep), At: w.timeline.wall(x.time.at),
		By: "node_exporter", Details: w.details(),
	}
	for name, given := range map[string]sample{"timex_sync_status": x.syncStatus, "timex_maxerror_seconds": x.maxError, "timex_offset_seconds": x.offset} {
		if given.set {
			reading.Details[name] = given.value
		}
	}
	if x.syncStatus.set && x.syncStatus.value == 0 && x.maxError.set && x.maxError.value >= unsynchronisedFrom {
		reading.Observations = []watch.Observation{{
			Reason: watch.ClockUnsynchronised,
			Text:   fmt.Sprintf("its kernel says that the clock follows no source (sync status 0, maximum error %g s)", x.maxError.value),
		}}
	}
	return reading
}
