package ntfy_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/ntfy"
	"lapsewatch/internal/chat/chattest"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

func deliver(t *testing.T, message alerts.Message) publication {
	t.Helper()
	server := alerttest.NewRecorder(t, publish)
	alerttest.Deliver(t, channel(t, server), message)
	return parse(t, server.Last(t).Content)
}

func TestTheMessageReadsAsTheGoldenFileSays(t *testing.T) {
	golden(t, "digest.txt", deliver(t, alerttest.Message()))
}

func TestTheRequestIsTheDocumentedJSON(t *testing.T) {
	server := alerttest.NewRecorder(t, publish)
	alerttest.Deliver(t, channel(t, server), alerttest.Only(0))
	alerttest.GoldenJSON(t, "single.json", server.Last(t).Content, *update)
}

func TestF15_A5_AHostileMessageReadsAsTheGoldenFileSays(t *testing.T) {
	var all strings.Builder
	for _, event := range alerttest.HostileMessage().Events {
		message := alerttest.Message()
		message.Events = []watch.Event{event}
		fmt.Fprintf(&all, "%s\n\n", page(deliver(t, message)))
	}
	alerttest.Golden(t, "hostile.txt", []byte(all.String()), *update)
}

func TestATestMessageSaysFirstThatNothingHasHappened(t *testing.T) {
	message := alerttest.Message()
	message.Test = true
	golden(t, "test.txt", deliver(t, message))
}

func TestA9_ADigestOfHundredsOfEventsFillsTheMessageAndCountsTheRest(t *testing.T) {
	message := alerttest.Crowded(400)
	sent := deliver(t, message)
	golden(t, "limit.txt", sent)
	if len(sent.Message) < 3600 {
		t.Errorf("the message has only %d bytes", len(sent.Message))
	}
	shown := strings.Count(sent.Message, "• ")
	if want := fmt.Sprintf("%d more, the least urgent, are not listed here: see %s", len(message.Events)-shown, alerttest.ReportURL); !strings.Contains(sent.Message, want) {
		t.Errorf("%q is missing", want)
	}
}

func TestA9_TheMostUrgentEventIsShownHoweverLongItsTextsAre(t *testing.T) {
	for name, unit := range map[string]string{"of four bytes": "𝔛", "escaped in JSON": `\"`, "escaped for HTML": "<&>", "plain": "long "} {
		t.Run("characters "+name, func(t *testing.T) {
			message := alerttest.Message()
			long := strings.Repeat(unit, 20_000)
			for i := range message.Events {
				alerttest.Swell(&message.Events[i].Finding, long, 10, 1930)
				message.Events[i].Finding.Name = "first " + long
			}
			message.Note = long
			if sent := deliver(t, message); !strings.Contains(sent.Message, "• first ") {
				t.Errorf("no event is shown:\n%s", sent.Message)
			}
		})
	}
}

func TestThePriorityIsThatOfTheWorstThatIsOpen(t *testing.T) {
	tests := []struct {
		name     string
		severity watch.Severity
		kind     watch.EventType
		test     bool
		priority int
		tag      string
	}{
		{"critical", watch.Critical, watch.Opened, false, 5, "rotating_light"},
		{"a warning", watch.Warning, watch.Reminder, false, 4, "warning"},
		{"unreadable", watch.Unknown, watch.Opened, false, 4, "grey_question"},
		{"a notice", watch.Notice, watch.Opened, false, 3, "information_source"},
		{"in order again", watch.OK, watch.Improved, false, 2, "white_check_mark"},
		{"resolved, once critical", watch.Critical, watch.Resolved, false, 2, "white_check_mark"},
		{"a test of something critical", watch.Critical, watch.Opened, true, 3, "test_tube"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			message := alerttest.Message()
			// What is resolved decides nothing.
			message.Events, message.Test = message.Events[3:], test.test
			message.Events[0].Type, message.Events[0].Finding.Severity = test.kind, test.severity
			sent := deliver(t, message)
			if sent.Priority != test.priority || !slices.Equal(sent.Tags, []string{test.tag, "lapsewatch"}) {
				t.Errorf("priority %d, tags %v, want %d and %s", sent.Priority, sent.Tags, test.priority, test.tag)
			}
		})
	}
}

func TestTheButtonsLeadToTheReportAndToASingleFinding(t *testing.T) {
	single := alerttest.Only(0)
	unsafe := alerttest.Only(0, func(event *watch.Event) { event.Finding.Link = "javascript:alert(1)" })
	const report, finding = "Open the report → https://lapsewatch.example.com/report\n", "Open the finding → https://inventory.example.com/certificates/42\n"
	tests := []struct {
		name, report string
		message      alerts.Message
		want         string
	}{
		{"several findings", alerttest.ReportURL, alerttest.Message(), report},
		{"one finding", alerttest.ReportURL, single, report + finding},
		{"one finding and no report", "", single, finding},
		{"one finding with an unsafe link", "", unsafe, ""},
		{"an unsafe report", "javascript:alert(1)", alerttest.Message(), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := alerttest.NewRecorder(t, publish)
			deliverWith(t, server, test.report, test.message)
			got := ""
			for _, action := range parse(t, server.Last(t).Content).Actions {
				got += action.Label + " → " + action.URL + "\n"
			}
			if got != test.want {
				t.Errorf("buttons:\n%swant:\n%s", got, test.want)
			}
		})
	}
}

func TestACommandHasALineOfItsOwnAndANoteStandsFirst(t *testing.T) {
	message := alerttest.Message()
	message.Events = message.Events[:1]
	message.Note = "channel pager could not deliver this"
	message.Events[0].Finding.Remedy = "`certbot renew --cert-name shop` and then `systemctl reload nginx`."
	text := deliver(t, message).Message
	if !strings.HasPrefix(text, "channel pager could not deliver this\n\nCRITICAL (1)\n") {
		t.Errorf("message:\n%s", text)
	}
	if !strings.Contains(text, "\nTo do:\ncertbot renew --cert-name shop\nand then\nsystemctl reload nginx\n") {
		t.Errorf("message:\n%s", text)
	}
}

func TestClocksAreTextWithoutAPlot(t *testing.T) {
	message := alerttest.Message()
	message.Events = chattest.Fleet(2)
	want := "CRITICAL (2)\n• db-7.example.com (new)\nclock is off\nCheck: fleet (clock)\n\n• web-3.example.com (new)\nclock is off\nCheck: fleet (clock)\n\nLapsewatch 1.2.3, channel operations, as of 2026-11-22 06:00 UTC"
	if got := deliver(t, message).Message; got != want {
		t.Errorf("the message reads\n%s\nwant\n%s", got, want)
	}
}

func TestAnAddressOfTheReportThatLeavesNoRoomIsLeftOut(t *testing.T) {
	for length, kept := range map[int]bool{500: true, 501: false} {
		server := alerttest.NewRecorder(t, publish)
		const root = "https://lapsewatch.example.com/"
		deliverWith(t, server, root+strings.Repeat("r", length-len(root)), alerttest.Message())
		if sent := parse(t, server.Last(t).Content); (sent.Click != "") != kept || (len(sent.Actions) == 1) != kept {
			t.Errorf("with %d bytes: click %q, actions %v", length, sent.Click, sent.Actions)
		}
	}
}

// deliverWith delivers where the whole report has another address.
func deliverWith(t *testing.T, server *alerttest.Recorder, report string, message alerts.Message) {
	t.Helper()
	env := alerttest.Env(server.Client(), nil)
	env.ReportURL = report
	alerttest.Deliver(t, alerttest.Build(t, ntfy.Kind, env, func(o *ntfy.Options) { o.URL, o.Topic = server.URL, "alerts" }), message)
}

// page is a publication as a reader sees it.
func page(sent publication) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\npriority %d, tags %s\n\n%s\n\n", sent.Title, sent.Priority, strings.Join(sent.Tags, ", "), sent.Message)
	if sent.Click != "" {
		fmt.Fprintf(&out, "click: %s\n", sent.Click)
	}
	for _, action := range sent.Actions {
		fmt.Fprintf(&out, "[%s](%s)\n", action.Label, action.URL)
	}
	return out.String()
}

func golden(t *testing.T, name string, sent publication) {
	t.Helper()
	alerttest.Golden(t, name, []byte(page(sent)), *update)
}
