package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

var (
	errUnknownSubject = errors.New("no such finding is known")
	errNothingOpen    = errors.New("there is nothing to take note of: when it was last looked at, it was fine")
)

// Acknowledge notes that somebody has taken note of a finding, of the very credential
// that it was about when it was last seen. It silences its reminders until the
// acknowledgement ends, the credential changes, or the finding gets worse.
func (l *Ledger) Acknowledge(ctx context.Context, findingID string, ack watch.Acknowledgement) error {
	ack.By, ack.Reason, ack.At, ack.Until = note(ack.By), note(ack.Reason), ack.At.UTC(), ack.Until.UTC()
	err := l.alone(ctx, func(tx *sql.Tx) error {
		if !ack.Until.After(ack.At) {
			return errors.New("it would end before it begins")
		}
		found, err := changeKnown(ctx, tx, findingID, func(known *policy.Known) error {
			if known.Blind == "" && !known.Finding.Severity.AtLeast(watch.Warning) {
				return errNothingOpen
			}
			known.Acknowledged = &policy.Acknowledged{Acknowledgement: ack, Identity: known.Finding.Identity, Blind: known.Blind != ""}
			return nil
		})
		if err == nil && !found {
			err = errUnknownSubject
		}
		return err
	})
	if err != nil {
		return l.failed(ctx, fmt.Sprintf("acknowledge %q", findingID), err)
	}
	return nil
}

// Unacknowledge takes an acknowledgement back, and reports whether there was one that
// had not ended. The next pass tells that it has.
func (l *Ledger) Unacknowledge(ctx context.Context, findingID string) (bool, error) {
	var was bool
	err := l.alone(ctx, func(tx *sql.Tx) error {
		found, err := changeKnown(ctx, tx, findingID, func(known *policy.Known) error {
			noted := known.Acknowledged
			if was = noted != nil && noted.Until.After(noted.At); was {
				ended := *noted
				ended.Until = noted.At
				known.Acknowledged = &ended
			}
			return nil
		})
		if err == nil && !found {
			err = errUnknownSubject
		}
		return err
	})
	if err != nil {
		return false, l.failed(ctx, fmt.Sprintf("take back the acknowledgement of %q", findingID), err)
	}
	return was, nil
}
