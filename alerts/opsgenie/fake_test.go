package opsgenie_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"lapsewatch/alerts/alerttest"
)

// service is Opsgenie as its pages describe it: it refuses fields that it does not know
// and texts beyond their limits, answers 202 to what is well-formed and processes it
// later, keeps one open alert for each alias, and changes nothing of it when it is
// created again.
type service struct {
	*alerttest.Recorder

	mu   sync.Mutex
	open map[string]*alert
	// unprocessed is how often the service does not know a request yet.
	unprocessed int
	results     map[string]map[string]any
	asked       map[string]int
	// flat answers as the REST API of Jira Service Management does, without "data".
	flat bool
	// fail answers a call, by its method and the end of its path, in place of the service.
	fail map[string]http.HandlerFunc
}

type alert struct {
	priority string
	count    int
	notes    []string
}

type createRequest struct {
	Message     string              `json:"message"`
	Alias       string              `json:"alias"`
	Description string              `json:"description"`
	Responders  []map[string]string `json:"responders"`
	Tags        []string            `json:"tags"`
	Details     map[string]string   `json:"details"`
	Entity      string              `json:"entity"`
	Source      string              `json:"source"`
	Priority    string              `json:"priority"`
}

type noteRequest struct {
	Source string `json:"source"`
	Note   string `json:"note"`
}

func newService(t *testing.T) *service {
	s := &service{open: map[string]*alert{}, results: map[string]map[string]any{}, asked: map[string]int{}, fail: map[string]http.HandlerFunc{}}
	s.Recorder = alerttest.NewRecorder(t, s.serve)
	return s
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for call, fail := range s.fail {
		if strings.HasSuffix(r.Method+" "+r.URL.Path, call) {
			fail(w, r)
			return
		}
	}
	status, said := s.take(r, body)
	answer(w, status, said)
}

func answer(w http.ResponseWriter, status int, said map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(said)
}

func refused(message string, problems map[string]string) map[string]any {
	said := map[string]any{"message": message, "took": 0.001, "requestId": "64c2c8d4-0000-4000-8000-000000000000"}
	if len(problems) > 0 {
		said["errors"] = problems
	}
	return said
}

// take judges a request and gives the answer.
func (s *service) take(r *http.Request, body []byte) (status int, said map[string]any) {
	if r.Header.Get("Authorization") != "GenieKey "+apiKey {
		return http.StatusUnprocessableEntity, refused("Key format is not valid!", nil)
	}
	path := r.URL.Path[strings.Index(r.URL.Path, "/alerts"):]
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch {
	case r.Method == http.MethodGet && len(parts) == 3 && parts[1] == "requests":
		return s.result(parts[2])
	case r.Method == http.MethodPost && len(parts) == 1:
		return s.create(body)
	case r.Method == http.MethodPost && len(parts) == 3 && (parts[2] == "close" || parts[2] == "notes"):
		return s.change(parts[1], parts[2], r.URL.Query(), body)
	default:
		return http.StatusNotFound, refused("No such call", nil)
	}
}

func (s *service) accepted(isSuccess bool, status, alias string) (int, map[string]any) {
	id := fmt.Sprintf("43a29c5c-3dbf-4fa4-9c26-%012d", len(s.results)+1)
	result := map[string]any{"isSuccess": isSuccess, "status": status, "alertId": "", "alias": ""}
	if isSuccess {
		result["alertId"], result["alias"] = "8743a1b2-"+alias, alias
	}
	s.results[id] = result
	return http.StatusAccepted, map[string]any{"result": "Request will be processed", "took": 0.302, "requestId": id}
}

func (s *service) result(id string) (int, map[string]any) {
	s.asked[id]++
	result, known := s.results[id]
	switch {
	case !known || s.asked[id] <= s.unprocessed:
		return http.StatusNotFound, refused("Request not found. It might not be processed, yet.", nil)
	case s.flat:
		return http.StatusOK, result
	default:
		return http.StatusOK, map[string]any{"data": result, "took": 0.022, "requestId": "ec7e1d8e-1c75-442e-a271-731070a7fa4d"}
	}
}

func (s *service) create(body []byte) (int, map[string]any) {
	var made createRequest
	problems := strictly(body, &made)
	within(problems, "message", made.Message, 130)
	within(problems, "alias", made.Alias, 512)
	within(problems, "description", made.Description, 15000)
	within(problems, "entity", made.Entity, 512)
	within(problems, "source", made.Source, 100)
	if made.Message == "" {
		problems["message"] = "Message can not be empty."
	}
	if !slices.Contains([]string{"P1", "P2", "P3", "P4", "P5"}, made.Priority) {
		problems["priority"] = "Priority is not valid."
	}
	if len(made.Tags) > 20 {
		problems["tags"] = "Tags can be 20 at most."
	}
	for _, tag := range made.Tags {
		within(problems, "tags", tag, 50)
	}
	var details strings.Builder
	for name, value := range made.Details {
		details.WriteString(name + value)
	}
	within(problems, "details", details.String(), 8000)
	if len(made.Responders) > 50 {
		problems["responders"] = "Responders can be 50 at most."
	}
	for _, responder := range made.Responders {
		if responder["type"] != "team" || len(responder) != 2 || responder["name"]+responder["id"] == "" {
			problems["responders"] = "Responder is not valid."
		}
	}
	if len(problems) > 0 {
		return http.StatusUnprocessableEntity, refused("Request body is not processable. Please check the errors.", problems)
	}
	if known := s.open[made.Alias]; known != nil {
		known.count++
		return s.accepted(true, "Alert count increased", made.Alias)
	}
	s.open[made.Alias] = &alert{priority: made.Priority, count: 1}
	return s.accepted(true, "Created alert", made.Alias)
}

func (s *service) change(identifier, action string, query url.Values, body []byte) (int, map[string]any) {
	var made noteRequest
	problems := strictly(body, &made)
	within(problems, "note", made.Note, 25000)
	within(problems, "source", made.Source, 100)
	if len(problems) > 0 {
		return http.StatusUnprocessableEntity, refused("Request body is not processable. Please check the errors.", problems)
	}
	known := s.open[identifier]
	if known == nil || query.Get("identifierType") != "alias" {
		return s.accepted(false, "Alert does not exist", "")
	}
	known.notes = append(known.notes, made.Note)
	if action == "close" {
		delete(s.open, identifier)
		return s.accepted(true, "Closed alert", identifier)
	}
	return s.accepted(true, "Added note to the alert", identifier)
}

func within(problems map[string]string, field, text string, most int) {
	if utf8.RuneCountInString(text) > most {
		problems[field] = fmt.Sprintf("Length can be %d at most.", most)
	}
}

func strictly(body []byte, into any) map[string]string {
	problems := map[string]string{}
	if err := alerttest.DecodeStrictly(body, into); err != nil {
		problems["body"] = err.Error()
	}
	return problems
}

// priorities are those of the open alerts, in order.
func (s *service) priorities() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, open := range s.open {
		all = append(all, fmt.Sprintf("%s×%d+%d", open.priority, open.count, len(open.notes)))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
