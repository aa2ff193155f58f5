package discord_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/discord"
	"lapsewatch/watch"
)

var messageID = regexp.MustCompile(`message ([0-9a-f]{32})$`)

func TestTheDiscordChannelKeepsTheContract(t *testing.T) {
	alerttest.RunHTTP(t, alerttest.HTTPSuite{
		New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
			return alerttest.Build(t, discord.Kind, env, func(o *discord.Options) { o.URL = url })
		},
		Accept: take,
		ID: func(_ *http.Request, body []byte) string {
			got, err := read(body)
			if err != nil {
				t.Error(err)
				return ""
			}
			found := messageID.FindStringSubmatch(got.Embeds[len(got.Embeds)-1].Footer.Text)
			if found == nil {
				t.Error("the last footer names no message")
				return ""
			}
			return found[1]
		},
		Texts: func(t *testing.T, attempt alerttest.Attempt) []string {
			got, err := read(attempt.Content)
			if err != nil {
				t.Fatal(err)
			}
			return got.texts()
		},
		Forbidden: []string{"@everyone", "@here", "<@U1>", "<!channel>", "](https", "<https://evil", "javascript:", "<script>"},
	})
}

func TestTheOrdinaryMessageReadsAsTheGoldenFilesSay(t *testing.T) {
	got, body := sent(t, alerttest.Message())
	alerttest.GoldenJSON(t, "digest.json", body, *update)
	golden(t, "digest.txt", got.readable())
}

func TestATestMessageAndANoteStandFirst(t *testing.T) {
	message := alerttest.Message()
	message.Events = message.Events[:1]
	message.Test, message.Note = true, "the channel @everyone has failed for a day"
	got, _ := sent(t, message)
	golden(t, "test.txt", got.readable())
}

func TestF15_AHostileMessageReadsAsTheGoldenFileSays(t *testing.T) {
	got, _ := sent(t, alerttest.HostileMessage())
	golden(t, "hostile.txt", got.readable())
}

func TestA5_MarkdownAndMentionsDoNothing(t *testing.T) {
	message := alerttest.Message()
	message.Events = message.Events[:1]
	attack := "# big @everyone <@1309473518623490001> <@&1> <#1> <t:1> [portal.azure.com](https://evil.example.org) <https://evil.example.org> ```fence``` `x` **b** __u__ ~~s~~ ||spoiler|| \\* @HERE"
	finding := &message.Events[0].Finding
	finding.Name, finding.Message, finding.Owners, finding.Check = attack, attack, []string{attack}, attack
	finding.Remedy = "Run `lapsewatch @everyone & more` in the folder of " + attack
	finding.Link = "https://inventory.example.com/?a=(1)&b=<@1>|x"
	finding.Also = []watch.Judgement{{Message: "- a list"}, {Message: "1. a list"}, {Message: "> a quote"}}
	message.Note = attack
	got, _ := sent(t, message)
	golden(t, "a5.txt", got.readable())
	own := strings.NewReplacer("\n**What to do:**", "", "** (worse than before: was warning)", "", "\n**", "\n")
	links := regexp.MustCompile(`(?m)<https://(inventory|lapsewatch)\.example\.com/\S*>$`)
	escaped := regexp.MustCompile("(?s)```.*?```|" + `\\[^0-9A-Za-z\s]`)
	for _, text := range got.texts() {
		alerttest.AssertHarmless(t, text, "@everyone", "@HERE")
		left := escaped.ReplaceAllString(own.Replace(links.ReplaceAllString("\n"+text, "")), "")
		left = strings.TrimPrefix(left, "\nLapsewatch: 1 critical - first expires 2026-11-26 (4 days)**")
		alerttest.AssertHarmless(t, left, "*", "_", "~", "|", "#", "[", "](", "<", ">", "`", "://")
	}
}

func TestA9_HundredsOfEventsAreCutToTheMostUrgentAndTheRestIsCounted(t *testing.T) {
	got, _ := sent(t, alerttest.Large(500))
	golden(t, "limit.txt", got.readable())
}

func TestA9_ALargeMessageStaysWithinTheLimitsWhateverItsLetters(t *testing.T) {
	for name, letter := range map[string]string{"underscores": "_", "backslashes": `\`, "emoji": "🔥", "ideographs": "証", "back-ticks": "`a` "} {
		t.Run(name, func(t *testing.T) {
			message := alerttest.Large(60)
			long := strings.Repeat(letter, 3000)
			for at := range message.Events {
				alerttest.Swell(&message.Events[at].Finding, long, 3, 420)
			}
			message.Note = long
			got, _ := sent(t, message)
			if !strings.Contains(got.Embeds[0].Description, "<https://inventory.example.com/") || !strings.HasSuffix(got.Embeds[0].Description, "\n…") || !strings.Contains(got.Content, "more, the least urgent") {
				t.Errorf("the message reads %s", got.readable())
			}
		})
	}
}

func TestACommandThatDoesNotFitIsNotShownInPart(t *testing.T) {
	message := alerttest.Large(1)
	message.Events[0].Finding.Remedy = strings.Repeat("r", 560) + " `rm -rf /srv/old-" + strings.Repeat("x", 80) + "`"
	got, _ := sent(t, message)
	if text := got.Embeds[0].Description; strings.Contains(text, "rm -rf") || !strings.Contains(text, "rrr …\n") {
		t.Errorf("the entry reads %s", text)
	}
}

func TestAVeryLongReportAddressIsLeftOut(t *testing.T) {
	service := alerttest.NewRecorder(t, take)
	env := alerttest.Env(service.Client(), nil)
	env.ReportURL = "https://example.com/" + strings.Repeat("x", 1900)
	alerttest.Deliver(t, alerttest.Build(t, discord.Kind, env, func(o *discord.Options) { o.URL = service.URL }), alerttest.Large(100))
	if body := string(service.Last(t).Content); strings.Contains(body, "xxxx") || !strings.Contains(body, "lapsewatch run --output html") {
		t.Errorf("body %s", body)
	}
}

func TestTheReceiptNamesTheMessageThatDiscordMade(t *testing.T) {
	service := alerttest.NewRecorder(t, take)
	thread := func(o *discord.Options) { o.ThreadID = "1309473518623490002" }
	receipt := alerttest.Deliver(t, channel(t, service, thread), alerttest.Message())
	if want := "HTTP 200, message 1309473518623490048"; receipt.Proof != want {
		t.Errorf("proof %q, want %q", receipt.Proof, want)
	}
	if got, want := service.Last(t).URL.RawQuery, "thread_id=1309473518623490002&wait=true"; got != want {
		t.Errorf("query %s, want %s", got, want)
	}
}

func TestWhatIsNoDeliverySaysWhatToDo(t *testing.T) {
	const missing = " without the message that it made: check that the URL is that of a webhook, and that no proxy changes it"
	const newWebhook = "make a new webhook (channel settings, Integrations, Webhooks) and give its URL"
	for _, test := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"accepted without waiting", 204, "", "discord answered 204" + missing},
		{"a success without an ID", 200, `{"content":"x"}`, "discord answered 200" + missing},
		{"the page of a proxy", 200, "<html>please sign in</html>", "discord answered 200" + missing},
		{"the webhook was deleted", 404, `{"message":"Unknown Webhook","code":10015}`, `discord answered 404, code 10015 "Unknown Webhook": the webhook was deleted: ` + newWebhook},
		{"the token is wrong", 401, `{"message":"Invalid Webhook Token","code":50027}`, `discord answered 401, code 50027 "Invalid Webhook Token": the webhook's URL is wrong or not complete: copy it again, or ` + newWebhook},
		{"the channel is gone", 404, `{"message":"Unknown Channel","code":10003}`, `discord answered 404, code 10003 "Unknown Channel": the channel or thread does not exist any more: ` + newWebhook + ", or correct thread_id"},
		{"the form is wrong", 400, `{"message":"Invalid Form Body","code":50035,"errors":{}}`, `discord answered 400, code 50035 "Invalid Form Body": Discord does not take the form of the message: please report it as a fault of Lapsewatch`},
		{"a forum needs a thread", 400, `{"message":"Webhooks posted to forum channels must have a thread_name or thread_id","code":220001}`, `discord answered 400, code 220001 "Webhooks posted to forum channels must have a thread_name or thread_id": the webhook is that of a forum: give thread_id, the post that takes the messages`},
	} {
		t.Run(test.name, func(t *testing.T) {
			service := alerttest.NewRecorder(t, alerttest.Says(test.status, test.body))
			_, err := channel(t, service, plain).Deliver(t.Context(), alerttest.Message())
			alerttest.AssertFailure(t, err, test.want, false, test.status)
		})
	}
}

func TestTheWaitThatDiscordAsksForIsReadToTheFractionAndCapped(t *testing.T) {
	for body, want := range map[string]time.Duration{
		`{"message":"You are being rate limited.","retry_after":64.57,"global":false}`: 64570 * time.Millisecond,
		`{"retry_after":0.3}`:    300 * time.Millisecond,
		`{"retry_after":-1}`:     65 * time.Second, // the header's
		`{"retry_after":1e30}`:   time.Hour,
		`{"retry_after":1e999}`:  65 * time.Second,
		`{"retry_after":"soon"}`: 65 * time.Second,
		`error code: 1015`:       65 * time.Second,
	} {
		service := alerttest.NewRecorder(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "65")
			alerttest.Says(http.StatusTooManyRequests, body)(w, r)
		})
		failure := alerttest.Failure(t, channel(t, service, plain), alerttest.Message())
		if !failure.Retryable || failure.RetryAfter != want || failure.Status != 429 {
			t.Errorf("%s: retryable %t after %s, want %s", body, failure.Retryable, failure.RetryAfter, want)
		}
	}
}

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	tests := []struct {
		name string
		edit func(*discord.Options)
		want string
	}{
		{"no URL", plain, "url: want exactly one of url and url_from"},
		{"plain http", func(o *discord.Options) { o.URL = "http://discord.com/api/webhooks/canary" }, "url: want https; allow_insecure_http accepts http"},
		{"a webhook in the clear", func(o *discord.Options) { o.URL = "https://discord.com/api/webhooks/1/canary" }, "url: the URL of a webhook is itself a secret: keep it in a file or an environment variable and give that in url_from"},
		{"one of an older host and a version", func(o *discord.Options) { o.URL = "https://ptb.discordapp.com/api/v10/webhooks/1/canary" }, "url: the URL of a webhook is itself a secret: keep it in a file or an environment variable and give that in url_from"},
		{"a thread by name", func(o *discord.Options) { o.URLFrom.Env, o.ThreadID = "HOOK", "alerts" }, `thread_id: want the thread's ID, a number of 15 to 20 digits in quotes ("Copy Thread ID" in Discord's developer mode)`},
		{"a timeout beyond the limit", func(o *discord.Options) { o.URLFrom.Env, o.Timeout = "HOOK", watch.Duration(time.Hour) }, "timeout: want more than 0 and at most 5m"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			alerttest.AssertRefused(t, discord.Kind, test.edit, test.want)
		})
	}
}

func TestAnAnswerThatBreaksOffIsTriedAgain(t *testing.T) {
	service := alerttest.NewRecorder(t, alerttest.BreaksOff(`{"id":"1234567`))
	_, err := channel(t, service, plain).Deliver(t.Context(), alerttest.Message())
	alerttest.AssertFailure(t, err, "it answered 200, and the answer broke off: unexpected EOF", true, 200)
}

func TestWhatNobodyWatchesAnyMoreHasNoGreenTick(t *testing.T) {
	service := alerttest.NewRecorder(t, take)
	alerttest.Deliver(t, channel(t, service, plain), alerttest.Unwatched())
	if sent := string(service.Last(t).Content); !strings.Contains(sent, "⚪ No longer watched") || !strings.Contains(sent, "its check is not configured any more, or has another name") || strings.Contains(sent, "✅") {
		t.Errorf("sent %s", sent)
	}
}
