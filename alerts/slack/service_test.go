package slack_test

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/slack"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

const botToken = "xoxb-canary-token-4f0e2b"

var secrets = map[string]string{"TOKEN": botToken}

// posting is all that Slack takes of what this channel could send.
type posting struct {
	Channel        string        `json:"channel"`
	Text           string        `json:"text"`
	Blocks         []postedBlock `json:"blocks"`
	UnfurlLinks    *bool         `json:"unfurl_links"`
	UnfurlMedia    *bool         `json:"unfurl_media"`
	ThreadTS       string        `json:"thread_ts"`
	ReplyBroadcast bool          `json:"reply_broadcast"`
}

type postedBlock struct {
	Type     string       `json:"type"`
	BlockID  string       `json:"block_id"`
	Text     *postedText  `json:"text"`
	Elements []postedText `json:"elements"`
	Expand   bool         `json:"expand"`
}

type postedText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim"`
}

// read refuses what Slack would refuse, in the words of its documentation.
func read(body []byte) (posting, error) {
	var sent posting
	if err := alerttest.DecodeStrictly(body, &sent); err != nil {
		return sent, err
	}
	if sent.Text == "" || units(sent.Text) > 4000 {
		return sent, fmt.Errorf("text has %d characters", units(sent.Text))
	}
	if len(sent.Blocks) < 1 || len(sent.Blocks) > 50 {
		return sent, fmt.Errorf("%d blocks", len(sent.Blocks))
	}
	if sent.UnfurlLinks == nil || *sent.UnfurlLinks || sent.UnfurlMedia == nil || *sent.UnfurlMedia {
		return sent, fmt.Errorf("links would be unfurled")
	}
	seen := map[string]bool{}
	for at, block := range sent.Blocks {
		if err := block.check(); err != nil {
			return sent, fmt.Errorf("blocks[%d]: %w", at, err)
		}
		if len(block.BlockID) > 255 || block.BlockID != "" && seen[block.BlockID] {
			return sent, fmt.Errorf("blocks[%d]: block_id %q", at, block.BlockID)
		}
		seen[block.BlockID] = true
	}
	size := 0
	for _, text := range sent.texts()[1:] {
		size += len(text)
	}
	if size += 125 * len(sent.Blocks); size > 13_100 {
		return sent, fmt.Errorf("msg_blocks_too_long: %d", size)
	}
	return sent, nil
}

func (b postedBlock) check() error {
	switch {
	case b.Expand && b.Type != "section":
	case b.Type == "header" && b.Text != nil && b.Elements == nil:
		return b.Text.check("plain_text", 150)
	case b.Type == "section" && b.Text != nil && b.Elements == nil:
		return b.Text.check("mrkdwn", 3000)
	case b.Type == "context" && b.Text == nil && len(b.Elements) >= 1 && len(b.Elements) <= 10:
		for _, element := range b.Elements {
			if err := element.check("mrkdwn", 3000); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("no valid block: %+v", b)
}

func (p postedText) check(kind string, most int) error {
	if p.Type != kind || p.Text == "" || units(p.Text) > most || p.Verbatim != (kind == "mrkdwn") {
		return fmt.Errorf("no valid %s of at most %d: %d in %+v", kind, most, units(p.Text), p)
	}
	return nil
}

func units(text string) int { return len(utf16.Encode([]rune(text))) }

func (p posting) texts() []string {
	texts := []string{p.Text}
	for _, block := range p.Blocks {
		if block.Text != nil {
			texts = append(texts, block.Text.Text)
		}
		for _, element := range block.Elements {
			texts = append(texts, element.Text)
		}
	}
	return texts
}

// readable is the message as a golden file shows it.
func (p posting) readable() string { return strings.Join(p.texts()[1:], "\n\n") }

// takeByWebhook answers as hooks.slack.com does.
func takeByWebhook(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	sent, err := read(body)
	if err != nil || sent.Channel != "" || r.Header.Get("Authorization") != "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "invalid_payload")
		return
	}
	_, _ = io.WriteString(w, "ok")
}

// takeByAPI answers as chat.postMessage does.
func takeByAPI(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	sent, err := read(body)
	word := ""
	switch {
	case err != nil:
		word = "invalid_blocks"
	case !strings.HasSuffix(r.URL.Path, "/chat.postMessage"):
		word = "unknown_method"
	case r.Header.Get("Authorization") != "Bearer "+botToken:
		word = "invalid_auth"
	case r.Header.Get("Content-Type") != "application/json; charset=utf-8":
		word = "missing_charset"
	case sent.Channel != "C0123456789":
		word = "channel_not_found"
	}
	if word != "" {
		_, _ = fmt.Fprintf(w, `{"ok":false,"error":%q}`, word)
		return
	}
	_, _ = io.WriteString(w, `{"ok":true,"channel":"C0123456789","ts":"1795327200.000100","message":{"type":"message"}}`)
}

// workspace is a Slack that keeps what it was sent.
type workspace struct {
	*alerttest.Recorder
	t      *testing.T
	memory watch.Memory
}

func newWorkspace(t *testing.T, answer http.HandlerFunc) *workspace {
	return &workspace{Recorder: alerttest.NewRecorder(t, answer), t: t, memory: alerttest.NewMemory()}
}

func (w *workspace) channel(edit func(*slack.Options)) alerts.Channel {
	w.t.Helper()
	env := alerttest.Env(w.Client(), secrets)
	env.Memory = w.memory
	return alerttest.Build(w.t, slack.Kind, env, func(o *slack.Options) { o.URL = w.URL + "/services/T0/B0"; edit(o) })
}

func byWebhook(*slack.Options) {}

func asBot(o *slack.Options) { o.Token.Env, o.Channel = "TOKEN", "C0123456789" }

// sent delivers by webhook to a Slack that takes what it should, and shows it.
func sent(t *testing.T, message alerts.Message) (posting, []byte) {
	t.Helper()
	w := newWorkspace(t, takeByWebhook)
	_, err := w.channel(byWebhook).Deliver(t.Context(), message)
	body := w.Last(t).Content
	got, refused := read(body)
	if err != nil || refused != nil {
		t.Fatalf("%v: %v", err, refused)
	}
	return got, body
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	alerttest.Golden(t, name, got, *update)
}
