package googlechat_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/googlechat"
)

var update = flag.Bool("update", false, "write the golden files anew")

// posting is all that Google Chat takes of what this channel could send.
type posting struct {
	Text  string `json:"text"`
	Cards []struct {
		ID   string `json:"cardId"`
		Card struct {
			Sections []struct {
				Header  string `json:"header"`
				Widgets []struct {
					Paragraph *struct {
						Text string `json:"text"`
					} `json:"textParagraph"`
				} `json:"widgets"`
			} `json:"sections"`
		} `json:"card"`
	} `json:"cardsV2"`
	Thread *struct {
		Key string `json:"threadKey"`
	} `json:"thread"`
}

// tag is a tag that cards know, in the only forms that this channel needs.
var tag = regexp.MustCompile(`</?b>|<br>|<a href="https://[^"<>]*">|</a>`)

// entity is how a card's text holds what would else be a tag.
var entity = regexp.MustCompile(`&(amp|lt|gt);`)

// read refuses what Google Chat would refuse or not show.
func read(body []byte) (posting, error) {
	var sent posting
	if len(body) > 32_000 {
		return sent, fmt.Errorf("the message has %d bytes", len(body))
	}
	if err := alerttest.DecodeStrictly(body, &sent); err != nil {
		return sent, err
	}
	if sent.Text == "" || len(sent.Text) > 4096 || len(sent.Cards) != 1 || sent.Cards[0].ID == "" {
		return sent, fmt.Errorf("text of %d bytes, %d cards", len(sent.Text), len(sent.Cards))
	}
	if sent.Thread != nil && (sent.Thread.Key == "" || len(sent.Thread.Key) > 4000) {
		return sent, fmt.Errorf("thread key of %d characters", len(sent.Thread.Key))
	}
	widgets := 0
	for at, section := range sent.Cards[0].Card.Sections {
		if len(section.Widgets) == 0 {
			return sent, fmt.Errorf("sections[%d] has no widgets", at)
		}
		for _, widget := range section.Widgets {
			widgets++
			if widget.Paragraph == nil || widget.Paragraph.Text == "" {
				return sent, fmt.Errorf("sections[%d] has an empty widget", at)
			}
			if left := entity.ReplaceAllString(tag.ReplaceAllString(widget.Paragraph.Text, ""), ""); strings.ContainsAny(left, "<>&") {
				return sent, fmt.Errorf("sections[%d] holds markup: %s", at, left)
			}
		}
	}
	if widgets > 100 {
		return sent, fmt.Errorf("%d widgets", widgets)
	}
	return sent, nil
}

func (p posting) texts() []string {
	texts := []string{p.Text}
	for _, section := range p.Cards[0].Card.Sections {
		if section.Header != "" {
			texts = append(texts, section.Header)
		}
		for _, widget := range section.Widgets {
			texts = append(texts, widget.Paragraph.Text)
		}
	}
	return texts
}

// readable is the message as a golden file shows it.
func (p posting) readable() []byte {
	return []byte(strings.ReplaceAll(strings.Join(p.texts(), "\n\n"), "<br>", "<br>\n") + "\n")
}

// take answers as Google Chat does when it makes the message.
func take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	query := r.URL.Query()
	sent, err := read(body)
	if err == nil && (len(query["requestId"]) != 1 || query.Get("requestId") == "") {
		err = fmt.Errorf("requestId %q", query["requestId"])
	}
	if option := query.Get("messageReplyOption"); err == nil && (option == "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD") != (sent.Thread != nil) {
		err = fmt.Errorf("messageReplyOption %q", option)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": 400, "message": err.Error(), "status": "INVALID_ARGUMENT"}})
		return
	}
	_, _ = io.WriteString(w, `{"name":"spaces/AAAAcanary-space/messages/UMxbHmzDlr4.UMxbHmzDlr4","thread":{"name":"spaces/AAAAcanary-space/threads/UMxbHmzDlr4"}}`)
}

const path = "/v1/spaces/AAAAcanary-space/messages?key=canary-key-71c0&token=canary-token-88e2%3D"

// channel posts to a space of the service.
func channel(t *testing.T, service *alerttest.Recorder, edit func(*googlechat.Options)) alerts.Channel {
	t.Helper()
	return alerttest.Build(t, googlechat.Kind, alerttest.Env(service.Client(), nil), func(o *googlechat.Options) { o.URL = service.URL + path; edit(o) })
}

func plain(*googlechat.Options) {}

// sent delivers to a space that takes what it should, and shows it.
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
