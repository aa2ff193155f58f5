package main

import (
	"fmt"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/runner"
	"lapsewatch/watch"
)

// summary says what was delivered, what was not, and why.
func (s *session) summary(outcome runner.Outcome, dryRun bool) string {
	var text strings.Builder
	if outcome.Pass.Findings == nil {
		return ""
	}
	say := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	if !outcome.Unfinished.IsZero() {
		say("the run of %s has not ended: it was killed, or is still going on", outcome.Unfinished.Format(time.RFC3339))
	}
	if dryRun {
		sayPlanned(say, outcome)
	} else {
		s.sayTold(say, outcome)
	}
	switch {
	case outcome.Untold > 0 && len(s.settings.Alerts) == 0:
		say("%s, and nobody to tell: no alerts are configured, so it stays new", count(outcome.Untold, "change"))
	case outcome.Untold > 0:
		say("%s told to nobody: no route leads anywhere for it", count(outcome.Untold, "change"))
	}
	return text.String()
}

func sayPlanned(say func(string, ...any), outcome runner.Outcome) {
	for _, digest := range outcome.Planned {
		say("would tell %s: %s", addressee(digest.Channel, digest.Recipient), changes(digest.Events))
		for _, event := range digest.Events {
			say("  %s %s %s: %s", event.Type, event.Finding.Severity, clean.Text(event.Finding.Name, shownTargetRunes), clean.Text(event.Finding.Message, maxErrorRunes))
		}
	}
	for _, stub := range outcome.Changed {
		if stub.Phase != "" {
			say("would keep an incident stub on %s: %s, %s", stub.System, phaseOf(stub), causesOf(stub))
		}
	}
	for _, owed := range outcome.Due {
		say("would send what is owed to %s since %s: %s", addressee(owed.Channel, owed.Recipient), when(owed.CreatedAt), changes(owed.Events))
	}
	if len(outcome.Planned)+len(outcome.Due) == 0 && len(outcome.Changed) == 0 {
		say("would tell nobody: nothing has changed, and no reminder is due")
	}
}

func (s *session) sayTold(say func(string, ...any), outcome runner.Outcome) {
	for _, message := range outcome.Told {
		to := addressee(message.Channel, message.Recipient)
		switch {
		case message.Err == nil && !s.flags.quiet:
			say("told %s: %s (%s)", to, changes(message.Events), clean.Text(message.Proof, shownTargetRunes))
		case message.Dead:
			say("not delivered to %s, and given up: %s", to, cleanLines(message.Err.Error()))
		case message.Err != nil:
			say("not delivered to %s, the next run tries again: %s", to, cleanLines(message.Err.Error()))
		}
	}
	s.sayStubs(say, outcome)
	switch {
	case outcome.Owed > 0:
		say("%s still owed: the service asked for a wait that is not over", count(outcome.Owed, "message"))
	case len(outcome.Told) == 0 && len(outcome.Events) == 0 && len(outcome.Stubs) == 0 && !s.flags.quiet:
		say("told nobody: nothing has changed, and no reminder is due")
	}
}

// changes counts what a message tells: changes, and what stands for services that forget
// what is not repeated.
func changes(events []watch.Event) string {
	standing := 0
	for _, event := range events {
		if event.Type == watch.Standing {
			standing++
		}
	}
	switch news := len(events) - standing; {
	case standing == 0:
		return count(news, "change")
	case news == 0:
		return fmt.Sprintf("%d still open", standing)
	default:
		return fmt.Sprintf("%s, %d still open", count(news, "change"), standing)
	}
}

func addressee(channel, recipient string) string {
	if recipient == "" {
		return channel
	}
	return channel + " (" + clean.Text(recipient, shownTargetRunes) + ")"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
