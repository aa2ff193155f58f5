package cloudevent_test

import (
	"encoding/json"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/cloudevent"
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
