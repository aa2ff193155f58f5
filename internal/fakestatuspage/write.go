package fakestatuspage

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Write are the fields of a request that makes or changes an incident, all that are
// published.
type Write struct {
	Name                    *string                    `json:"name"`
	Status                  *string                    `json:"status"`
	ImpactOverride          *string                    `json:"impact_override"`
	ScheduledFor            *time.Time                 `json:"scheduled_for"`
	ScheduledUntil          *time.Time                 `json:"scheduled_until"`
	ScheduledRemindPrior    *bool                      `json:"scheduled_remind_prior"`
	ToMaintenance           *bool                      `json:"auto_transition_to_maintenance_state"`
	ToOperational           *bool                      `json:"auto_transition_to_operational_state"`
	AutoInProgress          *bool                      `json:"scheduled_auto_in_progress"`
	AutoCompleted           *bool                      `json:"scheduled_auto_completed"`
	NotifyAtStart           *bool                      `json:"auto_transition_deliver_notifications_at_start"`
	NotifyAtEnd             *bool                      `json:"auto_transition_deliver_notifications_at_end"`
	ReminderIntervals       *string                    `json:"reminder_intervals"`
	Metadata                map[string]json.RawMessage `json:"metadata"`
	DeliverNotifications    *bool                      `json:"deliver_notifications"`
	AutoTweetAtBeginning    *bool                      `json:"auto_tweet_at_beginning"`
	AutoTweetOnCompletion   *bool                      `json:"auto_tweet_on_completion"`
	AutoTweetOnCreation     *bool                      `json:"auto_tweet_on_creation"`
	AutoTweetOneHourBefore  *bool                      `json:"auto_tweet_one_hour_before"`
	BackfillDate            *string                    `json:"backfill_date"`
	Backfilled              *bool                      `json:"backfilled"`
	Body                    *string                    `json:"body"`
	Components              map[string]string          `json:"components"`
	ComponentIDs            []string                   `json:"component_ids"`
	ScheduledAutoTransition *bool                      `json:"scheduled_auto_transition"`
	decodedMetadata         map[string]map[string]any
}

// The words of the contract.
var (
	realtime = []string{"investigating", "identified", "monitoring", "resolved"}
	planned  = []string{"scheduled", "in_progress", "verifying", "completed"}
	impacts  = []string{"none", "maintenance", "minor", "major", "critical"}
	statuses = []string{"operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage", ""}
)

const (
	maxName = 255
	maxBody = 25_000
)

// problems is what the service refuses a write for.
func (p *Page) problems(write *Write, scheduled bool) (texts []string) {
	wrong := func(bad bool, format string, values ...any) {
		if bad {
			texts = append(texts, fmt.Sprintf(format, values...))
		}
	}
	wrong(write.Name != nil && (*write.Name == "" || utf8.RuneCountInString(*write.Name) > maxName), "Name is not of 1 to %d characters", maxName)
	wrong(write.Body != nil && utf8.RuneCountInString(*write.Body) > maxBody, "Body is too long (maximum is %d characters)", maxBody)
	allowed := realtime
	if scheduled || write.ScheduledFor != nil {
		allowed = planned
	}
	wrong(write.Status != nil && !slices.Contains(allowed, *write.Status), "Status is not included in the list")
	wrong(write.ReminderIntervals != nil && json.Unmarshal([]byte(*write.ReminderIntervals), &[]int{}) != nil, "Reminder intervals are not a list of hours")
	wrong(write.ImpactOverride != nil && !slices.Contains(impacts, *write.ImpactOverride), "Impact override is not included in the list")
	wrong((write.ScheduledFor == nil) != (write.ScheduledUntil == nil), "Scheduled until must come with scheduled for")
	wrong(write.ScheduledFor != nil && write.ScheduledUntil != nil && !write.ScheduledUntil.After(*write.ScheduledFor), "Scheduled until must be after scheduled for")
	wrong(write.Backfilled != nil && *write.Backfilled && len(write.Components)+len(write.ComponentIDs) > 0, "Components cannot be specified for a backfilled incident")
	for id, status := range write.Components {
		wrong(!p.has(id), "Component %s is not of this page", id)
		wrong(!slices.Contains(statuses, status), "Component status is not included in the list")
	}
	for _, id := range write.ComponentIDs {
		wrong(!p.has(id), "Component %s is not of this page", id)
	}
	write.decodedMetadata = map[string]map[string]any{}
	for name, value := range write.Metadata {
		var object map[string]any
		wrong(json.Unmarshal(value, &object) != nil || object == nil, "Metadata %s must be an object", name)
		write.decodedMetadata[name] = object
	}
	return texts
}

func (p *Page) has(id string) bool {
	return slices.ContainsFunc(p.components, func(component Component) bool { return component.ID == id })
}

// make makes an incident.
func (p *Page) make(write Write) (*Incident, []string) {
	if write.Name == nil {
		return nil, []string{"Name can't be blank"}
	}
	if problems := p.problems(&write, false); len(problems) > 0 {
		return nil, problems
	}
	id := p.id("incident")
	incident := &Incident{
		ID: id, PageID: p.ID, Name: *write.Name, Status: "investigating", Impact: "none", CreatedAt: p.Now().UTC(),
		Shortlink: "https://stspg.example/" + id, Updates: []Update{}, Metadata: map[string]map[string]any{},
	}
	if write.ScheduledFor != nil {
		incident.Status, incident.Impact = "scheduled", "maintenance"
	}
	p.incidents = append(p.incidents, incident)
	p.apply(incident, write, true)
	return incident, nil
}

// apply does what was asked: an update comes with a text or another status.
func (p *Page) apply(incident *Incident, write Write, fresh bool) {
	now, before := p.Now().UTC(), incident.Status
	old := map[string]string{}
	for _, component := range p.components {
		old[component.ID] = component.Status
	}
	for _, id := range write.ComponentIDs {
		if !slices.Contains(incident.tied, id) {
			incident.tied = append(incident.tied, id)
		}
	}
	for id, status := range write.Components {
		if status != "" && slices.Contains(incident.tied, id) {
			p.set(id, status)
		}
	}
	set(&incident.Name, write.Name)
	set(&incident.Status, write.Status)
	if write.ReminderIntervals != nil {
		incident.Reminders = write.ReminderIntervals
	}
	set(&incident.RemindPrior, write.ScheduledRemindPrior)
	set(&incident.AutoInProgress, write.AutoInProgress)
	set(&incident.AutoCompleted, write.AutoCompleted)
	if write.ImpactOverride != nil {
		incident.Impact, incident.ImpactOverride = *write.ImpactOverride, write.ImpactOverride
	}
	if write.ScheduledFor != nil {
		incident.ScheduledFor, incident.ScheduledUntil = write.ScheduledFor, write.ScheduledUntil
	}
	if write.Metadata != nil {
		incident.Metadata = write.decodedMetadata
	}
	incident.UpdatedAt = now
	if fresh || incident.Status != before {
		incident.ResolvedAt = nil
		if incident.Status == "resolved" || incident.Status == "completed" {
			incident.ResolvedAt = &now
		}
		if incident.Status == "monitoring" {
			incident.MonitoringAt = &now
		}
	}
	deliver := write.DeliverNotifications == nil || *write.DeliverNotifications
	if !fresh && write.Body == nil && incident.Status == before {
		return
	}
	update := Update{ID: p.id("update"), IncidentID: incident.ID, Status: incident.Status, CreatedAt: now, DisplayAt: now, UpdatedAt: now, Deliver: deliver}
	set(&update.Body, write.Body)
	for _, component := range p.components {
		if slices.Contains(incident.tied, component.ID) {
			update.Affected = append(update.Affected, Affected{Code: component.ID, Name: component.Name, OldStatus: old[component.ID], NewStatus: component.Status})
		}
	}
	incident.Updates = slices.Insert(incident.Updates, 0, update)
	if deliver {
		incident.Told++
	}
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
