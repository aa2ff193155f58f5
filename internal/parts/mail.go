package parts

import (
	"io/fs"
	"net/mail"
	"os"
	"os/user"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"lapsewatch/internal/pki"
)

// Dovecot starts dovecot with IMAP and POP3, each with STARTTLS and with TLS from the
// first byte. Any user gets in with the password "x".
func Dovecot(t testing.TB, pair pki.Pair) Mail {
	t.Helper()
	path := program(t, "dovecot", "dovecot-imapd")
	for file, debianPackage := range map[string]string{"imap": "dovecot-imapd", "pop3": "dovecot-pop3d"} {
		if _, err := os.Stat(filepath.Join("/usr/lib/dovecot", file)); err != nil {
			missing(t, "dovecot's "+file, debianPackage)
		}
	}
	p := newPart(t, pair)
	p.listenOn("imap", "imaps", "pop3", "pop3s")
	p.start(syscall.SIGTERM, p.accepting, path, "-F", "-c", p.configure("dovecot.conf", p))
	return Mail{IMAP: p.address("imap"), IMAPS: p.address("imaps"), POP3: p.address("pop3"), POP3S: p.address("pop3s")}
}

// MailServer is a Postfix that takes mail for everybody.
type MailServer struct {
	Mail
	maildir string
}

// Postfix starts Postfix with SMTP (STARTTLS offered, not required) and SMTPS. It takes
// mail from and for any address, without authentication, and keeps it for Messages.
// Postfix separates its own privileges and starts for root only; for others the test
// fails and says so.
func Postfix(t testing.TB, pair pki.Pair) MailServer {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatalf("Postfix starts for root only: run its tests as root")
	}
	prepare := program(t, "postfix", "postfix")
	master := program(t, "master", "postfix")
	p := newPart(t, pair)
	mailbox := p.folder("mail")
	p.listenOn("smtp", "smtps")
	p.configure("main.cf", p)
	p.configure("master.cf", p)
	p.prepareForPostfix()
	p.asRoot = true
	p.run(prepare, "-c", p.Dir, "check")
	p.start(syscall.SIGTERM, p.accepting, master, "-c", p.Dir, "-d")
	return MailServer{
		Mail:    Mail{SMTP: p.address("smtp"), SMTPS: p.address("smtps")},
		maildir: filepath.Join(mailbox, "inbox", "new"),
	}
}

// prepareForPostfix opens the folder to Postfix's several accounts, and gives each what
// Postfix insists that it owns.
func (p *part) prepareForPostfix() {
	p.t.Helper()
	if err := os.Chmod(p.Dir, 0o755); err != nil {
		p.t.Fatalf("open the folder of Postfix: %v", err)
	}
	postfix, err := user.Lookup("postfix")
	if err != nil {
		p.t.Fatalf("find Postfix's account: %v", err)
	}
	p.folder("queue")
	owners := map[string]int{"": 0, "main.cf": 0, "master.cf": 0, "queue": 0, filepath.Base(p.folder("data")): int(number(p.t, postfix.Uid))}
	for name, owner := range owners {
		if err := os.Chown(filepath.Join(p.Dir, name), owner, 0); err != nil {
			p.t.Fatalf("give Postfix its files: %v", err)
		}
	}
	if err := os.Chmod(filepath.Join(p.Dir, "queue"), 0o755); err != nil {
		p.t.Fatalf("open the queue of Postfix: %v", err)
	}
}

// Messages waits until at least so many messages have been delivered and returns all
// in no particular order: one for each recipient, who is named in its header Delivered-To.
func (s MailServer) Messages(t testing.TB, atLeast int) []*mail.Message {
	t.Helper()
	var files []fs.DirEntry
	for deadline := time.Now().Add(patience); len(files) < atLeast; time.Sleep(10 * time.Millisecond) {
		// The folder comes into being with the first message.
		files, _ = os.ReadDir(s.maildir)
		if time.Now().After(deadline) {
			t.Fatalf("%d messages were delivered in %v, want %d", len(files), patience, atLeast)
		}
	}
	var messages []*mail.Message
	for _, entry := range files {
		file, err := os.Open(filepath.Join(s.maildir, entry.Name()))
		if err != nil {
			t.Fatalf("read a delivered message: %v", err)
		}
		t.Cleanup(func() { file.Close() })
		message, err := mail.ReadMessage(file)
		if err != nil {
			t.Fatalf("read a delivered message: %v", err)
		}
		messages = append(messages, message)
	}
	return messages
}
