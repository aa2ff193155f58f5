package slack_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/slack"
	"lapsewatch/watch"
)

func TestTheSlackChannelKeepsTheContract(t *testing.T) {
	for name, mode := range map[string]struct {
		edit   func(*slack.Options)
		values map[string]string
		accept http.HandlerFunc
	}{
		"by webhook": {byWebhook, nil, takeByWebhook},
		"as a bot":   {asBot, secrets, takeByAPI},
	} {
		t.Run(name, func(t *testing.T) {
			alerttest.RunHTTP(t, alerttest.HTTPSuite{
				New: func(t *testing.T, env alerts.Env, url string) alerts.Channel {
					return alerttest.Build(t, slack.Kind, env, func(o *slack.Options) { o.URL = url; mode.edit(o) })
				},
				Values: mode.values,
				Accept: mode.accept,
				ID: func(_ *http.Request, body []byte) string {
					got, err := read(body)
					if err != nil {
						t.Error(err)
						return ""
					}
					return got.Blocks[0].BlockID
				},
				Texts: func(t *testing.T, attempt alerttest.Attempt) []string {
					got, err := read(attempt.Content)
					if err != nil {
						t.Fatal(err)
					}
					return got.texts()
				},
				Forbidden: []string{"<!", "<@", "<#", "<https://evil", "<script", "javascript:"},
			})
		})
	}
}

func TestTheOrdinaryMessageReadsAsTheGoldenFilesSay(t *testing.T) {
	got, body := sent(t, alerttest.Message())
	alerttest.GoldenJSON(t, "digest.json", body, *update)
	golden(t, "digest.txt", []byte(got.readable()+"\n"))
}

func TestATestMessageAndANoteStandFirst(t *testing.T) {
	message := alerttest.Message()
	message.Events = message.Events[:1]
	message.Test, message.Note = true, "the channel <!here> has failed for a day"
	got, _ := sent(t, message)
	golden(t, "test.txt", []byte(got.readable()+"\n"))
	if !strings.HasPrefix(got.Text, "Lapsewatch test: ") {
		t.Errorf("the notification says %q", got.Text)
	}
}

func TestF15_AHostileMessageReadsAsTheGoldenFileSays(t *testing.T) {
	got, _ := sent(t, alerttest.HostileMessage())
	golden(t, "hostile.txt", []byte(got.readable()+"\n"))
}

func TestA4_MentionsLinksAndCodeFencesDoNothing(t *testing.T) {
	message := alerttest.Message()
	message.Events = message.Events[:1]
	attack := "<!channel> <!subteam^S1> <@U1> <#C1> <https://evil.example.org|portal.azure.com> ```fence``` `x` *bold* _italic_ __b__ ~gone~ client_secret &lt;!here&gt;"
	finding := &message.Events[0].Finding
	finding.Name, finding.Message, finding.Owners, finding.Check = attack, attack, []string{attack}, attack
	finding.Remedy = "Run `lapsewatch <!channel> & more` in the folder of " + attack
	finding.Link = "https://inventory.example.com/?a=1&b=<!channel>|x"
	finding.Also = []watch.Judgement{{Message: attack}}
	got, _ := sent(t, message)
	golden(t, "a4.txt", []byte(got.readable()+"\n"))
	quoted := regexp.MustCompile("```[^`]*```|`[^`]*`")
	for _, text := range got.texts() {
		alerttest.AssertHarmless(t, text, "<!", "<@", "<#", "<https://evil")
		// Between back-ticks nothing else is markup.
		alerttest.AssertHarmless(t, quoted.ReplaceAllString(text, ""), "`", "*bold", "_italic", "~gone")
	}
}

func TestA9_HundredsOfEventsAreCutToTheMostUrgentAndTheRestIsCounted(t *testing.T) {
	got, body := sent(t, alerttest.Large(500))
	golden(t, "limit.txt", []byte(got.readable()+"\n"))
	if len(got.Blocks) < 20 {
		t.Errorf("only %d blocks in %d bytes", len(got.Blocks), len(body))
	}
}

func TestA9_ALargeMessageStaysWithinTheLimitsWhateverItsLetters(t *testing.T) {
	for name, letter := range map[string]string{"ampersands": "&", "quotes": `"`, "emoji": "🔥", "umlauts": "ü", "ideographs": "証", "back-ticks": "`a` "} {
		t.Run(name, func(t *testing.T) {
			message := alerttest.Large(60)
			long := strings.Repeat(letter, 3000)
			for at := range message.Events {
				alerttest.Swell(&message.Events[at].Finding, long, 3, 520)
			}
			message.Note = long
			got, _ := sent(t, message)
			if len(got.Blocks) < 5 || !strings.Contains(got.readable(), "inventory.example.com") {
				t.Errorf("too little is left: %s", got.readable())
			}
		})
	}
}

func TestAnEntryTooLargeForABlockKeepsWhatIsNeededToAct(t *testing.T) {
	message := alerttest.Large(1)
	finding := &message.Events[0].Finding
	finding.Message, finding.Remedy = strings.Repeat("m", 900), strings.Repeat("r", 900)+" `rm -rf /srv/old-"+strings.Repeat("x", 80)+"`"
	finding.Link = "https://example.com/" + strings.Repeat("l", 560)
	for range 5 {
		finding.Also = append(finding.Also, watch.Judgement{Message: strings.Repeat("a", 300)})
	}
	got, _ := sent(t, message)
	text := got.Blocks[1].Text.Text
	if !strings.HasSuffix(text, "\n…") || !strings.Contains(text, "What to do") || !strings.Contains(text, "lll>") {
		t.Errorf("the entry reads %s", text)
	}
	if strings.Contains(text, "rm -rf") {
		t.Errorf("a command is shown in part: %s", text)
	}
}

func TestAVeryLongReportAddressIsLeftOut(t *testing.T) {
	w := newWorkspace(t, takeByWebhook)
	env := alerttest.Env(w.Client(), nil)
	env.ReportURL = "https://example.com/" + strings.Repeat("x", 1900)
	alerttest.Deliver(t, alerttest.Build(t, slack.Kind, env, func(o *slack.Options) { o.URL = w.URL }), alerttest.Large(100))
	body := string(w.Last(t).Content)
	if strings.Contains(body, "xxxx") || !strings.Contains(body, "lapsewatch run --output html") {
		t.Errorf("body %s", body)
	}
}

func TestTheReceiptIsSlacksOwnProof(t *testing.T) {
	for name, test := range map[string]struct {
		edit   func(*slack.Options)
		answer http.HandlerFunc
		want   string
	}{
		"a webhook's": {byWebhook, takeByWebhook, "HTTP 200 ok"},
		"a bot's":     {asBot, takeByAPI, "HTTP 200, message 1795327200.000100 in channel C0123456789"},
	} {
		t.Run(name, func(t *testing.T) {
			receipt, err := newWorkspace(t, test.answer).channel(test.edit).Deliver(t.Context(), alerttest.Message())
			if err != nil || receipt.Proof != test.want {
				t.Errorf("proof %q, error %v; want %q", receipt.Proof, err, test.want)
			}
		})
	}
}

func TestAThreadBeginsWithTheFirstMessageAndShowsEachReplyInTheChannel(t *testing.T) {
	w := newWorkspace(t, takeByAPI)
	channel := w.channel(func(o *slack.Options) { asBot(o); o.Thread = true })
	test := alerttest.Message()
	test.Test = true
	replies := func(message alerts.Message) (thread string, broadcast bool) {
		t.Helper()
		_, err := channel.Deliver(t.Context(), message)
		var got posting
		if decodeErr := json.Unmarshal(w.Last(t).Content, &got); decodeErr != nil {
			t.Fatal(decodeErr)
		}
		if got.ThreadTS == "" && err != nil {
			t.Fatal(err)
		}
		return got.ThreadTS, got.ReplyBroadcast
	}
	steps := []struct {
		name    string
		message alerts.Message
		answer  http.HandlerFunc
		thread  string
	}{
		{"a test begins no thread", test, takeByAPI, ""},
		{"the first message begins one", alerttest.Message(), takeByAPI, ""},
		{"the second replies", alerttest.Message(), takeByAPI, "1795327200.000100"},
		{"a test is in no thread", test, takeByAPI, ""},
		{"the thread's first message was deleted", alerttest.Message(), alerttest.Says(200, `{"ok":false,"error":"cannot_reply_to_message"}`), "1795327200.000100"},
		{"the next attempt begins a new thread", alerttest.Message(), takeByAPI, ""},
		{"and is replied to", alerttest.Message(), takeByAPI, "1795327200.000100"},
	}
	for _, step := range steps {
		w.AnswerWith(step.answer)
		if thread, broadcast := replies(step.message); thread != step.thread || broadcast != (thread != "") {
			t.Errorf("%s: thread %q, shown in the channel %t; want %q", step.name, thread, broadcast, step.thread)
		}
	}
}

func TestWhatNobodyWatchesAnyMoreHasNoGreenTick(t *testing.T) {
	w := newWorkspace(t, takeByWebhook)
	alerttest.Deliver(t, w.channel(byWebhook), alerttest.Unwatched())
	if sent := string(w.Last(t).Content); !strings.Contains(sent, "⚪ *No longer watched*") || !strings.Contains(sent, "its check is not configured any more, or has another name") || strings.Contains(sent, "✅") || strings.Contains(sent, "What to do") {
		t.Errorf("sent %s", sent)
	}
}
