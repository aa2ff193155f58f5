package email

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"regexp"
	"strings"

	"github.com/wneessen/go-mail"

	"lapsewatch/alerts"
	"lapsewatch/internal/digest"
)

var errNoEvents = errors.New("the message holds no events")

// compose makes the mail. Whatever is resent is the same mail: its Message-ID and Date
// come from the message.
func compose(options Options, env alerts.Env, message alerts.Message) (*mail.Msg, error) {
	if len(message.Events) == 0 {
		return nil, errNoEvents
	}
	composed := mail.NewMsg(mail.WithNoDefaultUserAgent())
	domain, err := address(composed, options, message.Recipient)
	if err != nil {
		return nil, err
	}
	shown := newDigest(message, env)
	composed.Subject(subject(options.SubjectPrefix, shown))
	composed.SetMessageIDWithValue(message.ID + "@" + domain)
	composed.SetDateWithValue(message.CreatedAt.UTC())
	composed.SetUserAgent(digest.Product + "/" + env.Version)
	// RFC 3834, 5: no vacation responder answers, and Exchange, which knows the other
	// header better, keeps out-of-office replies and receipts to itself.
	composed.SetGenHeader("Auto-Submitted", "auto-generated")
	composed.SetGenHeader("X-Auto-Response-Suppress", "All")
	composed.SetGenHeader("List-Id", fmt.Sprintf("<%s.lapsewatch.%s>", label(message.Channel), domain))
	options.Unsubscribe.announce(composed, message.Recipient)
	join(composed, message, domain)

	var html bytes.Buffer
	if err := page(shown).Render(context.Background(), &html); err != nil {
		return nil, fmt.Errorf("render the HTML: %w", err)
	}
	composed.SetBodyString(mail.TypeTextPlain, plainText(shown))
	composed.AddAlternativeString(mail.TypeTextHTML, html.String())
	if options.Calendar {
		if err := attachCalendar(composed, message); err != nil {
			return nil, err
		}
	}
	return composed, nil
}

// address sets the mail's addresses and gives the sender's domain.
func address(composed *mail.Msg, options Options, recipient string) (domain string, err error) {
	if err := composed.From(options.From); err != nil {
		return "", fmt.Errorf("set sender %q: %w", options.From, err)
	}
	if err := composed.To(recipient); err != nil {
		return "", fmt.Errorf("set recipient %q: %w", recipient, err)
	}
	if options.EnvelopeFrom != "" {
		// It is never empty, as that of automatic answers has to be (RFC 3834, 3.3): these
		// mails answer nothing, and somebody has to see that they bounce.
		if err := composed.EnvelopeFrom(options.EnvelopeFrom); err != nil {
			return "", fmt.Errorf("set envelope sender %q: %w", options.EnvelopeFrom, err)
		}
	}
	if options.ReplyTo != "" {
		if err := composed.ReplyTo(options.ReplyTo); err != nil {
			return "", fmt.Errorf("set reply address %q: %w", options.ReplyTo, err)
		}
	}
	sender, err := netmail.ParseAddress(options.From)
	if err != nil {
		return "", fmt.Errorf("read sender %q: %w", options.From, err)
	}
	return sender.Address[strings.LastIndex(sender.Address, "@")+1:], nil
}

func subject(prefix string, shown digest.Digest) string {
	return strings.TrimSpace(prefix + " " + shown.Title())
}

// unfit is what a List-Id label may not hold (RFC 2919, 2).
var unfit = regexp.MustCompile(`[^a-z0-9-]+`)

func label(channel string) string {
	return cmp.Or(strings.Trim(unfit.ReplaceAllString(strings.ToLower(channel), "-"), "-"), "alerts")
}
