package email

import (
	"bytes"
	"context"

	"lapsewatch/alerts"
	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

const (
	// maxListed and maxRows, in bytes of HTML, keep the mail below the 102 KB at which
	// Gmail cuts it off.
	maxListed = 100
	maxRows   = 98 << 10
)

// shade is the class that gives a heading its colour in the dark.
func shade(severity watch.Severity) string {
	if severity == digest.Unwatched {
		severity = watch.Notice
	}
	return string(severity)
}

// newDigest words the message as far as the mail has room.
func newDigest(message alerts.Message, env alerts.Env) digest.Digest {
	fits := func(shown int) bool {
		var rows bytes.Buffer
		told := digest.New(message, env, shown)
		// A buffer fails no write, and page reports whatever else can go wrong.
		_ = clocks(told).Render(context.Background(), &rows)
		for _, group := range told.Groups {
			for _, entry := range group.Entries {
				_ = row(group, entry).Render(context.Background(), &rows)
			}
		}
		return rows.Len() <= maxRows
	}
	return digest.New(message, env, digest.Fit(message, maxListed, fits))
}
