// Package estate is a small company's credentials on loopback: TLS and STARTTLS servers
// and files at every stage of a certificate's life, a Microsoft Entra tenant, a mailbox
// that catches the warnings, a receiver that verifies the webhooks, and hosts with right and
// wrong clocks, and tokens. The demo and the end-to-end test run
// against it. It needs no privilege, no network and no other program, and it knows
// nothing of how Lapsewatch works.
package estate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"time"
)

// Estate runs until Close.
type Estate struct {
	// Folder holds the estate's files: certificates, a kubeconfig, secrets.
	Folder string
	// CAFile is the estate's root certificate, as PEM.
	CAFile string
	// Endpoints are the servers, healthy ones first.
	Endpoints []Endpoint
	// WatchedFiles is the folder of certificate files, and CRLFile and Kubeconfig two
	// files beside it.
	WatchedFiles, CRLFile, Kubeconfig string
	Mailbox                           *Mailbox
	Hooks                             *Hooks
	Tenant                            *Tenant
	// Tokens is a folder of JSON Web Tokens.
	Tokens string
	// References are time servers, of which the last lies, and Clocks the hosts that
	// answer by NTP.
	References, Clocks []Clock

	authority *authority
	ctx       context.Context
	cancel    context.CancelFunc
	closers   []func() error
	served    map[string]*atomic.Pointer[tls.Certificate]
}

// Endpoint is one server, under the name that its users know.
type Endpoint struct {
	// StartTLS is empty for TLS from the first byte, otherwise smtp, imap or postgres.
	StartTLS string
	Host     string
	Port     uint16
	// Addresses are where Host answers; nothing outside the estate resolves it.
	Addresses []string
	// Story says in a clause what is to be seen there.
	Story string
}

// Start brings the estate up and writes its files into folder.
func Start(folder string, now time.Time) (*Estate, error) {
	authority, err := newAuthority(now)
	if err != nil {
		return nil, fmt.Errorf("found the estate's authority: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &Estate{
		Folder: folder, CAFile: filepath.Join(folder, "ca.pem"),
		authority: authority, ctx: ctx, cancel: cancel,
		served: map[string]*atomic.Pointer[tls.Certificate]{},
	}
	for _, part := range []func() error{e.writeFiles, e.openMailbox, e.openHooks, e.openSites, e.openStartTLS, e.openSilence, e.openTenant, e.openClocks, e.writeTokens} {
		if err := part(); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	return e, nil
}

// Close stops every server and waits for none of their clients.
func (e *Estate) Close() error {
	e.cancel()
	var problems []error
	for _, closer := range e.closers {
		if err := closer(); !errors.Is(err, net.ErrClosed) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// Renew gives the host a new certificate of one year.
func (e *Estate) Renew(host string) error {
	served, known := e.served[host]
	if !known {
		return fmt.Errorf("renew %s: no such host in the estate", host)
	}
	renewed, err := e.authority.issuing.Issue(e.authority.yearly(364, host))
	if err != nil {
		return fmt.Errorf("renew %s: %w", host, err)
	}
	certificate := renewed.TLS()
	served.Store(&certificate)
	return nil
}
