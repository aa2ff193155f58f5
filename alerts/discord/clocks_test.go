package discord_test

import (
	"strings"
	"testing"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/chat/chattest"
	"lapsewatch/watch"
)

// divide takes the plots, with their back-ticks, out of the text above the embeds.
func (p posting) divide() (rest string, plots []string) {
	for _, part := range strings.SplitAfter(p.Content, "\n```\n") {
		if before, fenced := strings.CutSuffix(part, "\n```"); fenced {
			plots = append(plots, before)
			continue
		}
		rest += strings.TrimSuffix(part, "\n```\n")
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
	if len(plots) != 1 || strings.Count(got.Content, "`") != 6 {
		t.Fatalf("the text above the embeds is %s", got.Content)
	}
	alerttest.AssertHarmless(t, plots[0], "`", "@everyone", "@HERE")
}

func TestA9_ThePlotTakesNoRoomFromTheEntries(t *testing.T) {
	message := alerttest.Message()
	chattest.AssertSpare(t, func(events []watch.Event) (rest string, plots []string) {
		message.Events = events
		got, _ := sent(t, message)
		got.Content, plots = got.divide()
		return string(got.readable()), plots
	})
}

func TestAPlotTooLargeForTheTextIsLeftOut(t *testing.T) {
	message := alerttest.Message()
	message.Note = strings.Repeat("n", 490)
	message.Events = chattest.Fleet(12)
	for name, want := range map[string]int{strings.Repeat("n", 24): 1, strings.Repeat("n\u0301\u0302\u0303\u0304", 24): 0} {
		for at := range message.Events {
			message.Events[at].Finding.Name = name
		}
		got, _ := sent(t, message)
		rest, plots := got.divide()
		if bare := "**Lapsewatch: 3 critical, 9 warnings**\n" + message.Note + "\nThe whole report: <" + alerttest.ReportURL + ">"; len(plots) != want || rest != bare {
			t.Errorf("with the name %s there are %d plots, want %d, beside\n%s", name, len(plots), want, rest)
		}
	}
}
