package servicenow_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"lapsewatch/alerts"
	"lapsewatch/alerts/servicenow"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

// fake is the Table API of an instance as it is delivered, for the table incident.
type fake struct {
	t     *testing.T
	clock *tickettest.Clock
	// noCorrelation: the table has no correlation_id. An instance leaves it out of
	// queries and of what it writes, and says nothing.
	noCorrelation bool
	// hideNotes: the account may not read work notes.
	hideNotes bool
	// keepState: a rule of the table keeps the state as it is.
	keepState bool
	// hidden are the numbers that the account may not read: they count, and are left out
	// of pages.
	hidden []string

	mu      sync.Mutex
	records []*fakeRecord
}

type fakeRecord struct {
	values  map[string]string
	notes   []string
	deleted bool
}

// columns are the fields of an incident that are used, with their lengths.
var columns = map[string]int{
	"short_description": 160, "description": 4000, "work_notes": 4000, "close_notes": 4000, "correlation_id": 100, "correlation_display": 100,
	"impact": 1, "urgency": 1, "state": 3, "close_code": 40, "assignment_group": 32, "caller_id": 32, "category": 40, "contact_type": 40,
}

func newFake(t *testing.T, clock *tickettest.Clock) *fake { return &fake{t: t, clock: clock} }

func (f *fake) New(t *testing.T, env alerts.Env, url string) alerts.Channel {
	return build(t, env, func(o *servicenow.Options) { o.URL = url })
}

func build(t *testing.T, env alerts.Env, edit func(*servicenow.Options)) alerts.Channel {
	t.Helper()
	channel, err := servicenow.Kind.Build(options(edit), env)
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

// options decodes as configuration does, on top of the defaults.
func options(edit func(*servicenow.Options)) watch.Decoder {
	return func(into any) error {
		o := into.(*servicenow.Options)
		o.Username, o.Password.Env = "lapsewatch.bot", "PASSWORD"
		edit(o)
		return nil
	}
}

func (f *fake) StepOf(r *http.Request, body []byte) tickettest.Step {
	switch {
	case r.Method == http.MethodPost:
		return tickettest.Creates
	case r.Method != http.MethodPatch:
		return ""
	case strings.Contains(string(body), "work_notes"):
		return tickettest.Comments
	case strings.Contains(string(body), `"state":"6"`):
		return tickettest.Closes
	default:
		return tickettest.Reopens
	}
}

var tablePath = regexp.MustCompile(`^/api/now/table/incident(?:/([0-9a-f]{32}))?$`)

func (f *fake) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		user, password, basic := r.BasicAuth()
		signedIn := basic && user == "lapsewatch.bot" && password == "secret-of-PASSWORD" || r.Header.Get("Authorization") == "Bearer secret-of-ACCESS_TOKEN"
		path := tablePath.FindStringSubmatch(r.URL.Path)
		switch {
		case !signedIn:
			refuse(w, 401, `{"error":{"message":"User is not authenticated","detail":"Required to provide Auth information"},"status":"failure"}`)
		case path == nil:
			refuse(w, 400, `{"error":{"message":"Invalid table","detail":null},"status":"failure"}`)
		case path[1] == "" && r.Method == http.MethodGet:
			f.list(w, r)
		case path[1] == "":
			f.create(w, r)
		default:
			f.one(w, r, path[1])
		}
	})
}

func refuse(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func answer(w http.ResponseWriter, status int, result any) {
	body, err := json.Marshal(map[string]any{"result": result})
	if err != nil {
		panic(err)
	}
	refuse(w, status, string(body))
}

var query = regexp.MustCompile(`^correlation_id=(lapsewatch-[0-9a-f]{32})\^ORDERBYsys_created_on$`)

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	asked := query.FindStringSubmatch(r.URL.Query().Get("sysparm_query"))
	limit, err := strconv.Atoi(r.URL.Query().Get("sysparm_limit"))
	offset, offsetErr := strconv.Atoi(r.URL.Query().Get("sysparm_offset"))
	if asked == nil || err != nil || offsetErr != nil {
		f.t.Errorf("no query of ours: %s", r.URL.Query())
		return
	}
	var found []*fakeRecord
	for _, record := range f.records {
		if !record.deleted && (f.noCorrelation || record.values["correlation_id"] == asked[1]) {
			found = append(found, record)
		}
	}
	w.Header().Set("X-Total-Count", strconv.Itoa(len(found)))
	page := []any{}
	for _, record := range found[min(offset, len(found)):min(offset+limit, len(found))] {
		if !slices.Contains(f.hidden, record.values["number"]) {
			page = append(page, f.shown(record, r))
		}
	}
	answer(w, 200, page)
}

// shown gives the fields that were asked for. Those that the table does not have are
// left out, and journals are empty unless display values are asked for.
func (f *fake) shown(record *fakeRecord, r *http.Request) map[string]string {
	shown := map[string]string{}
	for name := range strings.SplitSeq(r.URL.Query().Get("sysparm_fields"), ",") {
		switch {
		case f.noCorrelation && name == "correlation_id":
		case name == "work_notes" && f.hideNotes:
		case name == "work_notes" && r.URL.Query().Get("sysparm_display_value") == "true":
			for _, note := range slices.Backward(record.notes) {
				shown[name] += fmt.Sprintf("2026-11-22 06:00:00 - Lapsewatch Bot (Work notes)\n%s\n\n", note)
			}
		case name == "work_notes":
			shown[name] = ""
		default:
			shown[name] = record.values[name]
		}
	}
	return shown
}

// read takes the fields of a request. An instance leaves out what it does not know, and
// cuts what is too long, without a word, so that the test fails in its place.
func (f *fake) read(r *http.Request) map[string]string {
	var asked map[string]string
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		f.t.Error(err)
	}
	for name, value := range asked {
		if length, known := columns[name]; !known || utf8.RuneCountInString(value) > length {
			f.t.Errorf("field %s with %d characters, of at most %d", name, utf8.RuneCountInString(value), length)
		}
	}
	if f.noCorrelation {
		delete(asked, "correlation_id")
	}
	return asked
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	made := f.add(f.read(r))
	answer(w, 201, f.shown(made, r))
}

func (f *fake) add(values map[string]string) *fakeRecord {
	number := len(f.records) + 1
	made := &fakeRecord{values: map[string]string{
		"sys_id": fmt.Sprintf("%032x", 0xabc000+number), "number": fmt.Sprintf("INC%07d", 10000+number), "state": "1", "active": "true",
		"resolved_at": "", "closed_at": "",
	}}
	for name, value := range values {
		made.values[name] = value
	}
	f.records = append(f.records, made)
	return made
}

func (f *fake) one(w http.ResponseWriter, r *http.Request, id string) {
	at := slices.IndexFunc(f.records, func(record *fakeRecord) bool { return record.values["sys_id"] == id && !record.deleted })
	if at < 0 {
		refuse(w, 404, `{"error":{"message":"No Record found","detail":"Record doesn't exist or ACL restricts the record retrieval"},"status":"failure"}`)
		return
	}
	record := f.records[at]
	if r.Method == http.MethodGet {
		answer(w, 200, f.shown(record, r))
		return
	}
	asked := f.read(r)
	state := asked["state"]
	switch {
	case state != "" && record.values["active"] == "false":
		refuse(w, 403, `{"error":{"message":"Operation Failed","detail":"ACL Exception Update Failed due to security constraints"},"status":"failure"}`)
		return
	case state == "6" && (asked["close_code"] == "" || asked["close_notes"] == ""):
		refuse(w, 403, `{"error":{"message":"Operation Failed","detail":"Error during update of incident: Data Policy Exception: The following fields are mandatory: Resolution code, Resolution notes"},"status":"failure"}`)
		return
	}
	if note := asked["work_notes"]; note != "" {
		record.notes = append(record.notes, note)
		delete(asked, "work_notes")
	}
	for name, value := range asked {
		if name != "state" {
			record.values[name] = value
		}
	}
	if state != "" && !f.keepState {
		f.setState(record, state)
	}
	answer(w, 200, f.shown(record, r))
}

func (f *fake) setState(record *fakeRecord, state string) {
	now := f.clock.Now().UTC().Format(time.DateTime)
	record.values["state"], record.values["sys_updated_on"] = state, now
	switch state {
	case "6":
		record.values["resolved_at"] = now
	case "7":
		record.values["closed_at"], record.values["active"] = now, "false"
	default:
		record.values["resolved_at"] = ""
	}
}
