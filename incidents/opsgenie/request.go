package opsgenie

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/ticket"
)

const (
	// firstPause and longestPause are between two questions after one request, which the
	// service processes within a second as a rule. The first is asked at once.
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
	// shownOfAnswer is how many runes of the service's words an error shows.
	shownOfAnswer = 400
	// pageSize is the most that the service gives at once, maxItems what is read at all.
	pageSize, maxItems = 100, 5000
	// maxLately is how many of the newest incidents are looked through for what was resolved.
	maxLately = 2000
)

// call is one request that changes something.
type call struct {
	// does says what for, in errors: "create the incident".
	does   string
	method string
	path   string
	query  url.Values
	body   any
}

// outcome is what became of a request.
type outcome struct {
	IsSuccess  *bool  `json:"isSuccess"`
	Status     string `json:"status"`
	IncidentID string `json:"incidentId"`
}

// do sends a request and waits until the service has processed it: 202 says only that it
// was well-formed.
func (s *system) do(ctx context.Context, call call) (incidentID string, err error) {
	if call.method == "" {
		call.method = http.MethodPost
	}
	var taken struct {
		RequestID string `json:"requestId"`
	}
	_, _, err = s.api.Do(ctx, ticket.Call{Method: call.method, Path: call.path, Query: call.query, Send: call.body, Receive: &taken})
	if err == nil && !safeID.MatchString(taken.RequestID) {
		err = s.api.Unproven(call.method, call.path, errors.New("without a requestId"))
	}
	if err != nil {
		return "", doing(call.does, err)
	}
	done, err := s.confirm(ctx, taken.RequestID)
	switch {
	case err != nil:
		return "", doing(call.does, err)
	case !*done.IsSuccess:
		return "", doing(call.does, s.failure(false, http.StatusAccepted, fmt.Errorf("the service accepted request %s and then refused it: %q", taken.RequestID, clean.Text(done.Status, shownOfAnswer))))
	default:
		return done.IncidentID, nil
	}
}

// confirm asks until the service has processed the request, or its time is over.
func (s *system) confirm(ctx context.Context, id string) (outcome, error) {
	patience, cancel := context.WithTimeout(ctx, time.Duration(s.options.ConfirmWithin))
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		done, err := s.outcome(ctx, id)
		if err != nil || done.IsSuccess != nil {
			return done, err
		}
		select {
		case <-time.After(pause):
		case <-patience.Done():
			if err := ctx.Err(); err != nil {
				return outcome{}, s.failure(true, 0, fmt.Errorf("wait for request %s: %w", id, err))
			}
			return outcome{}, s.failure(true, http.StatusAccepted, fmt.Errorf("the service accepted request %s and had not processed it after %s", id, time.Duration(s.options.ConfirmWithin)))
		}
	}
}

// outcome asks once what became of a request. The service does not know it before it has
// processed it.
func (s *system) outcome(ctx context.Context, id string) (outcome, error) {
	var answer struct {
		Data *outcome `json:"data"`
	}
	path := "/v1/incidents/requests/" + id
	_, _, err := s.api.Do(ctx, ticket.Call{Path: path, Receive: &answer})
	switch {
	case ticket.Missing(err):
		return outcome{}, nil
	case err != nil:
		return outcome{}, err
	case answer.Data == nil:
		return outcome{}, s.api.Unproven(http.MethodGet, path, errors.New("without what became of the request"))
	}
	return *answer.Data, nil
}

// everyPage visits the incidents of a query until visit has what it wants. Of the
// service's paging only the fact that there is a next page is used: no link leads to
// another host (https://docs.opsgenie.com/docs/pagination).
func (s *system) everyPage(ctx context.Context, query url.Values, visit func(incident) (enough bool)) error {
	return pages(ctx, s, "/v1/incidents", query, visit)
}

func pages[T any](ctx context.Context, s *system, path string, query url.Values, visit func(T) (enough bool)) error {
	asked := maps.Clone(query)
	asked.Set("limit", strconv.Itoa(pageSize))
	for offset := 0; offset < maxItems; {
		var page struct {
			Data   *[]T `json:"data"`
			Paging struct {
				Next string `json:"next"`
			} `json:"paging"`
		}
		if _, _, err := s.api.Do(ctx, ticket.Call{Path: path, Query: asked, Receive: &page}); err != nil {
			return err
		}
		if page.Data == nil {
			return s.api.Unproven(http.MethodGet, path, errors.New("without a list"))
		}
		if slices.ContainsFunc(*page.Data, visit) || page.Paging.Next == "" {
			return nil
		}
		if len(*page.Data) == 0 {
			return s.api.Unproven(http.MethodGet, path, errors.New("with an empty page and a next one"))
		}
		offset += len(*page.Data)
		asked.Set("offset", nextOffset(page.Paging.Next, offset))
	}
	return s.failure(false, 0, fmt.Errorf("read the list at %s: it has more than %d entries: close what is done", path, maxItems))
}

// nextOffset is that of the link where it has one: the offsets of notes are no numbers.
func nextOffset(link string, counted int) string {
	if address, err := url.Parse(link); err == nil && address.Query().Get("offset") != "" {
		return address.Query().Get("offset")
	}
	return strconv.Itoa(counted)
}

// noted reports that a note with the mark stands at the incident.
func (s *system) noted(ctx context.Context, id, mark string) (found bool, err error) {
	type note struct {
		Note string `json:"note"`
	}
	wanted := clean.Text(mark, maxMark)
	query := url.Values{"identifierType": {"id"}, "order": {"desc"}}
	err = pages(ctx, s, incidentPath(id, "notes"), query, func(listed note) bool {
		found = markOf(listed.Note) == wanted
		return found
	})
	return found, err
}

// throttled reads how long Opsgenie limits the rate, which it says in a header of its own:
// https://docs.opsgenie.com/docs/api-rate-limiting
func throttled(status int, header http.Header, _ []byte) (retry bool, after time.Duration, judged bool) {
	seconds, err := strconv.ParseInt(header.Get("X-RateLimit-Period-In-Sec"), 10, 32)
	if status != http.StatusTooManyRequests || header.Get("Retry-After") != "" || err != nil {
		return false, 0, false
	}
	return true, time.Duration(seconds) * time.Second, true
}

// words are those of a refusal.
func words(body []byte) string {
	var said struct {
		Message string         `json:"message"`
		Errors  map[string]any `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	text := []string{said.Message}
	for _, field := range slices.Sorted(maps.Keys(said.Errors)) {
		text = append(text, fmt.Sprintf("%s: %v", field, said.Errors[field]))
	}
	return strings.TrimSpace(strings.Join(text, " "))
}

// remedies say what to do about a status. It is read-only.
var remedies = map[int]string{
	http.StatusUnauthorized:        "in api_key give the key of an API integration, and give the service that it belongs to: accounts in the EU are opsgenie-eu",
	http.StatusForbidden:           "the key needs the rights to read, and to create and update; and incidents need the plan Standard or Enterprise",
	http.StatusUnprocessableEntity: "look at teams, and at the ids of services in the component map",
}

// doing says in a failure what was being done.
func doing(what string, err error) error {
	failure, ok := errors.AsType[*alerts.DeliveryError](err)
	if !ok {
		return err
	}
	said := *failure
	said.Err = fmt.Errorf("%s: %w", what, failure.Err)
	return &said
}
