// Package ntfy publishes digests to a topic of an ntfy server, as JSON to its root. It
// sends plain text only, attaches nothing, and takes nothing back. It makes one attempt:
// retrying and remembering are the runner's.
//
// https://docs.ntfy.sh/publish/#publish-as-json
package ntfy

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// Kind is the ntfy channel.
var Kind = alerts.Define("ntfy", defaults, New)

type channel struct {
	options Options
	env     alerts.Env
	sender  *httpsend.Sender
}

// New makes an ntfy channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	return &channel{options: options, env: env, sender: httpsend.New(env, options.endpoint())}, nil
}

// Recipients is the single topic.
func (c *channel) Recipients() []string { return []string{""} }

// Deliver publishes the message. The proof is the id that the server gave it.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	if len(message.Events) == 0 {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: errNoEvents}
	}
	topic, err := c.topic()
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	request, err := c.request()
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	if !c.options.TopicFrom.IsZero() && len(topic) >= shortestSecret {
		request.Secrets = append(request.Secrets, watch.NewSecret(topic))
	}
	if request.Body, err = encode(message, c.env, topic); err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	var said refusal
	request.Verdict = said.judge
	response, err := c.sender.Send(ctx, request)
	if err != nil {
		return alerts.Receipt{}, withRemedy(err, said)
	}
	id, err := published(response.Body)
	if err != nil {
		return alerts.Receipt{}, response.Unproven(c.env.Name, false, fmt.Errorf("it answered %d, and yet published nothing: %w", response.Status, err))
	}
	return alerts.Receipt{Proof: strings.TrimSpace(fmt.Sprintf("HTTP %d %s", response.Status, http.StatusText(response.Status))) + ", message " + id}, nil
}

// shortestSecret is the length below which a topic is taken for an ordinary word, which
// may be shown.
const shortestSecret = 8

func (c *channel) topic() (string, error) {
	if c.options.Topic != "" {
		return c.options.Topic, nil
	}
	secret, err := c.env.Secrets(c.options.TopicFrom)
	if err != nil {
		return "", fmt.Errorf("read the topic: %w", err)
	}
	topic := strings.TrimSpace(secret.Reveal())
	if !topicName.MatchString(topic) {
		return "", fmt.Errorf("the topic in %s: %w", c.options.TopicFrom, errTopic)
	}
	return topic, nil
}

// request carries the credentials, if any.
func (c *channel) request() (httpsend.Request, error) {
	request := httpsend.Request{Header: http.Header{"Content-Type": {"application/json"}}}
	switch {
	case !c.options.Token.IsZero():
		token, err := c.env.Secrets(c.options.Token)
		if err != nil {
			return request, fmt.Errorf("read the token: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token.Reveal()))
		request.Secrets = redact.Words(token)
	case c.options.Username != "":
		password, err := c.env.Secrets(c.options.Password)
		if err != nil {
			return request, fmt.Errorf("read the password: %w", err)
		}
		pair := c.options.Username + ":" + password.Reveal()
		request.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
		request.Secrets = append(redact.Words(password), watch.NewSecret(pair))
	}
	return request, nil
}

// messageID is what servers give as an id.
var messageID = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

var errTaken = errors.New("it took the request itself for a message's text: give the root of the server as url")

// shownOfBody is how many runes of an answer its error shows.
const shownOfBody = 200

// published is the id of the message that the server says it has published.
func published(body []byte) (id string, err error) {
	var message struct {
		ID    string `json:"id"`
		Event string `json:"event"`
		Title string `json:"title"`
	}
	if json.Unmarshal(body, &message) != nil || message.Event != "message" || !messageID.MatchString(message.ID) {
		return "", fmt.Errorf("no message id in %q; is this the root of an ntfy server?", clean.Text(strings.TrimSpace(string(body)), shownOfBody))
	}
	if message.Title == "" {
		return "", errTaken
	}
	return message.ID, nil
}
