package estate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	webhook "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func start(t *testing.T) *Estate {
	t.Helper()
	e, err := Start(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func (e *Estate) rootPool(t *testing.T) *x509.CertPool {
	t.Helper()
	root, err := os.ReadFile(e.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(root) {
		t.Fatalf("%s holds no certificate", e.CAFile)
	}
	return pool
}

func find(t *testing.T, e *Estate, host string) Endpoint {
	t.Helper()
	for _, endpoint := range e.Endpoints {
		if endpoint.Host == host {
			return endpoint
		}
	}
	t.Fatalf("the estate has no %s", host)
	return Endpoint{}
}

// shown reads the chain of an endpoint as a modern client that verifies it.
func shown(t *testing.T, e *Estate, endpoint Endpoint, address string) ([]*x509.Certificate, error) {
	t.Helper()
	var chain []*x509.Certificate
	config := &tls.Config{
		ServerName: endpoint.Host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10,
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			for _, der := range raw {
				cert, err := x509.ParseCertificate(der)
				if err != nil {
					return err
				}
				chain = append(chain, cert)
			}
			return nil
		},
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	conn, err := tls.DialWithDialer(dialer, "tcp", net.JoinHostPort(address, strconv.Itoa(int(endpoint.Port))), config)
	if err == nil {
		_ = conn.Close() // the chain is read
	}
	if len(chain) == 0 {
		t.Fatalf("%s shows no certificate: %v", endpoint.Host, err)
	}
	intermediates := x509.NewCertPool()
	for _, link := range chain[1:] {
		intermediates.AddCert(link)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{DNSName: endpoint.Host, Roots: e.rootPool(t), Intermediates: intermediates})
	return chain, err
}

func TestEverySiteShowsWhatItsStoryTells(t *testing.T) {
	e := start(t)
	for _, row := range []struct {
		host, trouble string
		days, links   int
	}{
		{"shop.estate.example", "", 80, 2},
		{"api.estate.example", "", 4, 2},
		{"controller.estate.example", "", 150, 2},
		{"partner.estate.example", "", 150, 2},
		{"intranet.estate.example", "", 20, 2},
		{"blog.estate.example", "", 9, 2},
		{"pay.estate.example", "", 3, 2},
		{"wiki.estate.example", "expired", -1, 2},
		{"launch.estate.example", "not yet valid", 365, 2},
		{"printer.estate.example", "unknown authority", 200, 1},
		{"www.estate.example", "valid for staging.estate.example, not www.estate.example", 200, 2},
		{"erp.estate.example", "unknown authority", 200, 1},
		{"archive.estate.example", "", 200, 3},
	} {
		t.Run(row.host, func(t *testing.T) {
			chain, err := shown(t, e, find(t, e, row.host), "127.0.0.1")
			if left := e.authority.inDays(row.days); !chain[0].NotAfter.Equal(left) {
				t.Errorf("notAfter is %s, want %s", chain[0].NotAfter, left)
			}
			if len(chain) != row.links {
				t.Errorf("%d certificates are sent, want %d", len(chain), row.links)
			}
			if (err == nil) != (row.trouble == "") || err != nil && !strings.Contains(err.Error(), row.trouble) {
				t.Errorf("verification says %v, want %q", err, row.trouble)
			}
		})
	}
}

func TestOneAddressOfTwoWasForgottenAtTheRenewal(t *testing.T) {
	e := start(t)
	split := find(t, e, "cdn.estate.example")
	var dates []time.Time
	for _, address := range split.Addresses {
		chain, err := shown(t, e, split, address)
		if err != nil {
			t.Errorf("at %s: %v", address, err)
		}
		dates = append(dates, chain[0].NotAfter)
	}
	if len(dates) != 2 || !dates[0].Equal(e.authority.inDays(120)) || !dates[1].Equal(e.authority.inDays(25)) {
		t.Errorf("the addresses show %v", dates)
	}
}

func TestARenewedHostShowsItsNewCertificateAtOnce(t *testing.T) {
	e := start(t)
	if err := e.Renew(RenewedHost); err != nil {
		t.Fatal(err)
	}
	chain, err := shown(t, e, find(t, e, RenewedHost), "127.0.0.1")
	if err != nil || !chain[0].NotAfter.Equal(e.authority.inDays(364)) {
		t.Errorf("shows %s, %v", chain[0].NotAfter, err)
	}
	if err := e.Renew("nobody.example"); err == nil || err.Error() != "renew nobody.example: no such host in the estate" {
		t.Errorf("renewing a stranger gave %v", err)
	}
}

func TestTheMailboxKeepsMailThatCameEncrypted(t *testing.T) {
	e := start(t)
	at := net.JoinHostPort(e.Mailbox.Host, strconv.Itoa(int(e.Mailbox.Port)))
	client, err := smtp.Dial(at)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Mail("watch@estate.example"); err == nil || !strings.Contains(err.Error(), "STARTTLS first") {
		t.Errorf("mail in clear text gave %v", err)
	}
	if err := client.StartTLS(&tls.Config{ServerName: e.Mailbox.Host, RootCAs: e.rootPool(t)}); err != nil {
		t.Fatal(err)
	}
	const written = "Subject: =?utf-8?q?Three_days_left_=E2=80=93_pay?=\r\n" +
		"Content-Type: multipart/alternative; boundary=x\r\n\r\n" +
		"--x\r\nContent-Type: text/html\r\n\r\n<p>no</p>\r\n" +
		"--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db\r\n--x--\r\n"
	sendMail(t, client, written)
	received := e.Mailbox.Received()
	if len(received) != 1 || received[0].From != "watch@estate.example" || received[0].To[0] != "owner@estate.example" {
		t.Fatalf("received %+v", received)
	}
	if subject, err := received[0].Subject(); err != nil || subject != "Three days left – pay" {
		t.Errorf("subject is %q, %v", subject, err)
	}
	if text, err := received[0].Text(); err != nil || text != "a=b" {
		t.Errorf("text is %q, %v", text, err)
	}
}

func sendMail(t *testing.T, client *smtp.Client, content string) {
	t.Helper()
	if err := client.Mail("watch@estate.example"); err != nil {
		t.Fatal(err)
	}
	if err := client.Rcpt("owner@estate.example"); err != nil {
		t.Fatal(err)
	}
	data, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := data.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := data.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTheReceiverTakesOnlyWhatIsSignedRight(t *testing.T) {
	e := start(t)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: e.rootPool(t)}}}
	t.Cleanup(client.CloseIdleConnections)
	secret, err := os.ReadFile(e.Hooks.SecretFile)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := webhook.NewWebhook(strings.TrimSpace(string(secret)))
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"specversion":"1.0"}`)
	post := func(sent []byte) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.Hooks.URL, bytes.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		signature, err := signer.Sign("msg_1", at, body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Webhook-Id", "msg_1")
		request.Header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
		request.Header.Set("Webhook-Signature", signature)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	if status := post(body); status != http.StatusNoContent {
		t.Errorf("a right signature gave %d", status)
	}
	if status := post([]byte(`{"specversion":"6.6"}`)); status != http.StatusUnauthorized {
		t.Errorf("a changed body gave %d", status)
	}
	received := e.Hooks.Received()
	if len(received) != 1 || received[0].ID != "msg_1" || !bytes.Equal(received[0].Body, body) || e.Hooks.Refused() != 1 {
		t.Errorf("received %v, refused %d", received, e.Hooks.Refused())
	}
}

func TestTheEstateLeavesNoServerBehind(t *testing.T) {
	e, err := Start(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, endpoint := range e.Endpoints {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(endpoint.Port))))
		if err == nil {
			t.Errorf("%s still answers at %s", endpoint.Host, conn.RemoteAddr())
			_ = conn.Close() // the test has failed already
		}
	}
}

func TestSecretsOfTheEstateAreForItsOwnerAlone(t *testing.T) {
	e := start(t)
	for _, secret := range []string{e.PassphraseFile(), e.Hooks.SecretFile, filepath.Join(e.WatchedFiles, "gateway.pem"), e.Kubeconfig} {
		if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", secret, info.Mode(), err)
		}
	}
}
