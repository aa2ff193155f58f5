package endpoint_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/endpoint"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// refusesAt answers 401 to the requests with these numbers, from 1 on.
func refusesAt(t *testing.T, numbers ...int) *vendortest.Server {
	t.Helper()
	var count atomic.Int64
	return vendortest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if slices.Contains(numbers, int(count.Add(1))) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}), vendortest.Manner{On: "never"})
}

func TestOneStrayRefusalAmongAnswersHoldsNothingOff(t *testing.T) {
	server := refusesAt(t, 2)
	options := behind(server, "/")
	options.Samples = 3
	options.Groups[0].Members[0].Headers = []endpoint.Header{secretHeader()}
	env, memory := withSecret(real(t), "Bearer "+canary), &checktest.Memory{}
	env.Memory = memory
	wantMasked(t, pass(t, options, env), "rings/ring: ok: answers in N ms (median of 2 of 3 requests; 1 failed: it answered 401 Unauthorized)")
	checktest.Equal(t, "what is kept", memory.Kept(), 0)
	wantMasked(t, pass(t, options, env), "rings/ring: ok: answers in N ms (median of 3 requests)")
}

func TestASecondLookAsksOnceMoreAfterARefusal(t *testing.T) {
	for _, row := range []struct {
		name     string
		refused  []int
		want     string
		requests int
		kept     int
	}{
		{"it was a stray one", []int{1}, "ok: answers in N ms (median of 3 requests)", 4, 0},
		{"it was none", []int{1, 2, 3}, "critical response_failed: it answered 401 Unauthorized to the credential in the headers (not asked again before 2026-11-22 07:00 UTC, after 1 refusal)", 2, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := refusesAt(t, row.refused...)
			options := behind(server, "/")
			options.Samples = 3
			options.Groups[0].Members[0].Headers = []endpoint.Header{secretHeader()}
			env, memory := withSecret(real(t), "Bearer "+canary), &checktest.Memory{}
			env.Memory, env.Now = memory, func() time.Time { return time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC) }
			check := checktest.Build(t, endpoint.Kind, options, env)
			checktest.WantCondition(t, checktest.Pass(t, check)[0], watch.ResponseFailed, "it answered 401 Unauthorized to the credential in the headers (not asked again before 2026-11-22 07:00 UTC, after 1 refusal)")
			wantMasked(t, recheck(t, check, "rings/ring"), "rings/ring: "+row.want)
			checktest.Equal(t, "requests", len(server.Requests()), row.requests)
			checktest.Equal(t, "what is kept", memory.Kept(), row.kept)
			recheck(t, check, "rings/ring")
			if row.kept > 0 {
				checktest.Equal(t, "requests after a third look", len(server.Requests()), row.requests)
			}
		})
	}
}

func TestARedirectToNowhereIsToldInOwnWords(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://login.example.com:%zz/?back="+r.URL.RequestURI())
		w.WriteHeader(http.StatusFound)
	}))
	defer server.Close()
	options := at("ring", server.URL+"/?token="+canary)
	wantMasked(t, pass(t, options, real(t)), "rings/ring: ok: answers in N ms")
	options.Groups[0].Members[0].Redirects = 1
	wantMasked(t, pass(t, options, real(t)), "rings/ring: critical response_failed: the request failed: its redirect leads to what is no address")
}
