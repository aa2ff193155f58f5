package slack_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/slack"
	"lapsewatch/watch"
)

type refusalCase struct {
	name      string
	status    int
	body      string
	retryable bool
	want      string
}

func runRefusals(t *testing.T, edit func(*slack.Options), cases []refusalCase) {
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			_, err := newWorkspace(t, alerttest.Says(test.status, test.body)).channel(edit).Deliver(t.Context(), alerttest.Message())
			alerttest.AssertFailure(t, err, test.want, test.retryable, test.status)
		})
	}
}

func TestEachRefusalOfAWebhookSaysWhatToDo(t *testing.T) {
	runRefusals(t, byWebhook, []refusalCase{
		{"the payload is not understood", 400, "invalid_payload", false, "slack answered 400 invalid_payload: Slack does not take the form of the message: please report it as a fault of Lapsewatch"},
		{"the user does not exist", 400, "user_not_found", false, "slack answered 400 user_not_found: the user that the webhook posts to does not exist: make a new webhook in the Slack app and give its URL"},
		{"the token in the URL is wrong", 400, "invalid_token", false, "slack answered 400 invalid_token: the webhook's URL is wrong, or the webhook was revoked: make a new webhook in the Slack app and give its URL"},
		{"posting is forbidden", 403, "action_prohibited", false, "slack answered 403 action_prohibited: the workspace forbids this webhook to post there: an administrator of the workspace must allow it"},
		{"the webhook was removed", 404, "no_service", false, "slack answered 404 no_service: the webhook was removed or disabled: make a new webhook in the Slack app and give its URL"},
		{"the webhook was removed, says a server error", 500, "no_service", false, "slack answered 500 no_service: the webhook was removed or disabled: make a new webhook in the Slack app and give its URL"},
		{"the workspace does not exist", 404, "no_team", false, "slack answered 404 no_team: the webhook's workspace does not exist, or its URL is not complete: copy it again from the Slack app"},
		{"the channel does not exist", 404, "channel_not_found", false, "slack answered 404 channel_not_found: the webhook's channel does not exist any more: make a new webhook in the Slack app and give its URL"},
		{"the channel is archived", 410, "channel_is_archived", false, "slack answered 410 channel_is_archived: the webhook's channel is archived: unarchive the channel, or post to another with a new webhook"},
		{"Slack has trouble", 500, "rollup_error", true, "slack answered 500 rollup_error: Slack has trouble of its own"},
		{"too many messages", 429, "rate_limited", true, "slack answered 429 rate_limited: Slack takes about one message per second"},
	})
}

func TestAWebhooks200IsNoDeliveryWithoutTheWordOK(t *testing.T) {
	const check = ": check that the URL is that of an incoming webhook"
	runRefusals(t, byWebhook, []refusalCase{
		{"an error word", 200, "no_service", false, "slack answered 200 no_service: the webhook was removed or disabled: make a new webhook in the Slack app and give its URL"},
		{"an error word that passes", 200, "rate_limited", true, "slack answered 200 rate_limited: Slack takes about one message per second"},
		{"nothing", 200, "", false, `slack answered 200 and "" instead of ok` + check},
		{"the page of a proxy", 200, "<html>please sign in</html>", false, `slack answered 200 and "<html>please sign in</html>" instead of ok` + check},
		{"the answer of the Web API", 200, `{"ok":true}`, false, `slack answered 200 and "{\"ok\":true}" instead of ok` + check},
		{"ok and more", 200, "ok\nno", false, `slack answered 200 and "ok�no" instead of ok` + check},
		{"an empty success", 204, "", false, `slack answered 204 and "" instead of ok` + check},
	})
}

func TestTheWebAPIs200IsNoDeliveryWithoutItsMessage(t *testing.T) {
	const missing = "slack answered 200 without the message that it made: check that the URL is that of the Web API"
	runRefusals(t, asBot, []refusalCase{
		{"ok false without a word", 200, `{"ok":false}`, false, missing},
		{"ok without a time stamp", 200, `{"ok":true,"channel":"C0123456789"}`, false, missing},
		{"the page of a proxy", 200, "<html>please sign in</html>", false, missing},
		{"the answer of a webhook", 200, "ok", false, missing},
		{"an unknown word", 200, `{"ok":false,"error":"brand_new"}`, false, "slack answered 200 brand_new"},
		{"a hostile word", 200, `{"ok":false,"error":"a\u001b[2Jb\u202e"}`, false, "slack answered 200 a�[2Jb�"},
		{"too many messages", 200, `{"ok":false,"error":"ratelimited"}`, true, "slack answered 200 ratelimited: Slack takes about one message per second and channel"},
		{"too many messages, by status", 429, `{"ok":false,"error":"ratelimited"}`, true, "slack answered 429 ratelimited: Slack takes about one message per second and channel"},
		{"Slack has trouble", 200, `{"ok":false,"error":"internal_error"}`, true, "slack answered 200 internal_error: Slack has trouble of its own"},
		{"the token is wrong", 200, `{"ok":false,"error":"invalid_auth"}`, false, "slack answered 200 invalid_auth: the token is wrong, or this machine's address is not allowed: install the Slack app again and give its new bot token"},
		{"the token was revoked", 200, `{"ok":false,"error":"token_revoked"}`, false, "slack answered 200 token_revoked: the token was revoked: install the Slack app again and give its new bot token"},
		{"a scope is missing", 200, `{"ok":false,"error":"missing_scope","needed":"chat:write"}`, false, "slack answered 200 missing_scope: give the Slack app the scope chat:write and install it again"},
		{"the app is not in the channel", 200, `{"ok":false,"error":"not_in_channel"}`, false, "slack answered 200 not_in_channel: invite the app to the channel (/invite @app), or give it the scope chat:write.public"},
		{"no such channel", 200, `{"ok":false,"error":"channel_not_found"}`, false, "slack answered 200 channel_not_found: there is no such channel, or it is private and the app is not in it: give the channel's ID, and invite the app"},
		{"an archived channel", 200, `{"ok":false,"error":"is_archived"}`, false, "slack answered 200 is_archived: the channel is archived: unarchive the channel, or post to another"},
		{"blocks that Slack does not take", 200, `{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] must be less than 3001 characters"]}}`, false, "slack answered 200 invalid_blocks ([ERROR] must be less than 3001 characters): Slack does not take the form of the message: please report it as a fault of Lapsewatch"},
	})
}

func TestTheWaitThatComesWith200IsReadAndCapped(t *testing.T) {
	for value, want := range map[string]time.Duration{"30": 30 * time.Second, "-1": 0, "soon": 0, "": 0, "1000000000": time.Hour} {
		w := newWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", value)
			alerttest.Says(200, `{"ok":false,"error":"ratelimited"}`)(w, r)
		})
		failure := alerttest.Failure(t, w.channel(asBot), alerttest.Message())
		if failure.RetryAfter != want {
			t.Errorf("Retry-After %q: %s, want %s", value, failure.RetryAfter, want)
		}
	}
}

func TestATokenThatCannotBeReadIsPermanent(t *testing.T) {
	w := newWorkspace(t, takeByAPI)
	_, err := w.channel(func(o *slack.Options) { asBot(o); o.Token.Env = "ELSEWHERE" }).Deliver(t.Context(), alerttest.Message())
	alerttest.AssertFailure(t, err, "read the bot token: read secret from environment variable ELSEWHERE: it is not set", false, 0)
	if len(w.Requests()) != 0 {
		t.Error("something was sent")
	}
}

func TestAnEchoedTokenStandsInNoError(t *testing.T) {
	w := newWorkspace(t, alerttest.Says(200, `{"ok":false,"error":"no `+botToken+`"}`))
	failure := alerttest.Failure(t, w.channel(asBot), alerttest.Message())
	if strings.Contains(failure.Error(), "canary") {
		t.Errorf("the error holds the token: %v", failure)
	}
}

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	hook := watch.SecretRef{Env: "HOOK"}
	tests := []struct {
		name string
		edit func(*slack.Options)
		want string
	}{
		{"nothing", func(*slack.Options) {}, "url_from: want url_from for an incoming webhook, or token and channel for a bot"},
		{"a channel for a webhook", func(o *slack.Options) { o.URLFrom, o.Channel = hook, "C0123456789" }, "channel: a webhook posts to the channel that it was made for; give token to choose one"},
		{"a thread for a webhook", func(o *slack.Options) { o.URLFrom, o.Thread = hook, true }, "thread: it needs token and channel: a webhook does not say which message it made"},
		{"a webhook and a token", func(o *slack.Options) { asBot(o); o.URLFrom = hook }, "url_from: want url_from for an incoming webhook or token for a bot, not both"},
		{"a token without a channel", func(o *slack.Options) { o.Token.Env = "TOKEN" }, "channel: want the ID of the channel to post to, such as C0123456789"},
		{"a channel of several words", func(o *slack.Options) { asBot(o); o.Channel = "two words" }, "channel: want the ID of the channel to post to, such as C0123456789"},
		{"a token from two places", func(o *slack.Options) { asBot(o); o.Token.File = "token" }, "token: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"a webhook in the clear", func(o *slack.Options) { o.URL = "https://hooks.slack.com/services/T0/B0/canary" }, "url: the URL of a webhook is itself a secret: keep it in a file or an environment variable and give that in url_from"},
		{"a webhook as the address of the API", func(o *slack.Options) { asBot(o); o.URL = "https://hooks.slack-gov.com/services/canary" }, "url: the URL of a webhook is itself a secret: keep it in a file or an environment variable and give that in url_from"},
		{"plain http", func(o *slack.Options) { asBot(o); o.URL = "http://slack.com/api" }, "url: want https; allow_insecure_http accepts http"},
		{"a timeout beyond the limit", func(o *slack.Options) { o.URLFrom, o.Timeout = hook, watch.Duration(time.Hour) }, "timeout: want more than 0 and at most 5m"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			alerttest.AssertRefused(t, slack.Kind, test.edit, test.want)
		})
	}
}

func TestABotNeedsNoURL(t *testing.T) {
	if _, err := slack.Kind.Build(alerttest.Options(asBot), alerts.Env{}); err != nil {
		t.Error(err)
	}
}

func TestAnAnswerThatBreaksOffIsTriedAgain(t *testing.T) {
	for beginning, edit := range map[string]func(*slack.Options){"o": byWebhook, `{"ok":tr`: asBot} {
		_, err := newWorkspace(t, alerttest.BreaksOff(beginning)).channel(edit).Deliver(t.Context(), alerttest.Message())
		alerttest.AssertFailure(t, err, "it answered 200, and the answer broke off: unexpected EOF", true, 200)
	}
}
