package alertmanager_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alertmanager"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// patience bounds how long a busy machine may take.
const patience = time.Minute

// real is a running Alertmanager and the channel to it.
type real struct {
	url     string
	client  *http.Client
	channel alerts.Channel
	env     alerts.Env
}

func startReal(t *testing.T, edit func(*alertmanager.Options)) *real {
	t.Helper()
	root, err := pki.NewRoot("alertmanager test authority")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(pki.Spec{CommonName: "alertmanager", Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	keep(t, "REAL_PASSWORD", "x")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	r := &real{url: parts.Alertmanager(t, leaf), client: &http.Client{Transport: transport}}
	r.env = env(r.client)
	r.env.Now = time.Now
	r.channel = build(t, r.env, func(o *alertmanager.Options) {
		o.URLs, o.CAFile, o.Username, o.Password.Env = []string{r.url}, caFile, "lapsewatch", "REAL_PASSWORD"
		if edit != nil {
			edit(o)
		}
	})
	reading := transport.Clone()
	reading.TLSClientConfig.RootCAs = root.Pool()
	t.Cleanup(reading.CloseIdleConnections)
	r.client = &http.Client{Transport: reading}
	return r
}

// now is the message as a pass at this moment would raise it.
func now(message alerts.Message) alerts.Message { return at(message, time.Now()) }

func at(message alerts.Message, instant time.Time) alerts.Message {
	message.CreatedAt = instant.UTC().Truncate(time.Second)
	message.Events = slices.Clone(message.Events)
	for i := range message.Events {
		message.Events[i].At = message.CreatedAt
	}
	return message
}

func (r *real) deliver(t *testing.T, message alerts.Message) {
	t.Helper()
	receipt, err := r.channel.Deliver(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(receipt.Proof, "HTTP 200 from 127.0.0.1:") {
		t.Errorf("proof %q", receipt.Proof)
	}
}

// active reads back what Alertmanager holds for open, by their names and severities.
func (r *real) active(t *testing.T) map[string]posted {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/api/v2/alerts?active=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("lapsewatch", "x")
	response, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var all []posted
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
		t.Fatalf("%s: %v", response.Status, err)
	}
	byName := map[string]posted{}
	for _, alert := range all {
		key := alert.Annotations["name"] + " " + alert.Labels["severity"]
		if _, twice := byName[key]; twice {
			t.Errorf("%s is active twice", key)
		}
		byName[key] = alert
	}
	return byName
}

func (r *real) assertActive(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for key := range r.active(t) {
		got = append(got, key)
	}
	slices.Sort(got)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("active:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func single(kind watch.EventType, previous, severity watch.Severity) alerts.Message {
	message := now(alerttest.Message())
	message.Events = message.Events[:1]
	message.Events[0].Type, message.Events[0].Previous, message.Events[0].Finding.Severity = kind, previous, severity
	return message
}

func TestTheRealAlertmanagerHoldsWhatWasPosted(t *testing.T) {
	r := startReal(t, nil)
	message := now(alerttest.Message())
	r.deliver(t, message)
	r.assertActive(t, "/etc/ssl/private/intranet.pem warning", "legacy.example.com:8443 warning", "mail.example.com:587 warning", "shop.example.com:443 critical")
	got := r.active(t)["shop.example.com:443 critical"]
	if !got.StartsAt.Equal(message.CreatedAt) || !got.EndsAt.Equal(message.CreatedAt.Add(26*time.Hour)) {
		t.Errorf("from %s to %s, want from %s for 26 hours", got.StartsAt, got.EndsAt, message.CreatedAt)
	}
	if want := "shop.example.com:443: certificate expires 2026-11-26 10:00 UTC, in 4 days"; got.Annotations["summary"] != want {
		t.Errorf("summary %s\nwant    %s", got.Annotations["summary"], want)
	}
	if want := "https://inventory.example.com/certificates/42"; got.GeneratorURL != want {
		t.Errorf("generatorURL %s, want %s", got.GeneratorURL, want)
	}
	// A repetition changes nothing.
	r.deliver(t, message)
	r.assertActive(t, "/etc/ssl/private/intranet.pem warning", "legacy.example.com:8443 warning", "mail.example.com:587 warning", "shop.example.com:443 critical")
}

func TestTheRealAlertmanagerKeepsOneAlertWhileAFindingWorsensAndImproves(t *testing.T) {
	r := startReal(t, nil)
	steps := []struct {
		message alerts.Message
		active  []string
	}{
		{single(watch.Opened, "", watch.Warning), []string{"shop.example.com:443 warning"}},
		{single(watch.Standing, watch.Warning, watch.Warning), []string{"shop.example.com:443 warning"}},
		{single(watch.Worsened, watch.Warning, watch.Critical), []string{"shop.example.com:443 critical"}},
		{single(watch.Worsened, watch.Critical, watch.Unknown), []string{"shop.example.com:443 critical"}},
		{single(watch.Improved, watch.Critical, watch.Warning), []string{"shop.example.com:443 warning"}},
		{single(watch.Resolved, watch.Warning, watch.OK), nil},
		{single(watch.Opened, watch.OK, watch.Critical), []string{"shop.example.com:443 critical"}},
		{single(watch.Resolved, watch.Critical, watch.OK), nil},
	}
	for i, step := range steps {
		r.deliver(t, step.message)
		t.Logf("step %d: %s", i, step.message.Events[0].Type)
		r.assertActive(t, step.active...)
	}
}

func TestTheRealAlertmanagerKeepsTheEarliestStart(t *testing.T) {
	r := startReal(t, nil)
	opened := at(single(watch.Opened, "", watch.Warning), time.Now().Add(-24*time.Hour))
	r.deliver(t, opened)
	standing := single(watch.Standing, watch.Warning, watch.Warning)
	r.deliver(t, standing)
	got := r.active(t)["shop.example.com:443 warning"]
	if !got.StartsAt.Equal(opened.CreatedAt) || !got.EndsAt.Equal(standing.CreatedAt.Add(26*time.Hour)) {
		t.Errorf("from %s to %s, want from %s to 26 hours after %s", got.StartsAt, got.EndsAt, opened.CreatedAt, standing.CreatedAt)
	}
}

func TestTheRealAlertmanagerEndsWhatIsNotRepeated(t *testing.T) {
	r := startReal(t, func(o *alertmanager.Options) { o.EndsAfter = watch.Duration(time.Hour) })
	r.deliver(t, at(single(watch.Opened, "", watch.Warning), time.Now().Add(-time.Hour+3*time.Second)))
	r.assertActive(t, "shop.example.com:443 warning")
	for deadline := time.Now().Add(patience); len(r.active(t)) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still active: %v", r.active(t))
		}
	}
}

func TestF15_TheRealAlertmanagerTakesTheHostileMessage(t *testing.T) {
	r := startReal(t, nil)
	message := now(alerttest.HostileMessage())
	r.deliver(t, message)
	active := r.active(t)
	if len(active) != len(message.Events) {
		t.Errorf("%d alerts are active, want %d", len(active), len(message.Events))
	}
	for _, alert := range active {
		for name, value := range alert.Labels {
			alerttest.AssertHarmless(t, name+value, "<!channel>", "<script")
		}
		for _, value := range alert.Annotations {
			alerttest.AssertHarmless(t, value, "<!channel>", "<script", "javascript:")
		}
	}
}

func TestTheRealAlertmanagerRefusesAWrongPassword(t *testing.T) {
	r := startReal(t, nil)
	keep(t, "REAL_PASSWORD", "canary-wrong")
	_, err := r.channel.Deliver(t.Context(), now(alerttest.Message()))
	if want := "deliver by operations: post to " + r.url + `: it answered 401 Unauthorized: "Unauthorized"`; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}
