package discord_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/discord"
)

var update = flag.Bool("update", false, "write the golden files anew")

// posting is all that Discord takes of what this channel could send.
type posting struct {
	Content  string        `json:"content"`
	Embeds   []postedEmbed `json:"embeds"`
	Mentions *struct {
		Parse []string `json:"parse"`
	} `json:"allowed_mentions"`
}

type postedEmbed struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Color       int    `json:"color"`
	Footer      *struct {
		Text string `json:"text"`
	} `json:"footer"`
}

// read refuses what Discord would refuse, and what would notify people.
func read(body []byte) (posting, error) {
	var sent posting
	if err := alerttest.DecodeStrictly(body, &sent); err != nil {
		return sent, err
	}
	if units(sent.Content) > 2000 || len(sent.Embeds) > 10 || sent.Content == "" || len(sent.Embeds) == 0 {
		return sent, fmt.Errorf("content has %d characters, %d embeds", units(sent.Content), len(sent.Embeds))
	}
	if sent.Mentions == nil || sent.Mentions.Parse == nil || len(sent.Mentions.Parse) > 0 {
		return sent, fmt.Errorf("mentions are allowed: %+v", sent.Mentions)
	}
	total := 0
	for at, embed := range sent.Embeds {
		footer := ""
		if embed.Footer != nil {
			footer = embed.Footer.Text
		}
		if embed.Title == "" || units(embed.Title) > 256 || units(embed.Description) > 4096 || units(footer) > 2048 || embed.Color < 0 || embed.Color > 0xffffff {
			return sent, fmt.Errorf("embeds[%d] is too large: %+v", at, embed)
		}
		total += units(embed.Title) + units(embed.Description) + units(footer)
	}
	if total > 6000 {
		return sent, fmt.Errorf("the embeds have %d characters", total)
	}
	return sent, nil
}

func units(text string) int { return len(utf16.Encode([]rune(text))) }

func (p posting) texts() []string {
	texts := []string{p.Content}
	for _, embed := range p.Embeds {
		texts = append(texts, embed.Title, embed.Description)
		if embed.Footer != nil {
			texts = append(texts, embed.Footer.Text)
		}
	}
	return texts
}

// readable is the message as a golden file shows it.
func (p posting) readable() []byte { return []byte(strings.Join(p.texts(), "\n\n") + "\n") }

// take answers as Discord does when it stores the message.
func take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	if _, err := read(body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"code": 50035, "message": "Invalid Form Body " + err.Error()})
		return
	}
	if r.URL.Query().Get("wait") != "true" || r.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_, _ = io.WriteString(w, `{"id":"1309473518623490048","type":0,"channel_id":"1309473518623490001","embeds":[]}`)
}

// channel posts to a webhook of the service.
func channel(t *testing.T, service *alerttest.Recorder, edit func(*discord.Options)) alerts.Channel {
	t.Helper()
	return alerttest.Build(t, discord.Kind, alerttest.Env(service.Client(), nil), func(o *discord.Options) {
		o.URL = service.URL + "/api/webhooks/1309473518623490001/token"
		edit(o)
	})
}

func plain(*discord.Options) {}

// sent delivers to a Discord that takes what it should, and shows it.
func sent(t *testing.T, message alerts.Message) (posting, []byte) {
	t.Helper()
	service := alerttest.NewRecorder(t, take)
	alerttest.Deliver(t, channel(t, service, plain), message)
	body := service.Last(t).Content
	got, err := read(body)
	if err != nil {
		t.Fatal(err)
	}
	return got, body
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	alerttest.Golden(t, name, got, *update)
}
