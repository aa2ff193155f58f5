package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

// resolvedBy are the reasons that end a finding without anybody having mended it. It is
// read-only.
var resolvedBy = map[watch.Reason]watch.Why{
	watch.Superseded:   watch.ReplacedUnused,
	watch.OutOfService: watch.OutOfUse,
	watch.LeftOver:     watch.LongExpired,
}

func whyResolved(before Known, finding watch.Finding) watch.Why {
	switch {
	case renewed(before, finding):
		return watch.Renewed
	case resolvedBy[finding.Reason] != "":
		return resolvedBy[finding.Reason]
	case before.Blind != "":
		return watch.ReadableAgain
	default:
		return watch.Corrected
	}
}

// whyReadable is why a subject can be looked at again, and is still bad.
func whyReadable(before Known, finding watch.Finding) watch.Why {
	if renewed(before, finding) {
		return watch.Renewed
	}
	return watch.ReadableAgain
}

func renewed(before Known, finding watch.Finding) bool {
	return before.Finding.Identity != "" && finding.Identity != "" && before.Finding.Identity != finding.Identity
}

func newEvent(kind watch.EventType, why watch.Why, before *Known, finding watch.Finding, now time.Time) watch.Event {
	event := watch.Event{Type: kind, Why: why, At: now.UTC(), Finding: finding}
	if before != nil {
		if len(finding.Owners) == 0 {
			// Whoever was told of it is told how it goes on.
			event.Finding.Owners = before.Finding.Owners
		}
		if kind == watch.Resolved || kind == watch.Improved {
			event.Concerned, event.StoodIn = before.Concerned, before.StoodIn
		}
		event.Previous, event.Was = before.Finding.Severity, before.Finding.Reasons(watch.Notice)
		if before.Blind != "" {
			event.Was = append(event.Was, before.Blind)
			if !tellable(before.Finding) {
				event.Previous = watch.Unknown
			}
		}
		event.Worst = before.Worst
		for _, reason := range before.Reasons {
			if !slices.Contains(event.Was, reason) {
				event.Was = append(event.Was, reason)
			}
		}
	}
	reasons := finding.Reasons(watch.Warning)
	parts := []string{finding.ID, string(kind), string(finding.Severity), finding.Identity, now.UTC().Format(time.RFC3339)}
	for _, reason := range reasons {
		parts = append(parts, string(reason))
	}
	event.ID = digestID(parts...)
	return event
}

// digestID is a short stable name for the parts: 128 bits of SHA-256 in hex.
func digestID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
