package pagerduty_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"lapsewatch/alerts/alerttest"
)

// pagerDuty is the Events API v2 as its published schema and pages describe it: it
// refuses what the schema refuses, fields that it does not name and texts beyond their
// limits, keeps one open incident for each dedup_key, and tells nobody of a trigger for one
// that is open already, as it does where somebody has acknowledged it.
type pagerDuty struct {
	*alerttest.Recorder

	mu   sync.Mutex
	open map[string]string
	// paged are the severities of which people were told.
	paged   []string
	changes int
	// fail answers a path in place of PagerDuty.
	fail map[string]http.HandlerFunc
	// breaksOff is the number of the alert event, counted from 1, whose reply is lost;
	// taken says whether the event was.
	breaksOff int
	taken     bool
}

// enqueue and changeEnqueue are the bodies with the fields that the schema names.
type enqueue struct {
	RoutingKey string        `json:"routing_key"`
	Action     string        `json:"event_action"`
	DedupKey   string        `json:"dedup_key"`
	Client     string        `json:"client"`
	ClientURL  string        `json:"client_url"`
	Links      []wireLink    `json:"links"`
	Images     []any         `json:"images"`
	Payload    *alertPayload `json:"payload"`
}

type alertPayload struct {
	changePayload
	Severity  string `json:"severity"`
	Component string `json:"component"`
	Group     string `json:"group"`
	Class     string `json:"class"`
}

type changePayload struct {
	Summary   string         `json:"summary"`
	Source    string         `json:"source"`
	Timestamp string         `json:"timestamp"`
	Details   map[string]any `json:"custom_details"`
}

type changeEnqueue struct {
	RoutingKey string         `json:"routing_key"`
	Links      []wireLink     `json:"links"`
	Images     []any          `json:"images"`
	Payload    *changePayload `json:"payload"`
}

type wireLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

func newPagerDuty(t *testing.T) *pagerDuty {
	p := &pagerDuty{open: map[string]string{}, fail: map[string]http.HandlerFunc{}}
	p.Recorder = alerttest.NewRecorder(t, p.serve)
	return p
}

func (p *pagerDuty) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if fail := p.fail[r.URL.Path]; fail != nil {
		fail(w, r)
		return
	}
	if p.breaksOff--; p.breaksOff == 0 {
		if p.taken {
			p.take(r, body)
		}
		panic(http.ErrAbortHandler)
	}
	status, said := p.take(r, body)
	answer(w, status, said)
}

// take judges a request and gives the answer.
func (p *pagerDuty) take(r *http.Request, body []byte) (status int, said map[string]any) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		return http.StatusBadRequest, refused("want a POST of application/json")
	}
	if len(body) > 512_000 {
		return http.StatusRequestEntityTooLarge, refused("payload too large")
	}
	switch r.URL.Path {
	case "/v2/enqueue":
		var event enqueue
		problems := append(strictly(body, &event), event.problems()...)
		if len(problems) > 0 {
			return http.StatusBadRequest, refused(problems...)
		}
		p.apply(event)
		return http.StatusAccepted, map[string]any{"status": "success", "message": "Event processed", "dedup_key": event.DedupKey}
	case "/v2/change/enqueue":
		var event changeEnqueue
		problems := append(strictly(body, &event), event.problems()...)
		if len(problems) > 0 {
			return http.StatusBadRequest, refused(problems...)
		}
		p.changes++
		return http.StatusAccepted, map[string]any{"status": "success", "message": "Change event processed"}
	default:
		return http.StatusNotFound, refused("no such path")
	}
}

func (p *pagerDuty) apply(event enqueue) {
	if event.Action == "resolve" {
		delete(p.open, event.DedupKey)
		return
	}
	if p.open[event.DedupKey] == "" {
		p.paged = append(p.paged, event.Payload.Severity)
	}
	p.open[event.DedupKey] = event.Payload.Severity
}

// state lists the open incidents, each with the level in its key and its severity.
func (p *pagerDuty) state() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for key, severity := range p.open {
		all = append(all, key[strings.LastIndex(key, "-")+1:]+"="+severity)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// pages gives what people were told of since the last question.
func (p *pagerDuty) pages() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	told := strings.Join(p.paged, " ")
	p.paged = nil
	return told
}

func refused(errors ...string) map[string]any {
	return map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": errors}
}

func answer(w http.ResponseWriter, status int, said map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(said)
}

func strictly(body []byte, into any) []string {
	if err := alerttest.DecodeStrictly(body, into); err != nil {
		return []string{err.Error()}
	}
	return nil
}

var alphanumeric = regexp.MustCompile(`^[A-Za-z0-9]*$`)

func keyProblems(key string) (problems []string) {
	if len(key) != 32 {
		problems = append(problems, "Length of 'routing_key' is incorrect (should be 32 characters)")
	}
	if !alphanumeric.MatchString(key) {
		problems = append(problems, "'routing_key' cannot contain non-alphanumeric characters.")
	}
	return problems
}

func (e enqueue) problems() []string {
	problems := append(keyProblems(e.RoutingKey), linkProblems(e.Links, e.ClientURL)...)
	switch {
	case !slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.Action):
		problems = append(problems, "'event_action' is invalid")
	case e.Action != "trigger" && e.DedupKey == "":
		problems = append(problems, "'dedup_key' is missing")
	case e.Action == "trigger" && e.Payload == nil:
		problems = append(problems, "'payload' is missing")
	}
	if utf8.RuneCountInString(e.DedupKey) > 255 {
		problems = append(problems, "'dedup_key' is too long")
	}
	if e.Payload == nil {
		return problems
	}
	if !slices.Contains([]string{"critical", "warning", "error", "info"}, e.Payload.Severity) {
		problems = append(problems, "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
	}
	if e.Payload.Source == "" {
		problems = append(problems, "'payload.source' is missing or blank")
	}
	return append(problems, e.Payload.problems()...)
}

func (e changeEnqueue) problems() []string {
	problems := append(keyProblems(e.RoutingKey), linkProblems(e.Links)...)
	if e.Payload == nil {
		return append(problems, "'payload' is missing")
	}
	return append(problems, e.Payload.problems()...)
}

func (p changePayload) problems() (problems []string) {
	if p.Summary == "" {
		problems = append(problems, "'payload.summary' is missing or blank")
	}
	if utf8.RuneCountInString(p.Summary) > 1024 {
		problems = append(problems, "'payload.summary' is too long (maximum is 1024 characters)")
	}
	if _, err := time.Parse(time.RFC3339, p.Timestamp); p.Timestamp != "" && err != nil {
		problems = append(problems, "'payload.timestamp' is invalid")
	}
	return problems
}

func linkProblems(links []wireLink, others ...string) (problems []string) {
	for _, link := range links {
		if link.Href == "" {
			problems = append(problems, "'href' is missing")
		}
		others = append(others, link.Href)
	}
	for _, address := range others {
		if parsed, err := url.Parse(address); address != "" && (err != nil || parsed.Host == "") {
			problems = append(problems, fmt.Sprintf("%q is no URL", address))
		}
	}
	return problems
}
