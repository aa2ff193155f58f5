package fakestatus

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Event is one of Azure Service Health, in the words of its API.
type Event struct {
	ID, Type, Status, Level, Title string
	Started                        time.Time
	// Service and Region are what it hits; RegionStatus is Status where it is empty.
	Service, Region, RegionStatus string
	// Others are further regions that it hits, in which it has Status.
	Others []string
}

// Azure is Azure Resource Manager, as far as it lists events
// (Microsoft.ResourceHealth, 2022-10-01, Events_ListBySubscriptionId).
type Azure struct {
	Subscription string
	// Accepts says which tokens it takes, and Reads whether they have the role Reader.
	Accepts func(token string) bool
	Reads   bool
	// PageSize bounds a page; 0 is all in one.
	PageSize int

	mu     sync.Mutex
	events []Event
}

// Set replaces the events.
func (a *Azure) Set(events ...Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = events
}

// ServeHTTP implements http.Handler.
func (a *Azure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !a.Accepts(token):
		refuse(w, http.StatusUnauthorized, "InvalidAuthenticationToken", "The access token is invalid.")
		return
	case r.URL.Path != "/subscriptions/"+a.Subscription+"/providers/Microsoft.ResourceHealth/events":
		refuse(w, http.StatusNotFound, "SubscriptionNotFound", "The subscription could not be found.")
		return
	case !a.Reads:
		refuse(w, http.StatusForbidden, "AuthorizationFailed", "The client does not have authorization to perform action 'Microsoft.ResourceHealth/events/read'.")
		return
	case r.URL.Query().Get("api-version") != "2022-10-01":
		refuse(w, http.StatusBadRequest, "InvalidApiVersionParameter", "The api-version is invalid.")
		return
	}
	if _, err := time.Parse("1/2/2006", r.URL.Query().Get("queryStartTime")); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidQueryStartTime", "The queryStartTime is invalid.")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	from, _ := strconv.Atoi(r.URL.Query().Get("$skipToken")) // without one the first page
	from = min(max(from, 0), len(a.events))
	to := len(a.events)
	if a.PageSize > 0 {
		to = min(from+a.PageSize, to)
	}
	page := object{"value": list(a.events[from:to])}
	if to < len(a.events) {
		query := r.URL.Query()
		query.Set("$skipToken", strconv.Itoa(to))
		page["nextLink"] = fmt.Sprintf("https://%s%s?%s", r.Host, r.URL.Path, query.Encode())
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(page) // a client that left needs no answer
}

func list(events []Event) []object {
	all := []object{}
	for _, one := range events {
		// level is the older and coarser field (Critical or Warning), which Azure still fills.
		level := "Warning"
		if one.Level == "Critical" || one.Level == "Error" {
			level = "Critical"
		}
		all = append(all, object{
			"name": one.ID, "type": "/providers/Microsoft.ResourceHealth/events", "id": "/providers/Microsoft.ResourceHealth/events/" + one.ID,
			"properties": object{
				"eventType": one.Type, "status": one.Status, "level": level, "eventLevel": one.Level, "title": one.Title, "impactStartTime": stamp(one.Started),
				"impact": []object{{"impactedService": one.Service, "impactedRegions": one.regions()}},
			},
		})
	}
	return all
}

func (e Event) regions() []object {
	all := []object{{"impactedRegion": e.Region, "status": cmp.Or(e.RegionStatus, e.Status)}}
	for _, other := range e.Others {
		all = append(all, object{"impactedRegion": other, "status": e.Status})
	}
	return all
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object{"error": object{"code": code, "message": message}})
}
