package fakeslack_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lapsewatch/internal/fakeslack"
)

// published compiles the schemas of auth.test out of Slack's own OpenAPI document.
func published(t *testing.T, which string) *jsonschema.Schema {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(cache, "lapsewatch-parts", "slack-api.json"))
	if err != nil {
		t.Fatalf("Slack's description of its API is missing (%v): run `make test-parts`", err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("slack.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("slack.json#/paths/~1auth.test/get/responses/" + which + "/content/application~1json/schema")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func ask(t *testing.T, slack http.Handler, token string) any {
	t.Helper()
	request := httptest.NewRequest(http.MethodPost, "https://slack.com/api/auth.test", nil)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	recorded := httptest.NewRecorder()
	slack.ServeHTTP(recorded, request)
	answer, err := jsonschema.UnmarshalJSON(recorded.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestAnswersFitThePublishedSchema(t *testing.T) {
	slack := fakeslack.New(nil,
		fakeslack.Token{Secret: "user", User: "grace"}, fakeslack.Token{Secret: "bot", User: "bot", Bot: true},
		fakeslack.Token{Secret: "revoked", Error: "token_revoked"}, fakeslack.Token{Secret: "inactive", Error: "account_inactive"},
	)
	success, failure := published(t, "200"), published(t, "default")
	for _, token := range []string{"user", "bot"} {
		if err := success.Validate(ask(t, slack, token)); err != nil {
			t.Errorf("the answer for %s does not fit: %v", token, err)
		}
	}
	for _, token := range []string{"", "unknown", "revoked", "inactive"} {
		if err := failure.Validate(ask(t, slack, token)); err != nil {
			t.Errorf("the refusal of %q does not fit: %v", token, err)
		}
	}
	if success.Validate(map[string]any{"ok": true}) == nil || failure.Validate(map[string]any{"ok": false, "error": "who_knows"}) == nil {
		t.Error("the published schema takes anything")
	}
}

func TestARotatingTokenEnds(t *testing.T) {
	now := time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)
	slack := fakeslack.New(func() time.Time { return now }, fakeslack.Token{Secret: "xoxe.xoxb-1", User: "bot", Expires: now.Add(time.Hour)})
	if got := ask(t, slack, "xoxe.xoxb-1").(map[string]any)["expires_in"]; got != json.Number("3600") {
		t.Errorf("it ends in %v", got)
	}
	now = now.Add(time.Hour)
	if got := ask(t, slack, "xoxe.xoxb-1").(map[string]any)["error"]; got != "token_expired" {
		t.Errorf("afterwards: %v", got)
	}
}
