package syslog_test

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/syslog"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

var quiet = slog.New(slog.DiscardHandler)

const noWords = "a syslog receiver says nothing"

var (
	impossible = map[alerttest.Behaviour]string{
		alerttest.Throttles: noWords, alerttest.Fails: noWords, alerttest.Refuses: noWords, alerttest.RefusesCredentials: noWords,
	}
	impossibleOverUDP = map[alerttest.Behaviour]string{
		alerttest.Throttles: noWords, alerttest.Fails: noWords, alerttest.Refuses: noWords, alerttest.RefusesCredentials: noWords,
		alerttest.HangsUp: "UDP has no connection", alerttest.Hangs: "UDP has no answer", alerttest.Babbles: "UDP has no answer",
	}
)

func TestTheSyslogChannelKeepsTheContract(t *testing.T) {
	for transport, impossible := range map[syslog.Transport]map[alerttest.Behaviour]string{
		syslog.TLS: impossible, syslog.TCP: impossible, syslog.UDP: impossibleOverUDP,
	} {
		t.Run(string(transport), func(t *testing.T) {
			alerttest.Run(t, alerttest.Suite{
				Start: func(t *testing.T, log *slog.Logger) (alerts.Channel, alerttest.Service) {
					receiver := startReceiver(t, transport)
					return receiver.channel(log, nil), receiver
				},
				Texts:      texts,
				Forbidden:  []string{"javascript:", "${jndi"},
				Impossible: impossible,
			})
		})
	}
}

// texts are the lines as a log shows them, and the fields as a program reads them.
func texts(t *testing.T, attempt alerttest.Attempt) []string {
	t.Helper()
	var all []string
	for _, message := range parse(t, attempt.Content) {
		for _, value := range parameters(message) {
			all = append(all, value)
		}
		all = append(all, strings.TrimPrefix(*message.Message, "\ufeff"), *message.Hostname, *message.MsgID)
	}
	for _, text := range all {
		// A8: not even a line break, which would begin a line of its own.
		if strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("a control character in %q", text)
		}
	}
	return all
}

// frame counts the octets of a line.
func frame(line string) string { return strconv.Itoa(len(line)) + " " + line }

// deliver sends the message to a fresh receiver, and gives its lines and the receipt.
func deliver(t *testing.T, transport syslog.Transport, message alerts.Message, edit func(*syslog.Options)) ([]string, alerts.Receipt) {
	t.Helper()
	receiver := startReceiver(t, transport)
	receipt, err := receiver.channel(quiet, edit).Deliver(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	attempts := receiver.Attempts()
	if len(attempts) != 1 {
		t.Fatalf("%d attempts", len(attempts))
	}
	receipt.Proof = strings.ReplaceAll(receipt.Proof, fmt.Sprint(receiver.port), "PORT")
	return split(t, attempts[0].Content), receipt
}

// split undoes octet counting.
func split(t *testing.T, stream []byte) []string {
	t.Helper()
	var lines []string
	for rest := string(stream); rest != ""; {
		count, after, ok := strings.Cut(rest, " ")
		length, err := strconv.Atoi(count)
		if !ok || err != nil || length > len(after) {
			t.Fatalf("no count of octets before %.40q", rest)
		}
		lines, rest = append(lines, after[:length]), after[length:]
	}
	return lines
}

func assertGolden(t *testing.T, name string, lines []string) {
	t.Helper()
	got := strings.Join(lines, "\n") + "\n"
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; look at it and run the test with -update\n%s", path, got)
	}
}

func TestTheLinesAreAsDocumented(t *testing.T) {
	lines, receipt := deliver(t, syslog.TLS, alerttest.Message(), nil)
	assertGolden(t, "digest.txt", lines)
	if want := "5 lines written to 127.0.0.1:PORT by tls; the receiver closed the connection in order, and syslog confirms nothing more"; receipt.Proof != want {
		t.Errorf("proof %s\nwant  %s", receipt.Proof, want)
	}
}

func TestTheReceiptOfUDPSaysThatNothingIsProved(t *testing.T) {
	_, receipt := deliver(t, syslog.UDP, alerttest.Message(), nil)
	if want := "5 lines written to 127.0.0.1:PORT by udp; UDP confirms nothing"; receipt.Proof != want {
		t.Errorf("proof %s\nwant  %s", receipt.Proof, want)
	}
}

func TestA8_HostileLinesReadAsTheGoldenFileSays(t *testing.T) {
	lines, _ := deliver(t, syslog.TCP, alerttest.HostileMessage(), nil)
	assertGolden(t, "hostile.txt", lines)
	datagrams, _ := deliver(t, syslog.UDP, alerttest.HostileMessage(), nil)
	assertGolden(t, "hostile-udp.txt", datagrams)
}

func TestATestMessageSaysSoInTextAndData(t *testing.T) {
	message := alerttest.Message()
	message.Test, message.Note, message.Events = true, "channel pager failed", message.Events[:1]
	lines, _ := deliver(t, syslog.TCP, message, nil)
	assertGolden(t, "test.txt", lines)
}

func TestEachEventHasTheSeverityAndTypeThatSyslogKnows(t *testing.T) {
	tests := []struct {
		kind     watch.EventType
		severity watch.Severity
		facility string
		want     string
	}{
		{watch.Opened, watch.Critical, "daemon", "<26>1 opened"},
		{watch.Worsened, watch.Warning, "daemon", "<28>1 worsened"},
		{watch.Reminder, watch.Unknown, "daemon", "<28>1 reminder"},
		{watch.Improved, watch.Notice, "daemon", "<29>1 improved"},
		{watch.Resolved, watch.OK, "daemon", "<30>1 resolved"},
		{watch.Resolved, watch.Critical, "daemon", "<30>1 resolved"},
		{watch.Opened, watch.Critical, "kern", "<2>1 opened"},
		{watch.Opened, watch.Critical, "local7", "<186>1 opened"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s %s of %s", test.kind, test.severity, test.facility), func(t *testing.T) {
			message := alerttest.Message()
			message.Events = message.Events[:1]
			message.Events[0].Type, message.Events[0].Finding.Severity = test.kind, test.severity
			lines, _ := deliver(t, syslog.TCP, message, func(o *syslog.Options) { o.Facility = test.facility })
			fields := strings.Fields(lines[0])
			if got := fields[0] + " " + fields[5]; got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestA9_NoLineIsLongerThanItsTransportCarries(t *testing.T) {
	for transport, limit := range map[syslog.Transport]int{syslog.TCP: 8192, syslog.UDP: 1024} {
		for _, filler := range []string{"x", `"`, "語", "\U0001F512"} {
			t.Run(fmt.Sprintf("%s with %s", transport, filler), func(t *testing.T) {
				message := alerttest.Message()
				message.Events = message.Events[:1]
				event, long := &message.Events[0], strings.Repeat(filler, 5000)
				event.ID, event.Finding.ID, event.Finding.Name, event.Finding.Check, event.Finding.Kind = long, long, long, long, long
				event.Finding.Message, event.Finding.Remedy, event.Finding.Owners = long, long, []string{long}
				lines, _ := deliver(t, transport, message, func(o *syslog.Options) { o.Hostname = strings.Repeat("h", 255) })
				line := lines[0]
				whole := strings.HasSuffix(line, " | Report: "+alerttest.ReportURL)
				if len(line) > limit || len(line) < limit-10 && !whole {
					t.Errorf("the line has %d bytes", len(line))
				}
				if !utf8.ValidString(line) || !whole && !strings.HasSuffix(line, "…") {
					t.Errorf("the line ends with %q", line[len(line)-10:])
				}
			})
		}
	}
}

func TestA9_OfThousandsTheMostUrgentAreWrittenAndTheRestIsCounted(t *testing.T) {
	message := alerttest.Message()
	for range 1300 {
		message.Events = append(message.Events, message.Events[2])
	}
	lines, _ := deliver(t, syslog.TLS, message, nil)
	if len(lines) != 1001 {
		t.Fatalf("%d lines", len(lines))
	}
	assertGolden(t, "left-out.txt", lines[1000:])
}

func TestASubjectsOwnWordsEndNoValue(t *testing.T) {
	message := alerttest.Message()
	message.Events = message.Events[:1]
	const name = `a"] [evil@1 x="\` + "`"
	message.Events[0].Finding.Name = name
	receiver := startReceiver(t, syslog.TCP)
	if _, err := receiver.channel(quiet, nil).Deliver(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	read := parse(t, receiver.Attempts()[0].Content)[0]
	if len(*read.StructuredData) != 1 {
		t.Errorf("elements %q", *read.StructuredData)
	}
	// The parser leaves the escapes in.
	if got, want := parameters(read)["name"], name; unescaped(got) != want {
		t.Errorf("name %s, want %s", got, want)
	}
}

func unescaped(value string) string {
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\]`, `]`).Replace(value)
}

func TestARealLossIsNoticed(t *testing.T) {
	tests := []struct {
		name      string
		transport syslog.Transport
		start     func(t *testing.T) (port int)
		want      string
	}{
		{"nobody listens", syslog.TCP, closedPort, "it cannot be reached: dial tcp 127.0.0.1:PORT: connect: connection refused"},
		{"nobody listens on UDP", syslog.UDP, closedPort, "it cannot be reached: read udp 127.0.0.1:FROM->127.0.0.1:PORT: read: connection refused"},
		{"another service says something", syslog.TCP, func(t *testing.T) int {
			return answering(t, func(conn net.Conn) { _, _ = conn.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n")) })
		}, `a syslog receiver says nothing, and this one said "SSH-2.0-OpenSSH_9.2` + "\uFFFD" + `": look at the port and the transport`},
		{"TLS where there is none", syslog.TLS, func(t *testing.T) int {
			return answering(t, func(conn net.Conn) { _, _ = conn.Write([]byte("220 mail.example.com ESMTP\r\n")) })
		}, "TLS does not come about: tls: first record does not look like a TLS handshake"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			port := test.start(t)
			channel, err := syslog.Kind.Build(options(func(o *syslog.Options) { o.Host, o.Port, o.Transport = "127.0.0.1", port, test.transport }), env(quiet))
			if err != nil {
				t.Fatal(err)
			}
			message := alerttest.Message()
			message.Events = message.Events[:1]
			_, err = channel.Deliver(t.Context(), message)
			failure, ok := errors.AsType[*alerts.DeliveryError](err)
			if !ok || !failure.Retryable {
				t.Fatalf("error %v", err)
			}
			got := strings.ReplaceAll(regexp.MustCompile(`:\d+->`).ReplaceAllString(failure.Error(), ":FROM->"), fmt.Sprint(port), "PORT")
			if want := "deliver by operations: write to syslog receiver 127.0.0.1:PORT: " + test.want; got != want {
				t.Errorf("error %s\nwant  %s", got, want)
			}
		})
	}
}

// closedPort is one on which nobody listens, for either transport.
func closedPort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// answering is a service that says something to whoever connects, and then reads.
func answering(t *testing.T, say func(net.Conn)) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		say(conn)
		for buffer := make([]byte, 4096); ; {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestAStrangersCertificateIsNotTrusted(t *testing.T) {
	receiver := startReceiver(t, syslog.TLS)
	_, err := receiver.channel(quiet, func(o *syslog.Options) { o.CAFile = "" }).Deliver(t.Context(), alerttest.Message())
	if err == nil || !strings.Contains(err.Error(), "TLS does not come about: tls: failed to verify certificate") {
		t.Errorf("error %v", err)
	}
	if got := len(receiver.Attempts()); got != 0 {
		t.Errorf("%d attempts reached it", got)
	}
}

func TestTheReceiverIsShownTheCertificate(t *testing.T) {
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "lapsewatch.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	certificateFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	if err := errors.Join(os.WriteFile(certificateFile, pair.ChainPEM(), 0o600), os.WriteFile(keyFile, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	receiver := startReceiver(t, syslog.TLS)
	shows := func(o *syslog.Options) { o.Certificate, o.Key.File = certificateFile, keyFile }
	if _, err := receiver.channel(quiet, shows).Deliver(t.Context(), alerttest.Message()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(receiver.clients, ","); got != "lapsewatch.example.com" {
		t.Errorf("shown %q", got)
	}
	if err := os.WriteFile(keyFile, []byte("canary-no-key"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = receiver.channel(quiet, shows).Deliver(t.Context(), alerttest.Message())
	if want := "the certificate in " + certificateFile + " with the key in file " + keyFile + ": tls: failed to find any PEM data in key input"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error %v\nwant  …%s", err, want)
	}
}
