package discord

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"time"

	"lapsewatch/internal/clean"
)

const (
	newWebhook = "make a new webhook (channel settings, Integrations, Webhooks) and give its URL"
	ownFault   = "Discord does not take the form of the message: please report it as a fault of Lapsewatch"
)

// remedies are what to do about Discord's codes. None of these passes by itself.
// https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
var remedies = map[int]string{
	10003:  "the channel or thread does not exist any more: " + newWebhook + ", or correct thread_id",
	10015:  "the webhook was deleted: " + newWebhook,
	50006:  ownFault,
	50027:  "the webhook's URL is wrong or not complete: copy it again, or " + newWebhook,
	50035:  ownFault,
	50083:  "the thread is archived: take it out of the archive, or give another thread_id",
	160005: "the thread is locked: unlock it, or give another thread_id",
	200000: "the server's AutoMod rules block the message: exempt the webhook's channel from them",
	220001: "the webhook is that of a forum: give thread_id, the post that takes the messages",
}

// answer is what Discord says: the message that it made, or why it made none.
type answer struct {
	ID      string  `json:"id"`
	Channel string  `json:"channel_id"`
	Code    int     `json:"code"`
	Message string  `json:"message"`
	Wait    float64 `json:"retry_after"`
}

func readAnswer(body []byte) answer {
	var said answer
	// What is no answer of Discord's says nothing.
	_ = json.Unmarshal(body, &said)
	return said
}

const shownOfAnswer = 200

// refused puts a refusal into words.
func refused(status int, said answer) error {
	return fmt.Errorf("discord answered %d, code %d %q: %s", status, said.Code, clean.Text(said.Message, shownOfAnswer), remedies[said.Code])
}

// maxWait is more than anybody waits; it keeps the arithmetic within bounds.
const maxWait = 24 * time.Hour

// verdict reads how long Discord's limit of requests lasts: in the body to the fraction
// of a second, in the header only in whole ones.
// https://docs.discord.com/developers/topics/rate-limits#exceeding-a-rate-limit
func verdict(status int, _ http.Header, body []byte) (retry bool, after time.Duration, judged bool) {
	said := readAnswer(body)
	if status == http.StatusTooManyRequests {
		return true, time.Duration(math.Round(min(said.Wait, maxWait.Seconds())*1000)) * time.Millisecond, said.Wait > 0
	}
	return false, 0, status < http.StatusInternalServerError && remedies[said.Code] != ""
}
