package teams_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/chat/chattest"
	"lapsewatch/watch"
)

// divide takes the plots out of the page: each is a paragraph of lines with spaces that no
// client drops, of which there are no others.
func (r rendered) divide() (rest string, plots []string) {
	plot := false
	for line := range strings.Lines(r.page) {
		before := plot
		switch plot = strings.Contains(line, "\u00a0"); {
		case plot && !before:
			plots = append(plots, line)
			rest = strings.TrimSuffix(rest, "\n")
		case plot:
			plots[len(plots)-1] += line
		default:
			rest += line
		}
	}
	return rest, plots
}

func TestAMessageAboutClocksShowsHowFarTheyAreOff(t *testing.T) {
	message := alerttest.Message()
	message.Events = append(chattest.Fleet(5), message.Events[1])
	card := deliver(t, message)
	golden(t, "clocks", card)
	last := `{"type":"RichTextBlock","spacing":"none","inlines":[{"type":"TextRun","text":":_warning_from_1_s,_|_critical_from_30_s","size":"small","fontType":"monospace"}]}`
	if !bytes.Contains(card.body, []byte(strings.ReplaceAll(last, "_", "\u00a0"))) {
		t.Errorf("body %s", card.body)
	}
}

func TestA5_HostileNamesOfClocksStayInThePlot(t *testing.T) {
	message := alerttest.Message()
	message.Events = chattest.Hostile()
	card := deliver(t, message)
	golden(t, "clocks-hostile", card)
	_, plots := card.divide()
	if len(plots) != 1 {
		t.Fatalf("%d plots:\n%s", len(plots), card.page)
	}
	alerttest.AssertHarmless(t, plots[0], "`", "<at", "</at", "{{")
	for line := range strings.Lines(plots[0]) {
		// Two breaks of a mention and one of a function may make a name longer.
		if most := 72 + 3; utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > most {
			t.Errorf("a line has more than %d characters: %s", most, line)
		}
	}
}

func TestA9_ThePlotTakesNoRoomFromTheEntries(t *testing.T) {
	message := alerttest.Message()
	without := chattest.AssertSpare(t, func(events []watch.Event) (rest string, plots []string) {
		message.Events = events
		return deliver(t, message).divide()
	})
	if without == 0 {
		t.Error("even a full card has a plot")
	}
}
