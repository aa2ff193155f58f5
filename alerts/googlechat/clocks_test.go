package googlechat_test

import (
	"strings"
	"testing"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/chat/chattest"
	"lapsewatch/watch"
)

// divide takes the plots out of the text above the card.
func (p posting) divide() (rest string, plots []string) {
	parts := strings.Split(p.Text, "\n```")
	for at, part := range parts {
		if at%2 == 1 {
			plots = append(plots, part)
		} else {
			rest += part
		}
	}
	return rest, plots
}

func TestAMessageAboutClocksShowsHowFarTheyAreOff(t *testing.T) {
	message := alerttest.Message()
	message.Events = append(chattest.Fleet(5), message.Events[1])
	got, body := sent(t, message)
	alerttest.GoldenJSON(t, "clocks.json", body, *update)
	golden(t, "clocks.txt", got.readable())
}

func TestA5_HostileNamesOfClocksStayInThePlot(t *testing.T) {
	message := alerttest.Message()
	message.Events = chattest.Hostile()
	got, _ := sent(t, message)
	golden(t, "clocks-hostile.txt", got.readable())
	_, plots := got.divide()
	if len(plots) != 1 || strings.Count(got.Text, "`") != 6 || !strings.HasSuffix(got.Text, "\n```") {
		t.Fatalf("the text above the card is %s", got.Text)
	}
	alerttest.AssertHarmless(t, plots[0], "`", "<", ">", "://")
}

func TestA9_ThePlotTakesNoRoomFromTheEntries(t *testing.T) {
	message := alerttest.Message()
	chattest.AssertSpare(t, func(events []watch.Event) (rest string, plots []string) {
		message.Events = events
		got, _ := sent(t, message)
		got.Text, plots = got.divide()
		return string(got.readable()), plots
	})
}

func TestA9_AFullMessageHasNoPlot(t *testing.T) {
	message := alerttest.Large(500)
	message.Events = append(chattest.Fleet(1), message.Events...)
	got, body := sent(t, message)
	if _, plots := got.divide(); len(plots) != 0 || len(body) < 30_000 {
		t.Errorf("%d plots in %d bytes", len(plots), len(body))
	}
}

func TestAPlotTooLargeForTheTextIsLeftOut(t *testing.T) {
	message := alerttest.Message()
	message.Events = chattest.Fleet(12)
	for name, want := range map[string]int{strings.Repeat("n", 24): 1, strings.Repeat("𝔛", 24): 1, strings.Repeat("𝔛\U0001d167\U0001d167", 24): 0} {
		for at := range message.Events {
			message.Events[at].Finding.Name = name
		}
		got, _ := sent(t, message)
		if rest, plots := got.divide(); len(plots) != want || rest != "Lapsewatch: 3 critical, 9 warnings" {
			t.Errorf("with the name %s there are %d plots, want %d, beside %s", name, len(plots), want, rest)
		}
	}
}
