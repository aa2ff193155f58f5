package parts

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestATimeServerServesTheTimeItIsAskedFor(t *testing.T) {
	year := 365 * 24 * time.Hour
	tests := []struct {
		name         string
		options      ChronydOptions
		want         time.Duration
		synchronised bool
	}{
		{"this machine's own", ChronydOptions{}, 0, true},
		{"ninety seconds ahead", ChronydOptions{Offset: 90 * time.Second}, 90 * time.Second, true},
		{"five seconds behind", ChronydOptions{Offset: -5 * time.Second}, -5 * time.Second, true},
		{"a year ahead", ChronydOptions{Offset: year}, year, true},
		{"two years behind", ChronydOptions{Offset: -2 * year}, -2 * year, true},
		{"unsynchronised", ChronydOptions{Unsynchronised: true}, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			offset, synchronised, err := sntp(Chronyd(t, test.options).NTP)
			if err != nil || synchronised != test.synchronised {
				t.Fatalf("synchronised %t, %v", synchronised, err)
			}
			if off := (offset - test.want).Abs(); test.synchronised && off > time.Second {
				t.Errorf("the offset is %v, want %v", offset, test.want)
			}
		})
	}
}

func TestATimeServerServesItsCertificateAndItsCommands(t *testing.T) {
	pair := chainOfThree(t)
	server := Chronyd(t, ChronydOptions{NTS: &pair, Command: true})
	if got := handshake(t, served{server.KeyExchange, ""}, "localhost").PeerCertificates[0].Subject.CommonName; got != "localhost" {
		t.Errorf("it presents %s", got)
	}
	host, port, _ := strings.Cut(server.Command, ":")
	output, err := exec.Command("chronyc", "-c", "-n", "-h", host, "-p", port, "tracking").CombinedOutput()
	if fields := strings.Split(string(output), ","); err != nil || len(fields) < 3 || fields[2] != "3" {
		t.Errorf("tracking says %q, %v; want stratum 3", output, err)
	}
}

func TestInstallListsTheTimeServer(t *testing.T) {
	script, err := os.ReadFile("install.sh")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(strings.Fields(string(script)), "chrony") {
		t.Error("install.sh does not install chrony")
	}
}
