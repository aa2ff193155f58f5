package teams_test

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"

	"lapsewatch/alerts/alerttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTheCardReadsAsTheGoldenFilesSay(t *testing.T) {
	golden(t, "digest", deliver(t, alerttest.Message()))
}

func TestF15_A5_AHostileMessageReadsAsTheGoldenFileSays(t *testing.T) {
	message := alerttest.HostileMessage()
	for _, text := range []string{
		"<at>Everyone</at> {{DATE(2017-02-14T06:00:00Z, SHORT)}}",
		"**bold** _italic_ [renew](https://evil.example.org) - one\r- two `code`",
	} {
		event := message.Events[0]
		event.Finding.Name, event.Finding.Message, event.Finding.Remedy = text, text, text
		event.Finding.Owners, event.Finding.Also = []string{text}, nil
		message.Events = append(message.Events, event)
	}
	golden(t, "hostile", deliver(t, message))
}

func TestATestMessageSaysFirstThatNothingHasHappened(t *testing.T) {
	message := alerttest.Message()
	message.Test = true
	golden(t, "test", deliver(t, message))
}

func TestA9_ADigestOfHundredsOfEventsFillsTheCardAndCountsTheRest(t *testing.T) {
	message := alerttest.Crowded(400)
	card := deliver(t, message)
	golden(t, "limit", card)
	if len(card.body) < 18*1024 {
		t.Errorf("the body has only %d bytes", len(card.body))
	}
	shown := strings.Count(card.page, "certificate expires")
	if want := fmt.Sprintf("%d more, the least urgent, are not listed here: see %s", len(message.Events)-shown, alerttest.ReportURL); !strings.Contains(card.page, want) {
		t.Errorf("%q is missing", want)
	}
	if !strings.Contains(card.page, "shop.example.com:443") {
		t.Error("the most urgent event is missing")
	}
}

func TestA9_TheMostUrgentEventIsShownHoweverLongItsTextsAre(t *testing.T) {
	for name, unit := range map[string]string{"of four bytes": "𝔛", "escaped twice": `\"`, "escaped for HTML": "<&>", "plain": "long "} {
		t.Run("characters "+name, func(t *testing.T) {
			message := alerttest.Message()
			long := strings.Repeat(unit, 20_000)
			for i := range message.Events {
				alerttest.Swell(&message.Events[i].Finding, long, 10, 100)
				message.Events[i].Finding.Name = "first " + long
			}
			message.Note = long
			if card := deliver(t, message); !strings.Contains(card.page, "first ") {
				t.Errorf("no event is shown:\n%s", card.page)
			}
		})
	}
}

func TestTheCardLeadsOnlyToSafeLinks(t *testing.T) {
	for link, want := range map[string]string{
		"https://inventory.example.com/a?b=c": "[Open](https://inventory.example.com/a?b=c)",
		"http://inventory.example.com/":       "",
		"javascript:alert(1)":                 "",
		"https://user@evil.example.org/":      "",
		"msteams://call":                      "",
	} {
		message := alerttest.Message()
		message.Events = message.Events[:1]
		message.Events[0].Finding.Link = link
		page := deliver(t, message).page
		if got := strings.Contains(page, "[Open]("); got != (want != "") || !strings.Contains(page, want) {
			t.Errorf("link %s:\n%s", link, page)
		}
	}
}

func TestANoteStandsAboveTheEntries(t *testing.T) {
	message := alerttest.Message()
	message.Note = "channel <at>all</at> could not deliver this"
	page := deliver(t, message).page
	if note, first := strings.Index(page, "channel < at>all< /at> could not deliver this"), strings.Index(page, "CRITICAL"); note < 0 || note > first {
		t.Errorf("page:\n%s", page)
	}
}

func TestACommandHasALineOfItsOwnInMonospace(t *testing.T) {
	message := alerttest.Message()
	message.Events = message.Events[:1]
	message.Events[0].Finding.Remedy = "Renew it: `certbot renew --cert-name shop` and then `systemctl reload nginx`."
	card := deliver(t, message)
	want := "To do: Renew it:\ncertbot renew --cert-name shop\nand then\nsystemctl reload nginx\n"
	if !strings.Contains(card.page, want) {
		t.Errorf("page:\n%s\nwant\n%s", card.page, want)
	}
	if !bytes.Contains(card.body, []byte(`{"type":"TextRun","text":"systemctl reload nginx","fontType":"monospace"}`)) {
		t.Errorf("body %s", card.body)
	}
}

func TestWithoutAReportTheCardHasNoButtonForIt(t *testing.T) {
	service := alerttest.NewRecorder(t, accept)
	env := alerttest.Env(service.Client(), nil)
	env.ReportURL = ""
	alerttest.Deliver(t, build(t, env, service.URL), alerttest.Message())
	if page := render(t, service.Last(t).Content).page; strings.Contains(page, "Open the report") {
		t.Errorf("page:\n%s", page)
	}
}

// golden keeps the card as it is sent and as it is read.
func golden(t *testing.T, name string, card rendered) {
	t.Helper()
	alerttest.GoldenJSON(t, name+".json", card.body, *update)
	alerttest.Golden(t, name+".txt", []byte(card.page), *update)
}

func TestA9_ARemedyOfVeryManyCommandsIsCutAndTheDigestGoesOut(t *testing.T) {
	for name, remedy := range map[string]string{"short ones": strings.Repeat("`a` ", 250), "each with words": strings.Repeat("`\\` or ", 120)} {
		t.Run(name, func(t *testing.T) {
			service := alerttest.NewRecorder(t, accept)
			message := alerttest.Message()
			for i := range message.Events {
				message.Events[i].Finding.Remedy = remedy
			}
			alerttest.Deliver(t, build(t, alerttest.Env(service.Client(), nil), service.URL), message)
			if sent := service.Last(t).Content; len(sent) > 24<<10 || !bytes.Contains(sent, []byte("shop.example.com:443")) || !bytes.Contains(sent, []byte("… and more, for which there is no room here.")) {
				t.Errorf("%d bytes: %s", len(sent), sent)
			}
		})
	}
}

func TestWhatNobodyWatchesAnyMoreIsNotGreen(t *testing.T) {
	service := alerttest.NewRecorder(t, accept)
	alerttest.Deliver(t, build(t, alerttest.Env(service.Client(), nil), service.URL), alerttest.Unwatched())
	if sent := service.Last(t).Content; !bytes.Contains(sent, []byte("NO LONGER WATCHED (1)")) || bytes.Contains(sent, []byte(`"good"`)) || bytes.Contains(sent, []byte("To do: ")) {
		t.Errorf("sent %s", sent)
	}
}
