package entra

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/faketenant"
	"lapsewatch/watch"
)

var requestIDs = regexp.MustCompile(`request id [0-9a-f-]{36}`)

// hostileNames are display names as anybody may give who may register an application.
func hostileNames() map[string]string {
	return map[string]string{
		"A1": `=HYPERLINK("https://evil.example","x")`, "A2": `"><script>alert(1)</script>{{.}}`, "A3": "name\r\nBcc: evil@example.com",
		"A4": "<!channel> <https://evil.example|portal.azure.com> ```", "A5": "@everyone [x](https://evil.example) `az ad app delete`",
		"A6": `' or owners/$count eq 0 or '`, "A7": "\x1b[31mred\u202egnp.exe\u200b", "A8": "ok\nlapsewatch_findings 0",
		"A9": strings.Repeat("x", 64<<10) + "\x00\xff", "shell": "`; rm -rf ~; $(id) && az ad app delete --id x #'\"\\",
	}
}

// harmless is what commands consist of, besides the quoting of JSON.
var harmless = regexp.MustCompile("^(lapsewatch config check --online|az login --tenant [0-9a-f-]{36} --allow-no-subscriptions|az ad app owner add --id [0-9a-f-]{36} --owner-object-id OBJECT-ID-OF-A-USER|az ad (app|sp) credential (reset --append|delete) --id [0-9a-f-]{36} [a-z0-9@. -]+|az rest --method (post|patch) --url https://[0-9.:]+/v1\\.0/servicePrincipals/[0-9a-f-]{36}(/addTokenSigningCertificate)? --body '[A-Za-z0-9\"{}:=-]+')$")

func TestHostileNamesReachNoCommandAndNoLink(t *testing.T) {
	var directory faketenant.Directory
	owners := []string{}
	for n, name := range []string{"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "shell"} {
		text := strings.ToValidUTF8(hostileNames()[name], "?")
		app := application(n+1, text, secret(n+1, text, days(5)))
		app.Notes, app.ServiceManagementReference, app.Tags = text, text, []string{text}
		directory.Users = append(directory.Users, faketenant.User{ID: userID(n + 1), DisplayName: text, UserPrincipalName: text, Mail: text, OtherMails: []string{text}})
		owners = append(owners, userID(n+1))
		app.OwnerIDs = owners
		keys, password, preferred := faketenant.SAMLSigning(keyIDOf(100+n), keyIDOf(200+n), text, [20]byte{byte(n)}, days(-300), days(5))
		directory.ServicePrincipals = append(directory.ServicePrincipals, faketenant.ServicePrincipal{
			ID: spID(n + 1), AppID: numbered('9', n+1), DisplayName: text, PreferredTokenSigningKeyThumbprint: preferred,
			KeyCredentials: keys, PasswordCredentials: []faketenant.PasswordCredential{password, secret(300+n, text, days(5))},
			NotificationEmailAddresses: []string{text},
		})
		directory.Applications = append(directory.Applications, app)
	}
	told := begin(t, directory).collect(t)
	equal(t, "credentials", len(told.credentials), 1+3*10)
	for _, credential := range told.credentials {
		checkHarmless(t, credential)
	}
}

func checkHarmless(t *testing.T, credential watch.Credential) {
	t.Helper()
	subject := credential.Subject
	commands := strings.Split(credential.Remedy, "`")
	if len(commands)%2 == 0 || len(commands) < 3 {
		t.Errorf("the quoting of commands is broken: %s", credential.Remedy)
	}
	for i := 1; i < len(commands); i += 2 {
		if !harmless.MatchString(commands[i]) {
			t.Errorf("a command is %s", commands[i])
		}
	}
	for _, exact := range []string{subject.ID, subject.Link, credential.Identity} {
		if !regexp.MustCompile(`^[a-zA-Z0-9_./:#~-]+$`).MatchString(exact) {
			t.Errorf("an ID or link is %q", exact)
		}
	}
	if len(subject.Owners) > 1 || len(subject.Owners) == 1 && !strings.HasSuffix(subject.Owners[0], "@example.com") {
		t.Errorf("%q is told", subject.Owners)
	}
	shown := []string{subject.Name}
	for _, value := range credential.Details {
		switch value := value.(type) {
		case string:
			shown = append(shown, value)
		case []string:
			shown = append(shown, value...)
		}
	}
	for _, text := range shown {
		if len(text) > 1200 || !utf8.ValidString(text) || clean.Text(text, 1000) != text {
			t.Errorf("%.80q is not fit to be shown", text)
		}
	}
}

func TestObjectsWithoutUsableIDsAreProblems(t *testing.T) {
	s := beginWith(t, faketenant.Options{Directory: contoso(), Manners: []faketenant.Manner{
		{On: "/applications", After: 1, Answer: faketenant.Reply(200, "application/json", fmt.Sprintf(
			`{"value":[{"id":"%s","appId":"../../evil","displayName":"evil\r\nX: y","passwordCredentials":[]},{"id":7,"appId":"%s"},null,"text",{"appId":"%s"}]}`,
			objectID(1), appID(2), appID(4)))},
	}})
	told := s.collect(t)
	var got []string
	for _, problem := range told.problems {
		got = append(got, fmt.Sprintf("%s confined %v: %v", strings.TrimPrefix(problem.Subject.ID, tenantPrefix), problem.Confined, problem.Err))
	}
	equal(t, "problems", strings.Join(got, "\n"), strings.Join([]string{
		`applications confined false: list applications: "evil�X: y" cannot be read: has no application ID and object ID that are GUIDs`,
		appID(2) + `/unreadable confined true: read application ` + appID(2) + `: type '*float64' is not compatible with type string`,
		appID(4) + `/unreadable confined true: read application ` + appID(4) + `: has no application ID and object ID that are GUIDs`,
	}, "\n"))
}
