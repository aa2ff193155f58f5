package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/internal/pki"
	"lapsewatch/internal/vendortest"
)

// The same run looks again, and finds what it was not told of.
func TestF3_AnIncidentWhoseMakingWasNotAnsweredIsFoundInTheSameRun(t *testing.T) {
	for name, answer := range map[string]vendortest.Answer{
		"its reply is lost":            vendortest.CutShort(),
		"502 stands for what was done": applied(http.StatusBadGateway),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := openStatusDesk(t)
			d.configure()
			d.door.behave(firstPost(answer))
			_, said := d.wantRun(exitDone)
			wantSaid(t, said, "found as identified")
			d.wantIncident("identified")
			if d.posts() != 1 {
				t.Errorf("it was asked for %d times", d.posts())
			}
		})
	}
}

func TestF3_AListThatIsTenSecondsBehindMakesNoSecondIncident(t *testing.T) {
	t.Parallel()
	d := openStatusDesk(t)
	d.page.Lag = 10 * time.Second
	d.configure()
	d.door.behave(firstPost(vendortest.CutShort()))
	_, said := d.wantRun(exitDone)
	wantSaid(t, said, "found as identified")
	d.wantIncident("identified")
	d.certificate("web.pem", 300)
	d.wantRun(exitDone)
	d.wantIncident("resolved")
	if d.posts() != 1 {
		t.Errorf("it was asked for %d times", d.posts())
	}
}

func TestF3_WhatIsRefusedAndStandsThereAllTheSameIsSaidAndFound(t *testing.T) {
	t.Parallel()
	d, room := openStatusDesk(t), openMailRoom(t)
	d.configure(mailAlert(room.port))
	d.door.behave(firstPost(applied(http.StatusBadRequest)))
	stdout, said := d.wantRun(exitFailed)
	wantSaid(t, said, "incident stub on status", " is not as it should be, the next run tries again: make a stub on status: ", "it answered 400 Bad Request")
	alerttest.AssertHarmless(t, said+stdout)
	if mails := room.take(); len(mails) != 1 || !strings.Contains(mails[0], "web.pem") {
		t.Errorf("the mails are %q", mails)
	}
	d.wantIncident("identified")
	stdout, said = d.wantRun(exitDone)
	wantSaid(t, said, "found as identified")
	wantSaid(t, stdout, "status system status", "1 incident stub is not as it should be there since ")
	mails := room.take()
	if len(mails) != 1 || !strings.Contains(mails[0], "status system status") || !strings.Contains(mails[0], "not as it should be there since") {
		t.Errorf("of the page that failed people are told %q", mails)
	}
	stdout, _ = d.wantRun(exitDone)
	wantSaid(t, stdout, "1 incident is open, as they should be")
	if mails := room.take(); len(mails) != 1 || !strings.Contains(mails[0], "1 resolved") {
		t.Errorf("of its end people are told %q", mails)
	}
	d.wantIncident("identified")
	if d.posts() != 1 {
		t.Errorf("it was asked for %d times", d.posts())
	}
}

// A service on a bad day: refusals, cut answers, slow ones.
func TestF3_APageOnABadDayHoldsOneIncident(t *testing.T) {
	t.Parallel()
	d := openStatusDesk(t)
	d.configure()
	d.server.Misbehave(vendortest.DefaultManners()...)
	d.wantRun(exitDone)
	d.wantIncident("identified")
}

func TestF4_AStatusSystemThatNeverAnswersHoldsNoMail(t *testing.T) {
	t.Parallel()
	d, room := openStatusDesk(t), openMailRoom(t)
	hangs, leave := make(chan struct{}, 100), make(chan struct{})
	url, authority := d.serveRaw(func(conn *tls.Conn) {
		_ = conn.Handshake()
		hangs <- struct{}{}
		<-leave
	})
	defer close(leave)
	d.configure(mailAlert(room.port))
	text := strings.ReplaceAll(string(d.read("lapsewatch.yaml")), "timeout: 2m", "timeout: 5s")
	d.write("lapsewatch.yaml", strings.NewReplacer(d.server.URL, url, d.server.CAFile, authority).Replace(text))
	var said bytes.Buffer
	program := d.process(&said)
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	<-hangs
	var mails []string
	for len(mails) == 0 {
		select {
		case err := <-ended:
			t.Fatalf("the run ended before its mail came: %v\n%s", err, said.String())
		case <-time.After(10 * time.Millisecond):
			mails = room.take()
		}
	}
	if len(mails) != 1 || !strings.Contains(mails[0], "web.pem") {
		t.Errorf("while the page hangs the mails are %q", mails)
	}
	if code := exitCodeOf(<-ended); code != exitFailed {
		t.Errorf("the run ended with %d", code)
	}
	wantSaid(t, said.String(), "told mail (ops@example.com): 1 change", "incident stub on status is not as it should be, the next run tries again: list what stands on status: ")
}

func TestF5_FiveHundredLapsedCertificatesAreOneIncidentForTheMany(t *testing.T) {
	t.Parallel()
	d := openStatusDesk(t)
	signer, err := pki.NewRoot("Many Root")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(d.path("web.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(d.path("web.pem"), 0o700); err != nil {
		t.Fatal(err)
	}
	ends := time.Now().Add(-time.Hour)
	for n := range 500 {
		pair, err := signer.Issue(pki.Spec{CommonName: fmt.Sprintf("host-%03d", n), Key: signer.Key, NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends})
		if err != nil {
			t.Fatal(err)
		}
		d.write(fmt.Sprintf("web.pem/host-%03d.pem", n), string(pair.ChainPEM()))
	}
	d.terms = "most_new: 2"
	d.configure()
	for range 2 {
		d.wantRun(exitDone)
		if open := d.open(); len(open) != 3 {
			t.Fatalf("%d incidents stand there, want 2 and one for all others", len(open))
		}
	}
	told := 0
	for _, stub := range d.stubs() {
		told += len(stub.Causes) + stub.More
	}
	if told != 500 {
		t.Errorf("the incidents are about %d certificates of 500", told)
	}
	if _, refused := d.page.Asked(); refused != 0 || d.posts() != 3 {
		t.Errorf("%d requests were refused for their rate; %d incidents were made", refused, d.posts())
	}
}

// A1 to A13 of the attacks, as names of files.
func TestF15_HostileNamesAreHarmlessOnThePage(t *testing.T) {
	t.Parallel()
	d := openStatusDesk(t)
	pem := d.read("web.pem")
	if err := os.Remove(d.path("web.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(d.path("web.pem"), 0o700); err != nil {
		t.Fatal(err)
	}
	for n, event := range alerttest.HostileMessage().Events {
		name := strings.NewReplacer("/", "∕", "\x00", "").Replace(event.Finding.Name)
		name = fmt.Sprintf("%02d %s.pem", n, name[:min(len(name), 200)])
		if err := os.WriteFile(filepath.Join(d.path("web.pem"), name), pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.terms = "affected: [{names: [\"[portal](x) <b>\"]}]"
	d.configure()
	_, said := d.wantRun(exitDone)
	d.certificate("good.pem", 300)
	if err := os.RemoveAll(d.path("web.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(d.path("good.pem"), d.path("web.pem")); err != nil {
		t.Fatal(err)
	}
	_, after := d.wantRun(exitDone)
	_, listed, _ := d.lapsewatch("incidents", "list")
	alerttest.AssertHarmless(t, said+after+listed)
	everything := ""
	for _, incident := range d.page.Incidents() {
		shown := []string{incident.Name, incident.Draft, fmt.Sprint(incident.Metadata)}
		for _, update := range incident.Updates {
			shown = append(shown, update.Body)
		}
		for _, text := range shown {
			alerttest.AssertHarmless(t, text, "<script", "<b>", "<img", "](", "://evil")
			everything += text
		}
		if incident.Draft == "" {
			t.Errorf("%s is %s without a draft of its post-mortem", incident.Name, incident.Status)
		}
	}
	if !strings.Contains(everything, "evil.example.com") {
		t.Error("the hostile names are missing from what people read")
	}
}
