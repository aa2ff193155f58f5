package slack_test

import (
	"slices"
	"strings"
	"testing"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/chat/chattest"
	"lapsewatch/watch"
)

// plots are the blocks of preformatted text that are shown whole.
func (p posting) plots() []string {
	var found []string
	for _, block := range p.Blocks {
		if block.Expand {
			found = append(found, block.Text.Text)
		}
	}
	return found
}

func TestAMessageAboutClocksShowsHowFarTheyAreOff(t *testing.T) {
	message := alerttest.Message()
	message.Events = append(chattest.Fleet(5), message.Events[1])
	got, body := sent(t, message)
	alerttest.GoldenJSON(t, "clocks.json", body, *update)
	golden(t, "clocks.txt", []byte(got.readable()+"\n"))
}

func TestA4_HostileNamesOfClocksStayInThePlot(t *testing.T) {
	message := alerttest.Message()
	message.Events = chattest.Hostile()
	got, _ := sent(t, message)
	golden(t, "clocks-hostile.txt", []byte(got.readable()+"\n"))
	plots := got.plots()
	if len(plots) != 1 || !strings.HasPrefix(plots[0], "```") || !strings.HasSuffix(plots[0], "```") || strings.Count(plots[0], "`") != 6 {
		t.Fatalf("the plots are %q", plots)
	}
	alerttest.AssertHarmless(t, plots[0], "<", ">")
}

func TestA9_ThePlotTakesNoRoomFromTheEntries(t *testing.T) {
	message := alerttest.Message()
	without := chattest.AssertSpare(t, func(events []watch.Event) (rest string, plots []string) {
		message.Events = events
		got, _ := sent(t, message)
		plots = got.plots()
		got.Blocks = slices.DeleteFunc(got.Blocks, func(block postedBlock) bool { return block.Expand })
		return got.readable(), plots
	})
	if without == 0 {
		t.Error("even a full message has a plot")
	}
}

func TestAPlotTooLargeForABlockIsLeftOut(t *testing.T) {
	message := alerttest.Message()
	message.Events = chattest.Fleet(12)
	for at := range message.Events {
		message.Events[at].Finding.Name = strings.Repeat("&\u0301\u0302\u0303\u0304", 24)
	}
	got, _ := sent(t, message)
	if len(got.plots()) != 0 || !strings.Contains(got.readable(), "&amp;") {
		t.Errorf("the message reads %s", got.readable())
	}
	for at := range message.Events {
		message.Events[at].Finding.Name = strings.Repeat("n", 24)
	}
	if got, _ := sent(t, message); len(got.plots()) != 1 {
		t.Errorf("the message reads %s", got.readable())
	}
}

func TestWhatIsRightAgainIsNotDrawn(t *testing.T) {
	message := alerttest.Message()
	message.Events = chattest.Fleet(3)
	for at := range message.Events {
		message.Events[at].Type = watch.Resolved
	}
	if got, _ := sent(t, message); len(got.plots()) != 0 {
		t.Errorf("the message reads %s", got.readable())
	}
}
