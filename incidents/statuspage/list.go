package statuspage

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/stubtext"
	"lapsewatch/watch"
)

const (
	// perPage is the most that the service gives.
	perPage = 100
	// maxPages bounds each list of what is open.
	maxPages = 50
	// maxRecentPages is how far back all incidents are gone through, and longestLife how
	// much older than that instant one may be that was resolved since.
	maxRecentPages = 10
	longestLife    = 90 * 24 * time.Hour
)

// open are the lists of what is not resolved, which are read to their end.
var open = []string{"/incidents/unresolved", "/incidents/scheduled", "/incidents/active_maintenance"}

// List reads the unresolved incidents, the maintenances that are to come or under way, and
// of all incidents the latest 1,000 as far as they were made within 90 days before the
// instant. It pages until a page is empty: the service may hold shorter pages than asked
// for.
func (s *system) List(ctx context.Context, since time.Time) ([]incidents.Remote, error) {
	var all []incidents.Remote
	seen := map[string]bool{}
	visit := func(page []incident) {
		for _, found := range page {
			remote := s.remote(found)
			lately := remote.Open || remote.ResolvedAt.IsZero() || !remote.ResolvedAt.Before(since)
			if remote.Key != "" && lately && !seen[remote.ID] {
				seen[remote.ID] = true
				all = append(all, remote)
			}
		}
	}
	for _, path := range open {
		ended, err := s.pages(ctx, path, "per_page", maxPages, func(page []incident) bool { visit(page); return true })
		if err != nil {
			return nil, err
		}
		if !ended {
			return nil, &alerts.DeliveryError{Channel: s.env.Name, Err: fmt.Errorf("read the list at %s: it has more than %d pages: resolve what is over", path, maxPages)}
		}
	}
	_, err := s.pages(ctx, "/incidents", "limit", maxRecentPages, func(page []incident) bool {
		visit(page)
		// One old entry ends nothing: an incident may be entered long after it began.
		return slices.ContainsFunc(page, func(found incident) bool {
			return found.CreatedAt.IsZero() || found.CreatedAt.After(since.Add(-longestLife))
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// pages visits a list to its end, or until visit has enough; ended is false where the list
// has more pages than allowed.
func (s *system) pages(ctx context.Context, path, sized string, most int, visit func(page []incident) (on bool)) (ended bool, err error) {
	for page := 1; page <= most; page++ {
		query := url.Values{sized: {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}
		var found *[]incident
		if err := s.do(ctx, http.MethodGet, path, query, nil, &found); err != nil {
			return false, err
		}
		if found == nil {
			return false, s.api.Unproven(http.MethodGet, path, errNoList)
		}
		if len(*found) == 0 {
			return true, nil
		}
		for _, listed := range *found {
			if listed.ID == "" {
				return false, s.api.Unproven(http.MethodGet, path, errNoIncident)
			}
		}
		if !visit(*found) {
			return true, nil
		}
	}
	return false, nil
}

// remote is an incident as the runner compares it.
func (s *system) remote(found incident) incidents.Remote {
	remote := incidents.Remote{
		ID: found.ID, URL: found.Shortlink, Title: found.Name, Phase: phaseOf(found.Status),
		ResolvedAt: found.ResolvedAt.Time,
	}
	remote.Open = remote.Phase != watch.Over
	if key, ours := watch.FindIncidentKey(found.ours().Key, s.env.Source); ours {
		remote.Key = key.String()
	}
	for _, update := range found.oldestFirst() {
		remote.Texts = append(remote.Texts, stubtext.Tidy(update.Body))
	}
	for code, component := range found.said() {
		status := watch.ComponentStatus(component.NewStatus)
		remote.Components = append(remote.Components, watch.Component{ID: code, Name: component.Name, Status: status})
	}
	slices.SortFunc(remote.Components, func(a, b watch.Component) int { return cmp.Compare(a.ID, b.ID) })
	return remote
}
