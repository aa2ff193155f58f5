package slack

import (
	"testing"
	"time"

	"lapsewatch/internal/webclient"
)

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"ok":true,"url":"https://subarachnoid.slack.com/","team":"T","user":"grace","team_id":"T1","user_id":"W1","expires_in":43200}`,
		`{"ok":false,"error":"invalid_auth"}`, `{"ok":true,"expires_in":1e300}`, `{"ok":true,"expires_in":-1}`, `{"ok":1}`, `null`, `{"ok":true}{}`, `[`,
	} {
		f.Add([]byte(seed))
	}
	now := time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		said, readable := read(body)
		if readable && said.OK == nil {
			t.Errorf("%q says nothing and is an answer", body)
		}
		found := said.identity(webclient.Answer{}, now)
		if until := found.notAfter; !until.IsZero() && (until.Before(now) || until.After(now.Add(longestLife))) {
			t.Errorf("%q ends at %s", body, until)
		}
	})
}
