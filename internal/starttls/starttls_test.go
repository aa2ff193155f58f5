package starttls

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/internal/pki"
)

// step is a server's part of a dialogue: what it says, then what it must hear.
type step struct{ say, hear string }

const (
	mysqlGreeting   = "5.5.5-10.11.14-MariaDB\x00" + "\x01\x00\x00\x00" + "scramble" + "\x00" + "\xfe\xff" + "\x2d\x02\x00\xff\x81\x15" + "0123456789ab\x00mysql_native_password\x00"
	mysqlRequest    = "\x20\x00\x00\x01\x00\x8a\x00\x00\x00\x00\x00\x01\x2d" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	streamToClient  = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='chat.example&gt;' version='1.0'>"
	streamToServer  = "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' to='chat.example&gt;' version='1.0'>"
	serverStream    = "<?xml version='1.0'?><stream:stream id='1' from='chat.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
	serverFeatures  = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>"
	xmppStartTLS    = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
	ldapRequest     = "\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
	postgresRequest = "\x00\x00\x00\x08\x04\xd2\x16\x2f"
)

func mysqlPacket(payload string) string {
	return string([]byte{byte(len(payload)), 0, 0, 0}) + payload
}

// proper are dialogues that end with the go-ahead.
var proper = []struct {
	name     string
	protocol Protocol
	steps    []step
}{
	{"an SMTP server with a reply of many lines", "smtp", []step{
		{"220-mail.example ESMTP\r\n220 hello\r\n", "EHLO [127.0.0.1]\r\n"},
		{"250-mail.example\r\n250-SIZE 1000\r\n250-StartTLS\r\n250 8BITMIME\r\n", "STARTTLS\r\n"},
		{"220 2.0.0 Ready to start TLS\r\n", ""}}},
	{"a submission server", "submission", []step{
		{"220 mail.example ESMTP\r\n", "EHLO [127.0.0.1]\r\n"},
		{"250-mail.example\r\n250 STARTTLS\r\n", "STARTTLS\r\n"},
		{"220 go ahead\r\n", ""}}},
	{"an IMAP server that sends untagged lines in between", "imap", []step{
		{"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n", "a1 STARTTLS\r\n"},
		{"* CAPABILITY IMAP4rev1\r\na1 OK Begin TLS negotiation now.\r\n", ""}}},
	{"a POP3 server", "pop3", []step{
		{"+OK ready\r\n", "STLS\r\n"},
		{"+OK Begin TLS\r\n", ""}}},
	{"an FTP server with a banner of many lines", "ftp", []step{
		{"220-Welcome\r\n to the archive\r\n220 ready\r\n", "AUTH TLS\r\n"},
		{"234 Proceed with negotiation.\r\n", ""}}},
	{"an LDAP server", "ldap", []step{
		{"", ldapRequest},
		{"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00", ""}}},
	{"an LDAP server that writes lengths in five octets as Active Directory does", "ldap", []step{
		{"", ldapRequest},
		{"\x30\x84\x00\x00\x00\x28\x02\x01\x01\x78\x84\x00\x00\x00\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x16" + "1.3.6.1.4.1.1466.20037", ""}}},
	{"a PostgreSQL server", "postgres", []step{
		{"", postgresRequest},
		{"S", ""}}},
	{"a MariaDB server", "mysql", []step{
		{mysqlPacket("\x0a" + mysqlGreeting), mysqlRequest}}},
	{"an XMPP server", "xmpp", []step{
		{"", streamToClient},
		{serverStream + "\n" + serverFeatures, xmppStartTLS},
		{"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>", ""}}},
	{"an XMPP server asked by another server", "xmpp-server", []step{
		{"", streamToServer},
		{serverStream + serverFeatures, xmppStartTLS},
		{"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", ""}}},
}

func TestUpgradeLeavesTheConnectionAtTheClientHello(t *testing.T) {
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "upgraded"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range proper {
		t.Run(test.name, func(t *testing.T) {
			conn := serve(t, func(peer net.Conn) {
				play(t, peer, test.steps)
				server := tls.Server(peer, &tls.Config{Certificates: []tls.Certificate{pair.TLS()}})
				if err := server.Handshake(); err != nil {
					t.Errorf("the server's handshake: %v", err)
				}
			})
			if err := Upgrade(t.Context(), conn, test.protocol, "chat.example>"); err != nil {
				t.Fatal(err)
			}
			client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			if err := client.HandshakeContext(t.Context()); err != nil {
				t.Fatalf("the client's handshake: %v", err)
			}
			if got := client.ConnectionState().PeerCertificates[0]; !got.Equal(pair.Cert) {
				t.Errorf("the client got the certificate of %v", got.Subject)
			}
		})
	}
}

func TestUpgradeSaysWhyTheServerGrantsNoTLS(t *testing.T) {
	tests := []struct {
		name     string
		protocol Protocol
		says     string
		want     string
	}{
		{"SMTP that turns everybody away", "smtp", "554 5.3.2 no service here\r\n",
			"the smtp server grants no TLS: 554 5.3.2 no service here"},
		{"SMTP that does not list STARTTLS", "smtp", "220 hi\r\n250-mail.example\r\n250-SIZE\r\n250 XSTARTTLS\r\n",
			"the smtp server grants no TLS: its EHLO reply lists no STARTTLS: mail.example SIZE XSTARTTLS"},
		{"SMTP that lists STARTTLS and has no certificate", "submission", "220 hi\r\n250-mail.example\r\n250 STARTTLS\r\n454 4.7.0 TLS not available\r\n",
			"the submission server grants no TLS: 454 4.7.0 TLS not available"},
		{"SMTP that refuses in two lines", "smtp", "421-too busy\r\n421 come back\r\n",
			"the smtp server grants no TLS: 421 too busy come back"},
		{"IMAP that says BYE", "imap", "* BYE too many connections\r\n",
			"the imap server grants no TLS: * BYE too many connections"},
		{"IMAP that is logged in already", "imap", "* PREAUTH welcome\r\n",
			"the imap server grants no TLS: * PREAUTH welcome"},
		{"IMAP that does not know STARTTLS", "imap", "* OK hi\r\na1 BAD unknown command\r\n",
			"the imap server grants no TLS: a1 BAD unknown command"},
		{"IMAP that says BYE on STARTTLS", "imap", "* OK hi\r\n* BYE no\r\n",
			"the imap server grants no TLS: * BYE no"},
		{"POP3 that does not know STLS", "pop3", "+OK hi\r\n-ERR unknown command\r\n",
			"the pop3 server grants no TLS: -ERR unknown command"},
		{"FTP without TLS", "ftp", "220 hi\r\n530 Please login with USER and PASS.\r\n",
			"the ftp server grants no TLS: 530 Please login with USER and PASS."},
		{"LDAP without TLS", "ldap", "\x30\x13\x02\x01\x01\x78\x0e\x0a\x01\x34\x04\x00\x04\x07no TLS\x00",
			"the ldap server grants no TLS: result code 52: no TLS"},
		{"LDAP that disconnects", "ldap", "\x30\x0f\x02\x01\x00\x78\x0a\x0a\x01\x34\x04\x00\x04\x03bye",
			"the ldap server grants no TLS: result code 52: bye"},
		{"PostgreSQL without TLS", "postgres", "N",
			"the postgres server grants no TLS: it answered N to the SSLRequest"},
		{"PostgreSQL that is too busy", "postgres", "E\x00\x00\x00\x1eSFATAL\x00Mtoo many clients\x00\x00",
			"the postgres server grants no TLS: too many clients"},
		{"PostgreSQL with an error that says nothing", "postgres", "E\x00\x00\x00\x05\x00",
			"the postgres server grants no TLS: an error without a message"},
		{"MySQL without TLS", "mysql", mysqlPacket("\x0a8.0.1\x00\x01\x00\x00\x00scramble\x00\xff\xf7\x00\x00"),
			"the mysql server grants no TLS: version 8.0.1 without the SSL capability"},
		{"MySQL that has blocked the host", "mysql", mysqlPacket("\xff\x69\x04Host is blocked"),
			"the mysql server grants no TLS: error 1129: Host is blocked"},
		{"XMPP without TLS", "xmpp", serverStream + "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>",
			"the xmpp server grants no TLS: its stream features list no starttls"},
		{"XMPP that does not serve the name", "xmpp", serverStream + "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>not here</text></stream:error>",
			"the xmpp server grants no TLS: host-unknown not here"},
		{"XMPP that fails on starttls", "xmpp-server", serverStream + serverFeatures + "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
			"the xmpp-server server grants no TLS: failure"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := Upgrade(t.Context(), speaking(t, test.says), test.protocol, "chat.example")
			if _, ok := errors.AsType[*RefusedError](err); !ok {
				t.Fatalf("got %v (%T), want a *RefusedError", err, err)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUpgradeTellsAnotherProtocolFromARefusal(t *testing.T) {
	const page = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
	const alert = "\x15\x03\x01\x00\x02\x02\x46"
	tests := []struct {
		name     string
		protocol Protocol
		says     string
		want     string
	}{
		{"a web server instead of SMTP", "smtp", page, `its reply starts with "HTT"`},
		{"a number that is no reply code instead of SMTP", "smtp", "220\r\n", `short response: "220"`},
		{"a web server instead of IMAP", "imap", page, `its greeting is "HTTP/1.1 400 Bad Request"`},
		{"IMAP that answers without a tag", "imap", "* OK hi\r\n+ go on\r\n", `it answered STARTTLS with "+ go on"`},
		{"SMTP instead of POP3", "pop3", "220 mail.example\r\n", `it said "220 mail.example" where a POP3 server says +OK`},
		{"SSH instead of FTP", "ftp", "SSH-2.0-OpenSSH_9.2\r\n", `its reply starts with "SSH"`},
		{"a TLS alert instead of LDAP", "ldap", alert, `got tag 0x15 where an LDAP reply has 0x30`},
		{"LDAP that claims a gigabyte", "ldap", "\x30\x84\x40\x00\x00\x00", "an element is longer than an LDAP reply to StartTLS can be"},
		{"LDAP whose element ends early", "ldap", "\x30\x03\x02\x01\x01", "its reply is cut short"},
		{"a TLS alert instead of PostgreSQL", "postgres", alert, `it answered '\x15' to the SSLRequest`},
		{"PostgreSQL with an error of a gigabyte", "postgres", "E\x40\x00\x00\x00", "it answered the SSLRequest with an error of 1073741824 bytes"},
		{"a web server instead of MySQL", "mysql", page, "its greeting claims 5526600 bytes"},
		{"MySQL of the last century", "mysql", mysqlPacket("\x093.20\x00"), "its greeting has the protocol version 9, not 10"},
		{"MySQL whose greeting is cut short", "mysql", mysqlPacket("\x0a8.0\x00\x01"), "its greeting is cut short"},
		{"a web page instead of XMPP", "xmpp", "<html><body></body></html>", `it opened with the element "html", not with a stream`},
		{"XMPP in an unknown encoding", "xmpp", "<?xml version='1.0' encoding='x-none'?><a/>", `xml: encoding "x-none" declared but Decoder.CharsetReader is nil`},
		{"XMPP that closes the stream", "xmpp", serverStream + "</stream:stream>", `it closed the element "stream"`},
		{"XMPP that goes on with a message", "xmpp", serverStream + "<message/>", `it sent the element "message" where "features" belongs`},
		{"plaintext behind the go-ahead of PostgreSQL", "postgres", "SR\x00\x00\x00\x08\x00\x00\x00\x00", "it sent 9 more bytes of plaintext after it agreed to TLS"},
		{"plaintext behind the go-ahead of SMTP", "smtp", "220 hi\r\n250-a\r\n250 STARTTLS\r\n220 go\r\n250 injected\r\n", "it sent 14 more bytes of plaintext after it agreed to TLS"},
		{"plaintext behind the go-ahead of XMPP", "xmpp", serverStream + serverFeatures + "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/> ", "it sent 1 more bytes of plaintext after it agreed to TLS"},
		{"an FTP banner without an end", "ftp", strings.Repeat("220-and so on\r\n", 2000), "it sent more than 16 KiB before TLS"},
		{"an IMAP line without an end", "imap", strings.Repeat("*", 20_000), "it sent more than 16 KiB before TLS"},
		{"XMPP features without an end", "xmpp", serverStream + "<stream:features>" + strings.Repeat("<a>", 6000), "it sent more than 16 KiB before TLS"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := Upgrade(t.Context(), speaking(t, test.says), test.protocol, "chat.example")
			if _, ok := errors.AsType[*ProtocolError](err); !ok {
				t.Fatalf("got %v (%T), want a *ProtocolError", err, err)
			}
			want := "the server does not follow the " + string(test.protocol) + " protocol: " + test.want
			if diff := cmp.Diff(want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUpgradeReportsAConnectionThatEnds(t *testing.T) {
	for _, service := range Protocols() {
		t.Run(string(service.Protocol), func(t *testing.T) {
			err := Upgrade(t.Context(), speaking(t, ""), service.Protocol, "chat.example")
			want := "start TLS (" + string(service.Protocol) + "): the server closed the connection: unexpected EOF"
			if !errors.Is(err, io.ErrUnexpectedEOF) || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestUpgradeEndsWithItsContext(t *testing.T) {
	for _, service := range Protocols() {
		t.Run("a silent server of "+string(service.Protocol), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			err := Upgrade(ctx, serve(t, waitForTheClient), service.Protocol, "chat.example")
			if want := "start TLS (" + string(service.Protocol) + "): context deadline exceeded"; !errors.Is(err, context.DeadlineExceeded) || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
	t.Run("a server that drips a banner without an end", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		conn := serve(t, func(peer net.Conn) {
			for ticker := time.Tick(time.Millisecond); ; <-ticker {
				if _, err := peer.Write([]byte("2")); err != nil {
					return
				}
			}
		})
		if err := Upgrade(ctx, conn, "smtp", ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a caller that has given up before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Upgrade(ctx, serve(t, waitForTheClient), "imap", ""); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestA7_AReplyCannotSteerATerminalOrALog(t *testing.T) {
	hostile := "554 \x1b]0;owned\x07\x1b[31m\u202egnp.exe\xff\x00 level=error " + strings.Repeat("x", 300) + "\r\n"
	err := Upgrade(t.Context(), speaking(t, hostile), "smtp", "")
	want := "the smtp server grants no TLS: 554 \ufffd]0;owned\ufffd[31m\ufffdgnp.exe\ufffd level=error "
	got, found := strings.CutPrefix(err.Error(), want)
	if !found || !strings.HasSuffix(got, "xx…") || len(got) > maxQuoted {
		t.Errorf("got %q", err)
	}
}

func TestUpgradeKnowsItsProtocolsOnly(t *testing.T) {
	err := Upgrade(t.Context(), nil, "gopher", "")
	if want := `start TLS: no protocol "gopher" is known`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLookupFindsEveryListedProtocolAndItsPort(t *testing.T) {
	want := map[string]uint16{"smtp": 25, "submission": 587, "imap": 143, "pop3": 110, "ftp": 21, "ldap": 389,
		"postgres": 5432, "mysql": 3306, "xmpp": 5222, "xmpp-server": 5269}
	if got := len(Protocols()); got != len(want) {
		t.Errorf("%d protocols are listed, want %d", got, len(want))
	}
	for scheme, port := range want {
		protocol, got, ok := Lookup(scheme)
		if !ok || got != port || string(protocol) != scheme {
			t.Errorf("Lookup(%q) = %q, %d, %v", scheme, protocol, got, ok)
		}
	}
	if _, _, ok := Lookup("https"); ok {
		t.Error("https was found: it starts with TLS at once")
	}
}

func TestAddressLiteralNamesTheClient(t *testing.T) {
	tests := map[string]net.Addr{
		"[192.0.2.1]":        &net.TCPAddr{IP: net.ParseIP("192.0.2.1")},
		"[IPv6:2001:db8::1]": &net.TCPAddr{IP: net.ParseIP("2001:db8::1")},
		"[IPv6:fe80::1]":     &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"},
		"localhost":          &net.UnixAddr{Name: "/run/socket"},
	}
	for want, local := range tests {
		if got := addressLiteral(local); got != want {
			t.Errorf("addressLiteral(%v) = %s, want %s", local, got, want)
		}
	}
}

// serve connects to a server in this process.
func serve(t *testing.T, serve func(net.Conn)) net.Conn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		peer, err := listener.Accept()
		if err != nil {
			return
		}
		defer peer.Close()
		serve(peer)
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		listener.Close()
		<-ended
	})
	return conn
}

// speaking serves text at once and then closes its side, whatever the client says.
func speaking(t *testing.T, text string) net.Conn {
	return serve(t, func(peer net.Conn) {
		if _, err := io.WriteString(peer, text); err != nil {
			t.Logf("write: %v", err)
		}
		if err := peer.(*net.TCPConn).CloseWrite(); err != nil {
			t.Logf("close: %v", err)
		}
		waitForTheClient(peer)
	})
}

func waitForTheClient(peer net.Conn) {
	_, _ = io.Copy(io.Discard, peer)
}

func play(t *testing.T, peer net.Conn, steps []step) {
	in := bufio.NewReader(io.LimitReader(peer, int64(lengthHeard(steps))))
	for _, step := range steps {
		if _, err := io.WriteString(peer, step.say); err != nil {
			t.Errorf("say %q: %v", step.say, err)
		}
		heard := make([]byte, len(step.hear))
		if _, err := io.ReadFull(in, heard); err != nil || string(heard) != step.hear {
			t.Errorf("heard %q (%v), want %q", heard, err, step.hear)
		}
	}
}

// lengthHeard keeps the server from reading into the ClientHello.
func lengthHeard(steps []step) (length int) {
	for _, step := range steps {
		length += len(step.hear)
	}
	return length
}
