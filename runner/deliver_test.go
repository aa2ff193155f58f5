package runner

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/webhook"
	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// receiver is a real HTTPS server with the ids of what it was sent.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	ids []string
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		_, _ = io.Copy(io.Discard, request.Body)
		r.mu.Lock()
		r.ids = append(r.ids, request.Header.Get("Webhook-Id"))
		r.mu.Unlock()
		answer(w, request)
	}))
	r.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	r.StartTLS()
	t.Cleanup(func() { r.CloseClientConnections(); r.Close() })
	return r
}

func (r *receiver) received() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.ids...)
}

// channel is the real webhook channel to a server.
func channel(t *testing.T, name string, server *httptest.Server) alerts.Channel {
	t.Helper()
	folder := t.TempDir()
	secret, ca := filepath.Join(folder, "secret"), filepath.Join(folder, "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := errors.Join(os.WriteFile(secret, []byte(testSecret), 0o600), os.WriteFile(ca, block, 0o600)); err != nil {
		t.Fatal(err)
	}
	env := alerts.Env{
		Name: name, Now: time.Now, Log: slog.New(slog.DiscardHandler), Dial: (&net.Dialer{}).DialContext, HTTP: http.DefaultClient,
		Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(testSecret), nil }, Version: "test",
	}
	built, err := webhook.Kind.Build(func(into any) error {
		options := into.(*webhook.Options)
		options.URL, options.CAFile = server.URL+"/hidden-path", ca
		options.SigningSecrets = []watch.SecretRef{{File: secret}}
		return nil
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func openLedger(t *testing.T) *ledger.Ledger {
	t.Helper()
	opened, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// job is a job over one certificate that has 20 days left.
func job(t *testing.T, channels map[string]alerts.Channel) Job {
	t.Helper()
	opened := openLedger(t)
	log := slog.New(slog.DiscardHandler)
	j := Job{
		Collection: Collection{Now: now, Deadline: time.Minute, Within: time.Minute, Log: log},
		Delivery: Delivery{
			Ledger: opened, Channels: channels, Now: func() time.Time { return now }, Log: log, AttemptTimeout: time.Second,
			Pause: func(context.Context, time.Duration) error { return nil },
		},
	}
	j.Checks = []Check{{Name: "web", Kind: "k", Check: checkFunc(func(_ context.Context, sink watch.Sink) error {
		sink(certificate("example.com:443", 20))
		return nil
	})}}
	for name, channel := range channels {
		j.Destinations = append(j.Destinations, policy.Destination{Channel: name, Recipients: channel.Recipients()})
	}
	return j
}

func run(t *testing.T, j Job) Outcome {
	t.Helper()
	outcome, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = outcome.Close() })
	return outcome
}

func answer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func TestAWarningIsToldOnce(t *testing.T) {
	hook := newReceiver(t, answer(http.StatusNoContent))
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
	first := run(t, j)
	if len(first.Told) != 1 || first.Told[0].Err != nil || first.Undelivered != 0 {
		t.Fatalf("the first run told %+v", first.Told)
	}
	if second := run(t, j); len(second.Events) != 0 || len(second.Told) != 0 {
		t.Errorf("the second run raised %d events and told %d messages", len(second.Events), len(second.Told))
	}
	if got := hook.received(); len(got) != 1 {
		t.Errorf("the receiver got %q", got)
	}
}

// at moves the job to another instant.
func (j *Job) at(instant time.Time) {
	j.Collection.Now, j.Delivery.Now = instant, func() time.Time { return instant }
}

func TestAFailedMessageIsTriedAgainUnderTheSameID(t *testing.T) {
	failures := 4
	hook := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if failures--; failures >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
	if first := run(t, j); first.Undelivered != 1 || first.Told[0].Dead || first.Owed != 0 {
		t.Fatalf("the first run: %+v", first)
	}
	if second := run(t, j); second.Undelivered != 0 || len(second.Told) != 1 {
		t.Fatalf("the second run: %+v", second.Told)
	}
	ids := hook.received()
	if len(ids) != 5 {
		t.Errorf("the receiver saw %d attempts, want three in the first run and two in the second", len(ids))
	}
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Errorf("an attempt had the id %q, the first %q", id, ids[0])
		}
	}
}

// A password that expired must not cost the warnings of the days until it is mended.
func TestARefusedMessageStaysOwedUntilItIsAccepted(t *testing.T) {
	status := http.StatusUnauthorized
	hook := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
	for day := range 3 {
		j.at(now.AddDate(0, 0, day))
		outcome := run(t, j)
		if outcome.Undelivered != 1 || outcome.Told[0].Dead {
			t.Fatalf("day %d: %+v", day, outcome.Told)
		}
		if text := outcome.Told[0].Err.Error(); !strings.Contains(text, "401") || strings.Contains(text, "hidden-path") {
			t.Errorf("the error is %q; want the status and no path", text)
		}
	}
	if got := len(hook.received()); got != 3 {
		t.Errorf("%d attempts in three runs; one that is refused is not repeated in the same run", got)
	}
	status = http.StatusOK
	if outcome := run(t, j); outcome.Undelivered != 0 || len(outcome.Told) != 1 {
		t.Errorf("once mended: %+v", outcome.Told)
	}
}

func TestAMessageIsGivenUpAfterAWeekAndThatIsSaid(t *testing.T) {
	hook := newReceiver(t, answer(http.StatusUnauthorized))
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
	run(t, j)
	j.at(now.Add(giveUpAfter))
	outcome := run(t, j)
	dead := 0
	for _, told := range outcome.Told {
		if told.Dead {
			dead++
		}
	}
	if dead != 1 || len(outcome.Told) != 2 {
		t.Errorf("%d of %d messages were given up, want the old one of two (the other is the weekly reminder)", dead, len(outcome.Told))
	}
}

func TestAServiceThatAsksForAWaitIsGivenIt(t *testing.T) {
	hook := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1800")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
	if first := run(t, j); first.Undelivered != 1 || len(hook.received()) != 1 {
		t.Fatalf("the first run: %+v", first.Told)
	}
	if early := run(t, j); len(early.Told) != 0 || early.Owed != 1 {
		t.Errorf("within the wait: told %+v, %d owed; want nothing tried and one owed", early.Told, early.Owed)
	}
	j.at(now.Add(time.Hour))
	if later := run(t, j); len(later.Told) != 1 {
		t.Errorf("after the wait: %+v", later.Told)
	}
}

func TestAChannelThatWasRemovedFromTheConfigurationIsSaidSo(t *testing.T) {
	hook := newReceiver(t, answer(http.StatusServiceUnavailable))
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
	run(t, j)
	j.Channels, j.Destinations = nil, nil
	outcome := run(t, j)
	if len(outcome.Told) != 1 || !outcome.Told[0].Dead || !strings.Contains(outcome.Told[0].Err.Error(), "no such channel is configured any more") {
		t.Errorf("the run: %+v", outcome.Told)
	}
}

func TestWithoutAnybodyToTellNothingCountsAsTold(t *testing.T) {
	j := job(t, nil)
	for range 2 {
		if outcome := run(t, j); len(outcome.Events) != 1 || outcome.Untold != 1 {
			t.Fatalf("%d events, %d unrouted; want one that nobody hears of", len(outcome.Events), outcome.Untold)
		}
	}
	hook := newReceiver(t, answer(http.StatusOK))
	j.Channels = map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)}
	j.Destinations = []policy.Destination{{Channel: "hook", Recipients: []string{""}}}
	if outcome := run(t, j); len(outcome.Told) != 1 || outcome.Told[0].Err != nil {
		t.Errorf("the channel that was configured later was told %+v", outcome.Told)
	}
}

// Channels that hang, trickle, flood and reset stand beside one that works.
func TestF4_DeadTargetHoldsNobody(t *testing.T) {
	bad := map[string]http.HandlerFunc{
		"black-hole": silent,
		"trickle": func(w http.ResponseWriter, r *http.Request) {
			for range 60 {
				_, _ = w.Write([]byte("."))
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-time.After(100 * time.Millisecond):
				}
			}
		},
		"flood": func(w http.ResponseWriter, _ *http.Request) {
			for block := make([]byte, 1<<20); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		},
		"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	good := newReceiver(t, answer(http.StatusOK))
	channels := map[string]alerts.Channel{"good": channel(t, "good", good.Server)}
	for name, handler := range bad {
		channels[name] = channel(t, name, newReceiver(t, handler).Server)
	}
	j := job(t, channels)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	outcome, err := j.Run(ctx)
	if err != nil || ctx.Err() != nil {
		t.Fatalf("the run did not end within its deadline: %v, %v", err, ctx.Err())
	}
	defer func() { _ = outcome.Close() }()
	if len(good.received()) != 1 {
		t.Error("the channel that works was not told")
	}
	for _, told := range outcome.Told {
		answered := told.Channel == "good" || told.Channel == "flood" // a 200 is proof; the rest of its body is not waited for
		if (told.Err == nil) != answered && told.Channel != "trickle" {
			t.Errorf("%s: %v", told.Channel, told.Err)
		}
	}
	if len(outcome.Told) != 5 {
		t.Errorf("%d messages have an outcome, want 5", len(outcome.Told))
	}
	for pause := time.Millisecond; runtime.NumGoroutine() > before+20; pause *= 2 {
		if pause > 5*time.Second {
			t.Fatalf("%d goroutines are left of the run", runtime.NumGoroutine()-before)
		}
		time.Sleep(pause)
	}
}

// silent never answers. To return would be to answer 200, which a client that is just
// leaving can still get.
func silent(_ http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

func TestAfterTwoUnansweredMessagesTheChannelsRestWaits(t *testing.T) {
	hook := newReceiver(t, silent)
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
	j.Destinations = []policy.Destination{{Channel: "hook", Recipients: []string{"a", "b", "c", "d"}}}
	outcome := run(t, j)
	if want := attemptsPerRun + 1; outcome.Undelivered != 4 || len(hook.received()) != want {
		t.Fatalf("%d undelivered after %d attempts, want 4 after %d", outcome.Undelivered, len(hook.received()), want)
	}
	spared := 0
	for _, told := range outcome.Told {
		if strings.HasPrefix(told.Err.Error(), "not tried, because those before it were not answered: deliver by hook") {
			spared++
		}
	}
	if spared != 2 {
		t.Errorf("%d messages were not tried, want 2", spared)
	}
}

// greylisting puts every owner off and takes what is for the team.
type greylisting struct{ tried *[]string }

func (greylisting) Recipients() []string { return []string{"team"} }

func (g greylisting) Deliver(_ context.Context, message alerts.Message) (alerts.Receipt, error) {
	*g.tried = append(*g.tried, message.Recipient)
	if message.Recipient != "team" {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: "mail", Status: 451, RetryAfter: time.Hour, Retryable: true, Err: errors.New("greylisted")}
	}
	return alerts.Receipt{Proof: "ok"}, nil
}

func TestTheTeamIsToldBeforeOwnersHoweverLongTheseAreOwed(t *testing.T) {
	var tried []string
	mail := greylisting{&tried}
	j := job(t, map[string]alerts.Channel{"mail": mail})
	j.Destinations = []policy.Destination{{Channel: "mail", Recipients: mail.Recipients(), Reach: func(owner string) (string, bool) { return owner, true }}}
	subject := certificate("example.com:443", 5)
	subject.Subject.Owners = []string{"zoe", "ada", "bob"}
	j.Checks[0].Check = checkFunc(func(_ context.Context, sink watch.Sink) error { sink(subject); return nil })
	for day, want := range []string{"team ada bob zoe", "team ada bob zoe"} {
		j.at(now.AddDate(0, 0, day))
		tried = nil
		outcome := run(t, j)
		if got := strings.Join(tried, " "); got != want {
			t.Errorf("on day %d the order is %s, want %s", day, got, want)
		}
		if first := outcome.Told[0]; first.Recipient != "team" || first.Err != nil {
			t.Errorf("on day %d the first outcome is %+v", day, first)
		}
	}
}

// panicking fails inside on its first message and takes every other.
type panicking struct{ calls *int }

func (panicking) Recipients() []string { return []string{"a", "b"} }

func (p panicking) Deliver(_ context.Context, message alerts.Message) (alerts.Receipt, error) {
	if *p.calls++; message.Recipient == "a" {
		panic("template: nil pointer")
	}
	return alerts.Receipt{Proof: "ok"}, nil
}

func TestAMessageThatMakesAChannelPanicHoldsNoOther(t *testing.T) {
	calls := 0
	j := job(t, map[string]alerts.Channel{"hook": panicking{&calls}})
	outcome := run(t, j)
	if outcome.Undelivered != 1 || len(outcome.Told) != 2 || outcome.Told[1].Err != nil && outcome.Told[0].Err != nil {
		t.Errorf("told %+v", outcome.Told)
	}
}

func TestADryRunKeepsAndSendsNothing(t *testing.T) {
	hook := newReceiver(t, answer(http.StatusOK))
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
	j.DryRun = true
	for range 2 {
		if outcome := run(t, j); len(outcome.Planned) != 1 || len(outcome.Told) != 0 {
			t.Errorf("planned %d, told %d", len(outcome.Planned), len(outcome.Told))
		}
	}
	if len(hook.received()) != 0 {
		t.Error("a dry run has sent something")
	}
}

func TestARunThatWasKilledIsSaidByTheNext(t *testing.T) {
	hook := newReceiver(t, answer(http.StatusOK))
	j := job(t, map[string]alerts.Channel{"hook": channel(t, "hook", hook.Server)})
	if outcome := run(t, j); !outcome.Unfinished.IsZero() {
		t.Errorf("the first run speaks of one before it: %v", outcome.Unfinished)
	}
	if outcome := run(t, j); !outcome.Unfinished.IsZero() {
		t.Errorf("a run that ended well is called unfinished: %v", outcome.Unfinished)
	}
	ctx, kill := context.WithCancel(t.Context())
	j.Channels = map[string]alerts.Channel{"hook": killingChannel{kill}}
	j.Destinations = []policy.Destination{{Channel: "hook", Recipients: []string{""}}}
	j.Collection.Now = now.AddDate(0, 0, 8)
	j.Delivery.Now = func() time.Time { return j.Collection.Now }
	if _, err := j.Run(ctx); err == nil {
		t.Fatal("the killed run ended without an error")
	}
	if outcome := run(t, j); !outcome.Unfinished.Equal(j.Collection.Now) {
		t.Errorf("the next run says that the one of %v was not finished, want %v", outcome.Unfinished, j.Collection.Now)
	}
}

// killingChannel ends the run that it delivers for.
type killingChannel struct{ kill context.CancelFunc }

func (killingChannel) Recipients() []string { return []string{""} }

func (c killingChannel) Deliver(ctx context.Context, _ alerts.Message) (alerts.Receipt, error) {
	c.kill()
	return alerts.Receipt{}, &alerts.DeliveryError{Channel: "hook", Retryable: true, Err: ctx.Err()}
}
