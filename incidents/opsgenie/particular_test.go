package opsgenie_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/incidents/incidenttest"
	"lapsewatch/incidents/opsgenie"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// at opens the desk and gives what works there.
func at(t *testing.T, f *fake, edit func(*opsgenie.Options)) incidents.System {
	t.Helper()
	recorder := alerttest.NewRecorder(t, f.Handler().ServeHTTP)
	env := incidents.Env{Source: "example"}
	env.Name, env.Now, env.HTTP = "status", f.clock.Now, recorder.Client()
	env.Secrets = func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret("canary-of-KEY"), nil }
	return build(t, env, func(o *opsgenie.Options) {
		o.URL = recorder.URL
		edit(o)
	})
}

func asIs(*opsgenie.Options) {}

func stub() incidents.Stub {
	now := alerttest.Now()
	return incidents.Stub{
		Key: watch.NewIncidentKey("example", "orders", now).String(), Mark: "mark-1", Phase: watch.Identified, Title: "Orders are late", Text: "The credential expired.",
		Internal: "Client secret of the app orders.", Impact: watch.MajorOutage, At: now, StartedAt: now,
		Components: []watch.Component{{ID: "b8d7a5f2-0000-4000-8000-000000000001", Status: watch.MajorOutage}},
	}
}

func TestTheStatusPageKeepsTheContract(t *testing.T) {
	t.Parallel()
	incidenttest.Run(t, incidenttest.Suite{
		Desk: func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk {
			f := newFake(t, clock)
			f.statusPage = true
			return f
		},
		Forbidden: []string{"<script", "<img", "<iframe", "<a ", "](http"},
	})
}

func TestTheStatusPageIsWrittenOnOnlyWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, page := range []bool{false, true} {
		f := newFake(t, tickettest.NewClock(alerttest.Now()))
		system := at(t, f, func(o *opsgenie.Options) {
			o.StatusPage, o.Teams, o.Tags = page, []string{"Platform", "4513b7ea-3b91-438f-b7e4-e3e54af9147c"}, []string{"prod"}
		})
		if private := system.Traits().Private; private == page {
			t.Errorf("status_page %t: private %t", page, private)
		}
		if _, err := system.Create(t.Context(), stub()); err != nil {
			t.Fatal(err)
		}
		made := f.created[0]
		if (made.StatusPageEntry != nil) != page || *made.Notify || made.Priority != "P1" || !slices.Equal(made.Tags, []string{"lapsewatch", "prod"}) {
			t.Errorf("status_page %t: %+v", page, made)
		}
		if page && *made.StatusPageEntry != (entry{Title: "Orders are late", Detail: "The credential expired."}) {
			t.Errorf("entry %+v", made.StatusPageEntry)
		}
		if !slices.Equal(made.ImpactedServices, []string{"b8d7a5f2-0000-4000-8000-000000000001"}) || made.Responders[0]["name"] != "Platform" || made.Responders[1]["id"] != "4513b7ea-3b91-438f-b7e4-e3e54af9147c" {
			t.Errorf("services %v, responders %v", made.ImpactedServices, made.Responders)
		}
		if record := f.Records()[0]; record.Internal != "Client secret of the app orders." || strings.Contains(made.Description, "app orders") {
			t.Errorf("for staff %q, description %q", record.Internal, made.Description)
		}
	}
}

func TestARequestIsAskedAfterUntilItWasProcessed(t *testing.T) {
	t.Parallel()
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	f.unprocessed = 2
	if _, err := at(t, f, asIs).Create(t.Context(), stub()); err != nil {
		t.Fatal(err)
	}
}

func TestARequestThatIsNotProcessedInTimeIsAFailure(t *testing.T) {
	t.Parallel()
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	f.unprocessed = 1 << 30
	_, err := at(t, f, func(o *opsgenie.Options) { o.ConfirmWithin = watch.Duration(300 * time.Millisecond) }).Create(t.Context(), stub())
	requireFailure(t, err, true, "create the incident: the service accepted request 43a29c5c-3dbf-4fa4-9c26-000000000001 and had not processed it after 300ms")
}

func TestWhatIsRefusedAfterwardsIsAFailure(t *testing.T) {
	t.Parallel()
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	f.refuses = true
	_, err := at(t, f, asIs).Create(t.Context(), stub())
	requireFailure(t, err, false, `create the incident: the service accepted request 43a29c5c-3dbf-4fa4-9c26-000000000001 and then refused it: "No service with id [x] found"`)
}

func TestAnIncidentWhoseKeyAPersonRemovedIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := newFake(t, tickettest.NewClock(alerttest.Now()))
	system := at(t, f, asIs)
	made, err := system.Create(t.Context(), stub())
	if err != nil {
		t.Fatal(err)
	}
	delete(f.named(made.ID).details, "lapsewatch_key")
	moved := stub()
	moved.Phase, moved.Mark = watch.Over, "mark-2"
	_, err = system.Update(t.Context(), made, moved)
	requireFailure(t, err, false, "incident #1 does not carry the key "+moved.Key+" any more, and is left alone")
	if f.named(made.ID).status != "open" {
		t.Error("it was resolved all the same")
	}
}

func requireFailure(t *testing.T, err error, retryable bool, want string) {
	t.Helper()
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok || failure.Retryable != retryable || failure.Err.Error() != want {
		t.Errorf("error %v, want %q, retryable %t", err, want, retryable)
	}
}

func TestWrongOptionsAreNamedWithTheirPlaces(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		edit func(*opsgenie.Options)
		want string
	}{
		{"neither service nor address", func(o *opsgenie.Options) { o.Service = "" }, "service: want opsgenie or opsgenie-eu; or give url instead"},
		{"both", func(o *opsgenie.Options) { o.URL = "https://ops.example.com" }, "service: want either service or url"},
		{"Jira Service Management", func(o *opsgenie.Options) { o.Service = "jsm" }, "service: want opsgenie or opsgenie-eu: Jira Service Management publishes no interface of this kind for incidents"},
		{"an unknown service", func(o *opsgenie.Options) { o.Service = "pager" }, "service: want opsgenie or opsgenie-eu"},
		{"the address of a call", func(o *opsgenie.Options) { o.Service, o.URL = "", "https://api.opsgenie.com/v1/incidents/create" }, "url: want the address without /v1/incidents, such as https://api.opsgenie.com"},
		{"too many tags", func(o *opsgenie.Options) { o.Tags = slices.Repeat([]string{"x"}, 20) }, "tags: want at most 19"},
		{"a tag of two lines", func(o *opsgenie.Options) { o.Tags = []string{"a\nb"} }, "tags[0]: want one line of 1 to 50 visible characters"},
		{"an empty team", func(o *opsgenie.Options) { o.Teams = []string{""} }, "teams[0]: want one line of 1 to 100 visible characters"},
		{"no time to confirm", func(o *opsgenie.Options) { o.ConfirmWithin = 0 }, "confirm_within: want more than 0 and at most 1m"},
		{"no key", func(o *opsgenie.Options) { o.APIKey = watch.SecretRef{} }, "api_key: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := opsgenie.Kind.Build(func(into any) error {
				o := into.(*opsgenie.Options)
				o.Service, o.APIKey.Env = "opsgenie", "KEY"
				test.edit(o)
				return nil
			}, incidents.Env{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
