package opsgenie_test

import (
	"strings"
	"testing"

	"lapsewatch/incidents/incidenttest"
	"lapsewatch/internal/ticket/tickettest"
)

// Records lists the incidents as people see them.
func (f *fake) Records() []incidenttest.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	var records []incidenttest.Record
	for _, i := range f.incidents {
		if i.gone {
			continue
		}
		record := incidenttest.Record{
			ID: i.id, Title: i.message, Phase: i.status, Open: i.status == "open", Told: i.told,
			Texts: []string{i.description}, Key: i.details["lapsewatch_key"],
		}
		if record.Open {
			record.Phase = i.details["lapsewatch_phase"]
		}
		for _, note := range i.notes {
			// The last line of ours is a mark.
			text, mark, _ := strings.Cut(note, "\n\nLapsewatch ")
			if strings.HasPrefix(mark, "note-") {
				record.Notes = append(record.Notes, text)
			} else {
				record.Internal = strings.TrimSpace(record.Internal + "\n\n" + text)
			}
		}
		records = append(records, record)
	}
	return records
}

func (f *fake) Edit(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.named(id).message, f.named(id).description = "Sign-in fails (see the runbook)", "Anna is looking into it."
}

func (f *fake) Delete(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.named(id).gone = true
}

func (f *fake) AddForeign(title, text string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.incidents = append(f.incidents, &fakeIncident{
		id: "8743a1b2-11da-480e-8493-" + strings.Repeat("0", 10) + string(rune('A'+len(f.incidents))) + "0", message: title, description: text, status: "open",
		priority: "P3", tags: []string{"lapsewatch"}, details: map[string]string{}, updated: f.clock.Now(),
	})
	return f.incidents[len(f.incidents)-1].id
}

func TestOpsgenieKeepsTheContract(t *testing.T) {
	t.Parallel()
	incidenttest.Run(t, incidenttest.Suite{
		Desk:      func(t *testing.T, clock *tickettest.Clock) incidenttest.Desk { return newFake(t, clock) },
		Forbidden: []string{"<script", "<img", "<iframe", "<a ", "](http"},
	})
}
