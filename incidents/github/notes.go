package github

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/internal/githubissues"
	"lapsewatch/internal/hiddenline"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
)

// markName is the name of the line by which a comment is found again.
const markName = "mark"

// clocks is how far the clocks of GitHub and of this machine may differ.
const clocks = 24 * time.Hour

// Annotate leaves a comment, in a private repository only.
func (s *system) Annotate(ctx context.Context, current incidents.Remote, note incidents.Note) error {
	if s.options.PublicRepository {
		return incidents.ErrNoNotes
	}
	if _, err := s.ours(ctx, current.ID, current.Key); err != nil {
		return err
	}
	return s.comment(ctx, current.ID, note)
}

// comment writes one with the note's mark, unless that stands there already.
func (s *system) comment(ctx context.Context, id string, note incidents.Note) error {
	path := s.issues.Path("/" + url.PathEscape(id) + "/comments")
	mark, told := hiddenline.Mark(note.Mark), false
	since := url.Values{"since": {note.At.Add(-clocks).UTC().Format(time.RFC3339)}}
	err := githubissues.EveryPage(ctx, s.issues, path, since, func(listed githubissues.Comment) bool {
		told = hiddenline.Has(listed.Body, markName, mark)
		return told
	})
	if err != nil || told {
		return err
	}
	text := githubissues.Cut(stubtext.Tidy(note.Text), maxNote)
	return s.write(ctx, http.MethodPost, path, text+"\n\n"+hiddenline.Write(markName, mark))
}

// write makes or replaces a comment.
func (s *system) write(ctx context.Context, method, path, body string) error {
	var made githubissues.Comment
	_, err := s.issues.Write(ctx, ticket.Call{Method: method, Path: path, Send: newComment{Body: body}, Receive: &made})
	if err == nil && made.ID == 0 {
		err = s.issues.Unproven(method, path, errors.New("without the id of a comment"))
	}
	return err
}

// Draft keeps the draft of a post-mortem as a comment, in a private repository only: a
// comment that everybody reads is no draft. One that a person has changed stays.
func (s *system) Draft(ctx context.Context, current incidents.Remote, draft incidents.Note) error {
	if s.options.PublicRepository {
		return incidents.ErrNoDrafts
	}
	if _, err := s.ours(ctx, current.ID, current.Key); err != nil {
		return err
	}
	path := s.issues.Path("/" + url.PathEscape(current.ID) + "/comments")
	var earlier githubissues.Comment
	ours, untouched := false, false
	err := githubissues.EveryPage(ctx, s.issues, path, url.Values{}, func(listed githubissues.Comment) bool {
		if ours, untouched = hiddenline.Sealed(listed.Body, current.Key); ours {
			earlier = listed
		}
		return ours
	})
	body := hiddenline.Seal(githubissues.Cut(stubtext.Tidy(draft.Text), maxNote), current.Key)
	switch {
	case err != nil || ours && !untouched || ours && stubtext.Tidy(earlier.Body) == body:
		return err
	case ours:
		return s.write(ctx, http.MethodPatch, s.issues.Path("/comments/"+strconv.FormatInt(earlier.ID, 10)), body)
	default:
		return s.write(ctx, http.MethodPost, path, body)
	}
}
