package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

func TestText(t *testing.T) {
	const secret = "p@ss/word+1"
	tests := map[string]string{
		"the secret as it is":            "login with p@ss/word+1 refused",
		"the secret escaped for a query": "login with " + url.QueryEscape(secret) + " refused",
		"the secret escaped for a path":  "login with " + url.PathEscape(secret) + " refused",
		"the secret in Base64":           "login with " + base64.StdEncoding.EncodeToString([]byte(secret)) + " refused",
		"percent-encoded in lower case":  "login with p%40ss%2fword%2b1 refused",
		"JSON with an escaped slash":     `login with p@ss\/word+1 refused`,
		"JSON as .NET writes it":         `login with p@ss/word\u002B1 refused`,
		"HTML with numbers":              "login with p&#64;ss&#x2F;word&#43;1 refused",
		"HTML with names":                "login with p@ss&sol;word&plus;1 refused",
		"percent-encoded, then in JSON":  `login with p@ss%2fword\u002b1 refused`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if got := redact.Text(text, watch.NewSecret(secret)); got != "login with <redacted> refused" {
				t.Errorf("Text = %q", got)
			}
		})
	}
}

func TestTextFindsWhatEncodersEscape(t *testing.T) {
	for _, echo := range []string{
		`{"error":"bad token aB3/x+Q9&zz=="}`, `{"error":"bad token aB3\/x+Q9&zz=="}`, `{"error":"bad token aB3/x+Q9\u0026zz=="}`,
		`{"error":"bad token aB3\/x\u002BQ9\u0026zz\u003D\u003D"}`, `{"error":"bad token aB3/x+Q9&amp;zz=="}`, `{"error":"bad token aB3%2fx%2bQ9%26zz%3d%3d"}`,
	} {
		if got := redact.Text(echo, watch.NewSecret("aB3/x+Q9&zz==")); got != `{"error":"bad token <redacted>"}` {
			t.Errorf("%s became %s", echo, got)
		}
	}
}

func TestTextFindsWhatTwoEncodersHaveEscaped(t *testing.T) {
	hook, err := url.Parse("https://chat.example.com/v1/spaces/AAAA/messages?key=AIzaSyCANARY-part_x&token=CANARYtoken-abcdef%3D")
	if err != nil {
		t.Fatal(err)
	}
	once := url.QueryEscape(hook.String())
	tests := []struct {
		secrets []watch.Secret
		echoes  []string
	}{
		{redact.URLParts(hook), []string{
			hook.String(), once, url.QueryEscape(once), url.QueryEscape("token=CANARYtoken-abcdef%3D"), `{\"t\":\"CANARYtoken-abcdef\\u003d\"}`,
			"token=CANARYtoken-abcdef%3D", "CANARYtoken-abcdef%253D", "CANARYtoken-abcdef%25253D", html.EscapeString(html.EscapeString(hook.String())),
		}},
		{[]watch.Secret{watch.NewSecret("xoxb-CANARY/with+plus=")}, []string{
			`xoxb-CANARY\\/with+plus=`, "xoxb-CANARY%252Fwith%252Bplus%253D", `xoxb-CANARY\\u002fwith\\u002bplus\\u003d`, "xoxb-CANARY&amp;#47;with+plus=",
			"xoxb%2dCANARY&amp;sol;with%5Cu002Bplus&#x25;3d", "xoxb-CANARY%26%2347%3Bwith+plus=",
		}},
	}
	for _, test := range tests {
		for _, echo := range test.echoes {
			if got := redact.Text(echo, test.secrets...); strings.Contains(got, "CANARY") || strings.Contains(got, "plus") {
				t.Errorf("%s\nbecame %s", echo, got)
			}
		}
	}
}

// An answer of several MiB is looked through for each of several secrets.
func BenchmarkText(b *testing.B) {
	hook, err := url.Parse("https://ghe.example.com/api/v3/%2Fhooks?key=AIza-Sy&token=a%3D")
	if err != nil {
		b.Fatal(err)
	}
	secrets := append(redact.URLParts(hook), watch.NewSecret("github_pat_11ABCDEFG0123456789_abcdefghijklmnopqrstuvwxyz"), watch.NewSecret("+/=-+/=-"))
	for name, text := range map[string]string{"prose": "Some words about certificates, soon. ", "one letter": "g", "escapes": `%25\\u002f&amp;`, "what resembles": "hooks%2fhooks%2f"} {
		text = strings.Repeat(text, 1<<20/len(text))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				redact.Text(text, secrets...)
			}
		})
	}
}

func FuzzText(f *testing.F) {
	for _, secret := range []string{"aB3/x+Q9zzz&z==", "p@ss words", "Bearer <\"'>", `back\slash`, "größenmaß\U0001F511", "\xff\xfe\x00\x01\u2028", "%41pass%41", "+++", "abcde\tb\nc"} {
		f.Add(secret)
	}
	lower := regexp.MustCompile("%[0-9A-F]{2}")
	encoders := []func(string) string{
		func(text string) string { return text }, inQuotes, html.EscapeString, url.QueryEscape, url.PathEscape,
		func(text string) string { return strings.ReplaceAll(inQuotes(text), "/", `\/`) },
		func(text string) string { return lower.ReplaceAllStringFunc(url.QueryEscape(text), strings.ToLower) },
	}
	f.Fuzz(func(t *testing.T, secret string) {
		secret = strings.TrimSpace(secret)
		if secret == "" || strings.Contains("<redacted>", secret) {
			return
		}
		// A run as short as those in the names of escapes may be found inside one, and the
		// rest of that escape then stays behind the mark.
		if word.MatchString(secret) && !long.MatchString(secret) {
			return
		}
		echoes := []string{base64.StdEncoding.EncodeToString([]byte(secret))}
		for _, first := range encoders {
			for _, second := range encoders {
				echoes = append(echoes, second(first(secret)))
			}
		}
		for _, echo := range echoes {
			if got := redact.Text(echo, watch.NewSecret(secret)); got != "<redacted>" {
				t.Errorf("%q, echoed as %q, became %q", secret, echo, got)
			}
		}
	})
}

var (
	word = regexp.MustCompile(`[0-9A-Za-z]`)
	long = regexp.MustCompile(`[0-9A-Za-z]{5}`)
)

// inQuotes is a text within a document of JSON.
func inQuotes(text string) string {
	// A text can always be encoded.
	encoded, _ := json.Marshal(text)
	return strings.TrimSuffix(strings.TrimPrefix(string(encoded), `"`), `"`)
}

func TestTextReplacesALongerSecretBeforeOneThatItHolds(t *testing.T) {
	got := redact.Text("token abcdefgh.", watch.NewSecret("abcd"), watch.NewSecret("abcdefgh"))
	if got != "token <redacted>." {
		t.Errorf("Text = %q", got)
	}
}

func TestWordsHideATokenWithoutItsScheme(t *testing.T) {
	got := redact.Text("the Bearer token canary-1 is unknown", redact.Words(watch.NewSecret("Bearer canary-1\n"))...)
	if got != "the Bearer token <redacted> is unknown" {
		t.Errorf("Text = %q", got)
	}
}

func TestAnEmptySecretRedactsNothing(t *testing.T) {
	if got := redact.Text("as it was", watch.NewSecret("")); got != "as it was" {
		t.Errorf("Text = %q", got)
	}
}

func TestErrorKeepsACauseThatHoldsNoSecret(t *testing.T) {
	cause := errors.New("connection refused")
	if got := redact.Error(cause, watch.NewSecret("canary")); got != cause { //nolint:errorlint // the very same error, not one like it
		t.Errorf("Error = %v, want the cause itself", got)
	}
	leaking := errors.New("token canary refused")
	got := redact.Error(leaking, watch.NewSecret("canary"))
	if got.Error() != "token <redacted> refused" || errors.Is(got, leaking) {
		t.Errorf("Error = %v, still wrapping its cause: %t", got, errors.Is(got, leaking))
	}
}

func TestURLPartsHidePathQueryAndPassword(t *testing.T) {
	address, err := url.Parse("https://user:hunter22@hooks.example.com/services/T0ABC/s3cr3tpath?key=querysecret")
	if err != nil {
		t.Fatal(err)
	}
	echo := "no route services/s3cr3tpath (key querysecret, password hunter22) at " + address.String()
	got := redact.Text(echo, redact.URLParts(address)...)
	for _, secret := range []string{"s3cr3tpath", "querysecret", "hunter22", "T0ABC"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q survives in %q", secret, got)
		}
	}
}
