//go:build unix

package tls

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// What the system says when a connection fails.
const (
	connectionRefused   = syscall.ECONNREFUSED
	connectionReset     = syscall.ECONNRESET
	networkUnreachable  = syscall.ENETUNREACH
	addressNotAvailable = syscall.EADDRNOTAVAIL
	familyNotSupported  = syscall.EAFNOSUPPORT
)

// openFileLimit is the number of file descriptors that the process may hold.
func openFileLimit() (limit uint64, known bool) {
	var current unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &current); err != nil {
		return 0, false
	}
	return uint64(current.Cur), true //nolint:unconvert // it is signed on FreeBSD
}
