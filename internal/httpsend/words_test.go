package httpsend_test

import (
	"encoding/json"
	"strings"
	"testing"

	"lapsewatch/internal/httpsend"
)

// message reads the form of error of the service in these tests.
func message(body []byte) string {
	var refusal struct{ Message string }
	if json.Unmarshal(body, &refusal) != nil {
		return ""
	}
	return refusal.Message
}

func TestARefusalIsPutIntoTheWordsOfItsService(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"where it has the form", `{"Message":"no such\r\nproject"}`, "it answered 400 Bad Request: no such�project"},
		{"where it has not, it is quoted", "<html>", `it answered 400 Bad Request: "<html>"`},
		{"where the form is empty, it is quoted", "{}", `it answered 400 Bad Request: "{}"`},
		{"a long one is cut", `{"Message":"` + strings.Repeat("na", 1000) + `"}`, "it answered 400 Bad Request: " + strings.Repeat("na", 249) + "n…"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := serve(t, answer(400, "", test.body))
			_, err := httpsend.New(env(server.Client()), endpoint(server.URL)).Send(t.Context(), httpsend.Request{Words: message})
			if want := "deliver by operations: post to " + server.URL + ": " + test.want; err == nil || err.Error() != want {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		})
	}
}

func TestA11_AListIsReadUpToTheBoundThatItsRequestSets(t *testing.T) {
	server := serve(t, answer(200, "", strings.Repeat("on and on ", 1<<17)))
	response, err := httpsend.New(env(server.Client()), endpoint(server.URL)).Send(t.Context(), httpsend.Request{MaxResponse: 100 << 10})
	if err != nil || len(response.Body) != 100<<10 {
		t.Errorf("read %d bytes: %v", len(response.Body), err)
	}
}
