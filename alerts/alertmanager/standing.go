package alertmanager

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"lapsewatch/internal/digest"
	"lapsewatch/watch"
)

// standing is what of an alert's labels may change while its finding lasts. It is
// remembered, because an alert ends only by the very labels under which it stands.
type standing struct {
	Severity string `json:"severity"`
	// Labels are the finding's own.
	Labels map[string]string `json:"labels,omitempty"`
	// Since is when the event was judged that put it so.
	Since time.Time `json:"since"`
}

func (s standing) like(other standing) bool {
	return s.Severity == other.Severity && maps.Equal(s.Labels, other.Labels)
}

// patience bounds the writing of what is remembered, even if the attempt's time is over.
const patience = 10 * time.Second

func memoryKey(finding watch.Finding) string { return "alert/" + digest.Key(finding.ID) }

// recall gives what stands of the events' findings, by their ids. What cannot be recalled
// is judged by the event alone.
func (c *channel) recall(ctx context.Context, w writer) map[string]standing {
	known := map[string]standing{}
	if c.env.Memory == nil || w.message.Test {
		return known
	}
	for _, event := range w.message.Events {
		value, err := c.env.Memory.Recall(ctx, memoryKey(event.Finding))
		if err != nil {
			c.env.Log.Warn("what stands at Alertmanager cannot be recalled; alerts whose labels have changed end by themselves", "channel", c.env.Name, "error", err)
			return known
		}
		var stands standing
		if json.Unmarshal(value, &stands) == nil {
			known[event.Finding.ID] = stands
		}
	}
	return known
}

// remember notes what has changed, once every replica has been told.
func (c *channel) remember(ctx context.Context, w writer) {
	if c.env.Memory == nil || w.message.Test {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for _, event := range w.message.Events {
		before, known := w.known[event.Finding.ID]
		after := w.standing(event)
		var value []byte
		switch {
		case w.overtaken(event), known && after.like(before) && event.Type != watch.Resolved, !known && event.Type == watch.Resolved:
			continue
		case event.Type != watch.Resolved:
			// A text can always be encoded.
			value, _ = json.Marshal(after)
		}
		if err := c.env.Memory.Remember(ctx, memoryKey(event.Finding), value); err != nil {
			c.env.Log.Warn("what stands at Alertmanager cannot be remembered; alerts whose labels change end by themselves", "channel", c.env.Name, "error", err)
			return
		}
	}
}

// overtaken: Alertmanager has been told something later of the finding, which a message
// that comes late must not end. A time to come is none: a clock was wrong then.
func (w writer) overtaken(event watch.Event) bool {
	before, known := w.known[event.Finding.ID]
	return known && event.At.Before(before.Since) && !before.Since.After(w.now)
}
