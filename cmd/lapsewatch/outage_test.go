package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"go.yaml.in/yaml/v4"

	"lapsewatch/alerts"
	"lapsewatch/alerts/email"
	"lapsewatch/checks"
	"lapsewatch/checks/entra"
	"lapsewatch/config"
	"lapsewatch/internal/faketenant"
	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/runner"
	"lapsewatch/watch"
)

// outage replays days of a tenant: each pass is what one start of the job does, with a
// new process's memory and the ledger of the passes before.
type outage struct {
	t      *testing.T
	now    time.Time
	tenant *faketenant.Tenant
	kept   *ledger.Ledger
	folder string
	mails  *mailRoom
	// owners are those of the check's options, if any.
	owners string
}

const (
	outageOwner = "ada@example.com"
	outageTeam  = "ops@example.com"
)

func newOutage(t *testing.T, begins time.Time, directory faketenant.Directory) *outage {
	t.Helper()
	o := &outage{t: t, now: begins, folder: t.TempDir(), mails: openMailRoom(t)}
	var err error
	if o.tenant, err = faketenant.Start(faketenant.Options{Directory: directory, Manners: faketenant.WellBehaved(), Now: func() time.Time { return o.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.tenant.Close() })
	if o.kept, err = ledger.Open(t.Context(), "sqlite:"+o.path("ledger.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.kept.Close() })
	o.write("ca.pem", o.tenant.RootPEM)
	o.write("secret", []byte(scriptSecret))
	return o
}

func (o *outage) path(name string) string { return filepath.Join(o.folder, name) }

func (o *outage) write(name string, content []byte) {
	o.t.Helper()
	if err := os.WriteFile(o.path(name), content, 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func decoderOf(text string) watch.Decoder {
	return func(into any) error { return yaml.Unmarshal([]byte(text), into) }
}

// pass makes one run as of now.
func (o *outage) pass() runner.Outcome {
	o.t.Helper()
	clock := func() time.Time { return o.now }
	env := checks.DefaultEnv(config.ReadSecret)
	env.Now, env.Memory = clock, o.kept.Memory("tenant", clock)
	check, err := entra.Kind.Build(decoderOf(fmt.Sprintf("{tenant: %s, client_id: %s, sign_in: secret, secret: {file: %q}, authority_url: %q, graph_url: %q, ca_file: %q, owners: [%s]}",
		o.tenant.TenantID, scriptClient, o.path("secret"), o.tenant.AuthorityURL, o.tenant.GraphURL, o.path("ca.pem"), o.owners)), env)
	if err != nil {
		o.t.Fatal(err)
	}
	mail, err := email.Kind.Build(decoderOf(fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, from: lapsewatch@example.com, to: [%s], owner_domains: [example.com]}", o.mails.port, outageTeam)),
		alerts.Env{Name: "mail", Now: clock, Log: slog.New(slog.DiscardHandler), Dial: (&net.Dialer{}).DialContext})
	if err != nil {
		o.t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	outcome, err := runner.Job{
		Collection: runner.Collection{
			Checks: []runner.Check{{Name: "tenant", Kind: "entra", Check: check}}, Now: o.now, Deadline: time.Minute, Within: time.Minute, Log: quiet,
		},
		Delivery:     runner.Delivery{Ledger: o.kept, Channels: map[string]alerts.Channel{"mail": mail}, Now: clock, Log: quiet},
		Destinations: []policy.Destination{{Channel: "mail", Recipients: mail.Recipients(), Reach: mail.(alerts.OwnerChannel).Reach}},
	}.Run(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { _ = outcome.Close() })
	return outcome
}

// told is what a recipient was delivered: one "type reason" for each event.
func told(outcome runner.Outcome, recipient string) string {
	var events []string
	for _, message := range outcome.Told {
		if message.Recipient != recipient || message.Err != nil {
			continue
		}
		for _, event := range message.Events {
			events = append(events, strings.TrimSpace(fmt.Sprintf("%s %s %s", event.Type, event.Finding.Reason, event.Why)))
		}
	}
	return strings.Join(events, ", ")
}

// mailRoom is an SMTP server that keeps what it takes.
type mailRoom struct {
	port int
	// refuse is asked of each recipient, if it is set.
	refuse func(to string) error
	mu     sync.Mutex
	kept   []string
	// whole are the same mails as they came.
	whole []string
}

func openMailRoom(t *testing.T) *mailRoom {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	room := &mailRoom{port: listener.Addr().(*net.TCPAddr).Port}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return roomSession{room}, nil }))
	server.Domain = "localhost"
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return room
}

type roomSession struct{ room *mailRoom }

func (roomSession) Mail(string, *smtp.MailOptions) error { return nil }
func (roomSession) Reset()                               {}
func (roomSession) Logout() error                        { return nil }

func (s roomSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.room.refuse == nil {
		return nil
	}
	return s.room.refuse(to)
}

func (s roomSession) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	s.room.whole = append(s.room.whole, string(mail))
	// Quoted-printable breaks long lines with "=".
	s.room.kept = append(s.room.kept, strings.NewReplacer("=\r\n", "", "\r\n", " ").Replace(string(mail)))
	return err
}

// last is the latest mail to the recipient.
func (m *mailRoom) last(to string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mail := range slices.Backward(m.kept) {
		if strings.Contains(mail, "To: <"+to+">") {
			return strings.Join(strings.Fields(mail), " ")
		}
	}
	return ""
}

func secretUntil(id string, end time.Time, text string) faketenant.PasswordCredential {
	return faketenant.PasswordCredential{
		KeyID: id, DisplayName: "pipeline", Hint: "5cr", SecretText: text,
		StartDateTime: faketenant.At(end.AddDate(-2, 0, 0)), EndDateTime: faketenant.At(end),
	}
}

const (
	crmApp     = "c2a00000-0000-4000-8000-000000000001"
	crmOld     = "c2a00000-0000-4000-8000-000000000002"
	crmNew     = "c2a00000-0000-4000-8000-000000000003"
	outageAda  = "c2a00000-0000-4000-8000-00000000000a"
	crmObject  = "c2a00000-0000-4000-8000-000000000004"
	ownObject  = "c2a00000-0000-4000-8000-000000000005"
	ownKey     = "c2a00000-0000-4000-8000-000000000006"
	allGranted = "Application.Read.All User.ReadBasic.All AuditLog.Read.All Policy.Read.All"
)

func outageTenant(crmEnd, ownEnd time.Time) faketenant.Directory {
	return faketenant.Directory{
		Users: []faketenant.User{{ID: outageAda, DisplayName: "Ada", UserPrincipalName: outageOwner, Mail: outageOwner}},
		Applications: []faketenant.Application{
			{ID: ownObject, AppID: scriptClient, DisplayName: "watchdog", OwnerIDs: []string{outageAda}, PasswordCredentials: []faketenant.PasswordCredential{secretUntil(ownKey, ownEnd, scriptSecret)}},
			{ID: crmObject, AppID: crmApp, DisplayName: "crm-mail", OwnerIDs: []string{outageAda}, PasswordCredentials: []faketenant.PasswordCredential{secretUntil(crmOld, crmEnd, "")}},
		},
		Grants: map[string][]string{scriptClient: strings.Fields(allGranted)},
	}
}

func (o *outage) secretsOfCRM(secrets ...faketenant.PasswordCredential) {
	o.tenant.Change(func(d *faketenant.Directory) { d.Applications[1].PasswordCredentials = secrets })
}

func TestF11_ItsOwnSecretIsToldEarlyAndItsEndWithoutEntra(t *testing.T) {
	ends := time.Date(2025, time.June, 30, 12, 0, 0, 0, time.UTC)
	o := newOutage(t, ends.AddDate(0, 0, -70), outageTenant(ends.AddDate(1, 0, 0), ends))
	firsts := map[watch.Severity]int{}
	for ; o.now.Before(ends); o.now = o.now.AddDate(0, 0, 1) {
		for _, event := range o.pass().Events {
			if _, seen := firsts[event.Finding.Severity]; !seen {
				firsts[event.Finding.Severity] = int(ends.Sub(o.now) / (24 * time.Hour))
			}
		}
	}
	if firsts[watch.Warning] < 55 || firsts[watch.Critical] < 30 {
		t.Errorf("days ahead of the first warning and the first critical finding: %v; want about 60, and at least 30", firsts)
	}

	o.now = ends.Add(time.Minute)
	o.tenant.ForgetRequests()
	for run := range 5 {
		outcome := o.pass()
		if err := (&failOn{}).verdict(outcome.Pass); err == nil {
			t.Fatal("a run that could not sign in ends with exit code 0")
		}
		if got := told(outcome, outageTeam); run == 0 && !strings.Contains(got, "opened auth_secret_expired") {
			t.Errorf("the first run after its end tells %q", got)
		}
	}
	if mail := o.mails.last(outageTeam); !strings.Contains(mail, "AADSTS7000222") {
		t.Errorf("the mail does not name the code:\n%s", mail)
	}
	// The wait is measured by the machine's clock, by which the five runs are one moment.
	if attempts := len(o.tenant.To("/token")); attempts != 1 {
		t.Errorf("five runs within an hour made %d attempts to sign in, want 1", attempts)
	}
}
