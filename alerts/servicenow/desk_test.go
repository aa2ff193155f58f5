package servicenow_test

import (
	"fmt"

	"lapsewatch/internal/ticket/tickettest"
)

func (f *fake) Records() []tickettest.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	var records []tickettest.Record
	for _, record := range f.records {
		if record.deleted {
			continue
		}
		v := record.values
		shown := tickettest.Record{
			Name: v["number"], Title: v["short_description"], Text: v["description"], Comments: record.notes,
			Open:  v["state"] != "6" && v["state"] != "7",
			Marks: fmt.Sprintf("impact: %s; urgency: %s; assignment_group: %s; correlation_id: %s (%s)", v["impact"], v["urgency"], v["assignment_group"], v["correlation_id"], v["correlation_display"]),
		}
		if v["close_code"] != "" {
			shown.Outcome = fmt.Sprintf("close_code: %s; close_notes: %s", v["close_code"], v["close_notes"])
		}
		records = append(records, shown)
	}
	return records
}

func (f *fake) by(name string, hand func(*fakeRecord)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, record := range f.records {
		if record.values["number"] == name {
			hand(record)
			return
		}
	}
	f.t.Fatalf("there is no %s", name)
}

func (f *fake) Close(name string)  { f.by(name, func(r *fakeRecord) { f.setState(r, "6") }) }
func (f *fake) Seal(name string)   { f.by(name, func(r *fakeRecord) { f.setState(r, "7") }) }
func (f *fake) Delete(name string) { f.by(name, func(r *fakeRecord) { r.deleted = true }) }

func (f *fake) Edit(name string) {
	f.by(name, func(r *fakeRecord) {
		r.values["short_description"], r.values["urgency"], r.values["assignment_group"] = "the shop's certificate (see the runbook)", "3", "8a4dde73c6112278017a6a4baf547aa7"
	})
}

func (f *fake) AddForeign(title string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.add(map[string]string{"short_description": title}).values["number"]
}
