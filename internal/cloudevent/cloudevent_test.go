package cloudevent_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/cloudevent"
	"lapsewatch/watch"
)

func TestTheCloudEventsLibraryReadsEachMessage(t *testing.T) {
	for name, message := range map[string]alerts.Message{"an ordinary message": alerttest.Message(), "a hostile message": alerttest.HostileMessage()} {
		t.Run(name, func(t *testing.T) {
			document, err := cloudevent.Encode(message, "/here", alerttest.ReportURL)
			if err != nil {
				t.Fatal(err)
			}
			var event cloudevents.Event
			if err := json.Unmarshal(document, &event); err != nil {
				t.Fatal(err)
			}
			if err := event.Validate(); err != nil || event.ID() != message.ID || event.Source() != "/here" {
				t.Errorf("event %s: %v", event, err)
			}
		})
	}
}

func TestAMessageWithoutEventsIsRefused(t *testing.T) {
	message := alerttest.Message()
	message.Events = nil
	if document, err := cloudevent.Encode(message, "/here", ""); err == nil || document != nil {
		t.Errorf("document %s, error %v", document, err)
	}
}

// read is what a receiver gets.
func read(t *testing.T, message alerts.Message) (events []watch.Event, leftOut int) {
	t.Helper()
	document, err := cloudevent.Encode(message, "/here", alerttest.ReportURL)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Data struct {
			Events  []watch.Event `json:"events"`
			LeftOut int           `json:"events_left_out"`
		} `json:"data"`
	}
	if err := json.Unmarshal(document, &got); err != nil || len(document) > 256<<10 {
		t.Fatalf("%d bytes: %v", len(document), err)
	}
	for _, text := range alerttest.JSONTexts(t, document) {
		alerttest.AssertHarmless(t, text)
	}
	return got.Data.Events, got.Data.LeftOut
}

const hostile = "evil\x00\r\nBcc: x\x1b[31m\u202e"

func TestA4_EveryTextOfAnEventIsCleanAndBounded(t *testing.T) {
	type inner struct{ Text string }
	message := alerttest.Only(1, func(event *watch.Event) {
		event.Concerned, event.StoodIn = []string{hostile, strings.Repeat("a", 300<<10)}, []string{hostile}
		event.Finding.Acknowledged = &watch.Acknowledgement{By: hostile, Reason: hostile + strings.Repeat("b", 300<<10)}
		event.Finding.Details = map[string]any{
			"nested": map[string]any{hostile: []any{map[string]any{"deep": hostile}}}, "foreign": inner{hostile}, "other": map[string]string{hostile: hostile},
			"number": 3, "yes": true, "none": nil,
		}
	})
	events, leftOut := read(t, message)
	if len(events) != 1 || leftOut != 0 {
		t.Fatalf("%d events, %d left out", len(events), leftOut)
	}
	const want = "evil�Bcc: x�[31m�"
	got := events[0]
	if got.Concerned[0] != want || utf8.RuneCountInString(got.Concerned[1]) != 512 || got.StoodIn[0] != want {
		t.Errorf("concerned %q, stood in %q", got.Concerned, got.StoodIn)
	}
	if by := got.Finding.Acknowledged; by.By != want || !strings.HasPrefix(by.Reason, want) || utf8.RuneCountInString(by.Reason) != 2048 {
		t.Errorf("acknowledged %+v", by)
	}
}

func TestDetailsKeepTheirForm(t *testing.T) {
	endless := map[string]any{}
	endless["again"] = endless
	events, _ := read(t, alerttest.Only(1, func(event *watch.Event) {
		event.Finding.Details = map[string]any{"nested": map[string]any{"list": []any{1, "a"}}, "endless": endless}
	}))
	nested, err := json.Marshal(events[0].Finding.Details["nested"])
	if want := `{"list":[1,"a"]}`; err != nil || string(nested) != want {
		t.Errorf("nested %s, want %s", nested, want)
	}
}

func TestAnEventThatIsTooLargeLosesPartsOfItselfAndNoOther(t *testing.T) {
	large := strings.Repeat("<", 2000)
	tests := map[string]func(*watch.Event){
		"many owners":    func(e *watch.Event) { e.Finding.Owners = slices.Repeat([]string{large}, 50) },
		"many concerned": func(e *watch.Event) { e.Concerned = slices.Repeat([]string{large}, 50) },
		"long texts":     func(e *watch.Event) { alerttest.Swell(&e.Finding, large, 50, 2000) },
		"a date that JSON cannot hold": func(e *watch.Event) {
			e.Finding.NotAfter = time.Date(10000, time.January, 1, 0, 0, 0, 0, time.UTC)
		},
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			message := alerttest.Message()
			edit(&message.Events[0])
			events, leftOut := read(t, message)
			if len(events) != len(message.Events) || leftOut != 0 {
				t.Fatalf("%d events, %d left out", len(events), leftOut)
			}
			if got := events[0].Finding; got.Severity != watch.Critical || got.Name == "" || got.Message == "" || got.Details["left_out"] != "they do not fit into a message" {
				t.Errorf("of the large one is left: %+v", got)
			}
		})
	}
}

func TestAfterAnEventThatDoesNotFitComeThoseThatDo(t *testing.T) {
	message := alerttest.Message()
	small := message.Events[1]
	large := alerttest.Only(1, func(event *watch.Event) {
		event.Finding.Owners = slices.Repeat([]string{strings.Repeat("o", 500)}, 50)
	}).Events[0]
	message.Events = append(slices.Repeat([]watch.Event{large}, 20), small)
	events, leftOut := read(t, message)
	if last := events[len(events)-1]; leftOut == 0 || len(events)+leftOut != 21 || len(last.Finding.Owners) != 1 {
		t.Errorf("%d events, %d left out", len(events), leftOut)
	}
}
