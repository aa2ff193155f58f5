package remoteclock

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

const (
	maxKnownHosts = 4 << 20
	certAuthority = "@cert-authority"
)

// hostKeys decides which host keys are accepted, and which kinds of them to ask for: a
// server has several, of which one may be known and another be offered.
type hostKeys struct {
	check      ssh.HostKeyCallback
	algorithms []string
}

func (s SSH) hostKeys() (hostKeys, error) {
	switch {
	case (s.HostKey == "") == (s.KnownHosts == ""):
		return hostKeys{}, errors.New("want exactly one of a host key and a known_hosts file")
	case s.HostKey != "":
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey))
		if err != nil {
			return hostKeys{}, fmt.Errorf("read the host key: want a line like \"ssh-ed25519 AAAA…\": %w", err)
		}
		return hostKeys{check: saying(only(key)), algorithms: plainAlgorithms(key.Type())}, nil
	default:
		return knownHostKeys(s.KnownHosts, s.Address)
	}
}

func knownHostKeys(path, address string) (hostKeys, error) {
	lines, err := readKnownHosts(path)
	if err != nil {
		return hostKeys{}, err
	}
	check, err := knownhosts.New(path)
	if err != nil {
		return hostKeys{}, fmt.Errorf("read the known hosts: %w", err) // it names the path
	}
	// No host has this key, so the error lists those that are known of the address.
	known, ok := errors.AsType[*knownhosts.KeyError](check(address, &net.TCPAddr{}, noKey{}))
	keys := hostKeys{check: saying(check)}
	if !ok {
		return keys, nil
	}
	for _, want := range known.Want {
		algorithms := plainAlgorithms(want.Key.Type())
		if want.Line <= len(lines) && strings.HasPrefix(strings.TrimSpace(lines[want.Line-1]), certAuthority) {
			// The authority's key says nothing of the kind of the keys that it signs.
			algorithms = certAlgorithms()
		}
		for _, algorithm := range algorithms {
			if !slices.Contains(keys.algorithms, algorithm) {
				keys.algorithms = append(keys.algorithms, algorithm)
			}
		}
	}
	return keys, nil
}

func readKnownHosts(path string) (lines []string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the known hosts: %w", err) // it names the path
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxKnownHosts+1))
	if err != nil {
		return nil, fmt.Errorf("read the known hosts: %w", err)
	}
	if len(content) > maxKnownHosts {
		return nil, fmt.Errorf("read the known hosts %s: larger than %d bytes", path, maxKnownHosts)
	}
	return strings.Split(string(content), "\n"), nil
}

// plainAlgorithms are those by which a host proves that it has a key of that type. RSA
// keys sign with SHA-2 (RFC 8332); SHA-1 is not accepted.
func plainAlgorithms(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}

func certAlgorithms() []string {
	return []string{
		ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
		ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
	}
}

var errOtherKey = errors.New("another key")

func only(known ssh.PublicKey) ssh.HostKeyCallback {
	return func(_ string, _ net.Addr, offered ssh.PublicKey) error {
		if !bytes.Equal(known.Marshal(), offered.Marshal()) {
			return errOtherKey
		}
		return nil
	}
}

// saying puts a refusal into words that name the key that was offered.
func saying(check ssh.HostKeyCallback) ssh.HostKeyCallback {
	return func(hostname string, remote net.Addr, key ssh.PublicKey) error {
		err := check(hostname, remote, key)
		if err == nil {
			return nil
		}
		offered := clean.Text(key.Type(), maxQuoted) + " " + ssh.FingerprintSHA256(key)
		known, ok := errors.AsType[*knownhosts.KeyError](err)
		switch {
		case ok && len(known.Want) == 0:
			return &Failure{
				Reason: watch.HandshakeFailed, Err: fmt.Errorf("its host key, %s, is not known", offered),
				Remedy: "Compare the key with the host's own (ssh-keygen -lf), and add it to the known hosts.",
			}
		case ok || errors.Is(err, errOtherKey):
			return &Failure{
				Reason: watch.HandshakeFailed, Err: fmt.Errorf("its host key, %s, is not the one that is known", offered),
				Remedy: "Find out whether the host was set up anew, or whether something else answers at its address.",
			}
		default:
			return &Failure{Reason: watch.HandshakeFailed, Err: fmt.Errorf("its host key, %s, is refused: %s", offered, clean.Text(err.Error(), maxQuoted))}
		}
	}
}

// noKey is a key that nobody has.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte(rand.Text()) }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("it is no key") }
