package parts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lapsewatch/internal/pki"
)

// Mailboxes is a mail server as companies have one: mail comes in by submission and is
// read by IMAP.
type Mailboxes struct {
	// Submission wants STARTTLS and then a login; IMAPS is TLS from the first byte.
	Submission, IMAPS string
	// Password is everybody's.
	Password string
}

// mailboxes are both servers in the making: the part is that of the one that is being
// configured.
type mailboxes struct {
	*part
	Password, Domain string
	Addresses        []string
	// Auth is where Postfix asks Dovecot, and Mail where both find the mail.
	Auth, Mail string
}

// MailboxesOf starts Postfix for the submission of mail and, beside it, Dovecot, which
// knows who may submit and shows by IMAP what was delivered. There are mailboxes for the
// addresses, all of one domain, and for nobody else; each logs in with their address.
// Like Postfix it starts for root only.
func MailboxesOf(t testing.TB, pair pki.Pair, addresses ...string) Mailboxes {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatalf("Postfix starts for root only: run its tests as root")
	}
	prepare, master, dovecot := program(t, "postfix", "postfix"), program(t, "master", "postfix"), program(t, "dovecot", "dovecot-imapd")
	_, domain, _ := strings.Cut(addresses[0], "@")
	m := &mailboxes{part: newPart(t, pair), Password: "mailbox-password-7f1c", Domain: domain, Addresses: addresses}
	m.Auth, m.Mail = filepath.Join(m.Dir, "auth"), m.folder("mail")
	if err := os.Chmod(m.Dir, 0o711); err != nil {
		t.Fatalf("open the folder of Dovecot to Postfix: %v", err)
	}
	m.listenOn("imaps")
	served := Mailboxes{Password: m.Password, IMAPS: m.address("imaps")}
	m.start(syscall.SIGTERM, m.answering, dovecot, "-F", "-c", m.configure("mailboxes-dovecot.conf", m))

	m.part = newPart(t, pair)
	m.listenOn("smtp")
	served.Submission = m.address("smtp")
	m.configureAs("mailboxes-main.cf", "main.cf", m)
	m.configureAs("mailboxes-master.cf", "master.cf", m)
	m.prepareForPostfix()
	m.asRoot = true
	m.run(prepare, "-c", m.Dir, "check")
	m.start(syscall.SIGTERM, m.accepting, master, "-c", m.Dir, "-d")
	return served
}

// answering reports when Dovecot takes readers and Postfix's questions.
func (m *mailboxes) answering() error {
	if _, err := os.Stat(m.Auth); err != nil {
		return fmt.Errorf("wait for Dovecot: %w", err)
	}
	return m.accepting()
}
