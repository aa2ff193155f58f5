package farm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Farm serves its endpoints until Close.
type Farm struct {
	Subjects []Subject
	// RootPEM is the authority that all but the self-signed endpoints chain to.
	RootPEM []byte

	slowness time.Duration
	faults   []Fault
	leaves   []tls.Certificate
	serving  net.Listener
	swallow  net.Listener
	stuffing []net.Conn
	modern   *tls.Config
	tls12    *tls.Config
}

const (
	longestVisit  = 30 * time.Second
	backlogProbes = 4
)

// Start makes the certificates of a farm and serves them; slow endpoints wait for
// slowness before they answer. One wildcard socket stands
// behind all addresses; what does not come over loopback is turned away.
func Start(size int, mix Mix, slowness time.Duration, now time.Time) (*Farm, error) {
	is, err := newIssuer(now)
	if err != nil {
		return nil, err
	}
	f := &Farm{
		Subjects: make([]Subject, size), RootPEM: is.root.ChainPEM(),
		slowness: slowness, faults: mix.faults(size), leaves: make([]tls.Certificate, size),
	}
	if err := eachInParallel(f.faults, func(i int, fault Fault) error { return f.certify(is, i, fault) }); err != nil {
		return nil, err
	}
	if err := f.listen(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	closed, err := unusedPort()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	elsewhere := map[Fault]uint16{Swallowed: portOf(f.swallow), Refused: closed}
	for i, fault := range f.faults {
		port, special := elsewhere[fault]
		if !special {
			port = portOf(f.serving)
		}
		f.Subjects[i].Name = netip.AddrPortFrom(hostOf(i), port).String()
	}
	go f.accept()
	return f, nil
}

// certify gives an endpoint its certificate, if it is going to show one.
func (f *Farm) certify(is *issuer, i int, fault Fault) error {
	f.Subjects[i].Fault = fault
	if !fault.Answers() {
		return nil
	}
	pair, err := is.leaf(i, fault)
	if err != nil {
		return err
	}
	f.leaves[i], f.Subjects[i].NotAfter = pair.TLS(), pair.Cert.NotAfter
	f.leaves[i].Leaf = nil // parsed certificates of 100,000 endpoints would crowd the farm out
	return nil
}

// Close frees the farm's sockets.
func (f *Farm) Close() error {
	var problems []error
	for _, conn := range f.stuffing {
		problems = append(problems, conn.Close())
	}
	for _, listener := range []net.Listener{f.serving, f.swallow} {
		if listener != nil {
			problems = append(problems, listener.Close())
		}
	}
	return errors.Join(problems...)
}

func (f *Farm) listen() error {
	f.modern = &tls.Config{MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true, GetCertificate: f.certificate}
	f.tls12 = f.modern.Clone()
	f.tls12.MaxVersion = tls.VersionTLS12
	var err error
	if f.serving, err = net.Listen("tcp4", "0.0.0.0:0"); err != nil {
		return fmt.Errorf("open the farm: %w", err)
	}
	if f.swallow, err = net.Listen("tcp4", "0.0.0.0:0"); err != nil {
		return fmt.Errorf("open the farm's black hole: %w", err)
	}
	return f.stuffBacklog()
}

// stuffBacklog makes a real black hole without any privilege: once the queue of a
// listener that accepts nothing is full, the kernel drops every further SYN.
func (f *Farm) stuffBacklog() error {
	raw, err := f.swallow.(*net.TCPListener).SyscallConn()
	if err != nil {
		return fmt.Errorf("narrow the black hole: %w", err)
	}
	var listenErr error
	if err := raw.Control(func(fd uintptr) { listenErr = syscall.Listen(int(fd), 0) }); err != nil || listenErr != nil {
		return fmt.Errorf("narrow the black hole: %w", errors.Join(err, listenErr))
	}
	address := netip.AddrPortFrom(hostOf(0), portOf(f.swallow)).String()
	for range backlogProbes {
		conn, err := net.DialTimeout("tcp4", address, 200*time.Millisecond)
		if err != nil {
			return nil
		}
		f.stuffing = append(f.stuffing, conn)
	}
	return errors.New("narrow the black hole: it still takes connections")
}

func portOf(listener net.Listener) uint16 {
	return uint16(listener.Addr().(*net.TCPAddr).Port)
}

func unusedPort() (uint16, error) {
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return 0, fmt.Errorf("find a closed port: %w", err)
	}
	return portOf(listener), listener.Close()
}

func (f *Farm) accept() {
	for {
		conn, err := f.serving.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond) // out of descriptors: the next client waits
			continue
		}
		go f.serve(conn)
	}
}

func (f *Farm) serve(conn net.Conn) {
	defer conn.Close()
	i, known := f.index(conn)
	if !known {
		return
	}
	_ = conn.SetDeadline(time.Now().Add(longestVisit))
	config := f.modern
	if onlyTLS12(i) {
		config = f.tls12
	}
	if f.faults[i] == Silent {
		waitForHangUp(conn)
		return
	}
	if f.faults[i] == Slow {
		time.Sleep(f.slowness)
	}
	server := tls.Server(conn, config)
	if server.HandshakeContext(context.Background()) == nil {
		waitForHangUp(server)
	}
}

// waitForHangUp reads until the client goes, so that the client closes first.
func waitForHangUp(conn net.Conn) {
	var scratch [512]byte
	for {
		if _, err := conn.Read(scratch[:]); err != nil {
			return
		}
	}
}

func (f *Farm) index(conn net.Conn) (int, bool) {
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return 0, false
	}
	return indexOf(local.Addr(), len(f.faults))
}

func (f *Farm) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	i, known := f.index(hello.Conn)
	if !known {
		return nil, fmt.Errorf("no endpoint at %s", hello.Conn.LocalAddr())
	}
	return &f.leaves[i], nil
}
