package imapread_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"lapsewatch/internal/imapread"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

const secret = "mailbox-canary-password-41"

// server answers each command by its name with lines, in which TAG stands for the tag.
type server map[string]string

// start serves one script to all who connect, in the clear.
func (s server) start(t *testing.T) imapread.Setup {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { s.serve(conn) })
		}
	})
	return imapread.Setup{
		Address: listener.Addr().String(), Encryption: imapread.None, Dial: (&net.Dialer{}).DialContext, Timeout: time.Minute,
		Username: "user", Credential: watch.NewSecret(secret),
	}
}

func (s server) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	fmt.Fprint(conn, s["greeting"])
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		tag, rest, _ := strings.Cut(lines.Text(), " ")
		name, _, _ := strings.Cut(strings.TrimPrefix(rest, "UID "), " ")
		answer, known := s[name]
		if !known {
			answer = "TAG OK done\r\n"
		}
		if _, err := fmt.Fprint(conn, strings.ReplaceAll(answer, "TAG", tag)); err != nil || answer == "" && name != "" {
			return
		}
	}
}

func script(more map[string]string) server {
	made := server{"greeting": "* OK [CAPABILITY IMAP4rev1 UIDPLUS] ready\r\n", "CAPABILITY": "* CAPABILITY IMAP4rev1 UIDPLUS\r\nTAG OK done\r\n"}
	for name, answer := range more {
		made[name] = answer
	}
	return made
}

func find(t *testing.T, setup imapread.Setup) ([]imapread.Message, error) {
	t.Helper()
	session, err := imapread.Open(t.Context(), setup)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	return session.Find(t.Context(), "INBOX", "X-Test", []string{"value"}, []string{"X-Test"})
}

func TestAHostileServerIsAFailureAndNeverAPanicOrAnEndlessWait(t *testing.T) {
	tests := []struct {
		name   string
		script map[string]string
		reason watch.Reason
		want   string
	}{
		{"one that turns us away", map[string]string{"greeting": "* BYE too many connections\r\n"}, watch.Unreadable, "the server says BYE too many connections"},
		{"one that speaks another language", map[string]string{"greeting": "220 mail.example.com ESMTP\r\n"}, watch.Unparsable, "its answer is no IMAP"},
		{"one that refuses the login and repeats the password", map[string]string{"LOGIN": "TAG NO [AUTHENTICATIONFAILED] " + secret + " is wrong\r\n"}, watch.PermissionDenied, "the server refuses the login: NO [AUTHENTICATIONFAILED] <redacted> is wrong"},
		{"one that is not available", map[string]string{"LOGIN": "TAG NO [UNAVAILABLE] later\r\n"}, watch.Unreadable, "the server puts the login off: NO [UNAVAILABLE] later"},
		{"one that takes no password", map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nTAG OK done\r\n"}, watch.PermissionDenied, "the server takes no password"},
		{"one without the folder", map[string]string{"SELECT": "TAG NO [NONEXISTENT] no such mailbox\r\n"}, watch.NotFound, "the server says NO [NONEXISTENT] no such mailbox"},
		{"one that closes", map[string]string{"SEARCH": ""}, watch.Unreadable, "the server closed the connection"},
		{"one that talks without end", map[string]string{"SEARCH": strings.Repeat("* OK "+strings.Repeat("x", 1000)+"\r\n", 20_000)}, watch.TooLarge, "the server says more than any mailbox server needs to"},
		{"one that finds everything", map[string]string{"SEARCH": "* SEARCH" + strings.Repeat(" 7", 3) + strings.Join(numbers(100), " ") + "\r\nTAG OK done\r\n"}, watch.TooLarge, "more than 50 messages are like the one that is looked for"},
		{"one that finds a range without end", map[string]string{"SEARCH": "* ESEARCH UID ALL 1:4294967295\r\nTAG OK done\r\n"}, watch.TooLarge, "more than 50 messages are like the one that is looked for"},
		{"one that finds what is no number", map[string]string{"SEARCH": "* SEARCH 99999999999999999999\r\nTAG OK done\r\n"}, watch.Unparsable, "its answer is no IMAP"},
		{"one that knows us already", map[string]string{"greeting": "* PREAUTH hello\r\n"}, watch.Unparsable, "the server claims that we are logged in already"},
		{"one that begins its capabilities with a parenthesis", map[string]string{"CAPABILITY": "* CAPABILITY (IMAP4rev1\r\n* CAPABILITY\r\nTAG OK done\r\n", "SELECT": "TAG NO [NOPERM] go away\r\n"}, watch.PermissionDenied, "the server says NO [NOPERM] go away"},
		{"one that promises four gigabytes", map[string]string{"SEARCH": "* 1 FETCH (BODY[] {4294967296}\r\n"}, watch.TooLarge, "the server says more than any mailbox server needs to"},
		{"one that answers with lists without end", map[string]string{"SEARCH": "* SEARCH 1\r\nTAG OK done\r\n", "FETCH": "* 1 FETCH (X " + strings.Repeat("(", 5000) + "\r\nTAG OK done\r\n"}, watch.Unparsable, "its answer is no IMAP"},
		{"one that asks for more than was promised", map[string]string{"SEARCH": "+ go on\r\n"}, watch.Unparsable, "its answer is no IMAP"},
		{"one that answers nothing that was asked", map[string]string{"SEARCH": "L99 OK done\r\n"}, watch.Unparsable, "its answer is no IMAP"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := find(t, script(test.script).start(t))
			failure, ok := errors.AsType[*imapread.Failure](err)
			if !ok || failure.Reason != test.reason || failure.Text != test.want {
				t.Errorf("got %v (%+v), want %q %s", err, failure, test.reason, test.want)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the password stands in %v", err)
			}
		})
	}
}

func numbers(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprint(1000+2*i))
	}
	return all
}

func TestARefusedTokenIsToldWithWhatTheServerExplains(t *testing.T) {
	why := base64.StdEncoding.EncodeToString([]byte(`{"status":"400","schemes":"Bearer"}`))
	setup := script(map[string]string{"AUTHENTICATE": "+ \r\n", "": "+ " + why + "\r\nL2 NO [AUTHENTICATIONFAILED] " + secret + "\r\n"}).start(t)
	setup.Bearer = true
	_, err := imapread.Open(t.Context(), setup)
	failure, ok := errors.AsType[*imapread.Failure](err)
	if !ok || !failure.Login || failure.Text != `the server refuses the login: NO [AUTHENTICATIONFAILED] <redacted> ({"status":"400","schemes":"Bearer"})` {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsFoundIsReadWhateverFormTheServerWritesItIn(t *testing.T) {
	for name, fetch := range map[string]string{
		"a literal":       "* 1 FETCH (UID 5 INTERNALDATE \"22-Nov-2026 13:00:00 +0100\" BODY[HEADER.FIELDS (\"X-TEST\")]<0> {19}\r\nX-Test: value-1\r\n\r\n)\r\nTAG OK done\r\n",
		"a quoted string": "* 1 fetch (internaldate \" 2-Nov-2026 12:00:00 +0000\" flags (\\Seen ($x)) body[header.fields (X-Test)]<0> \"X-Test: \\\"v\\\"\" uid 5)\r\nTAG OK done\r\n",
		"nothing":         "* 1 FETCH (UID 5 BODY[HEADER.FIELDS (X-Test)]<0> NIL)\r\n* 2 FETCH (UID 9 BODY[HEADER.FIELDS (X-Test)]<0> \"\")\r\nTAG OK done\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			found, err := find(t, script(map[string]string{"SEARCH": "* SEARCH 5 (MODSEQ 917162500)\r\nTAG OK done\r\n", "FETCH": fetch}).start(t))
			if err != nil || len(found) != 1 || found[0].UID != 5 {
				t.Fatalf("found %+v, %v", found, err)
			}
			want := map[string]string{
				"a literal": "2026-11-22 12:00:00 +0000 UTC X-Test: value-1\r\n\r\n", "a quoted string": "2026-11-02 12:00:00 +0000 UTC X-Test: \"v\"", "nothing": "0001-01-01 00:00:00 +0000 UTC ",
			}[name]
			if got := found[0].Arrived.String() + " " + string(found[0].Header); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestAServerThatMakesUpExpungesHoldsNobody(t *testing.T) {
	setup := script(map[string]string{"EXPUNGE": strings.Repeat("* 0 EXPUNGE\r\n", 1000) + "TAG OK done\r\n"}).start(t)
	session, err := imapread.Open(t.Context(), setup)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if _, err := session.Remove(t.Context(), "INBOX", []uint32{1}); err != nil {
		t.Error(err)
	}
}

func TestWhereSingleMessagesCannotBeRemovedTheyAreOnlyMarked(t *testing.T) {
	setup := script(map[string]string{
		"greeting": "* OK [CAPABILITY IMAP4rev1] ready\r\n", "CAPABILITY": "* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n", "EXPUNGE": "TAG BAD never ask this\r\n",
	}).start(t)
	session, err := imapread.Open(t.Context(), setup)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if gone, err := session.Remove(t.Context(), "INBOX", []uint32{1}); gone || err != nil {
		t.Errorf("gone %v, %v", gone, err)
	}
}

func TestASilentServerIsWaitedForNoLongerThanTheTimeout(t *testing.T) {
	setup := script(map[string]string{"greeting": ""}).start(t)
	setup.Timeout = 100 * time.Millisecond
	_, err := imapread.Open(t.Context(), setup)
	if failure, ok := errors.AsType[*imapread.Failure](err); !ok || failure.Reason != watch.TimedOut || failure.Text != "no answer within 100ms" {
		t.Errorf("got %v", err)
	}
}

func TestTheEndOfTheContextIsVisible(t *testing.T) {
	setup := script(map[string]string{"greeting": ""}).start(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := imapread.Open(ctx, setup); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// dovecot is a real server, and how to reach it.
func dovecot(t *testing.T) (imapread.Setup, parts.Mail) {
	t.Helper()
	root, err := pki.NewRoot("mail test authority")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := root.Issue(pki.Spec{CommonName: "mail", Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	served := parts.Dovecot(t, leaf)
	return imapread.Setup{
		Address: served.IMAPS, Encryption: imapread.Implicit, TLS: &tls.Config{RootCAs: root.Pool(), ServerName: "127.0.0.1"},
		Dial: (&net.Dialer{}).DialContext, Timeout: time.Minute, Username: "user", Credential: watch.NewSecret("x"),
	}, served
}

func TestARealServerIsReadByTLSAndBySTARTTLS(t *testing.T) {
	setup, served := dovecot(t)
	for _, encryption := range []imapread.Encryption{imapread.Implicit, imapread.STARTTLS} {
		setup.Encryption = encryption
		setup.Address = map[imapread.Encryption]string{imapread.Implicit: served.IMAPS, imapread.STARTTLS: served.IMAP}[encryption]
		if found, err := find(t, setup); len(found) != 0 || err != nil {
			t.Errorf("by %s: found %v, %v", encryption, found, err)
		}
		setup.Credential = watch.NewSecret("wrong-password-41")
		if _, err := find(t, setup); err == nil || !strings.Contains(err.Error(), "the server refuses the login: NO [AUTHENTICATIONFAILED]") {
			t.Errorf("by %s: %v", encryption, err)
		}
		setup.Credential = watch.NewSecret("x")
	}
	setup.TLS = &tls.Config{ServerName: "127.0.0.1"}
	_, err := find(t, setup)
	if failure, ok := errors.AsType[*imapread.Failure](err); !ok || failure.Reason != watch.UntrustedIssuer {
		t.Errorf("got %v", err)
	}
}

func TestAServerWithoutSTARTTLSHearsNoPassword(t *testing.T) {
	setup := script(map[string]string{"STARTTLS": "TAG BAD unknown command\r\n"}).start(t)
	setup.Encryption, setup.TLS = imapread.STARTTLS, &tls.Config{ServerName: "127.0.0.1"}
	_, err := imapread.Open(t.Context(), setup)
	failure, ok := errors.AsType[*imapread.Failure](err)
	if !ok || failure.Reason != watch.StartTLSRefused || !strings.HasPrefix(failure.Text, "the server offers no STARTTLS") {
		t.Errorf("got %v", err)
	}
}

func TestAFarewellBehindACredentialCountsAsARefusal(t *testing.T) {
	for name, c := range map[string]struct{ answer, secret, want string }{
		"a farewell before the refusal":    {"* BYE too many failures\r\nTAG NO [AUTHENTICATIONFAILED] bad\r\n", secret, "the server refuses the login: NO [AUTHENTICATIONFAILED] bad"},
		"a farewell in place of a refusal": {"* BYE [ALERT] Invalid credentials\r\n", secret, "the server ends the session at the login: BYE [ALERT] Invalid credentials"},
		"a short secret":                   {"TAG NO [AUTHENTICATIONFAILED] abc is wrong\r\n", "abc", "the server refuses the login: NO [AUTHENTICATIONFAILED]"},
		"a short secret as the code":       {"TAG NO [ABC] no\r\n", "abc", "the server refuses the login: NO"},
	} {
		t.Run(name, func(t *testing.T) {
			setup := script(map[string]string{"LOGIN": c.answer}).start(t)
			setup.Credential, setup.Timeout = watch.NewSecret(c.secret), 2*time.Second
			_, err := imapread.Open(t.Context(), setup)
			failure, ok := errors.AsType[*imapread.Failure](err)
			if !ok || !failure.Login || !failure.Lasting || failure.Text != c.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestManyAreLookedForByOneSearch(t *testing.T) {
	setup, _ := dovecot(t)
	session, err := imapread.Open(t.Context(), setup)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	values := numbers(imapread.MaxValues)
	if found, err := session.Find(t.Context(), "INBOX", "X-Test", values, []string{"X-Test"}); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	if _, err := session.Find(t.Context(), "INBOX", "X-Test", append(values, "one more"), []string{"X-Test"}); err == nil {
		t.Error("too many are looked for")
	}
}
