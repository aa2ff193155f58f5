package email_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	nethtml "golang.org/x/net/html"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
)

var commands = []string{
	"az login",
	"az ad app credential reset --append --id 5c219700-0000-4000-8000-000000000005 --years 1 --display-name lapsewatch-202611",
	`az rest --method patch --url https://graph.microsoft.com/v1.0/servicePrincipals/5c219700-0000-4000-8000-000000000007 --body '{"preferredTokenSigningKeyThumbprint":"7374357E1ED0E2D5770A49D37D5E7BAAE0DBC504"}'`,
}

func messageWithCommands() alerts.Message {
	message := alerttest.Message()
	message.Events = message.Events[:2]
	first, second := &message.Events[0].Finding, &message.Events[1].Finding
	first.Name, first.Message = "inv`oices: secret `pipeline", "client secret `expires` soon"
	first.Remedy = "`" + commands[0] + "`, then make a new secret beside it: `" + commands[1] + "`. Hand it to whatever signs in with the old one."
	second.Name = "`az ad app delete --id travel`"
	second.Remedy = "Let the application trust the new certificate, then make it the active one in a maintenance window: `" + commands[2] + "`."
	return message
}

func TestARemedyWithCommandsReadsAsTheGoldenFilesSay(t *testing.T) {
	taken, _ := send(t, messageWithCommands(), nil)
	mail := parseMail(t, taken.raw)
	golden(t, "commands.txt", mail.text)
	golden(t, "commands.html", mail.html)
}

func TestPastingALineOfTheTextMailRunsExactlyTheCommand(t *testing.T) {
	taken, _ := send(t, messageWithCommands(), nil)
	var pasted []string
	for line := range strings.Lines(parseMail(t, taken.raw).text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "az ") {
			pasted = append(pasted, line)
		}
	}
	if !slices.Equal(pasted, commands) {
		t.Errorf("pasting runs\n%s\nwant\n%s", strings.Join(pasted, "\n"), strings.Join(commands, "\n"))
	}
}

func TestTheHTMLMailHasEveryCommandAsCodeAndNothingElse(t *testing.T) {
	taken, _ := send(t, messageWithCommands(), nil)
	page, err := nethtml.Parse(strings.NewReader(parseMail(t, taken.raw).html))
	if err != nil {
		t.Fatal(err)
	}
	var code []string
	for node := range page.Descendants() {
		if node.Type == nethtml.ElementNode && node.Data == "code" {
			code = append(code, node.FirstChild.Data)
		}
	}
	if !slices.Equal(code, commands) {
		t.Errorf("got %q", code)
	}
}

func TestA9_ALongDigestWithCommandsIsNotCutOffByTheReader(t *testing.T) {
	message := messageWithCommands()
	for len(message.Events) < 100 {
		message.Events = append(message.Events, message.Events[0])
	}
	taken, _ := send(t, message, nil)
	mail := parseMail(t, taken.raw)
	// Gmail cuts a message off above 102 KB of HTML.
	if len(mail.html) > 102<<10 || len(mail.html) < 90<<10 {
		t.Errorf("the HTML has %d bytes", len(mail.html))
	}
	listed := strings.Count(mail.text, "\n* ")
	if want := fmt.Sprintf("%d more, the least urgent, are not listed here", 100-listed); !strings.Contains(mail.text, want) || !strings.Contains(mail.html, want) {
		t.Errorf("of 100 the mail lists %d, and does not say %q", listed, want)
	}
}
