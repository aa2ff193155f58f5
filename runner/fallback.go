package runner

import (
	"context"
	"fmt"

	"lapsewatch/alerts"
	"lapsewatch/ledger"
	"lapsewatch/policy"
)

// redirect hands what a channel has failed to deliver for good to its fallback, once, and
// notes that it failed for good even where nobody stands in. The
// message itself stays owed: it is delivered when the channel is mended in time.
func (d Delivery) redirect(due ledger.Delivery, failure *alerts.DeliveryError) error {
	if due.Redirected {
		return nil
	}
	failed := policy.Digest{ID: due.ID, Channel: due.Channel, Recipient: due.Recipient, CreatedAt: due.CreatedAt, Events: due.Events}
	note := fmt.Sprintf("This was meant for %s, which failed: %v", meantFor(due), failure.Err)
	if due.Note != "" {
		note = fmt.Sprintf("%s So did %s, which stood in: %v", due.Note, meantFor(due), failure.Err)
	}
	var instead []policy.Digest
	for _, destination := range d.Fallbacks[due.Channel] {
		instead = append(instead, policy.Instead(failed, destination, note, d.Now())...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), noticeOfOutcome)
	defer cancel()
	if _, err := d.Ledger.Redirect(ctx, due.ID, instead, d.Now()); err != nil {
		return fmt.Errorf("hand it to the fallback: %w", err)
	}
	return nil
}

func meantFor(due ledger.Delivery) string {
	if due.Recipient == "" {
		return "the channel " + due.Channel
	}
	return fmt.Sprintf("%s by the channel %s", due.Recipient, due.Channel)
}
