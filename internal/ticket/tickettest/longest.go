package tickettest

import (
	"strings"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/watch"
)

// Longest is a message in which every text is as long as it can be and has to be escaped
// throughout.
func Longest(kind watch.EventType) alerts.Message {
	hostile := strings.Repeat("[~a]{*}#1@", 1000)
	finding := alerttest.Message().Events[1].Finding
	finding.Name, finding.Message, finding.Remedy, finding.Check = hostile, hostile, hostile, hostile
	finding.Link = "https://inventory.example.com/" + strings.Repeat("a", 1900)
	finding.Also = nil
	for range 20 {
		finding.Also = append(finding.Also, watch.Judgement{Reason: watch.NameMismatch, Severity: watch.Warning, Message: hostile})
		finding.Owners = append(finding.Owners, hostile)
	}
	message := alerttest.Message()
	message.Note = hostile
	message.Events = []watch.Event{{ID: "long", Type: kind, At: alerttest.Now(), Finding: finding}}
	return message
}
