package webhook_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/webhook"
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
			r := newReceiver(t)
			message := alerttest.Message()
			message.Note = test.note
			r.deliver(t, message)
			var sent struct{ Data map[string]any }
			if err := json.Unmarshal(r.body, &sent); err != nil {
				t.Fatal(err)
			}
			got, stands := sent.Data["note"]
			if stands != (test.want != "") || stands && got != test.want {
				t.Errorf("note %q (there: %t), want %q", got, stands, test.want)
			}
		})
	}
}

func TestOnlyASafeReportURLIsPassedOn(t *testing.T) {
	for _, url := range []string{"", "javascript:alert(1)", "http://lapsewatch.example.com/report", "https://user:word@lapsewatch.example.com/"} {
		r := newReceiver(t)
		env := r.env()
		env.ReportURL = url
		channel := build(t, env, func(o *webhook.Options) { o.URL = r.URL })
		if _, err := channel.Deliver(t.Context(), alerttest.Message()); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(r.body, []byte("report_url")) {
			t.Errorf("for %q: %s", url, r.body)
		}
	}
}
