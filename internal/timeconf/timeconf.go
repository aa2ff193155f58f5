// Package timeconf finds the time servers that this machine's own time service is configured
// with: chrony, ntpd and its kin, and systemd-timesyncd. It reads their files, follows no
// include but the usual folders, asks nobody, and does not know which servers came by DHCP.
package timeconf

import (
	"bufio"
	"io"
	"io/fs"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Server is one line of a configuration.
type Server struct {
	// Host is a name or an address.
	Host string
	// Pool: the name stands for several servers.
	Pool bool
	// NTS: the server is asked with NTS (RFC 8915).
	NTS bool
	// Port is that of NTP (UDP), or with NTS that of the key exchange (TCP); 0 is the
	// usual one.
	Port uint16
}

const (
	maxServers = 32
	maxFiles   = 64
	maxFile    = 1 << 20
)

// format is how a time service writes its servers.
type format struct {
	files []string
	read  func(line string) []Server
}

// formats are in the order of preference: the first service that names a server is the
// one that keeps this machine's time.
func formats() []format {
	return []format{
		{[]string{"etc/chrony/chrony.conf", "etc/chrony.conf", "etc/chrony/conf.d/*.conf", "etc/chrony/sources.d/*.sources"}, directive},
		{[]string{"etc/ntpsec/ntp.conf", "etc/ntp.conf"}, directive},
		{[]string{"etc/systemd/timesyncd.conf", "etc/systemd/timesyncd.conf.d/*.conf"}, assignment},
	}
}

// Servers lists them as their files under root do, without repeats; the root of a machine is
// os.DirFS("/"). What cannot be read counts as not there: many machines have no such file.
func Servers(root fs.FS) []Server {
	for _, service := range formats() {
		var found []Server
		for _, pattern := range service.files {
			names, _ := fs.Glob(root, pattern) // fails only for a malformed pattern
			for _, name := range names[:min(len(names), maxFiles)] {
				found = append(found, readFile(root, name, service.read)...)
			}
		}
		if found = distinct(found); len(found) > 0 {
			return found[:min(len(found), maxServers)]
		}
	}
	return nil
}

func distinct(servers []Server) []Server {
	var kept []Server
	for _, server := range servers {
		if !slices.ContainsFunc(kept, func(other Server) bool { return other.Host == server.Host && other.Port == server.Port }) {
			kept = append(kept, server)
		}
	}
	return kept
}

func readFile(root fs.FS, name string, read func(string) []Server) []Server {
	file, err := root.Open(path.Clean(name))
	if err != nil {
		return nil
	}
	defer file.Close() //nolint:errcheck // only read from
	var found []Server
	lines := bufio.NewScanner(io.LimitReader(file, maxFile))
	for lines.Scan() && len(found) < maxServers {
		found = append(found, read(strings.TrimSpace(lines.Text()))...)
	}
	return found
}

// directive reads "server HOST options" and "pool HOST options" (chrony.conf, ntp.conf).
func directive(line string) []Server {
	line, _, _ = strings.Cut(line, "#")
	words := strings.Fields(strings.ToLower(line))
	if len(words) < 2 {
		return nil
	}
	word, host, options := words[0], words[1], words[2:]
	if word != "server" && word != "pool" && word != "peer" || !usable(host) {
		return nil
	}
	server := Server{Host: host, Pool: word == "pool", NTS: slices.Contains(options, "nts")}
	option := "port"
	if server.NTS {
		option = "ntsport"
	}
	port, ok := number(options, option)
	if !ok {
		return nil
	}
	server.Port = port
	return []Server{server}
}

// number is the port that follows that option, 0 where it is not given; false if what
// follows is no port, so that nobody knows whom to ask.
func number(options []string, option string) (port uint16, ok bool) {
	at := slices.Index(options, option)
	if at < 0 {
		return 0, true
	}
	if at++; at == len(options) {
		return 0, false
	}
	parsed, err := strconv.ParseUint(options[at], 10, 16)
	return uint16(parsed), err == nil && parsed != 0
}

// assignment reads "NTP=HOST HOST" and "FallbackNTP=…" (timesyncd.conf).
func assignment(line string) []Server {
	key, value, assigned := strings.Cut(line, "=")
	if key = strings.TrimSpace(key); !assigned || key != "NTP" && key != "FallbackNTP" {
		return nil
	}
	var found []Server
	for _, host := range strings.Fields(value) {
		if usable(host) && len(found) < maxServers {
			found = append(found, Server{Host: strings.ToLower(host)})
		}
	}
	return found
}

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,252})$`)

// usable leaves out reference clocks (127.127.t.u of ntpd) and what is no host.
func usable(host string) bool {
	address, err := netip.ParseAddr(host)
	if err != nil {
		return hostPattern.MatchString(host)
	}
	return address.Zone() == "" && !netip.MustParsePrefix("127.127.0.0/16").Contains(address)
}
