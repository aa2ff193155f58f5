// Package webhook delivers digests as CloudEvents 1.0 in structured JSON mode, signed as
// Standard Webhooks. It makes one attempt: retrying and remembering are the runner's.
package webhook

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"lapsewatch/alerts"
	"lapsewatch/internal/cloudevent"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

// Kind is the webhook channel.
var Kind = alerts.Define("webhook", defaults, New)

type channel struct {
	options Options
	env     alerts.Env
	sender  *httpsend.Sender
}

// New makes a webhook channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	return &channel{options: options, env: env, sender: httpsend.New(env, options.Endpoint)}, nil
}

// Recipients is the single endpoint.
func (c *channel) Recipients() []string { return []string{""} }

// Deliver posts the message. The proof is a 2xx status.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	body, err := cloudevent.Encode(message, c.options.Source, c.env.ReportURL)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	request, err := c.request(message.ID, body)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	response, err := c.sender.Send(ctx, request)
	if err != nil {
		return alerts.Receipt{}, err
	}
	return alerts.Receipt{Proof: strings.TrimSpace(fmt.Sprintf("HTTP %d %s", response.Status, http.StatusText(response.Status)))}, nil
}

func (c *channel) request(id string, body []byte) (httpsend.Request, error) {
	request := httpsend.Request{Header: http.Header{"Content-Type": {cloudevent.ContentType}}, Body: body}
	for _, header := range c.options.Headers {
		value, err := c.env.Secrets(header.Value)
		if err != nil {
			return request, fmt.Errorf("read header %s: %w", header.Name, err)
		}
		request.Header.Set(header.Name, value.Reveal())
		request.Secrets = append(request.Secrets, redact.Words(value)...)
	}
	now := c.env.Now()
	var signatures []string
	for _, reference := range c.options.SigningSecrets {
		secret, err := c.env.Secrets(reference)
		if err != nil {
			return request, fmt.Errorf("read signing secret: %w", err)
		}
		signature, err := sign(secret, id, now, body)
		if err != nil {
			return request, fmt.Errorf("sign with the secret in %s: %w", reference, err)
		}
		signatures = append(signatures, signature)
		request.Secrets = append(request.Secrets, secret, watch.NewSecret(strings.TrimPrefix(secret.Reveal(), secretPrefix)))
	}
	request.Header.Set(standardwebhooks.HeaderWebhookID, id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return request, nil
}

const (
	secretPrefix = "whsec_"
	// Standard Webhooks wants keys of 24 to 64 bytes.
	minKeyBytes, maxKeyBytes = 24, 64
)

// errSecret repeats nothing of the secret.
var errSecret = errors.New("want whsec_ and then 24 to 64 bytes in Base64")

// sign is one entry of the webhook-signature list.
func sign(secret watch.Secret, id string, now time.Time, body []byte) (string, error) {
	encoded, prefixed := strings.CutPrefix(strings.TrimSpace(secret.Reveal()), secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !prefixed || err != nil || len(key) < minKeyBytes || len(key) > maxKeyBytes {
		return "", errSecret
	}
	signer, err := standardwebhooks.NewWebhookRaw(key)
	if err != nil {
		return "", err
	}
	return signer.Sign(id, now, body)
}
