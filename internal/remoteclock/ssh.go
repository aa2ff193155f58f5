package remoteclock

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// SSH signs in with a key and runs dateCommand, once. The account needs nothing but that
// command, which may also be its forced one (command="…" in authorized_keys). There is
// no password, no agent, and no host key that is accepted unseen.
type SSH struct {
	// Address is host:port; SSH's port is 22.
	Address, User string
	Dial          Dial
	// Key is a private key in PEM, OpenSSH's form or PKCS #8; Passphrase decrypts it.
	Key, Passphrase watch.Secret
	// HostKey is the host's public key, as a line of its ssh_host_…_key.pub. Otherwise
	// KnownHosts is the path of a file of them, read at each reading. One must be given.
	HostKey, KnownHosts string
}

const (
	// dateCommand shows the time in seconds since 1970, with a fraction where it can.
	dateCommand = "date -u +%s.%N"
	// maxDateOutput holds far more than a date.
	maxDateOutput = 1 << 10
	sshVersion    = "SSH-2.0-lapsewatch"
)

// Read makes one connection and runs one command.
func (s SSH) Read(ctx context.Context) (Reading, error) {
	config, err := s.config()
	if err != nil {
		return Reading{}, err
	}
	doing := "connect to " + s.Address
	conn, err := s.Dial(ctx, "tcp", s.Address)
	if err != nil {
		return Reading{}, brokenOff(ctx, doing, err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	client, err := s.signIn(ctx, conn, config)
	if err != nil {
		return Reading{}, err
	}
	defer func() { _ = client.Close() }()
	return s.runDate(ctx, client)
}

func (s SSH) config() (*ssh.ClientConfig, error) {
	signer, err := s.signer()
	if err != nil {
		return nil, err
	}
	keys, err := s.hostKeys()
	if err != nil {
		return nil, failed(watch.Unreadable, "prepare the sign-in to "+s.Address, err, "")
	}
	return &ssh.ClientConfig{
		User: s.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, ClientVersion: sshVersion,
		HostKeyCallback: keys.check, HostKeyAlgorithms: keys.algorithms,
	}, nil
}

// signer reads the private key. Its text is cleared afterwards; what package ssh makes
// of it lives as long as the connection.
func (s SSH) signer() (ssh.Signer, error) {
	doing := "read the private key for " + s.Address
	text := []byte(s.Key.Reveal())
	defer clear(text)
	var signer ssh.Signer
	var err error
	if passphrase := []byte(s.Passphrase.Reveal()); len(passphrase) > 0 {
		defer clear(passphrase)
		signer, err = ssh.ParsePrivateKeyWithPassphrase(text, passphrase)
	} else {
		signer, err = ssh.ParsePrivateKey(text)
	}
	if err == nil {
		return signer, nil
	}
	if _, missing := errors.AsType[*ssh.PassphraseMissingError](err); missing {
		return nil, failed(watch.PassphraseMissing, doing, errors.New("it is encrypted, and no passphrase is given"), "")
	}
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, failed(watch.PassphraseWrong, doing, errors.New("the passphrase does not decrypt it"), "")
	}
	// The cause is left out: it might repeat what was given.
	return nil, failed(watch.Unreadable, doing, errors.New("it is no private key in PEM that is known here"), "Give an unencrypted key, or a passphrase with it, in OpenSSH's form or PKCS #8.")
}

func (s SSH) signIn(ctx context.Context, conn net.Conn, config *ssh.ClientConfig) (*ssh.Client, error) {
	doing := fmt.Sprintf("sign in to %s as %s by SSH", s.Address, s.User)
	connection, channels, requests, err := ssh.NewClientConn(conn, s.Address, config)
	if err == nil {
		return ssh.NewClient(connection, channels, requests), nil
	}
	if _, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err); ok {
		return nil, failed(watch.HandshakeFailed, doing, errors.New(clean.Text(err.Error(), maxQuoted)), "Give a host key of a kind that the host has.")
	}
	// Package ssh has no type for it.
	if strings.Contains(err.Error(), "unable to authenticate") && ctx.Err() == nil {
		return nil, failed(watch.PermissionDenied, doing, errors.New("the host does not accept the key for this account"), "Add the key to the account's authorized_keys on the host.")
	}
	return nil, brokenOff(ctx, doing, err)
}

// runDate compares by the time from the request to the first byte of the answer, within
// which the command looked at its clock.
func (s SSH) runDate(ctx context.Context, client *ssh.Client) (Reading, error) {
	doing := fmt.Sprintf("run %q at %s", dateCommand, s.Address)
	session, err := client.NewSession()
	if err != nil {
		return Reading{}, brokenOff(ctx, doing, err)
	}
	defer func() { _ = session.Close() }()
	output, err := session.StdoutPipe()
	if err != nil {
		return Reading{}, failed(watch.InternalError, doing, err, "")
	}
	complaint := &firstBytes{limit: maxDateOutput}
	session.Stderr = complaint
	timeline := newTimeline()
	sent := timeline.now()
	if err := session.Start(dateCommand); err != nil {
		return Reading{}, brokenOff(ctx, doing, err)
	}
	line, received, ended := readLine(output, timeline.now)
	if ctx.Err() != nil {
		return Reading{}, brokenOff(ctx, doing, ctx.Err())
	}
	shown, resolution, err := parseDateOutput(line)
	if err != nil {
		return Reading{}, noDate(ctx, session, doing, err, ended, complaint)
	}
	found := timeline.compare(shown, resolution, sent, received)
	return Reading{
		Offset: found.middle(), Uncertainty: found.uncertainty(), At: timeline.wall(received), By: "SSH",
		Details: map[string]any{
			"address": s.Address, "user": s.User, "resolution": resolution.String(), "round_trip": (received - sent).String(),
			"server": clean.Text(string(client.ServerVersion()), maxQuoted),
		},
	}, nil
}

// readLine reads a line of at most maxDateOutput, and notes when its first byte came.
func readLine(output io.Reader, now func() time.Duration) (line string, first time.Duration, ended bool) {
	buffer := make([]byte, 0, maxDateOutput)
	for len(buffer) < cap(buffer) && !bytes.ContainsRune(buffer, '\n') {
		n, err := output.Read(buffer[len(buffer):cap(buffer)])
		if len(buffer) == 0 && n > 0 {
			first = now()
		}
		buffer = buffer[:len(buffer)+n]
		if err != nil {
			return string(buffer), first, true
		}
	}
	return string(buffer), first, false
}

// noDate says why there is none: by the command's own complaint if it has failed.
func noDate(ctx context.Context, session *ssh.Session, doing string, parse error, ended bool, complaint *firstBytes) error {
	if !ended {
		return failed(watch.Unparsable, doing, parse, nothingElse)
	}
	exit, ok := errors.AsType[*ssh.ExitError](session.Wait())
	switch {
	case ctx.Err() != nil:
		return brokenOff(ctx, doing, ctx.Err())
	case ok:
		return failed(watch.Unreadable, doing, fmt.Errorf("it ended with status %d: %q", exit.ExitStatus(), clean.Text(complaint.String(), maxQuoted)), "Let the account run this command.")
	default:
		return failed(watch.Unparsable, doing, parse, nothingElse)
	}
}

const nothingElse = "Let the account print nothing but the answer to this command."

// firstBytes keeps the first bytes of what is written and drops the rest.
type firstBytes struct {
	bytes.Buffer
	limit int
}

func (f *firstBytes) Write(more []byte) (int, error) {
	if room := f.limit - f.Len(); room > 0 {
		f.Buffer.Write(more[:min(room, len(more))])
	}
	return len(more), nil
}
