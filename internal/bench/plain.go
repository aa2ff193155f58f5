package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"lapsewatch/watch"
)

// plainRole is the yardstick: what a scanner costs that leaves everything to crypto/tls
// and its defaults, verification on. CONCURRENCY TIMEOUT; targets on stdin.
func plainRole(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("plain: want CONCURRENCY TIMEOUT")
	}
	concurrency, err := strconv.Atoi(args[0])
	if err != nil {
		return fmt.Errorf("plain: concurrency: %w", err)
	}
	timeout, err := time.ParseDuration(args[1])
	if err != nil {
		return fmt.Errorf("plain: timeout: %w", err)
	}
	targets, readings := make(chan string), make(chan reading, concurrency)
	var running sync.WaitGroup
	for range concurrency {
		running.Go(func() {
			for target := range targets {
				readings <- readPlainly(ctx, target, timeout)
			}
		})
	}
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			targets <- lines.Text()
		}
		close(targets)
		running.Wait()
		close(readings)
	}()
	output := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(output)
	for said := range readings {
		if err := encoder.Encode(said); err != nil {
			return fmt.Errorf("plain: write: %w", err)
		}
	}
	return output.Flush()
}

func readPlainly(ctx context.Context, target string, timeout time.Duration) reading {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	said := reading{Name: target}
	conn, err := new(tls.Dialer).DialContext(ctx, "tcp", target)
	if err == nil {
		said.NotAfter = conn.(*tls.Conn).ConnectionState().PeerCertificates[0].NotAfter
		if time.Until(said.NotAfter) < 30*24*time.Hour {
			said.Reason = watch.ExpiresSoon
		}
		_ = conn.Close() // the peer may have gone first, and the date is read
		return said
	}
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		leaf := refused.UnverifiedCertificates[0]
		said.NotAfter, said.Reason = leaf.NotAfter, faultOf(err, leaf)
		return said
	}
	said.Reason = watch.Unreachable
	if slow, ok := errors.AsType[net.Error](err); ok && slow.Timeout() {
		said.Reason = watch.TimedOut
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		said.Reason = watch.Refused
	}
	return said
}

func faultOf(err error, leaf *x509.Certificate) watch.Reason {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return watch.Expired
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return watch.NameMismatch
	}
	if leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil {
		return watch.SelfSigned
	}
	return watch.UntrustedIssuer
}
