//go:build !windows

package neterr

import "syscall"

// What the system says when a connection fails.
const (
	Refused             = syscall.ECONNREFUSED
	Reset               = syscall.ECONNRESET
	NetworkUnreachable  = syscall.ENETUNREACH
	HostUnreachable     = syscall.EHOSTUNREACH
	AddressNotAvailable = syscall.EADDRNOTAVAIL
	FamilyNotSupported  = syscall.EAFNOSUPPORT
)
