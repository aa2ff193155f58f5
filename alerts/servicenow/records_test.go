package servicenow_test

import (
	"flag"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/servicenow"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/ticket/tickettest"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

const shop = "shop.example.com:443"

func open(t *testing.T) (*fake, *tickettest.Office) {
	clock := tickettest.NewClock(alerttest.Now())
	f := newFake(t, clock)
	return f, tickettest.Open(t, f, clock)
}

// desk is the fake with options of its own.
type desk struct {
	*fake
	edit func(*servicenow.Options)
}

func (d desk) New(t *testing.T, env alerts.Env, url string) alerts.Channel {
	return build(t, env, func(o *servicenow.Options) {
		o.URL = url
		d.edit(o)
	})
}

// Instances leave out of a query what they do not understand, and give everything.
func TestATableThatIgnoresTheKeyIsAnError(t *testing.T) {
	f, office := open(t)
	f.noCorrelation = true
	office.AddForeign("the printer does not print")
	_, err := office.Try(t, office.Message(1, watch.Resolved, shop, watch.OK, 21))
	if want := `deliver by operations: look in table incident: it gives "INC0010001" for a correlation_id that this record does not show: the table needs that field, and the account the right to read it`; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	if record := office.Records()[0]; !record.Open || len(record.Comments) > 0 {
		t.Errorf("somebody else's record was touched: %+v", record)
	}
}

func TestARecordThatWasMadeWithoutItsKeyIsMadeOnce(t *testing.T) {
	f, office := open(t)
	f.noCorrelation = true
	message := office.Message(1, watch.Opened, shop, watch.Warning, 21)
	wants := []string{
		"deliver by operations: make a record in table incident: INC0010001 was made without its correlation_id lapsewatch-82a9fc84ef4a12791151e2c834eea353: give the account the right to write and read that field",
		"deliver by operations: INC0010001 was made without its key lapsewatch-82a9fc84ef4a12791151e2c834eea353, and no other is made while it stands: give it the key, or delete it",
	}
	for _, want := range wants {
		if _, err := office.Try(t, message); err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
		office.Clock.Advance(time.Hour)
	}
	f.noCorrelation = false
	office.Delete("INC0010001")
	office.Tell(t, message)
	if got := len(office.Records()); got != 1 {
		t.Errorf("%d records", got)
	}
}

func TestAStateThatIsNotTakenIsAnError(t *testing.T) {
	f, office := open(t)
	f.keepState = true
	office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
	_, err := office.Try(t, office.Message(2, watch.Resolved, shop, watch.OK, 21))
	if want := `deliver by operations: set state 6 in table incident: the record has state "1" after it: a rule of the table does not allow it`; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestWithoutTheRightToReadWorkNotesTheMemoryTellsWhatWasSaid(t *testing.T) {
	f, office := open(t)
	f.hideNotes = true
	office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
	office.Clock.Advance(time.Hour)
	worse := office.Message(2, watch.Worsened, shop, watch.Critical, 20)
	office.Tell(t, worse)
	office.Tell(t, worse)
	if got := len(office.Records()[0].Comments); got != 1 {
		t.Errorf("%d work notes", got)
	}
}

// Who copies a record copies its correlation_id.
func TestOfManyCopiesTheOldestThatIsOpenIsOursWhateverTheAccountMayNotRead(t *testing.T) {
	f, office := open(t)
	office.Tell(t, office.Message(1, watch.Opened, shop, watch.Warning, 21))
	for range 130 {
		f.add(map[string]string{"correlation_id": f.records[0].values["correlation_id"]})
	}
	for _, record := range f.records[:120] {
		f.setState(record, "7")
		f.hidden = append(f.hidden, record.values["number"])
	}
	office.Clock.Advance(time.Hour)
	office.Forget()
	office.Tell(t, office.Message(2, watch.Worsened, shop, watch.Critical, 20))
	for i, record := range office.Records() {
		if want := map[bool]int{i == 120: 1}[true]; len(record.Comments) != want {
			t.Errorf("%s has %d work notes", record.Name, len(record.Comments))
		}
	}
}

func TestANewRecordHasTheFieldsOfItsConfiguration(t *testing.T) {
	clock := tickettest.NewClock(alerttest.Now())
	f := newFake(t, clock)
	office := tickettest.Open(t, desk{f, func(o *servicenow.Options) {
		o.AssignmentGroup, o.Caller = "8a4dde73c6112278017a6a4baf547aa7", "6816f79cc0a8016401c5a33be04be441"
		o.Fields = map[string]string{"category": "software", "contact_type": "monitoring"}
		o.CloseCode, o.CloseNotes = "Resolved by change", "See the change."
	}}, clock)
	grades := []struct {
		severity        watch.Severity
		impact, urgency string
	}{{watch.Critical, "2", "1"}, {watch.Warning, "3", "2"}, {watch.Unknown, "3", "2"}, {watch.Notice, "3", "3"}}
	for i, grade := range grades {
		office.Tell(t, office.Message(i, watch.Opened, string(grade.severity)+".example.com:443", grade.severity, 1))
		if got := f.records[i].values; got["impact"] != grade.impact || got["urgency"] != grade.urgency {
			t.Errorf("%s has impact %s and urgency %s", grade.severity, got["impact"], got["urgency"])
		}
	}
	clock.Advance(time.Hour)
	office.Tell(t, office.Message(9, watch.Resolved, "critical.example.com:443", watch.OK, 1))
	for name, want := range map[string]string{
		"assignment_group": "8a4dde73c6112278017a6a4baf547aa7", "caller_id": "6816f79cc0a8016401c5a33be04be441", "category": "software",
		"contact_type": "monitoring", "close_code": "Resolved by change", "close_notes": "See the change.", "correlation_display": "Lapsewatch",
	} {
		if got := f.records[0].values[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestA9_ARecordStaysWithinTheLengthsOfItsFields(t *testing.T) {
	_, office := open(t)
	office.Tell(t, tickettest.Longest(watch.Opened))
	resolved := tickettest.Longest(watch.Resolved)
	resolved.ID = "another"
	office.Tell(t, resolved)
	record := office.Records()[0]
	for _, want := range []string{"Shortened, because the service takes no longer text: the report says it all.", "Whole report: " + alerttest.ReportURL, "Message 8a5be0f2c1d34e6f9a0b1c2d3e4f5061"} {
		if !strings.Contains(record.Text, want) {
			t.Errorf("%q is missing in %s", want, record.Text)
		}
	}
	if !strings.HasSuffix(record.Title, " expires 2026-12-13") {
		t.Errorf("title %s", record.Title)
	}
}

var a5 = []string{
	"[code]<img src=x onerror=alert(1)>[/code]", "[CODE]x[/CODE]", "[[code]code]x[[/code]/code]", "[ code ]x[ / code ]", "[co[code]de]", "](code)[code]",
}

func TestA5_NoTextFromOutsideIsShownAsHTML(t *testing.T) {
	for _, text := range a5 {
		t.Run(text, func(t *testing.T) {
			_, office := open(t)
			message := alerttest.Message()
			message.Events = message.Events[:1]
			finding := &message.Events[0].Finding
			finding.Name, finding.Message, finding.Remedy, finding.Check = text, text, text+" `"+text+"`", text
			finding.Owners, finding.Also, message.Note = []string{text}, []watch.Judgement{{Message: text}}, text
			office.Tell(t, message)
			message.Events[0].Type, message.ID = watch.Resolved, "another"
			office.Tell(t, message)
			if shown := string(tickettest.Dump(office.Records())); tag(shown) {
				t.Errorf("it is HTML: %s", shown)
			}
		})
	}
}

func tag(text string) bool {
	bare := strings.ToLower(strings.Join(strings.Fields(text), ""))
	return strings.Contains(bare, "[code]") || strings.Contains(bare, "[/code]")
}

func FuzzWithoutCode(f *testing.F) {
	for _, text := range a5 {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := servicenow.WithoutCode(clean.Text(text, 200)); tag(got) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

func TestTheRecordsOfAnOrdinaryMessage(t *testing.T) {
	golden(t, "incidents.txt", told(t, alerttest.Message()))
}

func TestF15_AHostileMessageReadsAsTheGoldenFileSays(t *testing.T) {
	golden(t, "hostile.txt", told(t, alerttest.HostileMessage()))
}

// told delivers each event of a message and gives what people see.
func told(t *testing.T, message alerts.Message) []byte {
	t.Helper()
	_, office := open(t)
	for _, event := range message.Events {
		one := message
		one.Events = []watch.Event{event}
		office.Tell(t, one)
	}
	return tickettest.Dump(office.Records())
}

func TestALifeReadsAsTheGoldenFileSays(t *testing.T) {
	_, office := open(t)
	office.TellALife(t)
	golden(t, "life.txt", tickettest.Dump(office.Records()))
}

func TestATestMessageReadsAsTheGoldenFileSays(t *testing.T) {
	message := alerttest.Message()
	message.Events, message.Test = message.Events[:1], true
	golden(t, "test.txt", told(t, message))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	alerttest.Golden(t, name, got, *update)
}
