package ticket

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// keptMarks is how many messages a record knows to have been told.
const keptMarks = 8

// record is what is remembered of a finding's ticket between runs. Without it the
// ticket is found by its key all the same.
type record struct {
	Place string `json:"place"`
	// ID is the service's own.
	ID string `json:"id,omitempty"`
	// Unmarked: the service made the ticket without its key.
	Unmarked bool `json:"unmarked,omitempty"`
	// Making is when a ticket was asked for without an answer so far.
	Making time.Time `json:"making,omitzero"`
	// Told are the marks of the messages told last, Latest is when the latest of what they
	// tell was judged.
	Told   []string  `json:"told,omitempty"`
	Latest time.Time `json:"latest,omitzero"`
}

func (r *record) tell(story Story) {
	if !r.knows(story) {
		r.Told = append(r.Told, story.Mark)
	}
	r.Told = r.Told[max(0, len(r.Told)-keptMarks):]
	if story.At.After(r.Latest) {
		r.Latest = story.At
	}
}

func (r *record) knows(story Story) bool { return slices.Contains(r.Told, story.Mark) }

// overtakes: something later was told already. A message may be younger than what it
// tells, as one that another channel could not deliver is, so that its own age says
// nothing. A time to come is no such time: a clock was wrong then.
func (r *record) overtakes(story Story, now time.Time) bool {
	return r.Latest.After(story.At) && !r.Latest.After(now)
}

// unsettled is how long it still takes until a ticket that was asked for can be found.
func (r *record) unsettled(now time.Time) time.Duration {
	if r.Making.IsZero() || r.Making.After(now) {
		return 0
	}
	return max(0, settle-now.Sub(r.Making))
}

// recall fills the record. What cannot be recalled costs requests and no ticket, so it
// is said in the log and stops nothing.
func (s *step) recall(ctx context.Context) {
	s.kept = record{Place: s.Place}
	if s.Env.Memory == nil {
		return
	}
	value, err := s.Env.Memory.Recall(ctx, s.memoryKey())
	if err != nil {
		s.Env.Log.Warn("what is known of a ticket cannot be recalled; it is looked up", "channel", s.Env.Name, "error", err)
		return
	}
	var kept record
	if json.Unmarshal(value, &kept) == nil && kept.Place == s.Place {
		s.kept = kept
	}
}

func (s *step) remember(ctx context.Context) {
	if s.Env.Memory == nil {
		return
	}
	value, err := json.Marshal(s.kept)
	if err == nil {
		// What was done at the service is noted even if the attempt's time is over.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		err = s.Env.Memory.Remember(ctx, s.memoryKey(), value)
	}
	if err != nil {
		s.Env.Log.Warn("what is known of a ticket cannot be remembered; it will be looked up", "channel", s.Env.Name, "error", err)
	}
}

// patience bounds the writing of a record.
const patience = 5 * time.Second

func (s *step) memoryKey() string { return "ticket/" + s.story.Key }
