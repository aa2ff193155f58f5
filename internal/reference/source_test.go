package reference

import (
	"fmt"
	"strings"
	"testing"
)

func TestASourceIsAHostAndHowItIsAsked(t *testing.T) {
	tests := []struct {
		text string
		want Source
		back string
	}{
		{"ntp://time.example", Source{false, "time.example", 123}, "ntp://time.example"},
		{"ntp://time.example:123", Source{false, "time.example", 123}, "ntp://time.example"},
		{"nts://time.example", Source{true, "time.example", 4460}, "nts://time.example"},
		{"nts://time.example:123", Source{true, "time.example", 123}, "nts://time.example:123"},
		{"NTP://Time.Example.:1123", Source{false, "time.example", 1123}, "ntp://time.example:1123"},
		{"ntp://192.0.2.1", Source{false, "192.0.2.1", 123}, "ntp://192.0.2.1"},
		{"ntp://[2001:DB8::1]", Source{false, "2001:db8::1", 123}, "ntp://[2001:db8::1]"},
		{"ntp://[2001:db8::1]:1123", Source{false, "2001:db8::1", 1123}, "ntp://[2001:db8::1]:1123"},
		{"ntp://[fe80::1%25eth0]", Source{false, "fe80::1%eth0", 123}, "ntp://[fe80::1%eth0]"},
		{"ntp://[::ffff:192.0.2.1]", Source{false, "192.0.2.1", 123}, "ntp://192.0.2.1"},
		{"ntp://xn--zeit-5na.example", Source{false, "xn--zeit-5na.example", 123}, "ntp://xn--zeit-5na.example"},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			var got Source
			if err := got.UnmarshalText([]byte(test.text)); err != nil || got != test.want || got.String() != test.back {
				t.Errorf("got %+v (%s), %v", got, got, err)
			}
		})
	}
}

func TestWhatIsNoSourceIsRefusedWithTheRemedy(t *testing.T) {
	const (
		scheme = "write ntp://HOST, or nts://HOST if the server offers NTS"
		name   = "the host is no name of a host: want ASCII letters, digits, hyphens and dots (xn--… for other letters)"
	)
	tests := []struct{ text, want string }{
		{"time.example", `reference "time.example": it has no scheme: ` + scheme},
		{"", `reference "": it has no scheme: ` + scheme},
		{"https://time.example", `reference "https://time.example": its scheme is neither ntp nor nts: ` + scheme},
		{"ntp://user:secret@time.example", "a reference takes no user name or password: write ntp://HOST or nts://HOST"},
		{"ntp://time.example/", `reference "ntp://time.example/": it has more than a host and a port: leave out what follows them`},
		{"ntp://time.example?burst", `reference "ntp://time.example?burst": it has more than a host and a port: leave out what follows them`},
		{"ntp://time.example#1", `reference "ntp://time.example#1": it has more than a host and a port: leave out what follows them`},
		{"ntp://", `reference "ntp://": the host is missing`},
		{"ntp://:123", `reference "ntp://:123": the host is missing`},
		{"ntp://time.example:", `reference "ntp://time.example:": its port is no number from 1 to 65535`},
		{"ntp://time.example:0", `reference "ntp://time.example:0": its port is no number from 1 to 65535`},
		{"ntp://time.example:65536", `reference "ntp://time.example:65536": its port is no number from 1 to 65535`},
		{"ntp://2001:db8::1", `reference "ntp://2001:db8::1": the URL is malformed: write ntp://HOST or ntp://HOST:PORT, with an IPv6 address in brackets`},
		{"ntp://[time.example]", `reference "ntp://[time.example]": the URL is malformed: write ntp://HOST or ntp://HOST:PORT, with an IPv6 address in brackets`},
		{"ntp://zeit\u00fc.example", `reference "ntp://zeitü.example": ` + name},
		{"ntp://-time.example", `reference "ntp://-time.example": ` + name},
		{"ntp://time..example", `reference "ntp://time..example": ` + name},
		{"ntp://0.0.0.0", `reference "ntp://0.0.0.0": it is not the address of one host`},
		{"ntp://224.0.1.1", `reference "ntp://224.0.1.1": it is not the address of one host`},
		{"ntp://" + strings.Repeat("a.", 127) + "a", `reference "ntp://` + strings.Repeat("a.", 127) + `a": ` + name},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := ParseSource(test.text)
			if err == nil || err.Error() != test.want || got != (Source{}) {
				t.Errorf("got %+v, %v; want %s", got, err, test.want)
			}
		})
	}
}

func TestSourcesAreFewAndDifferent(t *testing.T) {
	var many Sources
	for i := range MaxSources {
		many = append(many, Source{Host: fmt.Sprintf("h%d.example", i), Port: 123})
	}
	if err := many.Validate(); err != nil {
		t.Error(err)
	}
	err := append(many, many[0]).Validate()
	if want := "65 references are more than 64: leave some out\nreference ntp://h0.example is listed twice: one server has one vote"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func FuzzParseSource(f *testing.F) {
	for _, text := range []string{"ntp://time.example", "nts://[2001:db8::1%25eth0]:4460", "ntp://[::ffff:1.2.3.4]:1", "ntp://a:00001", "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		source, err := ParseSource(text)
		if err != nil {
			return
		}
		if source.Host == "" || source.Port == 0 {
			t.Errorf("%q has no host or no port", text)
		}
	})
}
