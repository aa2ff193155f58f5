package reference_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/ntp/ntptest"
	"lapsewatch/internal/parts"
	"lapsewatch/internal/reference"
	"lapsewatch/watch"
)

const (
	// patience is for references that will answer, impatience for those that will not.
	patience   = 30 * time.Second
	impatience = 3 * time.Second
	// exact is how far an offset on this machine may be off while others keep it busy.
	exact = 200 * time.Millisecond
)

// zone resolves the names of a test.
type zone map[string][]netip.Addr

func (z zone) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if found, ok := z[host]; ok {
		return found, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func env(timeout time.Duration) reference.Env {
	return reference.Env{Resolver: zone{}, Timeout: timeout, Memory: checks.Forgetful(), Now: time.Now}
}

func sources(t *testing.T, urls ...string) reference.Sources {
	t.Helper()
	all := make(reference.Sources, len(urls))
	for i, url := range urls {
		if err := all[i].UnmarshalText([]byte(url)); err != nil {
			t.Fatal(err)
		}
	}
	if err := all.Validate(); err != nil {
		t.Fatal(err)
	}
	return all
}

func chronyd(server parts.TimeServer) string { return "ntp://" + server.NTP }

func responder(t *testing.T, h ntptest.Header) string {
	t.Helper()
	return "ntp://" + ntptest.Serve(t, h).Addr.String()
}

// silent is a reference that takes questions and answers none.
func silent(t *testing.T) string {
	t.Helper()
	return "ntp://" + ntptest.Start(t, func([]byte) [][]byte { return nil }).Addr.String()
}

func shifted(t *testing.T, shift time.Duration) string {
	t.Helper()
	h := ntptest.True()
	h.Shift = shift
	return responder(t, h)
}

// summary is all of a reference that does not vary between runs.
func summary(r watch.Reference) string {
	var each []string
	for _, answer := range r.Each {
		switch {
		case answer.Err != nil:
			each = append(each, "failed")
		case answer.Agreeing:
			each = append(each, "agrees")
		default:
			each = append(each, fmt.Sprintf("says %v", answer.Offset.Round(time.Second)))
		}
	}
	return fmt.Sprintf("%d asked, %d answered, %d agree, majority %t %q: %s", r.Asked, r.Answered, r.Agreeing, r.Majority, r.Why, strings.Join(each, ", "))
}

func expect(t *testing.T, got watch.Reference, want string) {
	t.Helper()
	if summary(got) != want {
		t.Errorf("got  %s\nwant %s\n%+v", summary(got), want, got.Each)
	}
	if !got.Majority && (got.Offset != 0 || got.Uncertainty != 0) {
		t.Errorf("without a majority the offset is %v ± %v", got.Offset, got.Uncertainty)
	}
	for _, answer := range got.Each {
		if answer.Err != nil && answer.Agreeing {
			t.Errorf("%s agrees, and %v", answer.Name, answer.Err)
		}
	}
}

func TestFourRealReferencesAgree(t *testing.T) {
	var urls []string
	for range 4 {
		urls = append(urls, chronyd(parts.TrueTime(t)))
	}
	got := reference.New(sources(t, urls...), env(patience)).Ask(t.Context())
	expect(t, got, `4 asked, 4 answered, 4 agree, majority true "": agrees, agrees, agrees, agrees`)
	if got.Offset.Abs() > exact || got.Offset.Abs() > got.Uncertainty+time.Millisecond || time.Since(got.At).Abs() > 2*patience {
		t.Errorf("this machine is off by %v ± %v at %v", got.Offset, got.Uncertainty, got.At)
	}
	first := got.Each[0]
	if first.Name != urls[0] || first.Details["stratum"] != 3 || first.Details["follows"] != "127.127.1.1" || first.Details["address"] != strings.TrimPrefix(urls[0], "ntp://") {
		t.Errorf("got %+v", first)
	}
}

func TestF8_ARealFalsetickerIsNamed(t *testing.T) {
	got := reference.New(sources(t, chronyd(parts.TrueTime(t)), chronyd(parts.TrueTime(t)),
		chronyd(parts.ShiftedTime(t, 5*time.Second)), chronyd(parts.TrueTime(t))), env(patience)).Ask(t.Context())
	expect(t, got, `4 asked, 4 answered, 3 agree, majority true "": agrees, agrees, says -5s, agrees`)
}

func TestF8_TheMajorityDecidesOrNobodyDoes(t *testing.T) {
	ok := func(t *testing.T) string { return shifted(t, 0) }
	ahead := func(t *testing.T) string { return shifted(t, 5*time.Second) }
	behind := func(t *testing.T) string { return shifted(t, -time.Hour) }
	deaf := func(t *testing.T) string { return responder(t, ntptest.Header{Leap: 3}) }
	tests := []struct {
		name string
		all  []func(*testing.T) string
		want string
	}{
		{"one is believed", []func(*testing.T) string{ahead}, `1 asked, 1 answered, 1 agree, majority true "": agrees`},
		{"two disagree", []func(*testing.T) string{ok, ahead}, `2 asked, 2 answered, 0 agree, majority false "no two of 2 references agree": says 0s, says -5s`},
		{"two of three", []func(*testing.T) string{ok, ahead, ok}, `3 asked, 3 answered, 2 agree, majority true "": agrees, says -5s, agrees`},
		{"two of four lie in the same way", []func(*testing.T) string{ok, ahead, ok, ahead},
			`4 asked, 4 answered, 0 agree, majority false "2 of 4 references agree, which is no majority": says 0s, says -5s, says 0s, says -5s`},
		{"two of four lie, each in its own way", []func(*testing.T) string{ok, ahead, ok, behind},
			`4 asked, 4 answered, 0 agree, majority false "2 of 4 references agree, which is no majority": says 0s, says -5s, says 0s, says 1h0m0s`},
		{"one of four is not synchronised, and one lies", []func(*testing.T) string{ok, deaf, ok, behind},
			`4 asked, 3 answered, 2 agree, majority true "": agrees, failed, agrees, says 1h0m0s`},
		{"only one of four is synchronised", []func(*testing.T) string{ok, deaf, deaf, deaf},
			`4 asked, 1 answered, 0 agree, majority false "only 1 of 4 references answered": says 0s, failed, failed, failed`},
		{"the two of four that answered disagree", []func(*testing.T) string{ok, deaf, deaf, behind},
			`4 asked, 2 answered, 0 agree, majority false "no two of the 2 references that answered agree": says 0s, failed, failed, says 1h0m0s`},
		{"nobody answers", []func(*testing.T) string{deaf, deaf}, `2 asked, 0 answered, 0 agree, majority false "none of 2 references answered": failed, failed`},
		{"nobody is asked", nil, `0 asked, 0 answered, 0 agree, majority false "there are no references": `},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var urls []string
			for _, start := range test.all {
				urls = append(urls, start(t))
			}
			expect(t, reference.New(sources(t, urls...), env(patience)).Ask(t.Context()), test.want)
		})
	}
}

func TestWhatCannotBeUsedSaysWhy(t *testing.T) {
	distant := ntptest.True()
	distant.RootDelay, distant.RootDispersion = 0x0004_0000, 0x0001_8000
	unset := ntptest.True()
	unset.Set = -time.Hour
	stratum := ntptest.True()
	stratum.Stratum = 16
	empty, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	nobody := "ntp://" + empty.LocalAddr().String()
	if err := empty.Close(); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, url, want string }{
		{"a real one that follows nothing", chronyd(parts.UnsynchronisedTime(t)), "is not synchronised (leap indicator 3, stratum 0)"},
		{"stratum 16", responder(t, stratum), "is not synchronised (stratum 16)"},
		{"silent", silent(t), "did not answer within 3s"},
		{"port closed", nobody, "does not listen there: ask " + strings.TrimPrefix(nobody, "ntp://") + " for its time: connection refused"},
		{"far from its source", responder(t, distant), "may be wrong by 3.5s, which is more than 3s"},
		{"a clock that was set back", responder(t, unset), "says that its clock was set at "},
		{"DENY", responder(t, ntptest.Kiss("DENY")), "asked to be left alone (DENY)"},
		{"another code", responder(t, ntptest.Kiss("XFOO")), "gave no time but the code XFOO"},
		{"no such name", "ntp://nowhere.example", "is not found by its name: lookup nowhere.example: no such host"},
	}
	var urls []string
	for _, test := range tests {
		urls = append(urls, test.url)
	}
	got := reference.New(sources(t, urls...), env(impatience)).Ask(t.Context())
	for i, test := range tests {
		if err := got.Each[i].Err; err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
	if want := "none of 9 references answered"; got.Why != want {
		t.Errorf("got %q, want %q", got.Why, want)
	}
}

func TestOneServerHasOneVote(t *testing.T) {
	server := ntptest.Serve(t, ntptest.True())
	loopback := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	e := env(patience)
	e.Resolver = zone{"a.example": loopback, "b.example": loopback}
	port := server.Addr.Port()
	got := reference.New(sources(t, fmt.Sprintf("ntp://a.example:%d", port), fmt.Sprintf("ntp://b.example:%d", port)), e).Ask(t.Context())
	expect(t, got, `2 asked, 1 answered, 0 agree, majority false "only 1 of 2 references answered": says 0s, failed`)
	want := fmt.Sprintf("is the same server as ntp://a.example:%d (%v), and one server has one vote", port, server.Addr)
	if err := got.Each[1].Err; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestTheOtherFamilyIsAskedWhereTheFirstCannotBeReached(t *testing.T) {
	server := ntptest.Serve(t, ntptest.True())
	e := env(patience)
	// Nothing listens on ::1, if there is such an address at all.
	e.Resolver = zone{"a.example": {netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1")}}
	got := reference.New(sources(t, fmt.Sprintf("ntp://a.example:%d", server.Addr.Port())), e).Ask(t.Context())
	expect(t, got, `1 asked, 1 answered, 1 agree, majority true "": agrees`)
}

func TestF8_WhoDeniesIsNeverAskedAgain(t *testing.T) {
	denying, slowing, forged := ntptest.Serve(t, ntptest.Kiss("DENY")), ntptest.Serve(t, ntptest.Kiss("RATE")), ntptest.Start(t, func(request []byte) [][]byte {
		kiss := ntptest.Kiss("DENY").Answer(request)
		kiss[24] ^= 1
		return [][]byte{kiss, ntptest.True().Answer(request)}
	})
	now := time.Now()
	e := env(patience)
	e.Now = func() time.Time { return now }
	asker := reference.New(sources(t, "ntp://"+denying.Addr.String(), "ntp://"+slowing.Addr.String(), "ntp://"+forged.Addr.String()), e)
	for pass := range 3 {
		got := asker.Ask(t.Context())
		expect(t, got, `3 asked, 1 answered, 0 agree, majority false "only 1 of 3 references answered": failed, failed, says 0s`)
		if got, want := got.Each[0].Err.Error(), "asked to be left alone (DENY)"; !strings.HasPrefix(got, want) {
			t.Errorf("pass %d: got %q, want %q", pass, got, want)
		}
		if got, want := got.Each[1].Err.Error(), "asked for fewer questions (RATE)"; !strings.HasPrefix(got, want) {
			t.Errorf("pass %d: got %q, want %q", pass, got, want)
		}
		now = now.Add(time.Minute)
	}
	now = now.AddDate(1, 0, 0)
	// A new Asker is a new run.
	asker = reference.New(sources(t, "ntp://"+denying.Addr.String(), "ntp://"+slowing.Addr.String()), e)
	asker.Ask(t.Context())
	if denying.Asked() != 1 || slowing.Asked() != 3 || forged.Asked() != 3 {
		t.Errorf("asked %d, %d and %d times", denying.Asked(), slowing.Asked(), forged.Asked())
	}
}

func TestAnInterruptedPassEndsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := reference.New(sources(t, silent(t)), env(time.Hour)).Ask(ctx)
	expect(t, got, `1 asked, 0 answered, 0 agree, majority false "the only reference gave no time": failed`)
}

func TestAPacketThatIsLostIsSentOnceMore(t *testing.T) {
	lost := false
	server := ntptest.Start(t, func(request []byte) [][]byte {
		if !lost {
			lost = true
			return nil
		}
		return [][]byte{ntptest.True().Answer(request)}
	})
	got := reference.New(sources(t, "ntp://"+server.Addr.String()), env(2*time.Second)).Ask(t.Context())
	expect(t, got, `1 asked, 1 answered, 1 agree, majority true "": agrees`)
	if server.Asked() != 2 {
		t.Errorf("asked %d times", server.Asked())
	}
	silent := ntptest.Start(t, func([]byte) [][]byte { return nil })
	reference.New(sources(t, "ntp://"+silent.Addr.String()), env(200*time.Millisecond)).Ask(t.Context())
	if silent.Asked() != 2 {
		t.Errorf("who stays silent was asked %d times", silent.Asked())
	}
}
