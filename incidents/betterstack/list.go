package betterstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

const (
	// perPage is the most that the service gives:
	// https://betterstack.com/docs/uptime/api/pagination/
	perPage = 250
	// maxPages bounds a list.
	maxPages = 500
	// horizon is how much older than what is asked for a report may be that is still open:
	// each page of reports costs a request, and each report of people another.
	horizon = 90 * 24 * time.Hour
)

// List gives the reports with our key. Lists begin with the oldest, so they are read from
// their last page back.
func (s *system) List(ctx context.Context, since time.Time) ([]incidents.Remote, error) {
	first, last, err := s.reports(ctx, 1)
	if err != nil {
		return nil, err
	}
	if last > maxPages {
		return nil, s.failure(fmt.Errorf("read the list at %s: it has more than %d pages", s.path(), maxPages))
	}
	var all []incidents.Remote
	for page := last; page >= 1; page-- {
		listed := first
		if page > 1 {
			if listed, _, err = s.reports(ctx, page); err != nil {
				return nil, err
			}
		}
		old := len(listed) > 0
		for _, one := range listed {
			started := one.Attributes.StartsAt
			if !started.IsZero() && started.Before(since.Add(-horizon)) {
				continue
			}
			old = false
			if one.overBefore(since) {
				continue
			}
			found, err := s.ours(ctx, one)
			if err != nil {
				return nil, err
			}
			if found != nil && !slices.ContainsFunc(all, func(other incidents.Remote) bool { return other.ID == found.ID }) {
				all = append(all, *found)
			}
		}
		if old {
			break
		}
	}
	return all, nil
}

// overBefore reports that the report is known to have ended before the instant. Of many
// manual ones the service does not say when that was.
func (r report) overBefore(since time.Time) bool {
	of, ended := r.Attributes, r.Attributes.EndsAt
	hurting := slices.ContainsFunc(of.Affected, func(one affected) bool { return one.Status != wellAgain })
	return !ended.IsZero() && ended.Before(since) && (of.Type == maintenance || !hurting && len(of.Affected) > 0)
}

// ours is the report with its updates if it has our key. Those that the service makes
// itself are not asked about.
func (s *system) ours(ctx context.Context, one report) (*incidents.Remote, error) {
	if one.Attributes.Type != manual && one.Attributes.Type != maintenance {
		return nil, nil
	}
	updates, err := s.updates(ctx, one.ID)
	if ticket.Missing(err) {
		// It was deleted while the list was read.
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	remote := standing{one, updates}.remote(s.env.Source, s.env.Now())
	if remote.Key == "" {
		return nil, nil
	}
	return &remote, nil
}

// reports gives one page of the list, and which is the last.
func (s *system) reports(ctx context.Context, page int) (listed []report, last int, err error) {
	var answer struct {
		Data       *[]report  `json:"data"`
		Pagination pagination `json:"pagination"`
	}
	path := s.path()
	if err := s.do(ctx, ticket.Call{Path: path, Query: pageQuery(page), Receive: &answer}); err != nil {
		return nil, 0, err
	}
	if answer.Data == nil {
		return nil, 0, s.api.Unproven(http.MethodGet, path, errors.New("without a list"))
	}
	for _, one := range *answer.Data {
		if one.ID == "" {
			return nil, 0, s.api.Unproven(http.MethodGet, path, errors.New("with a report that has no id"))
		}
	}
	last = 1
	if answer.Pagination.Last != "" {
		if last = pageOf(answer.Pagination.Last); last < 1 {
			return nil, 0, s.api.Unproven(http.MethodGet, path, errors.New("with a last page that has no number"))
		}
	}
	return *answer.Data, last, nil
}

func pageQuery(page int) url.Values {
	return url.Values{"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}
}

// pageOf reads the number of a page from its address, of which nothing else is used.
func pageOf(address string) int {
	parsed, err := url.Parse(address)
	if err != nil {
		return 0
	}
	page, err := strconv.Atoi(parsed.Query().Get("page"))
	if err != nil {
		return 0
	}
	return page
}

// updates are all of a report, oldest first.
func (s *system) updates(ctx context.Context, id string) (all []update, err error) {
	path := s.path(id, "status-updates")
	for page := 1; page <= maxPages; {
		var answer struct {
			Data       *[]update  `json:"data"`
			Pagination pagination `json:"pagination"`
		}
		if err := s.do(ctx, ticket.Call{Path: path, Query: pageQuery(page), Receive: &answer}); err != nil {
			return nil, err
		}
		if answer.Data == nil {
			return nil, s.api.Unproven(http.MethodGet, path, errors.New("without a list"))
		}
		all = append(all, *answer.Data...)
		if answer.Pagination.Next == "" {
			slices.SortStableFunc(all, older)
			return all, nil
		}
		next := pageOf(answer.Pagination.Next)
		if next <= page {
			return nil, s.api.Unproven(http.MethodGet, path, errors.New("with a next page that leads back"))
		}
		page = next
	}
	return nil, s.failure(fmt.Errorf("read the list at %s: it has more than %d pages", path, maxPages))
}

// older orders by time, and by number where that is the same.
func older(a, b update) int {
	if by := a.Attributes.PublishedAt.Compare(b.Attributes.PublishedAt.Time); by != 0 {
		return by
	}
	first, _ := strconv.ParseUint(a.ID, 10, 64)
	second, _ := strconv.ParseUint(b.ID, 10, 64)
	switch {
	case first < second:
		return -1
	case first > second:
		return 1
	default:
		return 0
	}
}

// read gives a report with its updates.
func (s *system) read(ctx context.Context, id string) (standing, error) {
	path := s.path(id)
	var answer struct {
		Data report `json:"data"`
	}
	if err := s.do(ctx, ticket.Call{Path: path, Receive: &answer}); err != nil {
		return standing{}, err
	}
	if answer.Data.ID == "" {
		return standing{}, s.api.Unproven(http.MethodGet, path, errors.New("without the id of a report"))
	}
	updates, err := s.updates(ctx, id)
	return standing{answer.Data, updates}, err
}

// Read gives one report.
func (s *system) Read(ctx context.Context, id string) (incidents.Remote, bool, error) {
	read, err := s.read(ctx, id)
	switch {
	case ticket.Missing(err):
		return incidents.Remote{}, false, nil
	case err != nil:
		return incidents.Remote{}, false, err
	}
	return read.remote(s.env.Source, s.env.Now()), true, nil
}

func (s *system) failure(err error) error {
	return &alerts.DeliveryError{Channel: s.env.Name, Err: err}
}

// sameWindow reports that the report takes place then already.
func (r report) sameWindow(wanted watch.Window) bool {
	const whole = time.Second
	return r.Attributes.StartsAt.Truncate(whole).Equal(wanted.From.Truncate(whole)) && r.Attributes.EndsAt.Truncate(whole).Equal(wanted.Until.Truncate(whole))
}
