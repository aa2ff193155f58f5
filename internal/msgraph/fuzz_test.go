package msgraph

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// shown checks what every failure promises: one line of bounded, valid text with a reason.
func shown(t *testing.T, failure *Failure) {
	t.Helper()
	text := failure.Error()
	if failure.Reason == "" || failure.Text == "" || strings.ContainsAny(text, "\r\n\x00\x1b") || !utf8.ValidString(text) || len(text) > 4<<10 {
		t.Errorf("%q, reason %q", text, failure.Reason)
	}
	if failure.Lasting && failure.Reason == "" {
		t.Errorf("%+v", failure)
	}
}

func FuzzRefusalOfGraph(f *testing.F) {
	f.Add(403, "application/json", "", `{"error":{"code":"Authorization_RequestDenied","message":"no","innerError":{"request-id":"1"}}}`)
	f.Add(400, "application/json", "", `{"error":{"code":7,"message":{}}}`)
	f.Add(429, "text/html", "1000000000", "<html>\x1b[2J")
	f.Add(307, "", "", `{}`)
	f.Add(200, "", "", `{}`)
	f.Add(204, "application/json", "", "")
	f.Add(500, "application/json; charset=\"", "-1", `{"error":`)
	f.Fuzz(func(t *testing.T, status int, media, after, body string) {
		header := http.Header{"Content-Type": {media}, "Retry-After": {after}, "Request-Id": {body}, "Location": {body}}
		failure := refusal(http.MethodGet, answer{status: status, header: header, body: []byte(body)}, today)
		if failure == nil {
			if status >= 300 || body == "" {
				t.Fatalf("status %d with %q is good", status, body)
			}
			return
		}
		failure.Doing = "list"
		shown(t, failure)
	})
}

func FuzzRefusalOfEntra(f *testing.F) {
	f.Add(401, "", `{"error":"invalid_client","error_description":"AADSTS7000222: expired.\r\nTrace ID: 1\r\nCorrelation ID: 2","error_codes":[7000222],"correlation_id":"2"}`)
	f.Add(400, "60", `{"error_codes":["x"],"error_description":"AADSTS999999999999999999: a"}`)
	f.Add(503, "x", `[]`)
	f.Add(400, "", `{"error_description":"\u001b]0;x\u0007 eyJhbGciOiJub25lIn0.eyJhIjoxfQ.x"}`)
	gate := newGate(SignIn{Tenant: "contoso.com"}, newWorld().env(), nil)
	f.Fuzz(func(t *testing.T, status int, after, body string) {
		failure := gate.told(&witness{host: "login", got: answer{status: status, header: http.Header{"Retry-After": {after}}, body: []byte(body)}}, today)
		shown(t, failure)
		if shown := failure.Error(); redact.JWTs(shown) != shown {
			t.Errorf("a token is shown in %q", failure.Error())
		}
	})
}

func FuzzTokenClaims(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.eyJhcHBpZCI6IjExMTExMTExLTIyMjItNDMzMy04NDQ0LTU1NTU1NTU1NTU1NSIsInJvbGVzIjpbIkEiXX0.")
	f.Add("eyJhbGciOiJub25lIn0.eyJyb2xlcyI6ImEifQ.x")
	f.Add("opaque")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		identity := Identity{ClientID: ownApp, TenantID: "contoso.com"}
		identity.complete(text)
		if !guid.MatchString(identity.ClientID) || identity.TenantID != "contoso.com" && !guid.MatchString(identity.TenantID) {
			t.Errorf("%+v", identity)
		}
		for _, name := range identity.Permissions {
			if requestID(name) == "" {
				t.Errorf("permission %q", name)
			}
		}
	})
}

func FuzzNextLink(f *testing.F) {
	for _, link := range []string{
		"https://graph.microsoft.com/v1.0/applications?$skiptoken=x", "https://graph.microsoft.com:443/v1.0/x", "https://graph.microsoft.com.evil.example/v1.0/x",
		"https://graph.microsoft.com@evil.example/v1.0/x", "//graph.microsoft.com/v1.0/x", "/v1.0/x", "https://graph.microsoft.com/v1.0/../beta/x", `https://graph.microsoft.com\@evil.example/v1.0/`, "https://graph.microsoft.com/%76%31.0/x",
	} {
		f.Add(link)
	}
	graph, _ := url.Parse("https://graph.microsoft.com")
	client := &Client{graph: graph}
	f.Fuzz(func(t *testing.T, link string) {
		last, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://graph.microsoft.com/v1.0/applications", nil)
		next, failure := client.follow(last, link)
		if failure != nil {
			failure.Doing = "list"
			shown(t, failure)
			return
		}
		if version(next.URL) != "v1.0" {
			t.Errorf("%q leads to version %s", link, version(next.URL))
		}
		if next.URL.Scheme != "https" || !strings.EqualFold(next.URL.Host, graph.Host) || next.URL.User != nil || !strings.HasPrefix(next.URL.Path, "/v1.0") {
			t.Errorf("%q leads to %s", link, next.URL)
		}
	})
}

func FuzzModel(f *testing.F) {
	for _, item := range []string{`null`, `{}`, `[]`, `7`, `{"appId":7}`, `{"passwordCredentials":[null,{"endDateTime":"soon"}]}`, `{"@odata.type":"#microsoft.graph.agentIdentityBlueprint","tags":[1]}`, `{"passwordCredentials":{}}`} {
		f.Add([]byte(item))
	}
	read := Model[models.Applicationable](models.CreateApplicationFromDiscriminatorValue)
	f.Fuzz(func(t *testing.T, item []byte) {
		app, err := read(item)
		if err == nil && app == nil {
			t.Errorf("%s is neither an application nor an error", item)
		}
	})
}

func FuzzRememberedHold(f *testing.F) {
	for _, seed := range rememberedHolds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) { recalled(t, value) })
}

var rememberedHolds = []string{
	`{"reason":"auth_secret_wrong","text":"x","lasting":true,"count":1,"tried_at":"2026-11-22T06:00:00Z","retry_at":"2026-11-22T07:00:00Z","options":"","fingerprint":{}}`,
	`{"reason":"throttled","text":"x","count":7,"tried_at":"2026-11-22T06:00:00Z","retry_at":"2026-12-22T07:00:00Z"}`,
	`{"count":9223372036854775807,"tried_at":"9999-01-01T00:00:00Z","retry_at":"9999-12-31T00:00:00Z"}`,
}

// recalled is the hold that a gate makes of what was remembered under its own settings,
// and what it remembers of a further failure.
func recalled(t *testing.T, value []byte) *holdoff.Hold {
	t.Helper()
	where := newWorld()
	gate := newGate(SignIn{Tenant: "contoso.com", Method: ClientSecret}, where.env(), nil)
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) == nil && object != nil {
		object["options"], _ = json.Marshal(gate.holds.Options)
		value, _ = json.Marshal(object)
	}
	where.memory.kept[gate.holds.Key] = value
	known := gate.holds.Recall(t.Context(), today, nil)
	if known == nil {
		return nil
	}
	latest := today.Add(holdoff.LongestLasting + 5*time.Minute)
	if known.RetryAt.After(latest) {
		t.Errorf("held until %s", known.RetryAt)
	}
	again := gate.holds.Refused(t.Context(), known, holdoff.Refusal{Reason: watch.AuthFailed, Text: "x", Lasting: known.Lasting}, 0, nil, today)
	if again.Count != known.Count+1 || !again.RetryAt.After(today) || again.RetryAt.After(latest) {
		t.Errorf("after attempt %d: %+v", known.Count, again)
	}
	return known
}

func TestARememberedHoldIsHonouredNoLongerThanItMay(t *testing.T) {
	for _, seed := range rememberedHolds {
		if recalled(t, []byte(seed)) == nil {
			t.Errorf("not recalled: %s", seed)
		}
	}
}
