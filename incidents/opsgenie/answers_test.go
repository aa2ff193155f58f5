package opsgenie_test

import (
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"

	"lapsewatch/alerts/alerttest"
)

func tooLong(text string, most int) bool { return utf8.RuneCountInString(text) > most }

func (f *fake) create(body []byte) (int, map[string]any) {
	var made createBody
	if err := alerttest.DecodeStrictly(body, &made); err != nil {
		return refused(http.StatusUnprocessableEntity, err.Error())
	}
	if made.Message == "" || tooLong(made.Message, 130) || tooLong(made.Description, 15000) || tooLong(made.Note, 25000) || len(made.Tags) > 20 || made.Notify == nil ||
		!slices.Contains([]string{"P1", "P2", "P3", "P4", "P5"}, made.Priority) {
		return refused(http.StatusUnprocessableEntity, "Request body is not processable. Please check the errors.")
	}
	if f.refuses {
		return f.accepted(false, "No service with id [x] found", "")
	}
	standing := &fakeIncident{
		id:      fmt.Sprintf("8743a1b2-11da-480e-8493-%012d", len(f.incidents)+1),
		message: made.Message, description: made.Description, status: "open", priority: made.Priority, tags: made.Tags,
		details: made.Details, services: made.ImpactedServices, updated: f.clock.Now(), entry: made.StatusPageEntry,
	}
	if *made.Notify {
		standing.told++
	}
	if made.Note != "" {
		standing.notes = append(standing.notes, made.Note)
	}
	f.incidents, f.created = append(f.incidents, standing), append(f.created, made)
	return f.accepted(true, "Created incident", standing.id)
}

func (f *fake) change(standing *fakeIncident, action string, body []byte) (int, map[string]any) {
	var made changeBody
	if err := alerttest.DecodeStrictly(body, &made); err != nil || tooLong(made.Note, 25000) || tooLong(made.Message, 130) {
		return refused(http.StatusUnprocessableEntity, "Request body is not processable. Please check the errors.")
	}
	if f.changes++; f.failsAfter > 0 && f.changes > f.failsAfter {
		return refused(http.StatusServiceUnavailable, "Service unavailable")
	}
	if standing == nil {
		return f.accepted(false, "Incident does not exist", "")
	}
	if !f.apply(standing, action, made) {
		return refused(http.StatusUnprocessableEntity, "Request body is not processable. Please check the errors.")
	}
	standing.updated = f.clock.Now()
	return f.accepted(true, "Done", standing.id)
}

func (f *fake) apply(standing *fakeIncident, action string, made changeBody) bool {
	switch action {
	case "POST notes":
		standing.notes = append(standing.notes, made.Note)
		return made.Note != ""
	case "POST message":
		standing.message = made.Message
		return made.Message != ""
	case "POST description":
		if made.Description == nil || tooLong(*made.Description, 15000) {
			return false
		}
		standing.description = *made.Description
	case "PUT priority":
		standing.priority = made.Priority
		return made.Priority != ""
	case "POST details":
		for name, value := range made.Details {
			standing.details[name] = value
		}
		return len(made.Details) > 0
	case "POST resolve":
		standing.status = "resolved"
	case "POST reopen":
		standing.status = "open"
	default:
		return false
	}
	return true
}
