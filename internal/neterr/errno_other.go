//go:build !windows

package neterr

import "syscall"

// What the system says when a connection fails.
const (
	Refused             = syscall.ECONNREFUSED
	Reset               = syscall.ECONNRESET
	NetworkUnreachable  = syscall.ENETUNREACH
	AddressNotAvailable = syscall.EADDRNOTAVAIL
	FamilyNotSupported  = syscall.EAFNOSUPPORT
)
