package webhook_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"lapsewatch/alerts/alerttest"
)

func TestANoteSaysWhyTheMessageComesThisWay(t *testing.T) {
	tests := []struct{ name, note, want string }{
		{"none", "", ""},
		{"plain", "channel pager could not deliver this", "channel pager could not deliver this"},
		{"with control characters", "channel \x1b[31m\r\nBcc: all", "channel \uFFFD[31m\uFFFDBcc: all"},
		{"without end", strings.Repeat("n", 501), strings.Repeat("n", 499) + "…"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			message := alerttest.Message()
			message.Note = test.note
			var made struct{ Data map[string]any }
			if err := json.Unmarshal(sent(t, message).Content, &made); err != nil {
				t.Fatal(err)
			}
			got, stands := made.Data["note"]
			if stands != (test.want != "") || stands && got != test.want {
				t.Errorf("note %q (there: %t), want %q", got, stands, test.want)
			}
		})
	}
}

func TestOnlyASafeReportURLIsPassedOn(t *testing.T) {
	for _, url := range []string{"", "javascript:alert(1)", "http://lapsewatch.example.com/report", "https://user:word@lapsewatch.example.com/"} {
		receiver := newReceiver(t)
		env := alerttest.Env(receiver.Client(), secrets)
		env.ReportURL = url
		alerttest.Deliver(t, build(t, env, receiver.URL), alerttest.Message())
		if body := receiver.Last(t).Content; bytes.Contains(body, []byte("report_url")) {
			t.Errorf("for %q: %s", url, body)
		}
	}
}
