package policy

import (
	"fmt"
	"time"

	"lapsewatch/watch"
)

// byUse grades a date by what is known of the credential's use. It lowers only what can
// hurt nobody: a newer credential beside an old one is no reason while the old one is,
// or may be, still in use.
func byUse(credential watch.Credential, dated watch.Judgement, now time.Time) watch.Judgement {
	use := credential.Use
	unusable := use.State == watch.Unusable
	aheadOfNothing := dated.Reason == watch.NotYetValid && unusable
	if !aheadOfNothing && !datedReason(dated.Reason) && dated.Reason != watch.Expired {
		return dated
	}
	replacement := validReplacement(credential, now)
	noticed := func(reason watch.Reason, clause string) watch.Judgement {
		return watch.Judgement{Reason: reason, Severity: verdicts[reason].severity, Message: dated.Message + clause}
	}
	switch {
	case credential.Self:
		dated.Message += "; Lapsewatch itself signs in with it, and warns of nothing here once it lapses"
	case leftOver(credential, now):
		return noticed(watch.LeftOver, ", and has not been removed since")
	case unusable:
		return noticed(watch.OutOfService, fmt.Sprintf(", but nothing can use it: %s", use.Text))
	case use.State == watch.Unused && replacement != "":
		return noticed(watch.Superseded, fmt.Sprintf("; %s, and this one is not in use%s%s", replacement, lastUsed(use), asOf(use)))
	case use.State == watch.InUse && replacement != "":
		dated.Message += fmt.Sprintf("; %s, but this one %s%s", replacement, inUse(dated), lastUsed(use))
	case use.State == watch.InUse:
		dated.Message += "; it " + inUse(dated) + lastUsed(use)
	case use.State == watch.Unused:
		dated.Message += "; it is not in use" + lastUsed(use) + asOf(use)
	case replacement != "" && use.Text != "":
		dated.Message += fmt.Sprintf("; %s, but whether this one is still in use is unknown: %s", replacement, use.Text)
	case replacement != "":
		dated.Message += fmt.Sprintf("; %s, but whether this one is still in use is unknown", replacement)
	}
	return dated
}

func leftOver(credential watch.Credential, now time.Time) bool {
	return !credential.LeftOverFrom.IsZero() && now.After(credential.NotAfter) && !now.Before(credential.LeftOverFrom)
}

// validReplacement is the clause on what can take over now and for longer; empty if
// nothing can.
func validReplacement(credential watch.Credential, now time.Time) string {
	other := credential.Replacement
	endless := other != nil && other.NotAfter.IsZero()
	switch {
	case other == nil || now.Before(other.NotBefore):
		return ""
	case endless:
		return fmt.Sprintf("a newer one, %s, which never expires, stands beside it", other.Name)
	case now.After(other.NotAfter) || !other.NotAfter.After(credential.NotAfter):
		return ""
	default:
		return fmt.Sprintf("a newer one, %s, valid until %s, stands beside it", other.Name, stamp(other.NotAfter))
	}
}

func inUse(dated watch.Judgement) string {
	if dated.Reason == watch.Expired {
		return "was in use until it expired"
	}
	return "is still in use"
}

// asOf says how old the knowledge is, where that is not this pass's own.
func asOf(use watch.Use) string {
	if use.Text == "" {
		return ""
	}
	return " (" + use.Text + ")"
}

func lastUsed(use watch.Use) string {
	if use.LastUsed.IsZero() {
		return ""
	}
	return ", last on " + use.LastUsed.UTC().Format(time.DateOnly)
}
