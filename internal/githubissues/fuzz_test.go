package githubissues

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
)

func FuzzAnyAnswerIsRead(f *testing.F) {
	f.Add(`{"message":"Validation Failed.","errors":[{"field":"title","code":"custom"}]}`, `<https://api.github.com/x?page=2>; rel="next"`, "60")
	f.Add(`[{"number":1,"labels":null,"user":null,"author_association":null}]`, `<://>; rel="next"`, "-1")
	f.Add(`{"errors":["x"]}`, `<>;rel="next"`, "99999999999999999999")
	f.Fuzz(func(t *testing.T, body, link, wait string) {
		header := http.Header{"Link": {link}, "Retry-After": {wait}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {wait}}
		_ = words([]byte(body))
		_ = nextPage(header)
		c := &Client{env: alerts.Env{Now: alerttest.Now}}
		for range 2 {
			if retry, after, judged := c.verdict(http.StatusForbidden, header, []byte(body)); !retry || !judged || after < 0 {
				t.Errorf("retry %t after %s, judged %t", retry, after, judged)
			}
			header.Del("Retry-After")
		}
		var issue Issue
		if json.NewDecoder(strings.NewReader(body)).Decode(&issue) == nil {
			_, _ = issue.Open(), issue.Labelled("x")
		}
	})
}
