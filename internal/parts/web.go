package parts

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"lapsewatch/internal/pki"
)

// Site is a name that a web server answers to with a certificate of its own.
type Site struct {
	Name string
	Pair pki.Pair
}

type site struct{ Name, Chain, Key string }

// Nginx starts nginx with HTTPS and returns its address. It serves pair by default, and
// another site's where the client asks for that site's name (SNI). The Date header and the
// page are nginx's own; every path gives 200.
func Nginx(t testing.TB, pair pki.Pair, others ...Site) (address string) {
	t.Helper()
	path := program(t, "nginx", "nginx-light")
	p := newPart(t, pair)
	p.listenOn("https")
	sites := []site{{"_", p.Chain, p.Key}}
	for i, other := range others {
		chain, key := p.pair(fmt.Sprintf("site%d", i), other.Pair)
		sites = append(sites, site{other.Name, chain, key})
	}
	configuration := p.configure("nginx.conf", struct {
		*part
		Sites []site
	}{p, sites})
	p.start(syscall.SIGKILL, p.accepting, path, "-e", "stderr", "-p", p.Dir, "-c", configuration)
	return p.address("https")
}

// Mail are the addresses of a mail server, empty where it does not serve a protocol.
// SMTP, IMAP and POP3 start in plaintext and offer STARTTLS; the other three are TLS from
// the first byte.
type Mail struct {
	SMTP, IMAP, POP3    string
	SMTPS, IMAPS, POP3S string
}

// NginxMail starts nginx as a mail proxy with STARTTLS for SMTP, IMAP and POP3. Nothing
// is behind it: a login fails.
func NginxMail(t testing.TB, pair pki.Pair) Mail {
	t.Helper()
	path := program(t, "nginx", "nginx-light")
	const module = "/usr/lib/nginx/modules/ngx_mail_module.so"
	if _, err := os.Stat(module); err != nil {
		missing(t, module, "libnginx-mod-mail")
	}
	p := newPart(t, pair)
	p.listenOn("smtp", "imap", "pop3")
	configuration := p.configure("nginx-mail.conf", struct {
		*part
		Module string
	}{p, module})
	p.start(syscall.SIGKILL, p.accepting, path, "-e", "stderr", "-p", p.Dir, "-c", configuration)
	return Mail{SMTP: p.address("smtp"), IMAP: p.address("imap"), POP3: p.address("pop3")}
}

// OpenSSL starts `openssl s_server` with the given further options, such as "-tls1",
// "-Verify", "1" or "-cipher", "AES128-SHA:@SECLEVEL=0", and returns its address. It
// serves one connection at a time.
func OpenSSL(t testing.TB, pair pki.Pair, options ...string) (address string) {
	t.Helper()
	path := program(t, "openssl", "openssl")
	p := newPart(t, pair)
	p.listenOn("tls")
	// -www keeps s_server from reading its standard input, whose end would end it.
	args := []string{"s_server", "-accept", p.address("tls"), "-cert", p.Chain, "-key", p.Key, "-www"}
	if len(pair.Chain) > 1 {
		args = append(args, "-cert_chain", p.file("issuers.pem", pki.Pair{Chain: pair.Chain[1:]}.ChainPEM()))
	}
	p.start(syscall.SIGKILL, p.accepting, path, append(args, options...)...)
	return p.address("tls")
}

// Chromium is the path of the browser.
func Chromium(t testing.TB) (path string) {
	t.Helper()
	return program(t, "chromium", "chromium")
}
