package ticket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/digest"
)

// settle is how long a ticket whose making was not answered may stay out of the
// service's lists: because its search lags, or because it was still being made. It is
// short enough to be waited for within a run.
const settle = 15 * time.Second

// DefaultReopenWithin is how long after its closing a ticket is opened again rather than
// replaced, where configuration says nothing else.
const DefaultReopenWithin = 7 * 24 * time.Hour

// Life keeps one ticket for each finding at one place of one service.
type Life struct {
	Env     alerts.Env
	Service Service
	// Place names where the tickets are, such as "github acme/infra": what is remembered
	// of one place is not used at another.
	Place string
	// Source names this installation, so that another does not share its tickets.
	Source       string
	ReopenWithin time.Duration
}

// step is the handling of one message.
type step struct {
	Life
	story Story
	kept  record
}

// Deliver makes one attempt to bring the ticket up to the message's only event. To have
// nothing to close is delivered too.
func (l Life) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	if len(message.Events) != 1 {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: l.Env.Name, Err: fmt.Errorf("the message holds %d events: want one", len(message.Events))}
	}
	s := &step{Life: l, story: NewStory(message, l.Env, l.Source)}
	if err := ctx.Err(); err != nil {
		return alerts.Receipt{}, s.later(0, err)
	}
	s.recall(ctx)
	proof, err := s.deliver(ctx)
	if err != nil {
		return alerts.Receipt{}, err
	}
	s.kept.tell(s.story)
	s.remember(ctx)
	return alerts.Receipt{Proof: proof}, nil
}

func (s *step) deliver(ctx context.Context) (proof string, err error) {
	if s.kept.overtakes(s.story, s.Env.Now()) {
		// A ticket that a late message opened again would never be closed.
		return "left out: the ticket tells of something later already", nil
	}
	current, found, err := s.current(ctx)
	if err != nil {
		return "", err
	}
	told := false
	if found {
		s.kept.ID, s.kept.Unmarked = current.ID, false
		if told, err = s.told(ctx, current); err != nil {
			return "", err
		}
	}
	switch {
	case s.story.Resolved:
		return s.end(ctx, current, found && current.Open, told)
	case s.story.Test:
		return s.test(ctx, current, found && current.Open)
	case told:
		return current.Name + " tells of it already", nil
	case found:
		return s.update(ctx, current)
	default:
		return s.create(ctx)
	}
}

// current is the finding's ticket: the remembered one if that is open, or else what the
// service finds by the key.
func (s *step) current(ctx context.Context) (current Ticket, found bool, err error) {
	if s.kept.ID != "" {
		current, found, err = s.Service.Read(ctx, s.kept.ID, s.story.Key)
		switch {
		case err != nil:
			return Ticket{}, false, err
		case found && !current.Ours && s.kept.Unmarked:
			return Ticket{}, false, s.failure(fmt.Errorf("%s was made without its key %s, and no other is made while it stands: give it the key, or delete it", current.Name, s.story.Key))
		case found && current.Ours && current.Open:
			return current, true, nil
		}
		found = found && current.Ours
	}
	match, matches, err := s.Service.Find(ctx, s.story.Key, s.kept.ID)
	if err != nil {
		return Ticket{}, false, err
	}
	if !matches || found && !match.Open && !match.ClosedAt.After(current.ClosedAt) {
		return current, found, nil
	}
	return match, true, nil
}

// told reports that this very message stands at the ticket: its answer was lost, or its
// delivery was not recorded.
func (s *step) told(ctx context.Context, current Ticket) (bool, error) {
	if s.kept.knows(s.story) || slices.Contains(current.Marks, s.story.Mark) {
		return true, nil
	}
	return s.Service.Told(ctx, current, s.story)
}

// update comments, and opens the ticket again before, or replaces it.
func (s *step) update(ctx context.Context, current Ticket) (proof string, err error) {
	done := "commented on"
	if !current.Open {
		if !current.reopenable(s.Env.Now(), s.ReopenWithin) {
			s.story.Earlier = current.Name
			return s.create(ctx)
		}
		err := s.Service.Reopen(ctx, current)
		if errors.Is(err, ErrFinal) {
			s.story.Earlier = current.Name
			return s.create(ctx)
		}
		if err != nil {
			return "", err
		}
		s.story.Reopened, done = true, "reopened and commented on"
	}
	if proof, err = s.Service.Comment(ctx, current, s.story); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s: %s", done, current.Name, proof), nil
}

// end closes what is open. A comment that a lost answer has left there is not repeated.
func (s *step) end(ctx context.Context, current Ticket, open, told bool) (proof string, err error) {
	if !open {
		if wait := s.kept.unsettled(s.Env.Now()); wait > 0 {
			return "", s.unsettled(wait)
		}
		return "nothing open: there is no ticket to close", nil
	}
	if !told {
		if _, err = s.Service.Comment(ctx, current, s.story); err != nil {
			return "", err
		}
	}
	if proof, err = s.Service.Close(ctx, current, s.story); err != nil {
		return "", err
	}
	return fmt.Sprintf("closed %s: %s", current.Name, proof), nil
}

// test goes through a ticket's whole life, so that it leaves nothing open behind.
func (s *step) test(ctx context.Context, current Ticket, open bool) (proof string, err error) {
	if !open {
		if proof, err = s.create(ctx); err != nil {
			return "", err
		}
		current = Ticket{ID: s.kept.ID, Open: true}
	}
	if _, err = s.Service.Close(ctx, current, s.story); err != nil {
		return "", err
	}
	if open {
		return "closed " + current.Name + ", which an earlier test had left open", nil
	}
	return proof + "; and closed it again", nil
}

// create makes the ticket and remembers its id at once. It notes before that it does, so
// that where no answer comes the next attempt waits until the ticket can be found.
func (s *step) create(ctx context.Context) (string, error) {
	now := s.Env.Now()
	if wait := s.kept.unsettled(now); wait > 0 {
		return "", s.unsettled(wait)
	}
	s.kept.ID, s.kept.Unmarked, s.kept.Making = "", false, now
	s.remember(ctx)
	made, proof, err := s.Service.Create(ctx, s.story)
	if made.ID != "" {
		s.kept.ID, s.kept.Unmarked = made.ID, err != nil
	}
	if err == nil || made.ID != "" || refused(err) {
		s.kept.Making = time.Time{}
		s.remember(ctx)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("created %s: %s", made.Name, proof), nil
}

// refused: the service said that it did not do it.
func refused(err error) bool {
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	return ok && failure.Status >= 300 && failure.Status < 500 && failure.Status != http.StatusRequestTimeout
}

func (s *step) unsettled(wait time.Duration) error {
	return s.later(wait, errors.New("whether the ticket was made is not known, because the attempt before was not answered: "+digest.Product+" looks again shortly"))
}

func (s *step) failure(err error) error {
	return &alerts.DeliveryError{Channel: s.Env.Name, Err: err}
}

func (s *step) later(wait time.Duration, err error) error {
	return &alerts.DeliveryError{Channel: s.Env.Name, Retryable: true, RetryAfter: wait, Err: err}
}
