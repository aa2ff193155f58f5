package exec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	"lapsewatch/alerts"
	"lapsewatch/alerts/alerttest"
	"lapsewatch/alerts/exec"
	"lapsewatch/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

const token = "canary-token-77ab"

var readSecret = alerttest.Secrets(map[string]string{"TOKEN": token})

// options decodes as configuration does, on top of the defaults.
func options(edit func(*exec.Options)) watch.Decoder {
	return func(into any) error {
		edit(into.(*exec.Options))
		return nil
	}
}

// runs is the program as a service: what it was given stands in a folder.
type runs struct {
	t      *testing.T
	folder string
}

func newRuns(t *testing.T) runs { return runs{t, t.TempDir()} }

func (r runs) Behave(behaviour alerttest.Behaviour) {
	if err := os.WriteFile(filepath.Join(r.folder, "behaviour"), []byte(behaviour), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r runs) given() []given {
	files, err := filepath.Glob(filepath.Join(r.folder, "given-*"))
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(files)
	var all []given
	for _, file := range files {
		var one given
		content, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(content, &one)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

func (r runs) Attempts() []alerttest.Attempt {
	var attempts []alerttest.Attempt
	for _, one := range r.given() {
		attempts = append(attempts, alerttest.Attempt{ID: one.variable("LAPSEWATCH_DELIVERY_ID"), Content: one.Input})
	}
	return attempts
}

func (g given) variable(name string) string {
	for _, pair := range g.Environment {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

func (r runs) channel(log *slog.Logger, edit func(*exec.Options)) alerts.Channel {
	r.t.Helper()
	channel, err := exec.Kind.Build(options(func(o *exec.Options) {
		o.Command = []string{os.Args[0], beTheProgram, "", r.folder}
		o.Environment = []exec.Variable{{Name: "TOKEN", Value: watch.SecretRef{Env: "TOKEN"}}}
		if edit != nil {
			edit(o)
		}
	}), alerts.Env{
		Name: alerttest.ChannelName, Now: alerttest.Now, Log: log, Secrets: readSecret, Version: "1.2.3",
		ReportURL: alerttest.ReportURL, Memory: alerttest.NewMemory(),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return channel
}

// deliver lets the program behave so with an ordinary message.
func (r runs) deliver(behaviour string, edit func(*exec.Options)) (alerts.Receipt, *alerts.DeliveryError) {
	r.t.Helper()
	r.Behave(alerttest.Behaviour(behaviour))
	receipt, err := r.channel(quiet, edit).Deliver(r.t.Context(), alerttest.Message())
	failure, _ := errors.AsType[*alerts.DeliveryError](err)
	return receipt, failure
}

var quiet = slog.New(slog.DiscardHandler)

func TestTheExecChannelKeepsTheContract(t *testing.T) {
	alerttest.Run(t, alerttest.Suite{
		Start: func(t *testing.T, log *slog.Logger) (alerts.Channel, alerttest.Service) {
			program := newRuns(t)
			return program.channel(log, nil), program
		},
		Secrets:   []string{token},
		Texts:     func(t *testing.T, attempt alerttest.Attempt) []string { return jsonTexts(t, attempt.Content) },
		Forbidden: []string{"javascript:"},
	})
}

// jsonTexts lists every string of a document, names included.
func jsonTexts(t *testing.T, document []byte) []string {
	t.Helper()
	var texts []string
	decoder := json.NewDecoder(bytes.NewReader(document))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(string); ok {
			texts = append(texts, text)
		}
	}
}

func TestTheProgramReadsTheDocumentedCloudEvent(t *testing.T) {
	program := newRuns(t)
	receipt, failure := program.deliver(string(alerttest.Accepts), nil)
	if want := "exit status 0: ticket 42 \uFFFD[31mopened with <redacted>"; failure != nil || receipt.Proof != want {
		t.Errorf("proof %q, failure %v\nwant  %q", receipt.Proof, failure, want)
	}
	input := program.given()[0].Input
	golden(t, "digest.json", input)
	var event cloudevents.Event
	if err := json.Unmarshal(input, &event); err != nil {
		t.Fatal(err)
	}
	if err := event.Validate(); err != nil || event.ID() != alerttest.Message().ID {
		t.Errorf("event %s: %v", event, err)
	}
}

func TestATestMessageSaysSo(t *testing.T) {
	program := newRuns(t)
	program.Behave(alerttest.Accepts)
	message := alerttest.Message()
	message.Test, message.Events = true, message.Events[:1]
	if _, err := program.channel(quiet, nil).Deliver(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	golden(t, "test.json", program.given()[0].Input)
}

func TestTheProgramSeesNothingOfLapsewatchsEnvironment(t *testing.T) {
	t.Setenv("PATH", "/usr/bin:/bin")
	t.Setenv("HOME", "/var/lib/lapsewatch")
	t.Setenv("LANG", "C.UTF-8")
	t.Setenv("SMTP_PASSWORD", "canary-of-another-channel")
	program := newRuns(t)
	if _, failure := program.deliver(string(alerttest.Accepts), nil); failure != nil {
		t.Fatal(failure)
	}
	got := program.given()[0]
	want := []string{"LAPSEWATCH_DELIVERY_ID=8a5be0f2c1d34e6f9a0b1c2d3e4f5061", "PATH=/usr/bin:/bin", "HOME=/var/lib/lapsewatch", "LANG=C.UTF-8", "TOKEN=" + token}
	if !slices.Equal(got.Environment, want) {
		t.Errorf("environment %q\nwant        %q", got.Environment, want)
	}
	if got.Folder != "/" {
		t.Errorf("it runs in %s", got.Folder)
	}
}

func TestF15_NothingFromOutsideStandsInAnArgumentOrAVariable(t *testing.T) {
	program := newRuns(t)
	program.Behave(alerttest.Accepts)
	// No shell reads the words of the command.
	channel := program.channel(quiet, func(o *exec.Options) { o.Command = append(o.Command, "$(id)", "*; rm -rf /") })
	if _, err := channel.Deliver(t.Context(), alerttest.HostileMessage()); err != nil {
		t.Fatal(err)
	}
	got := program.given()[0]
	if got := got.Arguments[4:]; !slices.Equal(got, []string{"$(id)", "*; rm -rf /"}) {
		t.Errorf("arguments %q", got)
	}
	for _, text := range append(got.Arguments, got.Environment...) {
		if strings.Contains(text, "evil") || strings.Contains(text, "script>") {
			t.Errorf("%q comes from outside", text)
		}
	}
}

func TestEachEndOfTheProgramIsToldApart(t *testing.T) {
	script := filepath.Join(t.TempDir(), "notify")
	if err := os.WriteFile(script, []byte("echo delivered\n"), 0o755); err != nil { //nolint:gosec // it is meant to be run
		t.Fatal(err)
	}
	tests := []struct {
		name      string
		behaviour string
		edit      func(*exec.Options)
		retryable bool
		status    int
		want      string
	}{
		{"it asks to be tried again", string(alerttest.Throttles), nil, true, 75, "exit status 75: come back later, with <redacted>"},
		{"it refuses", string(alerttest.Refuses), nil, false, 1, "exit status 1: no such queue for <redacted>"},
		{"it is killed", string(alerttest.HangsUp), nil, true, 0, "signal: killed"},
		{"it does not end", string(alerttest.Hangs), func(o *exec.Options) { o.Timeout = watch.Duration(200 * time.Millisecond) }, true, 0, "it had not ended after 200ms (timeout), and was stopped: context deadline exceeded"},
		{"it has no first line", "", func(o *exec.Options) { o.Command[0] = script }, false, 0, "it is no program of this machine: a script needs a first line such as #!/bin/sh, and a binary must be made for this system: exec format error"},
		{"it is not there", "", func(o *exec.Options) { o.Command[0] = "/nowhere/notify" }, false, 0, "the program, or the interpreter in its first line, is not there: no such file or directory"},
		{"it is no program", "", func(o *exec.Options) { o.Command[0] = "/etc/passwd" }, false, 0, "it may not be run by the user of Lapsewatch; chmod +x, and look at the folders above it: permission denied"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := os.Args[0]
			_, failure := newRuns(t).deliver(test.behaviour, func(o *exec.Options) {
				if test.edit != nil {
					test.edit(o)
					path = o.Command[0]
				}
			})
			if failure == nil {
				t.Fatal("the attempt counts as delivered")
			}
			got := failure.Error()
			if want := "deliver by operations: run " + path + ": " + test.want; got != want {
				t.Errorf("error %s\nwant  %s", got, want)
			}
			if failure.Retryable != test.retryable || failure.Status != test.status {
				t.Errorf("retryable %t, status %d", failure.Retryable, failure.Status)
			}
		})
	}
}

func TestAProgramThatSaysNothingHasDeliveredAllTheSame(t *testing.T) {
	receipt, failure := newRuns(t).deliver("says nothing", nil)
	if failure != nil || receipt.Proof != "exit status 0" {
		t.Errorf("proof %q, failure %v", receipt.Proof, failure)
	}
}

func TestAProgramThatReadsNothingHasDeliveredAllTheSame(t *testing.T) {
	// The message is larger than a pipe holds.
	message := alerttest.Message()
	for range 1000 {
		message.Events = append(message.Events, message.Events[0])
	}
	channel := newRuns(t).channel(quiet, func(o *exec.Options) { o.Command = []string{"/bin/true"} })
	receipt, err := channel.Deliver(t.Context(), message)
	if err != nil || receipt.Proof != "exit status 0" {
		t.Errorf("proof %q, error %v", receipt.Proof, err)
	}
}

func TestA9_AFloodOfOutputIsReadAndThrownAway(t *testing.T) {
	receipt, failure := newRuns(t).deliver("floods", nil)
	if want := "exit status 0: " + strings.Repeat("on and on ", 19) + "on and on"; failure != nil || receipt.Proof[:len(want)] != want || len(receipt.Proof) > 300 {
		t.Errorf("proof %q, failure %v", receipt.Proof, failure)
	}
}

// listen waits for the child of a program, and tells when that child is gone.
func listen(t *testing.T) (address string, came <-chan net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	conns := make(chan net.Conn, 1)
	go func() {
		if conn, err := listener.Accept(); err == nil {
			conns <- conn
		}
	}()
	return listener.Addr().String(), conns
}

func TestWithTheProgramEndsWhatItHasStarted(t *testing.T) {
	address, came := listen(t)
	program := newRuns(t)
	program.Behave(alerttest.Behaviour("does not want to end:" + address))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := program.channel(quiet, nil).Deliver(ctx, alerttest.Message())
		ended <- err
	}()
	// Only now have both gone deaf to SIGTERM, or are about to.
	child := <-came
	defer child.Close()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := child.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := child.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the program's child still lives: %v", err)
	}
}

func TestWhatAProgramLeavesBehindOnPurposeHoldsNothingUp(t *testing.T) {
	address, came := listen(t)
	receipt, failure := newRuns(t).deliver("leaves a child behind:"+address, nil)
	if failure != nil || receipt.Proof != "exit status 0" {
		t.Errorf("proof %q, failure %v", receipt.Proof, failure)
	}
	// Its end is the child's end.
	(<-came).Close()
}

func TestASecretThatCannotBeReadIsAnErrorThatNamesItsPlace(t *testing.T) {
	program := newRuns(t)
	_, failure := program.deliver(string(alerttest.Accepts), func(o *exec.Options) { o.Environment[0].Value.Env = "MISSING" })
	if want := "deliver by operations: read environment variable TOKEN: read secret from environment variable MISSING: it is not set"; failure == nil || failure.Error() != want || failure.Retryable {
		t.Errorf("failure %v\nwant    %s", failure, want)
	}
	if got := len(program.given()); got != 0 {
		t.Errorf("the program was run %d times", got)
	}
}

func golden(t *testing.T, name string, document []byte) {
	t.Helper()
	alerttest.GoldenJSON(t, name, document, *update)
}
