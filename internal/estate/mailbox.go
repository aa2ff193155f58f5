package estate

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"

	"github.com/emersion/go-smtp"
)

// Mailbox is an SMTP server with STARTTLS that keeps what it is given in memory.
type Mailbox struct {
	// Host and Port are where it listens.
	Host string
	Port uint16

	mu       sync.Mutex
	received []Mail
}

// Mail is one message as it came in.
type Mail struct {
	From string
	To   []string
	Raw  []byte
}

const largestMail = 4 << 20

// Received is every mail so far, oldest first.
func (m *Mailbox) Received() []Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Mail(nil), m.received...)
}

func (e *Estate) openMailbox() error {
	host := "mail" + domain
	pair, err := e.authority.issuing.Issue(e.authority.yearly(200, host, "127.0.0.1"))
	if err != nil {
		return fmt.Errorf("open the mailbox: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open the mailbox: %w", err)
	}
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	e.Mailbox = &Mailbox{Host: "127.0.0.1", Port: port}
	server := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		return &delivery{box: e.Mailbox, conn: conn}, nil
	}))
	server.Domain = host
	server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair.TLS()}}
	server.ReadTimeout, server.WriteTimeout = handshakeLimit, handshakeLimit
	server.MaxMessageBytes = largestMail
	server.ErrorLog = log.New(io.Discard, "", 0) // a probe that hangs up is no news
	e.closers = append(e.closers, server.Close)
	go func() { _ = server.Serve(listener) }() // ends with Close
	e.Endpoints = append(e.Endpoints, Endpoint{
		StartTLS: "smtp", Host: host, Port: port, Addresses: []string{"127.0.0.1"},
		Story: "speaks SMTP and STARTTLS, and catches the mails",
	})
	return nil
}

// delivery is one SMTP session.
type delivery struct {
	box  *Mailbox
	conn *smtp.Conn
	mail Mail
}

func (d *delivery) Reset()        { d.mail = Mail{} }
func (d *delivery) Logout() error { return nil }

func (d *delivery) Mail(from string, _ *smtp.MailOptions) error {
	if _, encrypted := d.conn.TLSConnectionState(); !encrypted {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "STARTTLS first"}
	}
	d.mail = Mail{From: from}
	return nil
}

func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.mail.To = append(d.mail.To, to)
	return nil
}

func (d *delivery) Data(content io.Reader) error {
	raw, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	d.mail.Raw = raw
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	d.box.received = append(d.box.received, d.mail)
	return nil
}

// Subject is the decoded subject line.
func (m Mail) Subject() (string, error) {
	message, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return "", fmt.Errorf("read mail: %w", err)
	}
	return new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
}

// Text is the mail's text/plain part.
func (m Mail) Text() (string, error) {
	message, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return "", fmt.Errorf("read mail: %w", err)
	}
	return plainText(message.Header.Get("Content-Type"), message.Header.Get("Content-Transfer-Encoding"), message.Body)
}

var errNoText = errors.New("the mail has no text part")

func plainText(contentType, encoding string, body io.Reader) (string, error) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", fmt.Errorf("read content type of mail: %w", err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		return firstPlainText(multipart.NewReader(body, parameters["boundary"]))
	}
	if kind != "text/plain" {
		return "", errNoText
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	return strings.ReplaceAll(string(text), "\r\n", "\n"), err
}

func firstPlainText(parts *multipart.Reader) (string, error) {
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return "", errNoText
		}
		if err != nil {
			return "", fmt.Errorf("read parts of mail: %w", err)
		}
		text, err := plainText(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part)
		if !errors.Is(err, errNoText) {
			return text, err
		}
	}
}
