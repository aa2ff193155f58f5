package stubseen_test

import (
	"errors"
	"slices"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/stubseen"
	"lapsewatch/watch"
)

func looked() incidents.Remote {
	return incidents.Remote{
		ID: "7", Key: "lwkdmf-dqlivwya2ieo-htc20", Open: true, Title: "Sign-in may fail", Phase: watch.Identified, Texts: []string{"It expired.", "So it is."},
		Components: []watch.Component{{ID: "api", Status: watch.Degraded}, {ID: "web", Status: watch.MajorOutage}},
	}
}

func TestWhatAPersonChangedSinceTheRunnerLookedIsAFailureThatPasses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*incidents.Remote)
		same   bool
	}{
		{"nothing", func(*incidents.Remote) {}, true},
		{"spaces", func(r *incidents.Remote) {
			r.Title, r.Texts = " Sign-in  may fail", []string{"It expired.\r\n", "So it\nis."}
		}, true},
		{"the order of components", func(r *incidents.Remote) { slices.Reverse(r.Components) }, true},
		{"the address", func(r *incidents.Remote) { r.URL = "https://status.example.com/7" }, true},
		{"the key", func(r *incidents.Remote) { r.Key = "" }, false},
		{"the title", func(r *incidents.Remote) { r.Title = "Anna is on it" }, false},
		{"a text", func(r *incidents.Remote) { r.Texts[1] = "Anna is on it." }, false},
		{"a further text", func(r *incidents.Remote) { r.Texts = append(r.Texts, "Anna is on it.") }, false},
		{"the phase", func(r *incidents.Remote) { r.Phase = watch.Monitoring }, false},
		{"that it is over", func(r *incidents.Remote) { r.Open = false }, false},
		{"who sees it", func(r *incidents.Remote) { r.Hidden = true }, false},
		{"a component", func(r *incidents.Remote) { r.Components[0].Status = watch.Operational }, false},
		{"a component less", func(r *incidents.Remote) { r.Components = r.Components[:1] }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stands := looked()
			test.change(&stands)
			err := stubseen.Meanwhile("status", looked(), stands)
			if (err == nil) != test.same {
				t.Fatalf("error %v, want none: %t", err, test.same)
			}
			if failure, ok := errors.AsType[*alerts.DeliveryError](err); err != nil && (!ok || !failure.Retryable) {
				t.Errorf("the failure does not pass: %v", err)
			}
		})
	}
}
