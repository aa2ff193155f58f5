package mailflow_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/mailflow"
	"lapsewatch/internal/faketenant"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

const (
	ownApp    = "11111111-2222-4333-8444-555555555555"
	ownSecret = "Q~s-canary-secret-0123456789abcdef.zZ"
)

// tenant is one in which the application ownApp may send from one mailbox and read another.
func tenant(t *testing.T, secretEnds time.Time) *faketenant.Tenant {
	t.Helper()
	started, err := faketenant.Start(faketenant.Options{Manners: faketenant.WellBehaved(), Directory: faketenant.Directory{
		Applications: []faketenant.Application{{
			ID: "99999999-2222-4333-8444-555555555555", AppID: ownApp, DisplayName: "crm",
			PasswordCredentials: []faketenant.PasswordCredential{{
				KeyID: "77777777-2222-4333-8444-555555555555", Hint: ownSecret[:3], SecretText: ownSecret,
				StartDateTime: faketenant.At(secretEnds.AddDate(-1, 0, 0)), EndDateTime: faketenant.At(secretEnds),
			}},
		}},
		Users: []faketenant.User{
			{ID: "66666666-2222-4333-8444-555555555555", UserPrincipalName: "crm@example.com", Mail: "crm@example.com"},
			{ID: "66666666-2222-4333-8444-555555555556", UserPrincipalName: "canary@example.net", Mail: "canary@example.net"},
		},
		Grants: map[string][]string{ownApp: {"Mail.Send", "Mail.ReadWrite"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Close() })
	return started
}

func signIn(t *testing.T, at *faketenant.Tenant) msgraph.SignIn {
	t.Helper()
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, at.RootPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return msgraph.SignIn{
		Tenant: at.TenantID, ClientID: ownApp, Method: msgraph.ClientSecret, Secret: watch.SecretRef{Env: "APP"},
		AuthorityURL: at.AuthorityURL, GraphURL: at.GraphURL, CAFile: caFile,
	}
}

// inCloud is a scene whose mail goes by Graph from end to end.
func inCloud(t *testing.T) (*scene, *faketenant.Tenant) {
	cloud := tenant(t, time.Now().AddDate(1, 0, 0))
	s := &scene{t: t, sender: &sender{}, memory: &checktest.Memory{}, log: &checktest.Log{}, secrets: checktest.Secrets{"OUT": password, "APP": ownSecret}, now: time.Now().UTC().Truncate(time.Second), keeps: true}
	s.flow.Name, s.flow.From, s.flow.To, s.flow.Wait = "CRM mail", "crm@example.com", "canary@example.net", watch.Duration(time.Millisecond)
	s.flow.Submit.Graph = &mailflow.GraphOut{SignIn: signIn(t, cloud)}
	s.flow.Arrive.Graph = &mailflow.GraphIn{SignIn: signIn(t, cloud), Folders: mailflow.Folders{Also: []string{"junkemail"}}}
	return s, cloud
}

// shown is an instant as messages show it.
func shown(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

func TestACanaryGoesByGraphFromEndToEndAndNoCopyIsLeft(t *testing.T) {
	s, cloud := inCloud(t)
	foreign := faketenant.Message{Subject: "Lapsewatch canary: please ignore", InternetMessageID: "<x@y>", Headers: [][2]string{{"X-Lapsewatch-Canary", "AAAAAAAAAAAAAAAAAAAAAAAAAA"}}, Received: s.now}
	for range 30 {
		cloud.Put("canary@example.net", "inbox", foreign)
	}
	got := checktest.As[watch.Condition](t, s.pass())
	if got.Reason != "" || !strings.HasPrefix(got.Text, "the canary of "+shown(s.now)+" arrived after 0 s by ") {
		t.Errorf("got %+v", got)
	}
	if got.Details["submission"] != "202 accepted by Microsoft Graph, which does not say whether it was delivered" {
		t.Errorf("details %+v", got.Details)
	}
	for folder, want := range map[string]int{"inbox": 30, "deleteditems": 0, "sentitems": 0} {
		if left := len(cloud.Messages("canary@example.net", folder)); left != want {
			t.Errorf("%s holds %d messages", folder, left)
		}
	}
	if sent := cloud.Messages("crm@example.com", "sentitems"); len(sent) != 0 {
		t.Errorf("%v is left with the sender", sent)
	}
}

func TestMailOfAnExpiredApplicationIsRefusedAndEntraIsLeftAlone(t *testing.T) {
	// O1: an integration's secret expires, and all mail through it stops.
	s, cloud := inCloud(t)
	cloud.Change(func(d *faketenant.Directory) {
		old := d.Applications[0]
		old.PasswordCredentials = []faketenant.PasswordCredential{old.PasswordCredentials[0]}
		old.PasswordCredentials[0].EndDateTime = faketenant.At(time.Now().Add(-time.Hour))
		d.Applications[0] = old
	})
	s.flow.Arrive = begin(t).flow.Arrive
	got := checktest.As[watch.Condition](t, s.pass())
	if got.Reason != watch.MailRefused || !strings.HasPrefix(got.Text, "sign in to tenant "+cloud.TenantID+" as application "+ownApp+": ") || !strings.Contains(got.Text, "AADSTS7000222") {
		t.Errorf("got %+v", got)
	}
	checktest.Equal(t, "the remedy", got.Remedy, "Renew what the application signs in with, or correct its options: services that send mail with it are refused too.")
	again := checktest.As[watch.Condition](t, s.pass())
	if again.Reason != watch.MailRefused || !strings.Contains(again.Text, "not tried again before ") || len(cloud.To("/token")) != 1 {
		t.Errorf("%d sign-ins, %+v", len(cloud.To("/token")), again)
	}
}

func TestWhatGraphRefusesNamesTheRightThatIsMissing(t *testing.T) {
	s, cloud := inCloud(t)
	cloud.Revoke(ownApp, "Mail.ReadWrite")
	got := checktest.WantProblem(t, s.pass(), watch.PermissionDenied, "list messages in inbox of canary@example.net, page 1: Access is denied.")
	checktest.WantWords(t, "the remedy", got.Remedy, "Mail.ReadWrite", "RBAC for Applications")
	cloud.Revoke(ownApp, "Mail.Send")
	refused := checktest.As[watch.Condition](t, s.pass())
	if refused.Reason != watch.MailRefused || !strings.HasPrefix(refused.Text, "send as crm@example.com by Microsoft Graph: Access is denied.") {
		t.Errorf("got %+v", refused)
	}
	checktest.WantWords(t, "the remedy", refused.Remedy, "Mail.Send", "RBAC for Applications")
}

func TestGraphOnABadDayLosesNoCanary(t *testing.T) {
	tests := []struct {
		name   string
		manner faketenant.Manner
		reason watch.Reason
		words  string
	}{
		{"a 503 leaves open whether it was taken", faketenant.Manner{On: "/sendMail", Answer: faketenant.Unavailable("")}, watch.Unreadable, "whether it was taken is not known"},
		{"an answer that is lost leaves it open too", faketenant.Manner{On: "/sendMail", Answer: func(_ *faketenant.Tenant, _ http.ResponseWriter, r *http.Request, usual http.Handler) {
			usual.ServeHTTP(quiet{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		}}, watch.Unreadable, "whether it was taken is not known"},
		{"a 429 puts it off", faketenant.Manner{On: "/sendMail", Answer: faketenant.Throttled("30")}, watch.Throttled, "no canary has arrived so far: send as crm@example.com by Microsoft Graph"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, cloud := inCloud(t)
			cloud.Misbehave(test.manner)
			problem, ok := s.pass().(watch.Problem)
			if !ok || !strings.Contains(fmt.Sprint(problem.Err), test.words) {
				t.Fatalf("got %+v", problem)
			}
			s.after(time.Minute)
			s.pass()
			if got := checktest.As[watch.Condition](t, s.pass()); got.Reason != "" {
				t.Errorf("got %+v", got)
			}
			if left := cloud.Messages("canary@example.net", "inbox"); len(left) != 0 {
				t.Errorf("%d are left", len(left))
			}
		})
	}
}

// quiet is an answer that reaches nobody.
type quiet struct{ header http.Header }

func (q quiet) Header() http.Header            { return q.header }
func (q quiet) Write(text []byte) (int, error) { return len(text), nil }
func (q quiet) WriteHeader(int)                {}

func TestACanaryThatExchangeCallsJunkIsToldAndOneThatIsHeldIsStuck(t *testing.T) {
	s, cloud := inCloud(t)
	cloud.DeliverInto("junkemail")
	if got := checktest.As[watch.Condition](t, s.pass()); got.Reason != watch.MailStuck || !strings.Contains(got.Text, " arrived in junkemail and not in inbox after ") {
		t.Errorf("got %+v", got)
	}
	cloud.DeliverInto("")
	cloud.Hold()
	s.after(time.Minute)
	sent := s.now
	s.pass()
	s.after(10 * time.Minute)
	if got := checktest.As[watch.Condition](t, s.pass()); got.Reason != watch.MailStuck || !strings.Contains(got.Text, "the canary of "+shown(sent)) {
		t.Errorf("got %+v", got)
	}
	cloud.Release(sent.Add(11 * time.Minute))
	s.after(2 * time.Minute)
	if got := checktest.As[watch.Condition](t, s.pass()); got.Reason != "" || len(cloud.Messages("canary@example.net", "inbox")) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestAnAnswerOfGraphLeadsToNoOtherResource(t *testing.T) {
	s, cloud := inCloud(t)
	cloud.Misbehave(faketenant.Manner{On: "/messages", Times: faketenant.Always, Answer: func(t *faketenant.Tenant, w http.ResponseWriter, r *http.Request, usual http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		held := `{"name":"X-Lapsewatch-Canary","value":"%s"}`
		id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Query().Get("$filter"), "internetMessageId eq '<"), "@")
		fmt.Fprintf(w, `{"value":[{"id":"../../../applications/1","receivedDateTime":"2026-11-22T12:00:00Z","internetMessageHeaders":[`+held+`]},null,7]}`, id)
	}})
	checktest.WantProblem(t, s.pass(), watch.Incomplete, "no canary has arrived so far")
	for _, request := range cloud.Requests() {
		if request.Method == http.MethodDelete || strings.HasSuffix(request.Path, "permanentDelete") {
			t.Errorf("%s %s", request.Method, request.Path)
		}
	}
}

func TestSMTPTakesATokenOfItsOwnSignIn(t *testing.T) {
	s := begin(t)
	cloud := tenant(t, time.Now().AddDate(1, 0, 0))
	s.secrets["APP"] = ownSecret
	s.sender.change(func(c *sender) {
		c.tokens = func(user, token string) bool {
			_, resource, valid := cloud.Issued(token)
			return user == username && valid && resource == faketenant.OutlookResource
		}
	})
	options := signIn(t, cloud)
	s.flow.Submit.SMTP.Password, s.flow.Submit.SMTP.Entra = watch.SecretRef{}, &options
	s.atOnce("INBOX", 0)
	checktest.WantCondition(t, s.pass(), "", "the canary of 2025-11-22 12:00:00 UTC arrived after 0 s by the mailbox's clock")
	s.sender.change(func(c *sender) { c.tokens = nil })
	s.after(time.Minute)
	for range 2 {
		if got := checktest.As[watch.Condition](t, s.pass()); got.Reason != watch.MailRefused || !strings.Contains(got.Text, "refuses the login of canary@example.com: 535 ") {
			t.Errorf("got %+v", got)
		}
	}
	if s.sender.logins != 2 {
		t.Errorf("%d logins", s.sender.logins)
	}
}
