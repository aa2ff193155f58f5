// Package farm is a field of TLS endpoints on loopback, or of certificate files, whose
// dates and faults are known beforehand, so that a scanner's speed and its verdicts can be measured together. It
// measures nothing itself.
package farm

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"time"
)

// Fault is what is planted at an endpoint.
type Fault string

// The faults. Slow, Silent, Swallowed and Refused are how an endpoint answers, Broken is
// a file that is named for a certificate and holds none; the others are certificates.
const (
	Healthy    Fault = "healthy"
	Soon       Fault = "soon"
	Expired    Fault = "expired"
	SelfSigned Fault = "self_signed"
	WrongHost  Fault = "wrong_host"
	Slow       Fault = "slow"
	Silent     Fault = "silent"
	Swallowed  Fault = "swallowed"
	Refused    Fault = "refused"
	Broken     Fault = "broken"
)

// Answers reports whether the endpoint ends its handshake at all.
func (f Fault) Answers() bool { return f != Silent && f != Swallowed && f != Refused }

// Subject is the truth about one endpoint, or about one certificate in a file.
type Subject struct {
	// Name is unique in its farm: host:port, or the file's path, with the number of the
	// certificate in the file from the second one on ("site.pem #2").
	Name  string `json:"name"`
	Fault Fault  `json:"fault"`
	// NotAfter is the leaf's, in UTC; zero where no certificate can be read.
	NotAfter time.Time `json:"not_after,omitzero"`
}

// Mix is a farm's shares of faults, in thousandths; the rest is Healthy.
type Mix []Share

// Share is one fault's part of a farm.
type Share struct {
	Fault    Fault
	PerMille int
}

// Clean is a farm in which every endpoint answers at once.
func Clean() Mix {
	return Mix{{Expired, 20}, {SelfSigned, 10}, {WrongHost, 10}, {Soon, 50}}
}

// Rough is a farm with hosts that are slow, refuse, or never answer: 5 % of them
// black holes, half of which take the connection and half of which do not.
func Rough() Mix {
	return append(Clean(), Share{Silent, 25}, Share{Swallowed, 25}, Share{Slow, 20}, Share{Refused, 10})
}

// faults deals the mix out over size endpoints: exact shares, in an order that is the
// same for every farm of that size.
func (m Mix) faults(size int) []Fault {
	dealt := make([]Fault, 0, size)
	for _, share := range m {
		for range size * share.PerMille / 1000 {
			dealt = append(dealt, share.Fault)
		}
	}
	for len(dealt) < size {
		dealt = append(dealt, Healthy)
	}
	order := rand.New(rand.NewPCG(1, uint64(size)))
	order.Shuffle(size, func(i, j int) { dealt[i], dealt[j] = dealt[j], dealt[i] })
	return dealt
}

const firstNet = 64

// hostOf is the loopback address of the i-th endpoint: 127.64.0.0 and up.
func hostOf(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, byte(firstNet + i>>16), byte(i >> 8), byte(i)})
}

// indexOf is the inverse of hostOf; false for an address that is no endpoint's.
func indexOf(host netip.Addr, size int) (int, bool) {
	b := host.Unmap().As16()
	i := (int(b[13])-firstNet)<<16 | int(b[14])<<8 | int(b[15])
	return i, b[12] == 127 && i >= 0 && i < size
}

// WriteTruth writes one subject a line, as JSON.
func WriteTruth(path string, subjects []Subject) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	buffered := bufio.NewWriter(file)
	encoder := json.NewEncoder(buffered)
	for _, subject := range subjects {
		if err := encoder.Encode(subject); err != nil {
			return fmt.Errorf("write truth %s: %w", path, err)
		}
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write truth %s: %w", path, err)
	}
	return file.Close()
}

// ReadTruth reads what WriteTruth wrote.
func ReadTruth(path string) ([]Subject, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read truth: %w", err)
	}
	defer file.Close()
	var subjects []Subject
	decoder := json.NewDecoder(bufio.NewReader(file))
	for {
		var subject Subject
		if err := decoder.Decode(&subject); err == io.EOF {
			return subjects, nil
		} else if err != nil {
			return nil, fmt.Errorf("read truth %s: %w", path, err)
		}
		subjects = append(subjects, subject)
	}
}
