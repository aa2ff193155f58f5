package alertmanager

import (
	"encoding/json"
	"fmt"
	"time"

	"lapsewatch/watch"
)

const (
	// maxAlerts and maxBytes bound one post. Alertmanager has no limit of its own;
	// proxies before it often take no more than 1 MiB.
	maxAlerts = 500
	maxBytes  = 768 << 10
)

// post is one request's alerts.
type post struct {
	body []byte
	// open and resolved count them.
	open, resolved int
	// ended is the latest end of what has ended; zero if nothing has.
	ended time.Time
}

// compose writes the message's alerts, the most urgent first, in as many posts as it
// takes: Alertmanager ends what is left out. The alerts of one event stay together, so
// that a finding is never without an alert, nor with two.
func compose(w writer) ([]post, error) {
	var posts []post
	var filling post
	var held []json.RawMessage
	size := 0
	finish := func() error {
		if len(held) == 0 {
			return nil
		}
		var err error
		if filling.body, err = json.Marshal(held); err != nil {
			return fmt.Errorf("encode the alerts: %w", err)
		}
		posts = append(posts, filling)
		filling, held, size = post{}, nil, 0
		return nil
	}
	for _, event := range w.message.Events {
		written, encoded, length, err := w.encode(event)
		if err != nil {
			return nil, fmt.Errorf("encode the alert of event %s: %w", event.ID, err)
		}
		if len(held)+len(encoded) > maxAlerts || size+length > maxBytes {
			if err := finish(); err != nil {
				return nil, err
			}
		}
		held, size = append(held, encoded...), size+length
		filling.count(written, w.now)
	}
	err := finish()
	return posts, err
}

func (w writer) encode(event watch.Event) (written []alert, encoded []json.RawMessage, length int, err error) {
	written = w.alerts(event)
	for _, one := range written {
		document, err := json.Marshal(one)
		if err != nil {
			return nil, nil, 0, err
		}
		encoded = append(encoded, document)
		length += len(document) + len(",")
	}
	return written, encoded, length, nil
}

func (p *post) count(written []alert, now time.Time) {
	for _, one := range written {
		if one.EndsAt.After(now) {
			p.open++
			continue
		}
		p.resolved++
		if one.EndsAt.After(p.ended) {
			p.ended = one.EndsAt
		}
	}
}

// counted says how many alerts were posted: "4 open, 1 resolved".
func counted(posts []post) string {
	var open, resolved int
	for _, post := range posts {
		open, resolved = open+post.open, resolved+post.resolved
	}
	return fmt.Sprintf("%d open, %d resolved", open, resolved)
}
