// Package teams posts digests as Adaptive Cards to Microsoft Teams, by the URL of a
// workflow (Power Automate) that starts "when a Teams webhook request is received".
//
// Such a workflow answers before it posts, so that a receipt proves only that it was
// started: whether the card reached the channel stands in the workflow's own run history
// and nowhere else. The package speaks to no retired Office 365 connector, mentions nobody,
// and cannot take back or change a card. It makes one attempt: retrying and remembering
// are the runner's.
//
// https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook
package teams

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/httpsend"
)

// Kind is the Microsoft Teams channel.
var Kind = alerts.Define("teams", defaults, New)

// trackingHeader names the run in the workflow's run history. Power Automate drops no
// duplicates by it.
// https://learn.microsoft.com/en-us/azure/logic-apps/monitor-workflows-collect-diagnostic-data
const trackingHeader = "X-Ms-Client-Tracking-Id"

type channel struct {
	options Options
	env     alerts.Env
	sender  *httpsend.Sender
}

// New makes a Teams channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	return &channel{options: options, env: env, sender: httpsend.New(env, options.Endpoint)}, nil
}

// Recipients is the single workflow.
func (c *channel) Recipients() []string { return []string{""} }

// Deliver posts the message. The proof is that the workflow was started, and says so.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	body, err := encode(message, c.env)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	if err := c.refuseRetired(); err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	dead := false
	response, err := c.sender.Send(ctx, httpsend.Request{
		Header: http.Header{"Content-Type": {"application/json"}, trackingHeader: {message.ID}},
		Body:   body,
		Verdict: func(status int, _ http.Header, said []byte) (retry bool, after time.Duration, judged bool) {
			dead = isDead(status, said)
			return false, 0, false
		},
	})
	if err != nil {
		return alerts.Receipt{}, withRemedy(err, dead)
	}
	if failure := refusedInBody(response); failure != nil {
		failure.Channel = c.env.Name
		return alerts.Receipt{}, failure
	}
	return alerts.Receipt{Proof: proof(response)}, nil
}

// refuseRetired looks at a URL that is kept elsewhere, which Validate could not see. One
// that cannot be read is left to the sender to report.
func (c *channel) refuseRetired() error {
	if c.options.URLFrom.IsZero() {
		return nil
	}
	secret, err := c.env.Secrets(c.options.URLFrom)
	if err != nil || !retired(secret.Reveal()) {
		return nil
	}
	return fmt.Errorf("the URL in %s: %w", c.options.URLFrom, errRetired)
}

// runID is how Power Automate names a run. Nothing else that the header may hold is
// shown.
var runID = regexp.MustCompile(`^[0-9]{16,40}CU[0-9]{1,4}$`)

func proof(response httpsend.Response) string {
	status := strings.TrimSpace(fmt.Sprintf("HTTP %d %s", response.Status, http.StatusText(response.Status)))
	if run := response.Header.Get("X-Ms-Workflow-Run-Id"); runID.MatchString(run) {
		status += ", run " + run
	}
	return status + ": accepted by the workflow; Teams gives no proof that it was posted"
}

// withRemedy says what to do where the workflow no longer takes anything.
func withRemedy(err error, dead bool) error {
	if failure, ok := errors.AsType[*alerts.DeliveryError](err); ok && dead {
		failure.Err = fmt.Errorf("%w; %w", failure.Err, errDead)
	}
	return err
}
