package remoteclock_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/internal/remoteclock"
	"lapsewatch/watch"
)

const metricsDoing = "read the metrics of http://host.example/metrics: "

// exposing serves metrics with the time that the host's clock shows.
func exposing(offset time.Duration, more string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now().Add(offset)
		fmt.Fprintf(w, "# HELP node_time_seconds System time in seconds since epoch (1970).\n# TYPE node_time_seconds gauge\nnode_time_seconds %.9e\n%s",
			float64(now.UnixMicro())/1e6, more)
	}
}

func TestMetricsGiveTheTimeAndWhatTheKernelSaysOfIt(t *testing.T) {
	free := "node_timex_maxerror_seconds 16\nnode_timex_offset_seconds 0\nnode_timex_sync_status 0\n"
	tests := map[string]struct {
		offset         time.Duration
		more           string
		unsynchronised bool
	}{
		"a synchronised host":                               {90 * time.Second, "node_timex_maxerror_seconds 0.1255\nnode_timex_offset_seconds -1.5e-05\nnode_timex_sync_status 1\n", false},
		"a host whose clock runs free":                      {-400 * day, free, true},
		"a host whose daemon sets the clock itself":         {0, "node_timex_maxerror_seconds 0.5\nnode_timex_sync_status 0\n", false},
		"a host that says nothing of its synchronisation":   {time.Hour, "node_uname_info{nodename=\"x\"} 1\n", false},
		"a host that repeats itself, whose first word goes": {time.Hour, "node_time_seconds 1\n" + free, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial, stop := serve(exposing(test.offset, test.more))
				defer stop()
				reading, err := remoteclock.NodeExporter{URL: "http://host.example", Dial: dial}.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				covers(t, reading, test.offset, time.Millisecond)
				if got := len(reading.Observations) == 1 && reading.Observations[0].Reason == watch.ClockUnsynchronised; got != test.unsynchronised {
					t.Errorf("observations %v", reading.Observations)
				}
			})
		})
	}
}

func TestTheCollectorsAreChosenAndOtherwiseAllIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		dial, stop := serve(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.RequestURI)
			if r.URL.RawQuery != "" {
				http.Error(w, "Couldn't create filtered metrics handler: missing collector: timex", http.StatusBadRequest)
				return
			}
			exposing(0, "")(w, r)
		})
		defer stop()
		reading, err := remoteclock.NodeExporter{URL: "http://host.example", Dial: dial}.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		covers(t, reading, 0, time.Millisecond)
		if want := []string{"/metrics?collect%5B%5D=time&collect%5B%5D=timex", "/metrics"}; !slices.Equal(asked, want) {
			t.Errorf("asked %q", asked)
		}
	})
}

func TestOddMetricsFailWithWhatIsOddAboutThem(t *testing.T) {
	saying := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		reason  watch.Reason
		want    string
	}{
		"nothing":            {saying(""), watch.Unparsable, "no usable node_time_seconds"},
		"a page":             {saying("<html>node_time_seconds</html>"), watch.Unparsable, "no usable node_time_seconds"},
		"another host's":     {saying("node_time_seconds{instance=\"other\"} 1\n"), watch.Unparsable, "no usable node_time_seconds"},
		"a stored sample":    {saying("node_time_seconds 1.7e9 1700000000000\n"), watch.Unparsable, `no usable node_time_seconds: "node_time_seconds 1.7e9 1700000000000"`},
		"no number":          {saying("node_time_seconds NaN\n"), watch.Unparsable, `no usable node_time_seconds: "node_time_seconds NaN"`},
		"a hostile number":   {saying("node_time_seconds \u202e1\n"), watch.Unparsable, `no usable node_time_seconds: "node_time_seconds �1"`},
		"no value":           {saying("node_time_seconds\n"), watch.Unparsable, `no usable node_time_seconds: "node_time_seconds"`},
		"a line without end": {saying(strings.Repeat("x", 65<<10)), watch.TooLarge, "the metrics are larger than 8388608 bytes, or one line than 65536"},
		"more than 8 MiB":    {saying(strings.Repeat("other_metric 1\n", 600_000)), watch.TooLarge, "the metrics are larger than 8388608 bytes, or one line than 65536"},
		"no such page":       {http.NotFound, watch.NotFound, "it answered 404 Not Found"},
		"a refusal":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, watch.PermissionDenied, "it answered 401 Unauthorized"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example", http.StatusFound)
		}, watch.Unreadable, "it answered 302 Found"},
		"a cache": {func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Age", "3"); exposing(0, "")(w, r) }, watch.Unreadable,
			`the answer is that of a cache or proxy and not the host's own: it carries "Age: 3"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial, stop := serve(test.handler)
				defer stop()
				failure := refused(t, remoteclock.NodeExporter{URL: "http://host.example", Dial: dial})
				if failure.Reason != test.reason || failure.Error() != metricsDoing+test.want {
					t.Errorf("failure %s: %v\nwant    %s: %s%s", failure.Reason, failure, test.reason, metricsDoing, test.want)
				}
			})
		})
	}
}

func TestATimeBeyondAllYearsSaturates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]string{"1e300": "2562047h47m16.854775807s", "-1e300": "-2562047h47m16.854775808s"} {
			dial, stop := serve(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "node_time_seconds %s\n", value) })
			reading, err := remoteclock.NodeExporter{URL: "http://host.example", Dial: dial}.Read(t.Context())
			stop()
			if err != nil || reading.Offset.String() != want {
				t.Errorf("%s gives %v, %v", value, reading.Offset, err)
			}
		}
	})
}

func TestATokenIsSentByHTTPSOnly(t *testing.T) {
	failure := refused(t, remoteclock.NodeExporter{URL: "http://host.example", Token: watch.NewSecret("canary"), Dial: dial})
	if failure.Reason != watch.PermissionDenied || failure.Error() != metricsDoing+"credentials are not sent over http" {
		t.Errorf("failure %+v", failure)
	}
}
