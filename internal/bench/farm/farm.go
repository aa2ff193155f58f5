// Package farm is a field of TLS endpoints on loopback whose dates and faults are known
// beforehand, so that a scanner's speed and its verdicts can be measured together. It
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

// The faults. All but the last four are certificates; those answer late or not at all.
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
)

// Answers reports whether the endpoint ends its handshake at all.
func (f Fault) Answers() bool { return f != Silent && f != Swallowed && f != Refused }

// Endpoint is the truth about one endpoint.
type Endpoint struct {
	// Address is host:port, unique in its farm.
	Address string `json:"address"`
	Fault   Fault  `json:"fault"`
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

// WriteTruth writes one endpoint a line, as JSON.
func WriteTruth(path string, endpoints []Endpoint) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	buffered := bufio.NewWriter(file)
	encoder := json.NewEncoder(buffered)
	for _, endpoint := range endpoints {
		if err := encoder.Encode(endpoint); err != nil {
			return fmt.Errorf("write truth %s: %w", path, err)
		}
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write truth %s: %w", path, err)
	}
	return file.Close()
}

// ReadTruth reads what WriteTruth wrote.
func ReadTruth(path string) ([]Endpoint, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read truth: %w", err)
	}
	defer file.Close()
	var endpoints []Endpoint
	decoder := json.NewDecoder(bufio.NewReader(file))
	for {
		var endpoint Endpoint
		if err := decoder.Decode(&endpoint); err == io.EOF {
			return endpoints, nil
		} else if err != nil {
			return nil, fmt.Errorf("read truth %s: %w", path, err)
		}
		endpoints = append(endpoints, endpoint)
	}
}
