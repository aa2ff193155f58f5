package estate

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
)

// openStartTLS opens the servers that turn to TLS after a greeting. The mailbox is the
// SMTP one.
func (e *Estate) openStartTLS() error {
	servers := []struct {
		protocol, host, story string
		days                  int
		speak                 func(*tls.Config) visit
	}{
		{"imap", "imap" + domain, "speaks IMAP and STARTTLS, and expires in 11 days", 11, imap},
		{"postgres", "db" + domain, "speaks PostgreSQL, and expires in 60 days", 60, postgres},
	}
	for _, server := range servers {
		pair, err := e.authority.issuing.Issue(e.authority.yearly(server.days, server.host))
		if err != nil {
			return fmt.Errorf("open %s: %w", server.host, err)
		}
		endpoint := Endpoint{StartTLS: server.protocol, Host: server.host, Story: server.story}
		config := e.tlsConfig(server.host, pair)
		if err := e.open(endpoint, []string{"127.0.0.1"}, server.speak(config)); err != nil {
			return err
		}
	}
	return nil
}

// openSilence opens a host that takes connections and never says a word.
func (e *Estate) openSilence() error {
	endpoint := Endpoint{Host: "backup" + domain, Story: "takes the connection and never answers"}
	return e.open(endpoint, []string{"127.0.0.1"}, waitForHangUp)
}

// imap answers CAPABILITY and STARTTLS (RFC 9051, section 6.2.1) and nothing else.
func imap(config *tls.Config) visit {
	return func(conn net.Conn) {
		fmt.Fprint(conn, "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] estate ready\r\n")
		lines := bufio.NewScanner(io.LimitReader(conn, 4096))
		for lines.Scan() {
			tag, command, _ := strings.Cut(lines.Text(), " ")
			switch strings.ToUpper(command) {
			case "CAPABILITY":
				fmt.Fprintf(conn, "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n%s OK done\r\n", tag)
			case "STARTTLS":
				fmt.Fprintf(conn, "%s OK begin TLS\r\n", tag)
				shakeHands(conn, config)
				return
			default:
				fmt.Fprintf(conn, "%s BAD not here\r\n", tag)
			}
		}
	}
}

// sslRequest is the code of PostgreSQL's SSLRequest message.
const sslRequest = 80877103

func postgres(config *tls.Config) visit {
	return func(conn net.Conn) {
		var request [8]byte
		if _, err := io.ReadFull(conn, request[:]); err != nil || binary.BigEndian.Uint32(request[4:]) != sslRequest {
			return
		}
		if _, err := conn.Write([]byte("S")); err == nil {
			shakeHands(conn, config)
		}
	}
}
