package timeconf

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheServersOfTheTimeServiceAreFound(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		want  []Server
	}{
		"chrony as Debian ships it": {
			map[string]string{"etc/chrony/chrony.conf": "# a comment\nconfdir /etc/chrony/conf.d\npool 2.debian.pool.ntp.org iburst\ndriftfile /var/lib/chrony/chrony.drift\n"},
			[]Server{{Host: "2.debian.pool.ntp.org", Pool: true}},
		},
		"chrony with a folder of sources and NTS": {
			map[string]string{
				"etc/chrony.conf":                     "  server Time.Example.com iburst nts\nserver 192.0.2.1\nserver 192.0.2.1\n",
				"etc/chrony/sources.d/site.sources":   "server 2001:db8::7 iburst\n",
				"etc/chrony/sources.d/site.sources~":  "server backup.example.com\n",
				"etc/systemd/timesyncd.conf":          "NTP=other.example.com\n",
				"etc/chrony/sources.d/README.sources": "",
			},
			[]Server{{Host: "time.example.com", NTS: true}, {Host: "192.0.2.1"}, {Host: "2001:db8::7"}},
		},
		"chrony with ports of its own": {
			map[string]string{"etc/chrony.conf": "server a.example.com iburst port 1123\npool b.example.com port 2123 maxsources 2\n" +
				"server c.example.com nts ntsport 14460 port 1123\nserver d.example.com NTS port 1123\nserver e.example.com ntsport 14460\nSERVER f.example.com PORT 123\n"},
			[]Server{{Host: "a.example.com", Port: 1123}, {Host: "b.example.com", Pool: true, Port: 2123}, {Host: "c.example.com", NTS: true, Port: 14460},
				{Host: "d.example.com", NTS: true}, {Host: "e.example.com"}, {Host: "f.example.com", Port: 123}},
		},
		"a port that is none leaves nobody to ask": {
			map[string]string{"etc/chrony.conf": "server a.example.com port\nserver b.example.com port 0\nserver c.example.com port 65536\n" +
				"server d.example.com port x\nserver e.example.com nts ntsport -1\nserver f.example.com nts ntsport\nserver g.example.com port 65535\n"},
			[]Server{{Host: "g.example.com", Port: 65535}},
		},
		"two servers on one host, one of them twice": {
			map[string]string{"etc/chrony.conf": "server 192.0.2.1 port 1123\nserver 192.0.2.1\nserver 192.0.2.1 port 1123\n"},
			[]Server{{Host: "192.0.2.1", Port: 1123}, {Host: "192.0.2.1"}},
		},
		"what follows a comment sign is no option": {
			map[string]string{"etc/ntp.conf": "server ntp1.example.com iburst # nts port 99\n"},
			[]Server{{Host: "ntp1.example.com"}},
		},
		"ntpd, without its reference clocks": {
			map[string]string{"etc/ntp.conf": "server 127.127.1.0 prefer\nserver ntp1.example.com\nrestrict default\n"},
			[]Server{{Host: "ntp1.example.com"}},
		},
		"systemd-timesyncd": {
			map[string]string{"etc/systemd/timesyncd.conf": "[Time]\nNTP=a.example.com b.example.com\n#FallbackNTP=no.example.com\nFallbackNTP = c.example.com\n"},
			[]Server{{Host: "a.example.com"}, {Host: "b.example.com"}, {Host: "c.example.com"}},
		},
		"hostile words are no hosts": {
			map[string]string{"etc/chrony.conf": "server \x1b[31mred\nserver -oProxyCommand=x\nserver a/b\nserver\nserver a$(b)\n"},
			nil,
		},
		"no time service": {nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for path, text := range test.files {
				root[path] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := Servers(root); !slices.Equal(got, test.want) {
				t.Errorf("found %+v, want %+v", got, test.want)
			}
		})
	}
}

func FuzzServers(f *testing.F) {
	f.Add("server a iburst port 1\npool b nts ntsport 2\nNTP=c d")
	f.Fuzz(func(t *testing.T, text string) {
		root := fstest.MapFS{"etc/chrony.conf": {Data: []byte(text)}, "etc/systemd/timesyncd.conf": {Data: []byte(text)}}
		for _, server := range Servers(root) {
			if server.Host == "" || strings.ContainsAny(server.Host, " /\\@?#\x00\x1b") {
				t.Errorf("%q is called a host", server.Host)
			}
		}
	})
}
