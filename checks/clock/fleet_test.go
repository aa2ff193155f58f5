package clock_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/clock"
	"lapsewatch/internal/ntp/ntptest"
	"lapsewatch/watch"
)

func TestHostsThatAgreeWithEachOtherAndNotWithTheReferencesAreSaidTogether(t *testing.T) {
	hour := time.Hour
	tests := map[string]struct {
		shifts []time.Duration
		reason watch.Reason
		// said is the beginning of the sentence.
		said string
	}{
		"all are right": {[]time.Duration{0, 0, 0, 0}, "", "4 of 4 hosts are within their limits of 4 references"},
		"one is wrong":  {[]time.Duration{0, 0, 0, hour}, "", "3 of 4 hosts are within their limits of 4 references"},
		"three of four share one wrong time": {
			[]time.Duration{hour, 0, hour + 20*time.Millisecond, hour - 10*time.Millisecond}, watch.FleetDisagrees, "3 of 4 hosts agree with each other within ",
		},
		"each is wrong in its own way": {[]time.Duration{hour, -hour, 2 * hour, 0}, "", "1 of 4 hosts are within their limits of 4 references"},
		"half of them are no majority": {[]time.Duration{hour, hour, hour, 0, 0, 0}, "", "3 of 6 hosts are within their limits of 4 references"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var targets []string
			for _, shift := range test.shifts {
				header := ntptest.True()
				header.Shift = shift
				targets = append(targets, "ntp://"+ntptest.Serve(t, header).Addr.String())
			}
			for _, found := range findings(t, built(t, options(targets...), believing(0))) {
				if found.ID != "clocks/fleet" {
					continue
				}
				if found.Reason != test.reason || !strings.HasPrefix(found.Message, test.said) {
					t.Errorf("said %s %q, want %s %q", found.Reason, found.Message, test.reason, test.said)
				}
				if test.reason != "" && !strings.HasSuffix(found.Message, ", and are 1 h ahead of 4 references: what they synchronise with is wrong, or the references are") {
					t.Errorf("said %q", found.Message)
				}
				return
			}
			t.Error("nothing is said of all hosts together")
		})
	}
}

func TestWhereMostHostsAreSilentNothingIsSaidToBeInOrder(t *testing.T) {
	targets := []string{"ntp://" + ntptest.Serve(t, ntptest.True()).Addr.String()}
	for range 3 {
		targets = append(targets, "ntp://"+ntptest.Start(t, func([]byte) [][]byte { return nil }).Addr.String())
	}
	o := options(targets...)
	o.Timeout = watch.Duration(100 * time.Millisecond)
	found := findings(t, built(t, o, believing(0)))
	at := slices.IndexFunc(found, func(each watch.Finding) bool { return each.ID == "clocks/fleet" })
	if at < 0 {
		t.Fatal("nothing is said of all together")
	}
	if want := "could not be read: compare 4 hosts with each other: only 1 could be read"; found[at].Severity != watch.Unknown || found[at].Message != want {
		t.Errorf("said %s %q, want %q", found[at].Severity, found[at].Message, want)
	}
}

// A pass that is cut short has told what it read, so that it must not be told as new.
func TestAPassThatIsCutShortRemembersWhatItHasRead(t *testing.T) {
	var shift atomic.Int64
	server, silent, denying := shifting(t, &shift), ntptest.Start(t, func([]byte) [][]byte { return nil }), ntptest.Serve(t, ntptest.Kiss("DENY"))
	o := options("ntp://"+server.Addr.String(), "ntp://"+denying.Addr.String())
	env := believing(0)
	facts(t, built(t, o, env))
	shift.Store(int64(time.Hour))
	o = options("ntp://"+server.Addr.String(), "ntp://"+denying.Addr.String(), "ntp://"+silent.Addr.String())
	o.Timeout = watch.Duration(10 * time.Second)
	var jumps []time.Time
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := built(t, o, env).Collect(ctx, func(fact watch.Fact) {
			if read, ok := fact.(watch.Clock); ok && read.Since != nil {
				jumps = append(jumps, read.Since.At)
			}
		})
		cancel()
		if err == nil {
			t.Fatal("the pass was not cut short")
		}
	}
	if len(jumps) != 1 || denying.Asked() != 1 {
		t.Errorf("the second pass knows of %d jumps, and the host that denies was asked %d times", len(jumps), denying.Asked())
	}
}

func TestASecondLookAtAllTogetherReadsThemAll(t *testing.T) {
	var answers atomic.Bool
	var targets []string
	for range 4 {
		targets = append(targets, "ntp://"+ntptest.Start(t, func(request []byte) [][]byte {
			if !answers.Load() {
				return nil
			}
			return [][]byte{ntptest.True().Answer(request)}
		}).Addr.String())
	}
	o := options(targets...)
	o.Timeout = watch.Duration(200 * time.Millisecond)
	check := built(t, o, believing(0))
	facts(t, check)
	answers.Store(true)
	var said watch.Fact
	err := check.(watch.Rechecker).Recheck(t.Context(), []string{"fleet"}, func(fact watch.Fact) {
		if fact.About().ID == "fleet" {
			said = fact
		}
	})
	if condition, ok := said.(watch.Condition); err != nil || !ok || condition.Text != "4 of 4 hosts are within their limits of 4 references" {
		t.Errorf("said %+v, %v", said, err)
	}
}

func TestOnTheDayOfALeapSecondHostsAreGivenASecondMore(t *testing.T) {
	header := ntptest.True()
	header.Shift = -1100 * time.Millisecond
	env := believing(0)
	reference := env.Reference(t.Context())
	reference.Slack = time.Second
	env.Reference = func(context.Context) watch.Reference { return reference }
	found := findings(t, built(t, options("ntp://"+ntptest.Serve(t, header).Addr.String()), env))[0]
	if found.Severity != watch.OK || !strings.HasSuffix(found.Message, "; for a leap second 1.000 s more are allowed today") {
		t.Errorf("%s %q", found.Severity, found.Message)
	}
}

func TestOfTwoHostsNothingIsSaidTogether(t *testing.T) {
	targets := []string{"ntp://" + ntptest.Serve(t, ntptest.True()).Addr.String(), "ntp://" + ntptest.Serve(t, ntptest.True()).Addr.String()}
	if found := findings(t, built(t, options(targets...), believing(0))); len(found) != 2 {
		t.Errorf("%d findings on two hosts", len(found))
	}
}

func TestTheCheckKeepsItsContract(t *testing.T) {
	readable, silent := ntptest.Serve(t, ntptest.True()), ntptest.Start(t, func([]byte) [][]byte { return nil })
	checktest.Run(t, checktest.Case{
		Kind: clock.Kind,
		Decode: func(into any) error {
			o := into.(*clock.Options)
			o.Targets = []clock.Target{{URL: "ntp://" + readable.Addr.String()}, {URL: "ntp://" + silent.Addr.String()}}
			o.Timeout = watch.Duration(100 * time.Millisecond)
			return nil
		},
		Env: believing(0), Readable: 1, Unreadable: 1,
	})
}

func TestASecondLookReadsOnlyWhatIsAskedAndComparesWithTheSamePast(t *testing.T) {
	var shift atomic.Int64
	server := shifting(t, &shift)
	other := ntptest.Serve(t, ntptest.True())
	id := "ntp://" + server.Addr.String()
	check := built(t, options(id, "ntp://"+other.Addr.String()), believing(0))
	facts(t, check)
	shift.Store(int64(time.Hour))
	facts(t, check)
	asked := other.Asked()
	var again []watch.Fact
	err := check.(watch.Rechecker).Recheck(t.Context(), []string{id}, func(fact watch.Fact) { again = append(again, fact) })
	if err != nil || len(again) != 1 || other.Asked() != asked {
		t.Fatalf("%d facts, %v; the other host was asked %d times more", len(again), err, other.Asked()-asked)
	}
	if got := again[0].(watch.Clock); got.Before == nil || got.Before.Offset.Abs() > time.Minute {
		t.Errorf("compared with %+v, want how the clock stood at the pass before", got.Before)
	}
	// What a second look refutes was never there: the next pass sees no jump back.
	shift.Store(0)
	if err := check.(watch.Rechecker).Recheck(t.Context(), []string{id}, func(watch.Fact) {}); err != nil {
		t.Fatal(err)
	}
	if got := facts(t, check)[id].(watch.Clock); got.Since != nil {
		t.Errorf("the refuted reading %+v is remembered", got.Since)
	}
}

// forgetting is a memory that works for nobody.
type forgetting struct{}

func (forgetting) Recall(context.Context, string) ([]byte, error) {
	return nil, errors.New("disk full")
}

func (forgetting) Remember(context.Context, string, []byte) error { return errors.New("disk full") }

func TestAMemoryThatFailsCostsNoReading(t *testing.T) {
	// What asked to be left alone is not known either, so nobody is asked by NTP.
	env := believing(0)
	env.Memory = forgetting{}
	server := ntptest.Serve(t, ntptest.True())
	var remarks []string
	problems := 0
	err := built(t, options("ntp://"+server.Addr.String()), env).Collect(t.Context(), func(fact watch.Fact) {
		switch fact := fact.(type) {
		case watch.Remark:
			remarks = append(remarks, fact.Text)
		case watch.Problem:
			problems++
		}
	})
	if err != nil || len(remarks) != 2 || problems != 1 {
		t.Errorf("%q, %d problems, %v", remarks, problems, err)
	}
}

// counting counts what is remembered.
type counting struct {
	watch.Memory
	kept, most, recalled int
}

func (c *counting) Recall(ctx context.Context, key string) ([]byte, error) {
	c.recalled++
	return c.Memory.Recall(ctx, key)
}

func (c *counting) Remember(ctx context.Context, key string, value []byte) error {
	c.kept++
	c.most = max(c.most, len(value))
	return c.Memory.Remember(ctx, key, value)
}

func TestAFleetCostsTheMemoryFewAndSmallEntries(t *testing.T) {
	env := believing(0)
	memory := &counting{Memory: checks.Forgetful()}
	env.Memory = memory
	var targets []string
	for range 300 {
		targets = append(targets, "ntp://"+ntptest.Serve(t, ntptest.True()).Addr.String())
	}
	check := built(t, options(targets...), env)
	facts(t, check)
	if memory.kept > 20 || memory.recalled > 20 || memory.most > 4096 {
		t.Errorf("%d entries written and %d read, the largest of %d bytes", memory.kept, memory.recalled, memory.most)
	}
	// A fleet that grows keeps what is known of it.
	for range 200 {
		targets = append(targets, "ntp://"+ntptest.Serve(t, ntptest.True()).Addr.String())
	}
	check = built(t, options(targets...), env)
	known := 0
	for _, fact := range facts(t, check) {
		if read, ok := fact.(watch.Clock); ok && read.Before != nil {
			known++
		}
	}
	if known != 300 {
		t.Errorf("of %d hosts the past is known, want 300", known)
	}
	// One that shrinks leaves nothing behind.
	facts(t, built(t, options(targets[0]), env))
	for i := range 64 {
		if left, err := memory.Memory.Recall(t.Context(), fmt.Sprintf("clocks/%d", i)); err != nil || i > 0 && len(left) > 0 {
			t.Errorf("entry %d still has %d bytes, %v", i, len(left), err)
		}
	}
}

func TestOptionsThatCannotBeMeantAreRefusedWithTheirPlace(t *testing.T) {
	key := watch.SecretRef{File: "key"}
	tests := map[string]struct {
		options clock.Options
		want    string
	}{
		"no targets":              {clock.Options{}, "targets: there is nothing to watch: give at least one target, such as ntp://host.example.com"},
		"a host without a way":    {options("db.example.com"), `targets[0]: url: "db.example.com" does not say how to read the clock: want a URL such as ntp://host.example.com`},
		"an unknown way":          {options("gopher://db.example.com"), `targets[0]: url: "gopher://db.example.com": the scheme gopher is not known: want one of chrony, http, https, mariadb, mysql, node+http, node+https, ntp, postgres, postgresql, sqlserver, ssh`},
		"a path that NTP has not": {options("ntp://a.example.com/x"), `targets[0]: url: "ntp://a.example.com/x": want ntp://HOST[:PORT] and nothing behind it`},
		"a user that NTP has not": {options("ntp://me@a.example.com"), `targets[0]: url: "ntp://…": a user has no use in ntp`},
		"a port that is none":     {options("ntp://a.example.com:0"), `targets[0]: url: "ntp://a.example.com:0": want a port from 1 to 65535`},
		"a password in the URL":   {options("postgres://me:hunter2@a.example.com/db"), "targets[0]: url: a password does not belong into a URL: name the place where it is kept (password: {file: PATH} or {env: NAME})"},
		"one host twice":          {options("ntp://a.example.com", "ntp://A.example.com:123"), "targets[1]: repeats targets[0]: a clock is read once; give it the narrower of its limits"},
		"an unknown limit":        {clock.Options{Targets: []clock.Target{{URL: "ntp://a", Limit: "tight"}}}, "targets[0]: limit: limit \"tight\" is not known: want one of [mifid2-hft mifid2 cockroachdb etcd totp kerberos entra certificates]"},
		"a limit and two offsets": {clock.Options{Targets: []clock.Target{{URL: "ntp://a"}}, Limit: "totp", Warn: 1}, "limit: give either limit, or warn and critical"},
		"half of a limit":         {clock.Options{Targets: []clock.Target{{URL: "ntp://a", Warn: 1}}}, "targets[0]: warn: give warn and critical together"},
		"limits in the wrong order": {
			clock.Options{Targets: []clock.Target{{URL: "ntp://a", Warn: watch.Duration(time.Minute), Critical: watch.Duration(time.Second)}}},
			"targets[0]: critical: critical (1s) is nearer than warn (1m0s)",
		},
		"a key for nothing":         {clock.Options{Targets: []clock.Target{{URL: "ntp://a", PrivateKey: key}}}, "targets[0]: private_key: has no use for ntp"},
		"SSH without keys":          {options("ssh://me@a"), "targets[0]: private_key: is missing: SSH signs in with a key, which {file: PATH} or {env: NAME} names\nknown_hosts: give either known_hosts or host_key: no host key is accepted unseen"},
		"SSH with an odd key":       {clock.Options{Targets: []clock.Target{{URL: "ssh://me@a", PrivateKey: key, HostKey: "ssh-ed25519"}}}, "targets[0]: host_key: want a line such as \"ssh-ed25519 AAAA…\", from the host's /etc/ssh/ssh_host_ed25519_key.pub"},
		"SSH without a user":        {options("ssh://a"), "targets[0]: url: \"ssh://a\": want ssh://USER@HOST"},
		"half of a sign-in":         {clock.Options{Targets: []clock.Target{{URL: "node+https://a", User: "u"}}}, "targets[0]: user: give user and password together"},
		"too many samples":          {clock.Options{Targets: []clock.Target{{URL: "ntp://a"}}, Samples: 9}, "samples: 9: want 1 to 8"},
		"packets without a pause":   {clock.Options{Targets: []clock.Target{{URL: "ntp://a"}}, Interval: 1}, "interval: 1ns: want at least 10ms"},
		"a name of several lines":   {clock.Options{Targets: []clock.Target{{URL: "ntp://a", Name: "a\nb"}}}, "targets[0]: name: want one line of at most 200 characters"},
		"a database with no reader": {options("postgres://me@a/"), "targets[0]: url: it names no database: write SCHEME://USER@HOST/DATABASE"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.options.Samples == 0 {
				test.options.Samples = 1
			}
			if test.options.Interval == 0 {
				test.options.Interval = watch.Duration(time.Second)
			}
			err := test.options.Validate()
			if err == nil || err.Error() != test.want {
				t.Errorf("got\n%v, want\n%s", err, test.want)
			}
		})
	}
}

func TestNoPasswordInAWrongURLIsRepeated(t *testing.T) {
	for _, text := range []string{"postgres://me:hunter2@a/db", "mysql://me:hunt@er2@a/db", "ssh://me:12/hunter2@a", "ntp://hunter2@a", "node+http://me:hunter2@a", "x:hunter2@a", "postgres://me:hunter2%zz@a"} {
		if err := options(text).Validate(); err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "er2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzTargetURL(f *testing.F) {
	for _, seed := range []string{"ntp://a", "https://a:1/x?y", "postgres://u@h/d", "ssh://u:p@h", "ntp://[::1]:123", "ntp://%zz", "NTP://A#f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := options(text)
		if err := o.Validate(); err == nil {
			again := options(text, text)
			if err := again.Validate(); err == nil || err.Error() != "targets[1]: repeats targets[0]: a clock is read once; give it the narrower of its limits" {
				t.Errorf("%q twice: %v", text, err)
			}
		}
	})
}
