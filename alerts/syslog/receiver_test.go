package syslog_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gosyslog "github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/octetcounting"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/syslog"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

// receiver is a real listener that misbehaves on demand.
type receiver struct {
	t         *testing.T
	transport syslog.Transport
	host      string
	port      int
	caFile    string
	packets   net.PacketConn

	mu        sync.Mutex
	behaviour alerttest.Behaviour
	streams   [][]byte
	datagrams map[string][]byte
	order     []string
	// clients are the names in the certificates that were shown.
	clients []string
}

func startReceiver(t *testing.T, transport syslog.Transport) *receiver {
	t.Helper()
	r := &receiver{t: t, transport: transport, host: "127.0.0.1", behaviour: alerttest.Accepts, datagrams: map[string][]byte{}}
	if transport == syslog.UDP {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { packets.Close() })
		r.packets, r.port = packets, packets.LocalAddr().(*net.UDPAddr).Port
		return r
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.port = listener.Addr().(*net.TCPAddr).Port
	settings := r.settings()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if r.behaves() == alerttest.Hangs {
				// It does not even read.
				t.Cleanup(func() { conn.Close() })
				continue
			}
			serving.Go(func() {
				defer conn.Close()
				r.serve(conn.(*net.TCPConn), settings)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	return r
}

// settings are those of TLS, with a certificate that caFile vouches for.
func (r *receiver) settings() *tls.Config {
	r.t.Helper()
	root, err := pki.NewRoot("syslog test authority")
	if err != nil {
		r.t.Fatal(err)
	}
	leaf, err := root.Issue(pki.Spec{CommonName: "syslog", Names: []string{"127.0.0.1"}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.caFile = filepath.Join(r.t.TempDir(), "ca.pem")
	if err := os.WriteFile(r.caFile, root.ChainPEM(), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{leaf.TLS()}, ClientAuth: tls.RequestClientCert,
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			for _, der := range raw {
				cert, err := x509.ParseCertificate(der)
				if err != nil {
					return err
				}
				r.mu.Lock()
				r.clients = append(r.clients, cert.Subject.CommonName)
				r.mu.Unlock()
			}
			return nil
		},
	}
}

func (r *receiver) serve(raw *net.TCPConn, settings *tls.Config) {
	conn := net.Conn(raw)
	if r.transport == syslog.TLS {
		encrypted := tls.Server(raw, settings)
		if encrypted.Handshake() != nil {
			return
		}
		conn = encrypted
		defer encrypted.Close()
	}
	switch r.behaves() {
	case alerttest.HangsUp:
		_, _ = io.ReadFull(conn, make([]byte, 10))
		_ = raw.SetLinger(0)
		_ = raw.Close()
	case alerttest.Babbles:
		for {
			if _, err := io.WriteString(conn, strings.Repeat("on and on ", 100)); err != nil {
				return
			}
		}
	default:
		stream, err := io.ReadAll(conn)
		if err != nil {
			return
		}
		r.mu.Lock()
		if len(stream) > 0 {
			r.streams = append(r.streams, stream)
		}
		r.mu.Unlock()
	}
}

func (r *receiver) behaves() alerttest.Behaviour {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.behaviour
}

func (r *receiver) Behave(behaviour alerttest.Behaviour) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behaviour = behaviour
}

// drain takes in the datagrams that have arrived. What one socket sent is one attempt.
func (r *receiver) drain() {
	buffer := make([]byte, 1<<16)
	for {
		if err := r.packets.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			r.t.Fatal(err)
		}
		n, from, err := r.packets.ReadFrom(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil {
			r.t.Fatal(err)
		}
		sender := from.String()
		if _, known := r.datagrams[sender]; !known {
			r.order = append(r.order, sender)
		}
		// Framed as a stream is, so that the same parser reads both.
		r.datagrams[sender] = append(r.datagrams[sender], frame(string(buffer[:n]))...)
	}
}

func (r *receiver) Attempts() []alerttest.Attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	streams := r.streams
	if r.transport == syslog.UDP {
		r.drain()
		streams = nil
		for _, sender := range r.order {
			streams = append(streams, r.datagrams[sender])
		}
	}
	var attempts []alerttest.Attempt
	for _, stream := range streams {
		attempts = append(attempts, alerttest.Attempt{ID: parameters(parse(r.t, stream)[0])["delivery"], Content: stream})
	}
	return attempts
}

func (r *receiver) channel(log *slog.Logger, edit func(*syslog.Options)) alerts.Channel {
	r.t.Helper()
	channel, err := syslog.Kind.Build(options(func(o *syslog.Options) {
		o.Host, o.Port, o.Transport, o.CAFile = r.host, r.port, r.transport, r.caFile
		if r.transport != syslog.TLS {
			o.CAFile = ""
		}
		o.Hostname = "watcher.example.com"
		if edit != nil {
			edit(o)
		}
	}), env(log))
	if err != nil {
		r.t.Fatal(err)
	}
	return channel
}

func env(log *slog.Logger) alerts.Env {
	return alerts.Env{
		Name: alerttest.ChannelName, Now: alerttest.Now, Log: log, Version: "1.2.3", ReportURL: alerttest.ReportURL,
		Dial: (&net.Dialer{}).DialContext, Memory: alerttest.NewMemory(),
		Secrets: func(reference watch.SecretRef) (watch.Secret, error) {
			content, err := os.ReadFile(reference.File)
			return watch.NewSecret(string(content)), err
		},
	}
}

// options decodes as configuration does, on top of the defaults.
func options(edit func(*syslog.Options)) watch.Decoder {
	return func(into any) error {
		edit(into.(*syslog.Options))
		return nil
	}
}

// parse reads a stream as a receiver does that keeps to the letter of the standards.
func parse(t *testing.T, stream []byte) []*rfc5424.SyslogMessage {
	t.Helper()
	var messages []*rfc5424.SyslogMessage
	parser := octetcounting.NewParser(gosyslog.WithListener(func(result *gosyslog.Result) {
		if result.Error != nil {
			t.Fatalf("%v in %q", result.Error, stream)
		}
		message := result.Message.(*rfc5424.SyslogMessage)
		messages = append(messages, message)
	}), gosyslog.WithMachineOptions(rfc5424.WithCompliantMsg()))
	parser.Parse(bytes.NewReader(stream))
	if len(messages) == 0 {
		t.Fatalf("no message in %q", stream)
	}
	return messages
}

func parameters(message *rfc5424.SyslogMessage) map[string]string {
	return (*message.StructuredData)["lapsewatch@32473"]
}
