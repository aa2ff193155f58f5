package sqlread_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
	"unicode"

	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// listen serves each connection in a goroutine and returns the address.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func urls(address string) map[string]string {
	return map[string]string{
		"postgres": "postgres://u@" + address + "/d", "mysql": "mysql://u@" + address + "/d", "sqlserver": "sqlserver://u@" + address + "/d",
	}
}

func TestAServerThatCannotBeReachedSaysWhy(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, url := range urls(closed.Addr().String()) {
		t.Run(name+" where nobody listens", func(t *testing.T) {
			want(t, failure(t, t.Context(), sqlread.Database{URL: url, Password: someSecret()}, testEnv(canary)), watch.Refused, ": connection refused")
		})
	}
	unknown := testEnv("")
	unknown.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	for name, url := range urls("db.invalid:1") {
		t.Run(name+" that has no name", func(t *testing.T) {
			want(t, failure(t, t.Context(), sqlread.Database{URL: url}, unknown), watch.NameNotFound, ": no such host db.invalid")
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, url := range urls(closed.Addr().String()) {
		t.Run(name+" after the pass has ended", func(t *testing.T) {
			if failed := failure(t, ended, sqlread.Database{URL: url}, testEnv("")); !errors.Is(failed, context.Canceled) {
				t.Errorf("got %v", failed)
			}
		})
	}
}

func TestAServerThatStaysSilentIsLeft(t *testing.T) {
	for _, mode := range []sqlread.TLSMode{sqlread.VerifyFull, sqlread.Disable} {
		for name, url := range urls(listen(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })) {
			t.Run(name+" "+string(mode), func(t *testing.T) {
				env := testEnv(canary)
				env.Timeout = 200 * time.Millisecond
				want(t, failure(t, t.Context(), sqlread.Database{URL: url, Password: someSecret(), TLS: mode}, env), watch.TimedOut, ": no answer in time")
			})
		}
	}
}

// mysqlRefusal is an error in place of the greeting (MySQL client/server protocol, ERR_Packet).
func mysqlRefusal(message string) []byte {
	payload := append([]byte{0xff, 0x15, 0x04}, "#28000"+message...)
	return append([]byte{byte(len(payload)), byte(len(payload) >> 8), 0, 0}, payload...)
}

// postgresRefusal is an ErrorResponse (PostgreSQL documentation, 55.7).
func postgresRefusal(message string) []byte {
	fields := "SFATAL\x00VFATAL\x00C28P01\x00M" + message + "\x00\x00"
	return append(binary.BigEndian.AppendUint32([]byte{'E'}, uint32(len(fields)+4)), fields...)
}

// tds is one packet of SQL Server's protocol (MS-TDS 2.2.3).
func tds(kind byte, payload ...byte) []byte {
	return append([]byte{kind, 1, byte((len(payload) + 8) >> 8), byte(len(payload) + 8), 0, 0, 1, 0}, payload...)
}

func TestWhatAServerSaysIsCleanedAndHoldsNoPassword(t *testing.T) {
	hostile := "no \x1b[31m\u202e`rm`\r\n" + canary + " " + strings.Repeat("x", 60_000)
	answers := map[string][]byte{"postgres": postgresRefusal(hostile), "mysql": mysqlRefusal(hostile)}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			url := urls(listen(t, func(conn net.Conn) {
				_, _ = conn.Write(answer)
				_, _ = io.Copy(io.Discard, conn)
			}))[name]
			failed := failure(t, t.Context(), sqlread.Database{URL: url, Password: someSecret(), TLS: sqlread.Disable}, testEnv(canary))
			want(t, failed, watch.PermissionDenied, "<redacted>")
			if text := failed.Error(); len(text) > 1200 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("an error that is no short printable line: %q", text)
			}
		})
	}
}

func TestGarbageIsAFailureAndNoPanic(t *testing.T) {
	answers := map[string][]byte{
		"an HTTP server": []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), "nothing": nil, "zeros": make([]byte, 4096),
		"ones": []byte(strings.Repeat("\xff", 4096)),
		// The field of encryption with a length of zero.
		"an empty pre-login": tds(4, 1, 0, 6, 0, 0, 0xff),
	}
	for what, answer := range answers {
		for name, url := range urls(listen(t, func(conn net.Conn) { _, _ = conn.Write(answer) })) {
			t.Run(name+" is "+what, func(t *testing.T) {
				failed := failure(t, t.Context(), sqlread.Database{URL: url, TLS: sqlread.Disable, Password: someSecret()}, testEnv(canary))
				known := map[watch.Reason]bool{watch.HandshakeFailed: true, watch.Unparsable: true, watch.Unreadable: true, watch.Unreachable: true, watch.TimedOut: true}
				if text := failed.Error(); !known[failed.Reason] || strings.Contains(text, canary) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("got %s: %q", failed.Reason, text)
				}
			})
		}
	}
}

// SQL Server does not run where these tests do; what can be seen is that its driver speaks
// first, asks for encryption by the mode, and does so through Dial.
func TestTheDriverOfSQLServerBeginsWithItsPreLogin(t *testing.T) {
	const encryption, end = 1, 0xff
	for mode, wanted := range map[sqlread.TLSMode]byte{sqlread.VerifyFull: 1, sqlread.Require: 1, sqlread.Disable: 0} {
		t.Run(string(mode), func(t *testing.T) {
			asked := make(chan []byte, 1)
			address := listen(t, func(conn net.Conn) {
				header := make([]byte, 8)
				if _, err := io.ReadFull(conn, header); err != nil || header[0] != 0x12 {
					t.Errorf("the first packet begins with % x, %v", header, err)
					return
				}
				body := make([]byte, binary.BigEndian.Uint16(header[2:])-8)
				if _, err := io.ReadFull(conn, body); err != nil {
					t.Error(err)
				}
				asked <- body
			})
			database := sqlread.Database{URL: "sqlserver://u@" + address + "/d", Password: someSecret(), TLS: mode}
			want(t, failure(t, t.Context(), database, testEnv(canary)), watch.HandshakeFailed, "")
			body := <-asked
			for at := 0; body[at] != end; at += 5 {
				if body[at] == encryption && body[binary.BigEndian.Uint16(body[at+1:])] != wanted {
					t.Errorf("it asks for the encryption %d, want %d", body[binary.BigEndian.Uint16(body[at+1:])], wanted)
				}
			}
		})
	}
}

func TestAServerThatFloodsIsCutOff(t *testing.T) {
	// A packet of MySQL that is followed by another, and a pre-login with bytes behind it.
	heads := map[string][]byte{"mysql": {0xff, 0xff, 0xff, 0}, "sqlserver": tds(4, 1, 0, 6, 0, 1, 0xff, 0)}
	for name, head := range heads {
		t.Run(name, func(t *testing.T) {
			sent := make(chan int, 8)
			address := listen(t, func(conn net.Conn) {
				total := 0
				block := append(append([]byte{}, head...), make([]byte, 0xffffff)...)
				for {
					n, err := conn.Write(block)
					if total += n; err != nil || total > 1<<30 {
						sent <- total
						return
					}
					block[3]++
				}
			})
			failed := failure(t, t.Context(), sqlread.Database{URL: urls(address)[name], TLS: sqlread.Disable}, testEnv(""))
			if total := <-sent; total > 64<<20 {
				t.Errorf("it took %d bytes of it: %v", total, failed)
			}
		})
	}
}
