package slack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lapsewatch/internal/clean"
)

// refusal is one of Slack's error words and what follows from it.
type refusal struct {
	retryable bool
	remedy    string
}

const (
	newWebhook  = "make a new webhook in the Slack app and give its URL"
	ownFault    = "Slack does not take the form of the message: please report it as a fault of Lapsewatch"
	reinstall   = "install the Slack app again and give its new bot token"
	askAdmins   = "an administrator of the workspace must allow it"
	tryLater    = "Slack has trouble of its own"
	otherPlace  = "unarchive the channel, or post to another"
	inviteTheOp = "invite the app to the channel (/invite @app), or give it the scope chat:write.public"
)

// ofWebhooks are the words of incoming webhooks.
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/#handling_errors
var ofWebhooks = map[string]refusal{
	"invalid_payload":                         {false, ownFault},
	"invalid_blocks":                          {false, ownFault},
	"invalid_blocks_format":                   {false, ownFault},
	"missing_text_or_fallback_or_attachments": {false, ownFault},
	"no_text":                           {false, ownFault},
	"too_many_attachments":              {false, ownFault},
	"user_not_found":                    {false, "the user that the webhook posts to does not exist: " + newWebhook},
	"channel_not_found":                 {false, "the webhook's channel does not exist any more: " + newWebhook},
	"channel_is_archived":               {false, "the webhook's channel is archived: " + otherPlace + " with a new webhook"},
	"action_prohibited":                 {false, "the workspace forbids this webhook to post there: " + askAdmins},
	"posting_to_general_channel_denied": {false, "the workspace forbids apps to post to its general channel: " + askAdmins},
	"no_service":                        {false, "the webhook was removed or disabled: " + newWebhook},
	"no_service_id":                     {false, "the webhook's URL is not complete: copy it again from the Slack app"},
	"no_active_hooks":                   {false, "the webhook was disabled: " + newWebhook},
	"no_team":                           {false, "the webhook's workspace does not exist, or its URL is not complete: copy it again from the Slack app"},
	"team_disabled":                     {false, "the workspace is not active any more: " + newWebhook + " in another"},
	"invalid_token":                     {false, "the webhook's URL is wrong, or the webhook was revoked: " + newWebhook},
	"rollup_error":                      {true, tryLater},
	"rate_limited":                      {true, "Slack takes about one message per second"},
}

// ofAPI are the words of chat.postMessage.
// https://docs.slack.dev/reference/methods/chat.postMessage#errors
var ofAPI = map[string]refusal{
	"ratelimited":                           {true, "Slack takes about one message per second and channel"},
	"rate_limited":                          {true, "Slack takes about one message per second and channel"},
	"message_limit_exceeded":                {true, "the workspace has posted too much"},
	"internal_error":                        {true, tryLater},
	"fatal_error":                           {true, tryLater},
	"service_unavailable":                   {true, tryLater},
	"request_timeout":                       {true, tryLater},
	"team_added_to_org":                     {true, "the workspace is being moved into an organization"},
	"invalid_auth":                          {false, "the token is wrong, or this machine's address is not allowed: " + reinstall},
	"not_authed":                            {false, "the token is empty: give the bot token (xoxb-…) of the Slack app"},
	"account_inactive":                      {false, "the token is of a deleted bot or workspace: " + reinstall},
	"token_revoked":                         {false, "the token was revoked: " + reinstall},
	"token_expired":                         {false, "the token has expired: " + reinstall + ", without token rotation"},
	"not_allowed_token_type":                {false, "give the app's bot token, which begins with xoxb-"},
	"missing_scope":                         {false, "give the Slack app the scope chat:write and install it again"},
	"no_permission":                         {false, inviteTheOp},
	"not_in_channel":                        {false, inviteTheOp},
	"channel_not_found":                     {false, "there is no such channel, or it is private and the app is not in it: give the channel's ID, and invite the app"},
	"is_archived":                           {false, "the channel is archived: " + otherPlace},
	"access_denied":                         {false, askAdmins},
	"accesslimited":                         {false, "the workspace does not allow this machine's address: " + askAdmins},
	"ekm_access_denied":                     {false, "posting is suspended: " + askAdmins},
	"enterprise_is_restricted":              {false, askAdmins},
	"org_login_required":                    {false, "the workspace is being moved: " + reinstall + " when that is done"},
	"team_access_not_granted":               {false, "the app is not installed in the channel's workspace: " + reinstall},
	"restricted_action":                     {false, "the workspace forbids the app to post there: " + askAdmins},
	"restricted_action_read_only_channel":   {false, "the channel is read-only: " + askAdmins},
	"restricted_action_thread_only_channel": {false, "the channel takes replies only: post to another"},
	"msg_too_long":                          {false, ownFault},
	"msg_blocks_too_long":                   {false, ownFault},
	"invalid_blocks":                        {false, ownFault},
	"invalid_blocks_format":                 {false, ownFault},
	"invalid_arguments":                     {false, ownFault},
	"no_text":                               {false, ownFault},
	// The message that began the thread is gone or locked: the next attempt begins anew.
	"cannot_reply_to_message":                  {true, threadGone},
	"restricted_action_thread_locked":          {true, threadGone},
	"restricted_action_non_threadable_channel": {true, threadGone},
}

const threadGone = "no reply to the thread's first message is possible: the next attempt begins a new thread"

// answer is what chat.postMessage says, with status 200 for failures too.
type answer struct {
	OK       bool   `json:"ok"`
	Error    string `json:"error"`
	Channel  string `json:"channel"`
	TS       string `json:"ts"`
	Metadata struct {
		Messages []string `json:"messages"`
	} `json:"response_metadata"`
}

func readAnswer(body []byte) answer {
	var said answer
	// What is no answer of Slack's leaves ok false and the error empty.
	_ = json.Unmarshal(body, &said)
	return said
}

const shownOfAnswer = 200

// refused puts a refusal into words. detail is what Slack adds to it.
func refused(status int, word string, known refusal, detail ...string) error {
	text := fmt.Sprintf("slack answered %d %s", status, clean.Text(word, shownOfAnswer))
	if more := clean.Text(strings.Join(detail, "; "), shownOfAnswer); more != "" {
		text += " (" + more + ")"
	}
	if known.remedy == "" {
		return fmt.Errorf("%s", text)
	}
	return fmt.Errorf("%s: %s", text, known.remedy)
}

const longestWait = time.Hour

// wait is Retry-After of an answer with status 200.
func wait(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil {
		return 0
	}
	return time.Duration(min(max(seconds, 0), int(longestWait/time.Second))) * time.Second
}
