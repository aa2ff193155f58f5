package googlechat_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/googlechat"
	"lapsewatch/watch"
)

func TestTheGoogleChatChannelKeepsTheContract(t *testing.T) {
	for name, thread := range map[string]bool{"without a thread": false, "with a thread": true} {
		t.Run(name, func(t *testing.T) {
			alerttest.RunHTTP(t, alerttest.HTTPSuite{
				New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
					return alerttest.Build(t, googlechat.Kind, env, func(o *googlechat.Options) {
						o.URL, o.Thread = url+"?key="+keyCanary+"&token="+tokenCanary, thread
					})
				},
				Values: map[string]string{"KEY": keyCanary, "TOKEN": tokenCanary},
				Accept: take,
				ID:     func(r *http.Request, _ []byte) string { return r.URL.Query().Get("requestId") },
				Texts: func(t *testing.T, attempt alerttest.Attempt) []string {
					got, err := read(attempt.Content)
					if err != nil {
						t.Fatal(err)
					}
					return got.texts()
				},
				Forbidden: []string{"<!", "<@", "<users", "<https://", "<script", "<img", "<iframe", "javascript:", `<a href="https://evil`},
			})
		})
	}
}

const keyCanary, tokenCanary = "canary-key-3ba1", "canary-token-9d07"

func TestTheOrdinaryMessageReadsAsTheGoldenFilesSay(t *testing.T) {
	got, body := sent(t, alerttest.Message())
	alerttest.GoldenJSON(t, "digest.json", body, *update)
	golden(t, "digest.txt", got.readable())
}

func TestATestMessageAndANoteStandFirst(t *testing.T) {
	message := alerttest.Message()
	message.Events = message.Events[:1]
	message.Test, message.Note = true, "the channel <users/all> has failed for a day"
	got, _ := sent(t, message)
	golden(t, "test.txt", got.readable())
}

func TestF15_AHostileMessageReadsAsTheGoldenFileSays(t *testing.T) {
	got, _ := sent(t, alerttest.HostileMessage())
	golden(t, "hostile.txt", got.readable())
}

func TestA5_MentionsLinksAndTagsDoNothing(t *testing.T) {
	message := alerttest.Message()
	message.Events = message.Events[:1]
	attack := `<users/all> <users/123> <https://evil.example.org|portal> <a href="https://evil.example.org">portal</a> *b* _i_ ~s~ ` + "```fence``` `x`" + ` <b>bold <br> <font color="#ffffff">hidden</font> &lt;b&gt; &#60;`
	finding := &message.Events[0].Finding
	finding.Name, finding.Message, finding.Owners, finding.Check = attack, attack, []string{attack}, attack
	finding.Remedy = "Run `lapsewatch <users/all> & more` in the folder of " + attack
	finding.Link = `https://inventory.example.com/?a=1&b="><users/all>'|x`
	finding.Also = []watch.Judgement{{Message: attack}}
	message.Note = attack
	got, _ := sent(t, message)
	golden(t, "a5.txt", got.readable())
	for _, text := range got.texts() {
		alerttest.AssertHarmless(t, text, "<users", "<https://", `<a href="https://evil`, "<font", "`", "<b>bold", " <br>")
	}
}

func TestA9_HundredsOfEventsAreCutToTheMostUrgentAndTheRestIsCounted(t *testing.T) {
	got, body := sent(t, alerttest.Large(500))
	golden(t, "limit.txt", got.readable())
	if len(body) < 30_000 {
		t.Errorf("the message has only %d bytes", len(body))
	}
}

func TestA9_SmallEntriesStayBelowTheLimitOfWidgets(t *testing.T) {
	message := alerttest.Large(500)
	for at := range message.Events {
		finding := watch.Finding{Severity: watch.Warning, Name: fmt.Sprint(at), Message: "m"}
		message.Events[at].Finding = finding
	}
	got, _ := sent(t, message)
	if !strings.Contains(string(got.readable()), "410 more, the least urgent") {
		t.Errorf("the message reads %s", got.readable())
	}
}

func TestA9_ALargeMessageStaysWithinTheLimitsWhateverItsLetters(t *testing.T) {
	for name, letter := range map[string]string{"ampersands": "&", "quotes": `"`, "emoji": "🔥", "ideographs": "証", "back-ticks": "`a` "} {
		t.Run(name, func(t *testing.T) {
			message := alerttest.Large(60)
			long := strings.Repeat(letter, 3000)
			for at := range message.Events {
				alerttest.Swell(&message.Events[at].Finding, long, 3, 920)
			}
			message.Note = long
			got, _ := sent(t, message)
			text := string(got.readable())
			if !strings.Contains(text, "https://inventory.example.com/x") || !strings.Contains(text, "more, the least urgent") {
				t.Errorf("the message reads %s", text)
			}
		})
	}
}

func TestACommandThatDoesNotFitIsNotShownInPart(t *testing.T) {
	message := alerttest.Large(1)
	message.Events[0].Finding.Remedy = strings.Repeat("証", 640) + " `rm -rf /srv/old-" + strings.Repeat("x", 80) + "`"
	got, _ := sent(t, message)
	if text := string(got.readable()); strings.Contains(text, "rm -rf") || !strings.Contains(text, "証<br>\n…<br>") {
		t.Errorf("the entry reads %s", text)
	}
}

func TestAVeryLongReportAddressIsLeftOut(t *testing.T) {
	service := alerttest.NewRecorder(t, take)
	env := alerttest.Env(service.Client(), nil)
	env.ReportURL = "https://example.com/" + strings.Repeat("x", 1900)
	alerttest.Deliver(t, alerttest.Build(t, googlechat.Kind, env, func(o *googlechat.Options) { o.URL = service.URL }), alerttest.Large(200))
	if body := string(service.Last(t).Content); strings.Contains(body, "xxxx") || !strings.Contains(body, "lapsewatch run --output html") {
		t.Errorf("body %s", body)
	}
}

func TestTheReceiptNamesTheMessageAndNothingOfTheURL(t *testing.T) {
	service := alerttest.NewRecorder(t, take)
	receipt := alerttest.Deliver(t, channel(t, service, plain), alerttest.Message())
	if want := "HTTP 200, message UMxbHmzDlr4.UMxbHmzDlr4"; receipt.Proof != want {
		t.Errorf("proof %q, want %q", receipt.Proof, want)
	}
	for name, want := range map[string]string{"key": "canary-key-71c0", "token": "canary-token-88e2=", "requestId": alerttest.Message().ID, "messageReplyOption": ""} {
		if got := strings.Join(service.Last(t).URL.Query()[name], ","); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestAllMessagesOfAChannelShareItsThread(t *testing.T) {
	service := alerttest.NewRecorder(t, take)
	var keys []string
	other := alerttest.Message()
	other.ID = "0f0e0d0c0b0a09080706050403020100"
	for _, message := range []alerts.Message{alerttest.Message(), other} {
		alerttest.Deliver(t, channel(t, service, func(o *googlechat.Options) { o.Thread = true }), message)
		got, err := read(service.Last(t).Content)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, got.Thread.Key)
	}
	if keys[0] != keys[1] {
		t.Errorf("keys %q", keys)
	}
}

func TestWhatIsNoDeliverySaysWhatToDo(t *testing.T) {
	const missing = " without the message that it made: check that the URL is that of a space's webhook"
	const newWebhook = "make a new webhook (menu of the space, Apps & integrations, Webhooks) and give its URL"
	for _, test := range []struct {
		name      string
		status    int
		body      string
		retryable bool
		want      string
	}{
		{"a success without a name", 200, `{"text":"x"}`, false, "google chat answered 200" + missing},
		{"a name without an ID", 200, `{"name":"spaces/AAAA/messages/"}`, false, "google chat answered 200" + missing},
		{"the page of a proxy", 200, "<html>please sign in</html>", false, "google chat answered 200" + missing},
		{"an error behind a success", 200, `{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}`, false, "google chat answered 200 PERMISSION_DENIED (no): the webhook was removed, or administrators forbid webhooks: " + newWebhook + ", or ask them"},
		{"the URL's token is wrong", 401, `{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}`, false, "google chat answered 401 UNAUTHENTICATED (Request had invalid authentication credentials.): the URL's key or token is wrong: copy it again, or " + newWebhook},
		{"the space is gone", 404, `{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}}`, false, "google chat answered 404 NOT_FOUND (Requested entity was not found.): the space or its webhook does not exist any more: " + newWebhook},
		{"the message is not understood", 400, `{"error":{"code":400,"message":"Invalid JSON payload received.","status":"INVALID_ARGUMENT"}}`, false, "google chat answered 400 INVALID_ARGUMENT (Invalid JSON payload received.): check that the URL is complete, with key and token; if it is, please report it as a fault of Lapsewatch"},
		{"an unknown word", 409, `{"error":{"code":409,"message":"again","status":"ABORTED"}}`, false, "google chat answered 409 ABORTED (again)"},
		{"too many messages", 429, `{"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).","status":"RESOURCE_EXHAUSTED"}}`, true, "google chat answered 429 RESOURCE_EXHAUSTED (Resource has been exhausted (e.g. check quota).): a space takes about one message per second, of all webhooks together"},
		{"trouble of Google's", 503, `{"error":{"code":503,"message":"The service is currently unavailable.","status":"UNAVAILABLE"}}`, true, "google chat answered 503 UNAVAILABLE (The service is currently unavailable.): Google Chat has trouble of its own"},
		{"an echo of the URL", 403, `{"error":{"code":403,"message":"no access with canary-key-71c0 and canary-token-88e2= to AAAAcanary-space","status":"PERMISSION_DENIED"}}`, false, "google chat answered 403 PERMISSION_DENIED (no access with <redacted> and <redacted> to <redacted>): the webhook was removed, or administrators forbid webhooks: " + newWebhook + ", or ask them"},
	} {
		t.Run(test.name, func(t *testing.T) {
			service := alerttest.NewRecorder(t, alerttest.Says(test.status, test.body))
			_, err := channel(t, service, plain).Deliver(t.Context(), alerttest.Message())
			alerttest.AssertFailure(t, err, test.want, test.retryable, test.status)
		})
	}
}

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	tests := []struct {
		name string
		edit func(*googlechat.Options)
		want string
	}{
		{"no URL", plain, "url: want exactly one of url and url_from"},
		{"plain http", func(o *googlechat.Options) { o.URL = "http://chat.googleapis.com/v1/spaces/canary" }, "url: want https; allow_insecure_http accepts http"},
		{"a webhook in the clear", func(o *googlechat.Options) {
			o.URL = "https://chat.googleapis.com/v1/spaces/A/messages?key=canary&token=canary"
		}, "url: the URL of a webhook is itself a secret: keep it in a file or an environment variable and give that in url_from"},
		{"a timeout beyond the limit", func(o *googlechat.Options) { o.URLFrom.Env, o.Timeout = "HOOK", watch.Duration(time.Hour) }, "timeout: want more than 0 and at most 5m"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			alerttest.AssertRefused(t, googlechat.Kind, test.edit, test.want)
		})
	}
}

func TestAnAnswerThatBreaksOffIsTriedAgain(t *testing.T) {
	service := alerttest.NewRecorder(t, alerttest.BreaksOff(`{"name":"spaces/A/mess`))
	_, err := channel(t, service, plain).Deliver(t.Context(), alerttest.Message())
	alerttest.AssertFailure(t, err, "it answered 200, and the answer broke off: unexpected EOF", true, 200)
}

func TestWhatNobodyWatchesAnyMoreHasNoGreenTick(t *testing.T) {
	service := alerttest.NewRecorder(t, take)
	alerttest.Deliver(t, channel(t, service, plain), alerttest.Unwatched())
	if sent := string(service.Last(t).Content); !strings.Contains(sent, "⚪ No longer watched") || !strings.Contains(sent, "its check is not configured any more, or has another name") || strings.Contains(sent, "✅") || strings.Contains(sent, "What to do") {
		t.Errorf("sent %s", sent)
	}
}
