package nts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/facebook/time/ntp/ntske"
	"github.com/facebook/time/ntp/protocol"
	"github.com/facebook/time/ntp/protocol/nts"

	"lapsewatch/internal/ntp/ntptest"
	"lapsewatch/internal/pki"
)

// signing starts a server that signs that header, whatever it says, and returns where its
// keys are exchanged. It is for one question.
func signing(t *testing.T, leaf pki.Pair, header ntptest.Header) netip.AddrPort {
	t.Helper()
	keys := make(chan []byte, 1)
	server := ntptest.Start(t, func(request []byte) [][]byte {
		return [][]byte{signed(t, header.Answer(request), request[52:84], <-keys)}
	})
	message := must(ntske.MarshalRecords([]ntske.Record{ntske.NewNextProtocol(0), ntske.NewAEADAlgorithm(15),
		ntske.NewCookie(make([]byte, 100)), ntske.NewPortNegotiation(server.Addr.Port()), ntske.NewEndOfMessage()}))(t)
	listener := must(tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, NextProtos: []string{ntske.ALPNProtocol}}))(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 1024)) // the handshake may end in a refusal
		state := conn.(*tls.Conn).ConnectionState()
		// RFC 8915, 5.1: NTPv4, AEAD_AES_SIV_CMAC_256, from the server to the client.
		if key, err := state.ExportKeyingMaterial("EXPORTER-network-time-security", []byte{0, 0, 0, 15, 1}, 32); err == nil {
			keys <- key
		}
		_, _ = conn.Write(message)
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// signed adds to an answer what proves it to be that of whoever has the key, to the
// question with that id.
func signed(t *testing.T, packet, id, key []byte) []byte {
	t.Helper()
	protected, err := newSIV(key)
	if err != nil {
		t.Error(err)
		return nil
	}
	fields, err := protocol.MarshalExtensionFields([]protocol.ExtensionField{nts.NewUniqueIdentifier(id)})
	if err != nil {
		t.Error(err)
		return nil
	}
	packet = append(packet, fields...)
	proof, err := nts.SealAuthenticator(protected, packet, nil)
	if err != nil {
		t.Error(err)
		return nil
	}
	last, err := protocol.MarshalExtensionFields([]protocol.ExtensionField{proof})
	if err != nil {
		t.Error(err)
	}
	return append(packet, last...)
}

func TestACertificateIsBelievedAsOfTheTimeThatItsServerGives(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now().UTC().Truncate(time.Second)
	root := must(pki.SelfSigned(pki.Spec{CommonName: "Time Root", IsCA: true, NotBefore: now.Add(-1000 * day), NotAfter: now.Add(1000 * day)}))(t)
	issue := func(from, to time.Duration) pki.Pair {
		return must(root.Issue(pki.Spec{CommonName: "localhost", Names: []string{"localhost"}, NotBefore: now.Add(from), NotAfter: now.Add(to)}))(t)
	}
	right, expired, early := issue(-day, day), issue(-400*day, -300*day), issue(300*day, 400*day)
	ended := must(root.Issue(pki.Spec{CommonName: "An authority that has ended", IsCA: true, NotBefore: now.Add(-400 * day), NotAfter: now.Add(-300 * day)}))(t)
	outlives := must(ended.Issue(pki.Spec{CommonName: "localhost", Names: []string{"localhost"}, NotBefore: now.Add(-400 * day), NotAfter: now.Add(day)}))(t)
	at := func(shift time.Duration) ntptest.Header {
		header := ntptest.True()
		header.Shift = shift
		return header
	}
	denying := ntptest.Kiss("DENY")
	denyingThen := denying
	denyingThen.Shift = -350 * day
	noted := func(pair pki.Pair) string {
		return "valid from " + pair.Cert.NotBefore.Format(time.RFC3339) + " to " + pair.Cert.NotAfter.Format(time.RFC3339) + ", and verified as of then"
	}
	tests := []struct {
		name   string
		leaf   pki.Pair
		header ntptest.Header
		// believed says whether it is an answer, and note what is said of the dates.
		believed bool
		note     string
	}{
		{"valid now, with the true time", right, at(0), true, ""},
		{"valid now, with another time: a majority finds that out", right, at(-350 * day), true, ""},
		{"valid now, with a kiss", right, denying, true, ""},
		{"expired, with a time at which it was valid", expired, at(-350 * day), true, noted(expired)},
		{"expired, with the true time", expired, at(0), false, ""},
		{"expired, with a time at which it was not valid yet", expired, at(-401 * day), false, ""},
		{"expired, with a kiss, whose time means nothing", expired, denyingThen, false, ""},
		{"not valid yet, with a time at which it will be", early, at(350 * day), true, noted(early)},
		{"not valid yet, with the true time", early, at(0), false, ""},
		{"valid now, of an authority that is no more, with the true time", outlives, at(0), false, ""},
		{"valid now, of an authority that is no more, with a time at which it was", outlives, at(-350 * day), true, noted(outlives)},
	}
	client := open(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			got, err := Server{KeyExchange: signing(t, test.leaf, test.header), Name: "localhost", Roots: root.Pool()}.Ask(ctx, client)
			if !test.believed {
				var invalid x509.CertificateInvalidError
				if !errors.As(err, &invalid) || invalid.Reason != x509.Expired || got != (Answer{From: got.From}) {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if err != nil || got.CertificateDates != test.note || got.Kiss == "" && (got.Offset-test.header.Shift).Abs() > time.Minute {
				t.Errorf("got %+v, %v; want the note %q", got, err, test.note)
			}
		})
	}
}
