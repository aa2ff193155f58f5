package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/config"
	"lapsewatch/ledger"
	"lapsewatch/runner"
)

// replay plays an outage in simulated time, and writes down what people would have got to
// see. Each pass is one start of `lapsewatch run`: it reads the configuration anew and
// remembers what the ledger holds.
type replay struct {
	t      *testing.T
	folder string
	mails  *mailRoom
	// stderr is where the program complains to; it is shown where a pass fails.
	stderr io.Writer
	log    *sharedBuffer
	// names stand in the story for addresses, and rough for what is measured.
	names []string
	rough []rough
	// clock is the moment of the pass, by which fakes live too.
	clock atomic.Pointer[time.Time]
	story strings.Builder
	// silent are the passes without news since the last line.
	silent silence
	// read counts the mails that the story has, and stood is what stood on the status page.
	read  int
	stood map[string]string
}

// rough is what differs from one replay to another, and the word that stands for it.
type rough struct {
	pattern *regexp.Regexp
	word    string
}

const (
	replayTeam  = "ops@example.com"
	replayTimes = "2006-01-02 15:04"
)

// replayFrame is what all replays have in common. The ledger, mail and status page are
// those of the replay.
const replayFrame = `
report: {instance: watch.example.com}
ledger: {dsn: "sqlite:$FOLDER/ledger.db"}
alerts:
  - name: mail
    kind: email
    options: {host: 127.0.0.1, port: $MAILPORT, tls: none, from: lapsewatch@example.com, to: [ops@example.com], owner_domains: [example.com]}
incidents:
  - name: status
    kind: cstate
    options: {folder: "$FOLDER/issues", internal_folder: "$FOLDER/staff"}
`

// newReplay begins a story.
func newReplay(t *testing.T, title string) *replay {
	t.Helper()
	r := &replay{t: t, folder: t.TempDir(), mails: openMailRoom(t), log: &sharedBuffer{}, stood: map[string]string{}}
	r.clock.Store(&time.Time{})
	r.stderr = r.log
	for _, name := range []string{"issues", "staff"} {
		if err := os.Mkdir(filepath.Join(r.folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.differs(`lw[a-z2-7]{4}-[a-z2-7]{12}-[0-9a-z]{5}`, "KEY")
	r.line("%s", title)
	r.line("%s", strings.Repeat("=", len(title)))
	return r
}

// configure writes the configuration, whose text goes on within the status system.
func (r *replay) configure(configuration string, values ...string) {
	r.t.Helper()
	values = append(slices.Clone(values), "$FOLDER", r.folder, "$MAILPORT", strconv.Itoa(r.mails.port))
	r.write("lapsewatch.yaml", strings.NewReplacer(values...).Replace(replayFrame+configuration))
}

// now is the simulated time.
func (r *replay) now() time.Time { return *r.clock.Load() }

func (r *replay) path(name string) string { return filepath.Join(r.folder, name) }

func (r *replay) write(name, content string) {
	r.t.Helper()
	if err := os.WriteFile(r.path(name), []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// calls gives an address of this machine the name that it has in the story.
func (r *replay) calls(address, name string) { r.names = append(r.names, address, name) }

// differs gives what is measured a word in the story.
func (r *replay) differs(pattern, word string) {
	r.rough = append(r.rough, rough{regexp.MustCompile(pattern), word})
}

// pass makes one run at the moment (UTC) and tells what came of it. happened is what has
// gone on in the world.
func (r *replay) pass(moment, happened string) runner.Outcome {
	r.t.Helper()
	now, err := time.Parse(replayTimes, moment)
	if err != nil {
		r.t.Fatal(err)
	}
	r.clock.Store(&now)
	settings, err := config.Load(config.Source{Path: r.path("lapsewatch.yaml"), Secrets: config.ReadSecret}, catalog())
	if err != nil {
		r.t.Fatal(err)
	}
	s := app{stdout: io.Discard, stderr: r.stderr}.begin(&passFlags{output: "table", quiet: true, now: instant{now}}, settings)
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Duration(settings.Limits.Deadline))
	defer cancel()
	outcome, err := s.jobOnce(ctx, false, func() {})
	if err != nil {
		r.t.Fatalf("the pass at %s: %v\n%s", moment, err, r.log)
	}
	s.end()
	r.t.Cleanup(func() { _ = outcome.Close() })
	for _, told := range outcome.Told {
		if told.Err != nil {
			r.t.Errorf("%s: %s was not told: %v", moment, told.Recipient, told.Err)
		}
	}
	for _, told := range outcome.Stubs {
		if told.Err != nil {
			r.t.Errorf("%s: the stub is not as it should be: %v", moment, told.Err)
		}
	}
	r.tell(now, happened, outcome)
	return outcome
}

// acknowledges is `lapsewatch ack` of somebody at the moment (UTC), for one day.
func (r *replay) acknowledges(moment, who, subject, reason string) {
	r.t.Helper()
	now, err := time.Parse(replayTimes, moment)
	if err != nil {
		r.t.Fatal(err)
	}
	noted, err := acknowledgement(24*time.Hour, reason, who, now)
	if err != nil {
		r.t.Fatal(err)
	}
	kept, err := ledger.Open(r.t.Context(), "sqlite:"+r.path("ledger.db"))
	if err != nil {
		r.t.Fatal(err)
	}
	if err := errors.Join(app{stdout: io.Discard}.acknowledge(r.t.Context(), kept, subject, noted), kept.Close()); err != nil {
		r.t.Fatal(err)
	}
	r.flush()
	r.line("\n%s UTC: %s acknowledges %s: %s", moment, who, subject, reason)
}
