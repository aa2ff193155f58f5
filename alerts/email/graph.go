package email

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	netmail "net/mail"
	"net/url"
	"time"

	"github.com/wneessen/go-mail"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

const (
	microsoftGraph = "https://graph.microsoft.com"
	// maxGraphMail is the most that one request may hold, in Base64 (learn.microsoft.com/
	// graph/outlook-send-mime-message).
	maxGraphMail = 4 << 20
	// shownID is longer than any id of a request.
	shownID = 64
)

// sendByGraph hands the mail to Microsoft Graph in MIME format (learn.microsoft.com/graph/
// api/user-sendmail). A token that is refused has sent nothing, so that a fresh one may be
// tried at once.
func (c *channel) sendByGraph(ctx context.Context, composed *mail.Msg, interactive bool) (alerts.Receipt, error) {
	request, err := c.graphRequest(composed)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	var refused watch.Secret
	for {
		token, failed := c.tokens.take(ctx, refused, interactive)
		if failed != nil {
			return alerts.Receipt{}, failed
		}
		receipt, err := c.postToGraph(ctx, request, token)
		failure, ok := errors.AsType[*alerts.DeliveryError](err)
		if !ok || failure.Status != http.StatusUnauthorized || c.options.Entra == nil || refused.Reveal() != "" {
			return receipt, err
		}
		refused = token
	}
}

func (c *channel) graphRequest(composed *mail.Msg) (httpsend.Request, error) {
	var raw bytes.Buffer
	if _, err := composed.WriteTo(&raw); err != nil {
		return httpsend.Request{}, fmt.Errorf("write the mail: %w", err)
	}
	body := base64.StdEncoding.EncodeToString(raw.Bytes())
	if len(body) > maxGraphMail {
		return httpsend.Request{}, fmt.Errorf("the mail has %d bytes, more than the %d that Microsoft Graph takes", len(body), maxGraphMail)
	}
	sender, err := netmail.ParseAddress(c.options.From)
	if err != nil {
		return httpsend.Request{}, fmt.Errorf("read sender %q: %w", c.options.From, err)
	}
	return httpsend.Request{Path: "/v1.0/users/" + url.PathEscape(sender.Address) + "/sendMail", Body: []byte(body)}, nil
}

func (c *channel) postToGraph(ctx context.Context, request httpsend.Request, token watch.Secret) (alerts.Receipt, error) {
	var said graphRefusal
	request.Secrets = []watch.Secret{token}
	request.Header = http.Header{"Authorization": {"Bearer " + token.Reveal()}, "Content-Type": {"text/plain"}}
	request.Verdict = func(_ int, header http.Header, body []byte) (bool, time.Duration, bool) {
		said.read(header, body)
		return false, 0, false
	}
	sender, done, err := c.graphSender()
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	defer done()
	response, err := sender.Send(ctx, request)
	if failure, ok := errors.AsType[*alerts.DeliveryError](err); ok {
		failure.Err = said.explain(failure.Err, c.options)
		return alerts.Receipt{}, failure
	}
	if response.Status != http.StatusAccepted {
		return alerts.Receipt{}, response.Unproven(c.env.Name, true, fmt.Errorf("it answered %d where Microsoft Graph says 202: something in between may have answered", response.Status))
	}
	proof := "202 accepted by Microsoft Graph, which does not say whether it was delivered"
	if id := response.Header.Get("request-id"); id != "" {
		proof += " (request-id " + clean.Text(id, shownID) + ")"
	}
	return alerts.Receipt{Proof: proof}, nil
}

// graphSender goes the way of the sign-in, by its proxy and trusting its authorities.
func (c *channel) graphSender() (sender *httpsend.Sender, done func(), err error) {
	endpoint := httpsend.Endpoint{URL: c.options.GraphURL, CAFile: c.options.CAFile, Timeout: c.options.Timeout}.Or(microsoftGraph)
	if c.options.Entra == nil {
		return httpsend.New(c.env, endpoint), func() {}, nil
	}
	client, err := c.tokens.signedIn(false)
	if err != nil {
		return nil, nil, err
	}
	env := c.env
	env.HTTP, endpoint.URL = client.HTTP(), client.GraphURL()
	return httpsend.New(env, endpoint), client.Close, nil
}

// graphRefusal is what Graph says of a refusal (learn.microsoft.com/graph/errors).
type graphRefusal struct {
	Error struct {
		Code string `json:"code"`
	} `json:"error"`
	requestID string
}

func (g *graphRefusal) read(header http.Header, body []byte) {
	_ = json.Unmarshal(body, g) // whatever of it can be read is of use
	g.requestID = clean.Text(header.Get("request-id"), shownID)
}

// explain says what to do about a refusal.
func (g *graphRefusal) explain(err error, options Options) error {
	if words := graphWords[g.Error.Code]; words != "" {
		err = fmt.Errorf("%w: %s", err, words)
	}
	if g.requestID != "" {
		err = fmt.Errorf("%w (request-id %s)", err, g.requestID)
	}
	if g.Error.Code == invalidToken && options.Entra == nil {
		err = fmt.Errorf("%w: see that whatever renews the access token in %s still runs", err, options.Token)
	}
	return err
}

const invalidToken = "InvalidAuthenticationToken"

// graphWords say what to do, by Graph's code.
var graphWords = map[string]string{
	"ErrorAccessDenied":                   "the application needs the application permission Mail.Send of Microsoft Graph with an administrator's consent, and no application access policy (or RBAC for Applications) of Exchange may keep it from this mailbox",
	"Authorization_RequestDenied":         "the application needs the application permission Mail.Send of Microsoft Graph with an administrator's consent",
	"ErrorSendAsDenied":                   "the mailbox may not send as the address in from: give the mailbox's own address, or grant it Send As",
	"MailboxNotEnabledForRESTAPI":         "the address in from has no mailbox in Exchange Online: give one a licence, use a shared mailbox, or use transport: smtp for one on premises",
	"ErrorInvalidUser":                    "the tenant has no user with the address in from: give the mailbox's user principal name",
	"ResourceNotFound":                    "the tenant has no user with the address in from: give the mailbox's user principal name",
	"ErrorMessageSizeExceeded":            "the mailbox takes no mail of this size: calendar: false makes it smaller",
	"ErrorMimeContentInvalidBase64String": "Microsoft Graph cannot read the mail: tell Lapsewatch's maintainers",
	"ErrorInvalidRecipients":              "see the recipients in to",
	"ErrorMessageSubmissionBlocked":       "Exchange keeps the mailbox from sending, as a rule because it sent too much",
	"ErrorQuotaExceeded":                  "the mailbox is full: each mail is kept in its Sent Items",
}
